// Sums of the leaves that rows reach in an ensemble of trees; see `score_trees` in reference/affinity.py.
#pragma once

#include <cstdint>

#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

constexpr int64_t LEAVES = 32;     // the most that a tree has
constexpr int64_t TILE_ROWS = 64;  // rows that are taken through all trees at a time

struct Trees {
    View<const int64_t> ptr;
    View<const int32_t> feature;
    View<const float> threshold;
    View<const uint32_t> mask;
    Table<const double> value;  // LEAVES columns
};

// Adds to `out`. `tile` is working memory: TILE_ROWS aligned numbers of each feature.
using ScoreTiles = void(const Trees&, const Table<const float>& columns, const View<double>& out, float* tile) noexcept;

// The same of one tile, in working memory already, and of the aligned sums of its rows.
using ScoreTile = void(const Trees&, const float* tile, double* total) noexcept;

inline Fault trees_fault(const Trees& trees, int64_t features) noexcept {
    return first_fault(not_offsets("trees.ptr", trees.ptr.data, 0, trees.ptr.size - 1, trees.feature.size),
                       not_within("trees.feature", trees.feature.data, 0, trees.feature.size, 0, features - 1));
}

int score_trees(const Trees&, const Table<const float>& columns, const View<double>& out) noexcept;

}  // namespace couponry
