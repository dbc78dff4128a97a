// Decisions on customers one after another, at the expense of an account; see reference/late/decide.py.
#pragma once

#include <cstdint>

#include "candidates/price_candidates.hpp"
#include "common/views.hpp"

namespace couponry {

// See `Charges` in late_contract.py.
struct Charges {
    View<const int64_t> ptr;
    View<const int32_t> row;
    View<const int64_t> of_coupon;
    Table<const int64_t> of_quantity;
    View<const int64_t> error;
    Table<const double> weight;
    View<const double> unit;
    Table<const uint8_t> covers;
};

struct Account {
    View<const int64_t> above, below;
    View<int64_t> used, error, pending, pending_error;
};

struct Charged {
    View<int32_t> row;
    View<int64_t> used, error, entries;
};

struct Late {
    Pricing pricing;  // its customers are those of each call
    Rules rules;
    uint32_t seed;
    Charges charges;
    Account account;
    Charged charged;
    View<uint8_t> given;
    View<int32_t> refused_by;
};

// Decides on customers start <= i < stop. refused: OUT, how many candidates.
int decide(const Late& late, int64_t start, int64_t stop, int64_t* refused) noexcept;

}  // namespace couponry
