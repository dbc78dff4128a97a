// Steps of the log odds of a customer's offers, each for all offers, for every instruction set.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "affinity/chosen_odds.hpp"
#include "affinity/logarithms.hpp"

namespace couponry {
namespace {

// What neighbours say for offers, and what the logarithm is taken of.
void say_by_neighbours(const BegunTables& tables, const OffersOfOne& offers, float* said, float* total) noexcept {
    const float* const prior = tables.prior.data;
    const float near = tables.near[0];
    for (int64_t k = 0; k < offers.count; ++k) {
        const float by = (offers.score[k] - prior[offers.offer[k]]) / near;
        said[k] = by;
        // as max(by, 0) + LEAST_SAID, without a branch that nobody can foretell
        total[k] = 0.5F * (by + std::abs(by)) + LEAST_SAID;
    }
}

// Adds up what neighbours say, of which `total` has the logarithm, and what offers and the customer add.
void add_up_begun(const BegunTables& tables, const OffersOfOne& offers, const float* said, const ByCustomer& by,
                  float* total) noexcept {
    const float *const of_offer = tables.offer.data, *const popular = tables.popular.data;
    const float by_logarithm = tables.near[1], by_root = tables.near[2];
    for (int64_t k = 0; k < offers.count; ++k) {
        const int32_t offer = offers.offer[k];
        const float root = std::copysign(std::sqrt(std::abs(said[k])), said[k]);
        const float sum = of_offer[offer] + by_logarithm * total[k] + by_root * root;
        total[k] = sum + (by.of_customer + by.few * popular[offer]);
    }
}

// Adds what the group of each offer adds, which stands where `place` has it.
void add_of_groups(const OffersOfOne& offers, const int32_t* of_offers, const int32_t* place, const float* of_group,
                   float* total) noexcept {
    for (int64_t k = 0; k < offers.count; ++k) total[k] += of_group[place[of_offers[offers.offer[k]]]];
}

// Puts log odds in the place of scores, but for those of rewards.
void put_begun(const OffersOfOne& offers, const float* total) noexcept {
    for (int64_t k = 0; k < offers.count; ++k) offers.score[k] = offers.role[k] ? total[k] : offers.score[k];
}

// Log odds to buy by tables, from the logarithms of scores, in place.
void look_up_odds(const ResponseTables& tables, const OffersOfOne& offers, float came, float* total) noexcept {
    const float *const table = tables.table.data, *const score = tables.score.data;
    const float *const squared = tables.squared.data, *const trips = tables.trips.data;
    const int32_t columns = static_cast<int32_t>(tables.table.columns);
    for (int64_t k = 0; k < offers.count; ++k) {
        const int32_t r = offers.role[k];
        const float s = total[k], curve = (score[r] + squared[r] * s) * s;
        total[k] = table[r * columns + offers.offer[k]] + curve + trips[r] * came;
    }
}

// Log odds to redeem, from those to buy, in place.
void shift_odds(const ResponseTables& tables, const OffersOfOne& offers, float* total) noexcept {
    const float slope = static_cast<float>(tables.slope), *const shift = tables.shift.data;
    const int32_t columns = static_cast<int32_t>(tables.shift.columns);
    for (int64_t k = 0; k < offers.count; ++k)
        total[k] = slope * total[k] + shift[offers.role[k] * columns + offers.offer[k]];
}

// 1 / (1 + exp(-log odds)), of log odds that are not beyond the most.
void write_probabilities(const float* total, int64_t n, float* to) noexcept {
    for (int64_t k = 0; k < n; ++k) {
        const float odds = std::min(std::max(total[k], -MAX_LOG_ODDS), MAX_LOG_ODDS);
        to[k] = 1.0F / (1.0F + exponential(-odds));
    }
}

constexpr OfferOdds OFFER_ODDS{say_by_neighbours, add_up_begun, add_of_groups,      put_begun,
                               look_up_odds,      shift_odds,   write_probabilities};

}  // namespace
}  // namespace couponry
