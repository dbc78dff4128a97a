// The leaves that 64 rows may still reach, in plain loops.
#pragma once

#include <cstdint>
#include <cstring>

#include "affinity/words.hpp"
#include "trees/score_trees.hpp"

namespace couponry {
namespace {

struct ReachableLeaves {
    uint32_t bits[TILE_ROWS];

    COUPONRY_INLINE ReachableLeaves() noexcept { std::memset(bits, 0xFF, sizeof bits); }

    // Of rows whose value is above the threshold, the leaves in the mask alone.
    COUPONRY_INLINE void keep(const float* value, float threshold, uint32_t mask) noexcept {
        const uint32_t dropped = ~mask;
        // as: if (value[r] > threshold) bits[r] &= mask; which compilers make no vectors of
        for (int64_t r = 0; r < TILE_ROWS; ++r) bits[r] &= ~(-uint32_t{value[r] > threshold} & dropped);
    }

    // Adds the value of each row's first leaf, or of the last one where none is left.
    COUPONRY_INLINE void add_first(const double* leaf, double* total) const noexcept {
        for (int64_t r = 0; r < TILE_ROWS; ++r) total[r] += leaf[lowest_bit(bits[r] | uint32_t{1} << (LEAVES - 1))];
    }
};

}  // namespace
}  // namespace couponry
