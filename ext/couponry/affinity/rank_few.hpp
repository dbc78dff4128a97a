// The best of a few scores by comparing each with all, for every instruction set.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <limits>

#include "affinity/words.hpp"

namespace couponry {
namespace {

template <class Reaching>
COUPONRY_INLINE uint64_t largest_by(const float* score, int64_t n, int64_t quota, Reaching reaching) noexcept {
    uint64_t won = 0;
    for (int64_t k = 0; k < n; ++k) {
        const auto others = static_cast<uint64_t>(count_bits(reaching(score, score[k])) - 1);
        won |= uint64_t{others < static_cast<uint64_t>(quota)} << k;
    }
    int64_t left = quota - count_bits(won);
    if (left == 0) return won;  // else there are some that share the next score
    int64_t next = -1;
    for (int64_t k = 0; k < n; ++k)
        if (!(won >> k & 1) && score[k] == score[k] && (next < 0 || score[k] > score[next])) next = k;
    if (next < 0) return won;
    for (uint64_t alike = reaching(score, score[next]) & ~won; left; --left, alike &= alike - 1)
        won |= alike & (~alike + 1);
    return won;
}

// Flags the `quota` largest of n scores, which are as many or more, up to 64; of those that are alike, the first.
// Beyond the n are 64 - n that no score is below. What is no number reaches nothing, not even itself, and is not
// flagged.
uint64_t largest_of_few(const float* score, int64_t n, int64_t quota) noexcept {
    if (n <= WORD / 2)
        return largest_by(score, n, quota,
                          [](const float* of, float least) { return Lanes::reaching_of_half(of, least); });
    return largest_by(score, n, quota, [](const float* of, float least) { return Lanes::reaching(of, least); });
}

// The `quota` largest of the scores in a mask, which are more; of those that are alike, the first.
uint64_t largest_in(const float* score, uint64_t mask, int64_t quota) noexcept {
    alignas(64) float some[2 * WORD];
    const int64_t n = Lanes::pack(score, mask, some);
    Lanes::fill(some + n, std::numeric_limits<float>::quiet_NaN());  // reaches nothing
    return Lanes::spread(largest_of_few(some, n, quota), mask);
}

}  // namespace
}  // namespace couponry
