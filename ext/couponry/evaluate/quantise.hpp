// Rounding of an attribute's values to 16 bits and 8 more; see `quantise` in reference/candidates.py.
//
// Included behind one of rounding_lanes_*.hpp, with <cmath> before what is compiled for an instruction set.
#pragma once

#include <cmath>
#include <cstdint>

#include "evaluate/rounding.hpp"

namespace couponry {
namespace {

template <class Item, class Value>
COUPONRY_INLINE void round_value(const Item* item, const Value* values, int64_t e, ItemRange* ranges,
                                 uint16_t* quantity, uint8_t* fine) noexcept {
    ItemRange& range = ranges[item[e]];
    const double v = values[e];
    uint32_t parts = 0;  // 256 for each step
    double steps = 0.0;
    if (range.step > 0.0) {
        const double at = ((v - range.low) / range.step + 0.5) * 256.0 + 0.5;
        // A value below the least or not a number breaks the contract; zero keeps the cast defined even so.
        if (at > 0.0) parts = at < 16777215.0 ? static_cast<uint32_t>(at) : 16777215u;
        steps = parts / 256.0 - 0.5;
    }
    quantity[e] = static_cast<uint16_t>(parts >> 8);
    fine[e] = static_cast<uint8_t>(parts);
    const double scaled = range.step * static_cast<double>(parts >> 8);
    const double fine_scaled = range.step * steps;
    range.widen(std::fabs(v - (range.low + scaled)), std::fabs(v - (range.low + fine_scaled)));
}

template <class Item, class Value>
void round_rows(const Rounding& work, ItemRange* ranges) noexcept {
    const auto* item = static_cast<const Item*>(work.item);
    const auto* values = static_cast<const Value*>(work.values);
    int64_t e = 0;
    for (; e + RoundingLanes::WIDTH <= work.rows && RoundingLanes::WIDTH > 1; e += RoundingLanes::WIDTH)
        RoundingLanes::round(item + e, values + e, ranges, work.quantity + e, work.fine + e);
    for (; e < work.rows; ++e) round_value(item, values, e, ranges, work.quantity, work.fine);
}

void round_values(const Rounding& work, ItemRange* ranges) noexcept {
    const bool narrow = work.item_bytes == 2;
    if (work.value_bytes == 4)
        narrow ? round_rows<uint16_t, float>(work, ranges) : round_rows<uint32_t, float>(work, ranges);
    else
        narrow ? round_rows<uint16_t, double>(work, ranges) : round_rows<uint32_t, double>(work, ranges);
}

}  // namespace
}  // namespace couponry
