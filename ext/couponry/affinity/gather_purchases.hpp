// Rows of purchases that lie in several places, behind each other; see `gather_purchases` in reference/purchases.py.
#pragma once

#include <cstdint>

#include "affinity/group_purchases.hpp"
#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

// Where a piece lies beyond the rows that are held, or there is no room for it.
inline Fault pieces_beyond(View<const int64_t> start, View<const int64_t> stop, int64_t held, int64_t at,
                           int64_t room) noexcept {
    for (int64_t k = 0; k < start.size; ++k) {
        if (start[k] < 0 || start[k] > stop[k]) return {"start", "places of rows up to where a piece stops", k};
        if (stop[k] > held) return {"stop", "places of rows that are held", k};
        at += stop[k] - start[k];
        if (at > room) return {"stop", "pieces that there is room for", k};
    }
    return NO_FAULT;
}

void gather_purchases(const PlacedRows& held, View<const int64_t> start, View<const int64_t> stop, int64_t at,
                      const OrderedRows& rows) noexcept;

}  // namespace couponry
