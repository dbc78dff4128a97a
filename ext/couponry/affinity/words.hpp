// Words of 64 offers and bits of scores, for every instruction set.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/debug.hpp"

namespace couponry {
namespace {

constexpr int64_t WORD = 64;
constexpr int32_t NOT_LINKED = INT32_MIN;  // -0.0, which no sum of links comes to, since 0.0 is added to each

COUPONRY_INLINE int32_t bits_of(float value) noexcept {
    int32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

COUPONRY_INLINE float of_bits(int32_t bits) noexcept {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Integers in the order of floats, and back.
COUPONRY_INLINE int32_t rank_of(float value) noexcept {
    const int32_t bits = bits_of(value);
    return bits ^ ((bits >> 31) & INT32_MAX);
}

COUPONRY_INLINE float of_rank(int32_t rank) noexcept { return of_bits(rank ^ ((rank >> 31) & INT32_MAX)); }

COUPONRY_INLINE int lowest_bit(uint64_t bits) noexcept {
    COUPONRY_ASSERT(bits != 0);
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(bits);
#else
    int place = 0;
    while (!(bits >> place & 1)) ++place;
    return place;
#endif
}

COUPONRY_INLINE int count_bits(uint64_t bits) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_popcountll(bits);
#else
    int count = 0;
    for (; bits; bits &= bits - 1) ++count;
    return count;
#endif
}

// Those bits that are in a mask, side by side.
COUPONRY_INLINE uint64_t picked_bits(uint64_t bits, uint64_t mask) noexcept {
    uint64_t found = 0;
    for (int k = 0; mask; mask &= mask - 1, ++k) found |= (bits >> lowest_bit(mask) & 1) << k;
    return found;
}

// Bits side by side at the places of those in a mask.
COUPONRY_INLINE uint64_t spread_bits(uint64_t bits, uint64_t mask) noexcept {
    uint64_t found = 0;
    for (; bits; mask &= mask - 1, bits >>= 1) found |= mask & (~mask + 1) & (~(bits & 1) + 1);
    return found;
}

}  // namespace
}  // namespace couponry
