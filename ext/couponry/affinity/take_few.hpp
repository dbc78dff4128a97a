// The likeliest of a customer's few offers, for every instruction set.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "affinity/keep_likeliest.hpp"
#include "affinity/rank_few.hpp"
#include "affinity/words.hpp"

namespace couponry {
namespace {

// The lowest bits of eight bytes, which are 0 or 1, in the order of memory.
COUPONRY_INLINE uint64_t packed_bits(uint64_t bytes) noexcept { return bytes * 0x0102040810204080u >> 56; }

// Which of 64 roles, from 0 to 2, are 1, and which are 2.
COUPONRY_INLINE void split_roles(const uint8_t* role, uint64_t& ones, uint64_t& twos) noexcept {
    constexpr uint64_t LOWEST = 0x0101010101010101u;
    ones = twos = 0;
    for (int k = 0; k < WORD; k += 8) {
        uint64_t eight = 0;
        for (int b = 0; b < 8; ++b)
            eight |= uint64_t{role[k + b]} << (8 * b);  // one load where bytes are in this order
        ones |= packed_bits(eight & LOWEST) << k;
        twos |= packed_bits(eight >> 1 & LOWEST) << k;
    }
}

// Takes, of each role, as many of n offers as its quota has room for, the likeliest, and moves them from `from` to
// `to`, which is no further; how many. There are 64 offers or more from `from` on.
int64_t take_few(const Chosen& chosen, const View<const int32_t>& quota, int64_t from, int64_t n, int64_t to) noexcept {
    const float* const score = chosen.score.data + from;
    const uint64_t there = n < WORD ? (uint64_t{1} << n) - 1 : ~uint64_t{0};
    uint64_t of[3];
    split_roles(chosen.role.data + from, of[1], of[2]);
    of[1] &= there, of[2] &= there;
    of[0] = there & ~(of[1] | of[2]);
    for (int r = 0; r < 3; ++r) {
        const int count = count_bits(of[r]);
        if (count > quota[r]) of[r] = largest_in(score, of[r], quota[r]);
    }
    const uint64_t taken = of[0] | of[1] | of[2];
    const int64_t count = count_bits(taken);
    int32_t moved[2 * WORD];
    Lanes::pack(score, taken, moved);
    std::memcpy(chosen.score.data + to, moved, sizeof(float) * static_cast<size_t>(count));
    Lanes::pack(chosen.offer.data + from, taken, moved);
    std::memcpy(chosen.offer.data + to, moved, sizeof(int32_t) * static_cast<size_t>(count));
    uint8_t roles[WORD];
    Lanes::put_roles(Lanes::picked(of[1], taken), Lanes::picked(of[2], taken), roles);
    std::memcpy(chosen.role.data + to, roles, static_cast<size_t>(count));
    return count;
}

}  // namespace
}  // namespace couponry
