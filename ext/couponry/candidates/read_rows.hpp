// Rows of a candidates table as they are read: offers numbered, order and values checked; see reference/candidates.py.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

// Rows that are looked at without asking after each; what is wrong among them is looked for once more.
constexpr int64_t ROWS_AT_ONCE = 1024;

template <class Id, class Offer>
int64_t number_offers(const Id* ids, int64_t rows, int64_t least, View<const int32_t> number, Offer* offer) noexcept {
    for (int64_t r = 0; r < rows; ++r) {
        const uint64_t at = static_cast<uint64_t>(ids[r]) - static_cast<uint64_t>(least);
        if (at >= static_cast<uint64_t>(number.size)) return r;
        const int32_t found = number[static_cast<int64_t>(at)];
        if (found < 0) return r;
        offer[r] = static_cast<Offer>(found);
    }
    return rows;
}

template <class Id, class Offer>
int64_t find_customers(const Id* customer, const Offer* offer, int64_t rows, int64_t* start) noexcept {
    if (rows == 0) return 0;
    const auto is_after = [&](int64_t r) {
        return customer[r] > customer[r - 1] || (customer[r] == customer[r - 1] && offer[r] > offer[r - 1]);
    };
    int64_t customers = 1;
    start[0] = 0;
    for (int64_t from = 1; from < rows; from += ROWS_AT_ONCE) {
        const int64_t to = std::min(from + ROWS_AT_ONCE, rows);
        bool ordered = true;
        for (int64_t r = from; r < to; ++r) {
            const bool same = customer[r] == customer[r - 1];
            ordered &= same ? offer[r] > offer[r - 1] : customer[r] > customer[r - 1];
            if (!same) start[customers++] = r;
        }
        for (int64_t r = from; !ordered; ++r)
            if (!is_after(r)) return -r;
    }
    return customers;
}

// The least number of a type that is at least `low`: what is not less than one is not less than the other.
template <class Value>
Value least_from(double low) noexcept {
    const Value nearest = static_cast<Value>(low);
    return nearest < low ? std::nextafter(nearest, std::numeric_limits<Value>::infinity()) : nearest;
}

template <class Value>
int64_t find_outside(const Value* values, int64_t rows, double low, double high) noexcept {
    using Count = std::conditional_t<sizeof(Value) == 4, int32_t, int64_t>;  // as wide: vectors of both go together
    const Value least = least_from<Value>(low), most = -least_from<Value>(-high);
    const auto is_outside = [&](int64_t r) { return !(values[r] >= least) | !(values[r] <= most); };
    for (int64_t from = 0; from < rows; from += ROWS_AT_ONCE) {
        const int64_t to = std::min(from + ROWS_AT_ONCE, rows);
        Count outside = 0;
        for (int64_t r = from; r < to; ++r) outside += is_outside(r);
        for (int64_t r = from; outside; ++r)
            if (is_outside(r)) return r;
    }
    return rows;
}

}  // namespace couponry
