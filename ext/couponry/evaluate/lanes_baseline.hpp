// Vector steps of an evaluation where no vectors are known: the plain loops.
#pragma once

#include "evaluate/steps.hpp"

namespace couponry {
namespace {

using Lanes = Steps;

// Customers are chosen for one by one.
struct BatchedSearch {
    static constexpr int64_t WIDTH = 1;

    static bool takes(const Constraints&) noexcept { return false; }
    uint64_t choose(const Violated*, int64_t, int64_t) noexcept { return ~uint64_t{0}; }
};

}  // namespace
}  // namespace couponry
