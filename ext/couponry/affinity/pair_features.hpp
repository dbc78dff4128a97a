// What features of pairs are made of; see `pair_features` in reference/scores/pair_features.py.
#pragma once

#include <cstdint>

#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

struct PairStates {
    View<const int32_t> times, first, last, discounted;
    View<const int64_t> spend, squared_gaps;
    View<const uint64_t> recent;
    Table<const float> decay;
};

struct PairReadings {
    View<const int64_t> indptr;
    View<const uint32_t> item;
    PairStates pairs, trips;
    Table<const float> factor;
    int64_t until, week;
};

struct ItemValues {
    View<const int64_t> row;
    Table<const double> value;
    Table<const int32_t> group;
    View<const int32_t> half_life;
    int64_t middle;
};

struct ItemCoefficients {
    View<const int32_t> column;
    Table<const float> coefficient;
    View<const double> spread;
    View<const uint8_t> seen;
    int64_t half_life;
};

struct PairFeatures {
    PairReadings readings;
    ItemValues numbers;
    ItemCoefficients near;
    int64_t start, stop;
    View<const int64_t> asked;
    Table<float> out;
};

constexpr int64_t OF_ITEM = 8;   // numbers of an item after its trends
constexpr int64_t OF_PAIR = 33;  // features besides those of half-lives, coefficients and groupings
constexpr int64_t OF_GROUP = 7;  // of a grouping, besides those of half-lives

inline int64_t trends_of(const PairFeatures& work) noexcept { return work.numbers.value.columns - OF_ITEM; }

inline int64_t features_of(const PairFeatures& work) noexcept {
    const int64_t half_lives = work.readings.factor.columns;
    return 3 * half_lives + trends_of(work) + OF_PAIR + (half_lives > 0) + (work.near.column.size > 0) +
           work.numbers.group.rows * (2 * work.numbers.half_life.size + OF_GROUP);
}

int pair_features(const PairFeatures&) noexcept;

// What would be read outside of its array, of arrays whose shapes agree.
Fault pair_features_fault(const PairFeatures&) noexcept;

}  // namespace couponry
