// How likely customers begin to buy offers, and how likely they buy and redeem those that were chosen; see
// reference/scores/chosen_odds.py.
#pragma once

#include <algorithm>
#include <cmath>
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

constexpr float LEAST_SAID = 10.0F, MAX_LOG_ODDS = 15.0F;

// The offers that were chosen for one customer.
struct OffersOfOne {
    const int32_t* offer;
    const uint8_t* role;
    float* score;
    int64_t count;
};

// What a customer adds to the log odds of all offers: as it is, and times what offers have.
struct ByCustomer {
    float of_customer, few;
};

// Steps of the log odds of a customer's offers, which exist once per instruction set; see affinity/offer_odds.hpp.
struct OfferOdds {
    void (*say_by_neighbours)(const BegunTables&, const OffersOfOne&, float* said, float* total) noexcept;
    void (*add_up_begun)(const BegunTables&, const OffersOfOne&, const float* said, const ByCustomer&,
                         float* total) noexcept;
    void (*add_of_groups)(const OffersOfOne&, const int32_t* of_offers, const int32_t* place, const float* of_group,
                          float* total) noexcept;
    void (*put_begun)(const OffersOfOne&, const float* total) noexcept;
    void (*look_up_odds)(const ResponseTables&, const OffersOfOne&, float came, float* total) noexcept;
    void (*shift_odds)(const ResponseTables&, const OffersOfOne&, float* total) noexcept;
    void (*write_probabilities)(const float* total, int64_t n, float* to) noexcept;
};

int score_begun(const BegunTables&, const BoughtItems&, const Chosen&) noexcept;
int response_odds(const ResponseTables&, const View<const float>& trips, const Chosen&, const Responses&) noexcept;

// What would be read outside of its array, of arrays whose shapes agree.
Fault begun_fault(const BegunTables&, const BoughtItems&, const Chosen&) noexcept;

// The same of what was chosen.
Fault offers_fault(const Chosen&, int64_t offers) noexcept;

}  // namespace couponry
