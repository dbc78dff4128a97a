// Range of an attribute within each item, and rounding of its values; see reference/candidates.py.
#pragma once

#include <cstdint>

#include "common/views.hpp"
#include "evaluate/rounding.hpp"

namespace couponry {

template <class Item, class Value>
void span(const Item* item, const Value* values, int64_t n, double* low, double* high) noexcept {
    for (int64_t e = 0; e < n; ++e) {
        const int64_t k = item[e];
        const double v = values[e];
        if (v < low[k]) low[k] = v;
        if (v > high[k]) high[k] = v;
    }
}

// Of each item; see `quantise` in the reference.
struct ItemTables {
    const double *low, *step;
    double *error, *fine_error;
    int64_t items;
};

int quantise_values(const Rounding& work, const ItemTables& tables) noexcept;

}  // namespace couponry
