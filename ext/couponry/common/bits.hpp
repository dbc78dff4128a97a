// Counting and finding the bits of a word.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/debug.hpp"

namespace couponry {
namespace {

COUPONRY_INLINE int count_bits(uint64_t word) noexcept {
#if defined(__GNUC__)
    return __builtin_popcountll(word);
#else
    int count = 0;
    for (; word; word &= word - 1) ++count;
    return count;
#endif
}

COUPONRY_INLINE int lowest_bit(uint64_t word) noexcept {
    COUPONRY_ASSERT(word != 0);
#if defined(__GNUC__)
    return __builtin_ctzll(word);
#else
    int at = 0;
    for (; !(word >> at & 1); ++at) {}
    return at;
#endif
}

}  // namespace
}  // namespace couponry
