// How likely customers begin to buy offers, and how likely they buy and redeem those that were chosen; see
// reference/scores/chosen_odds.py.
#pragma once

#include <cstdint>

#include "affinity/best_offers.hpp"
#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

struct BegunTables {
    View<const float> prior, near, offer, popular, customer;
    Table<const int32_t> of_items, of_offers;
    int64_t groups;
    Table<const float> of_group;
};

struct BoughtItems {
    View<const int64_t> indptr;
    View<const int32_t> item;
    View<const float> weight;
};

struct ResponseTables {
    Table<const float> table, shift;
    View<const float> score, squared, trips;
    double slope;
    int64_t own;
};

struct Responses {
    View<float> p0, p1;
};

int score_begun(const BegunTables&, const BoughtItems&, const Chosen&) noexcept;
int response_odds(const ResponseTables&, const View<const float>& trips, const Chosen&, const Responses&) noexcept;

// What would be read outside of its array, of arrays whose shapes agree.
Fault begun_fault(const BegunTables&, const BoughtItems&, const Chosen&) noexcept;

// The same of what was chosen.
Fault offers_fault(const Chosen&, int64_t offers) noexcept;

}  // namespace couponry
