// Vector steps of an evaluation where no vectors are known: the plain loops.
#pragma once

#include "evaluate_steps.hpp"

namespace couponry {
namespace {

using Lanes = Steps;

// Customers are chosen for one by one.
struct Together {
    static constexpr int64_t WIDTH = 1;

    static bool takes(const Sets&) noexcept { return false; }
    uint64_t choose(const Broken*, int64_t, int64_t) noexcept { return ~uint64_t{0}; }
};

}  // namespace
}  // namespace couponry
