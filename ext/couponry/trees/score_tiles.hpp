// All trees for a tile of rows side by side, for every instruction set.
//
// Compiled once per instruction set, so everything here has internal linkage. `ReachableLeaves` is the set of leaves
// that each row of a tile may still reach; the file of the instruction set comes before this one.
#pragma once

#include <cstdint>
#include <cstring>

#include "trees/score_trees.hpp"

namespace couponry {
namespace {

// The rows from `start` on, copied: columns that begin at the same place of a page would drive each other out of the
// cache. Rows that are not there are zeros.
COUPONRY_INLINE void copy_tile(const Table<const float>& columns, int64_t start, int64_t rows, float* tile) noexcept {
    for (int64_t f = 0; f < columns.rows; ++f, tile += TILE_ROWS) {
        const float* const from = columns.row(f).data + start;
        if (rows == TILE_ROWS) {
            std::memcpy(tile, from, sizeof(float) * TILE_ROWS);
        } else {
            std::memset(tile, 0, sizeof(float) * TILE_ROWS);
            std::memcpy(tile, from, sizeof(float) * static_cast<size_t>(rows));
        }
    }
}

// Adds to the sums of the rows of a tile, which is aligned as they are.
void score_tile(const Trees& trees, const float* tile, double* total) noexcept {
    for (int64_t t = 0; t + 1 < trees.ptr.size; ++t) {
        ReachableLeaves leaves;
        for (int64_t node = trees.ptr[t]; node < trees.ptr[t + 1]; ++node)
            leaves.keep(tile + TILE_ROWS * trees.feature[node], trees.threshold[node], trees.mask[node]);
        leaves.add_first(trees.value.row(t).data, total);
    }
}

void score_tiles(const Trees& trees, const Table<const float>& columns, const View<double>& out, float* tile) noexcept {
    alignas(64) double total[TILE_ROWS] = {};
    for (int64_t start = 0; start < out.size; start += TILE_ROWS) {
        const int64_t rows = out.size - start < TILE_ROWS ? out.size - start : TILE_ROWS;
        copy_tile(columns, start, rows, tile);
        std::memcpy(total, out.data + start, sizeof(double) * static_cast<size_t>(rows));
        score_tile(trees, tile, total);
        std::memcpy(out.data + start, total, sizeof(double) * static_cast<size_t>(rows));
    }
}

}  // namespace
}  // namespace couponry
