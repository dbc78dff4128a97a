// Counting and finding the bits of a word.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/debug.hpp"

namespace couponry {
namespace {

COUPONRY_INLINE int count_bits(uint64_t word) noexcept {
#if defined(__POPCNT__)
    return __builtin_popcountll(word);
#else  // sums of two, four and eight bits, side by side, and then of all bytes
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return static_cast<int>(word * 0x0101010101010101u >> 56);
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

// The bits of a word that are in a set, side by side from the lowest one on.
COUPONRY_INLINE uint64_t compressed(uint64_t word, uint64_t set) noexcept {
#if defined(__BMI2__)
    return __builtin_ia32_pext_di(word, set);
#else
    uint64_t out = 0;
    for (int at = 0; set; set &= set - 1, ++at) out |= (word >> lowest_bit(set) & 1) << at;
    return out;
#endif
}

// Writes the first n bits of some words as bytes, 0 or 1, on processors that have the lowest byte of a number first.
COUPONRY_INLINE void spread(const uint64_t* bits, int64_t n, uint8_t* out) noexcept {
    constexpr uint64_t ONES = 0x0101010101010101u, A_BIT_EACH = 0x8040201008040201u;
    const auto eight_from = [&](int64_t j) noexcept {
        const uint64_t eight = bits[j / 64] >> (j % 64) & 0xFF;
        const uint64_t apart = (eight * ONES) & A_BIT_EACH;  // each bit in a byte of its own
        return (apart + 0x7F * ONES) >> 7 & ONES;
    };
    int64_t j = 0;
    for (; j + 8 <= n; j += 8) {
        const uint64_t bytes = eight_from(j);
        std::memcpy(out + j, &bytes, sizeof bytes);
    }
    for (; j < n; ++j) out[j] = bits[j / 64] >> (j % 64) & 1;
}

}  // namespace
}  // namespace couponry
