// Log odds of pairs by a model of their features; see `pair_log_odds` in reference/scores/pair_odds.py.
#pragma once

#include "affinity/pair_features.hpp"
#include "trees/score_trees.hpp"

namespace couponry {

struct PairOdds {
    double intercept;
    View<const double> coefficient;
    Trees trees;
};

// The matrix of the features is not looked at.
int pair_log_odds(const PairFeatures&, const PairOdds&, const View<double>& out) noexcept;

}  // namespace couponry
