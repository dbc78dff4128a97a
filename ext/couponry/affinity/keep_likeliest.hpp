// The likeliest of the offers that were chosen for customers; see `keep_likeliest` in reference/affinity.py.
#pragma once

#include "affinity/best_offers.hpp"
#include "common/checks.hpp"

namespace couponry {

// Whether there are as many offers as the customers' numbers come to, and each role has a quota.
Fault chosen_fault(const Chosen& chosen, View<const int32_t> quota) noexcept;

int keep_likeliest(View<const int32_t> quota, const Chosen& chosen) noexcept;

}  // namespace couponry
