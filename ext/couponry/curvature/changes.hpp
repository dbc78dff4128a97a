// Kernels behind the second derivatives of the dual: losses counted, and changes listed and multiplied.
#pragma once

#include <cstdint>

#include "common/views.hpp"

namespace couponry {

// What candidates count as where losses are counted; see `LossWeights` in contract.py.
struct LossWeights {
    View<const double> line;  // (2 * A, S, K)
    View<const int64_t> quantity;
    double least;
};

// Counts by decision, segment, item and bin, (1 or 2, S, K, bins).
struct LossCounts {
    uint32_t* data;
    int64_t decisions, segments, items, bins;
};

// Which changes are near, and what they move; see `NearChanges` in contract.py.
struct NearChanges {
    const float* width;  // (S, K)
    const double* factor;
    int64_t segments, items;
    double swap;
    View<const int64_t> ptr;
    View<const int32_t> row;
    Table<const double> coefficient;
};

// See `Changes` in contract.py.
struct Changes {
    View<int64_t> ptr;
    View<int32_t> row;
    View<double> moved;
};

// See `count_losses` in reference/changes.py.
void count_losses(const Shard& shard, const uint8_t* chosen, const float* loss, const LossWeights& weights,
                  int64_t first_bin, int64_t start, int64_t stop, const LossCounts& count) noexcept;

// See `list_changes` in reference/changes.py.
int list_changes(const Shard& shard, const uint8_t* chosen, const int64_t* partner, const float* loss,
                 const NearChanges& near, int64_t start, int64_t stop, const Changes& changes, View<int64_t> reach,
                 int64_t* made) noexcept;

// Entries of changes by row; see `ChangesByRow` in contract.py.
struct ChangesByRow {
    Table<const int64_t> begins;
    View<const int64_t> entry, end;
};

// What changes move rows by, to be read.
struct ListedChanges {
    View<const int64_t> ptr;
    View<const int32_t> row;
    View<const double> moved;
};

// See `group_changes` in reference/changes.py.
int group_changes(const Changes& changes, int64_t first, int64_t last, View<const int64_t> reach, View<int64_t> begins,
                  View<int64_t> entry, View<int64_t> end, View<int64_t> products) noexcept;

// See `multiply_changes` in reference/changes.py.
int multiply_changes(const ListedChanges& changes, const ChangesByRow& by_row, int64_t first, int64_t last,
                     View<int64_t> count, View<int32_t> column, View<double> product, int64_t* made) noexcept;

// See `mirror_products` in reference/changes.py.
int mirror_products(View<const int64_t> count, View<const int32_t> half_column, View<const double> half_product,
                    View<int64_t> indptr, View<int32_t> column, View<double> product, int64_t* made) noexcept;

}  // namespace couponry
