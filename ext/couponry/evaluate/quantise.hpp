// Per-item range of a attribute, and rounding of its values to 16 bits and 8 more.
#pragma once

#include <cmath>
#include <cstdint>

namespace couponry {

template <class Item, class Value>
void span(const Item* item, const Value* values, int64_t n, double* low, double* high) noexcept {
    for (int64_t e = 0; e < n; ++e) {
        const int64_t k = item[e];
        const double v = values[e];
        if (v < low[k]) low[k] = v;
        if (v > high[k]) high[k] = v;
    }
}

// See `quantise` in reference/candidates.py.
template <class Item, class Value>
void quantise(const Item* item, const Value* values, int64_t n, const double* low, const double* step,
              uint16_t* quantity, uint8_t* fine, double* error, double* fine_error) noexcept {
    for (int64_t e = 0; e < n; ++e) {
        const int64_t k = item[e];
        const double v = values[e];
        uint32_t parts = 0;  // 256 for each step
        double steps = 0.0;
        if (step[k] > 0.0) {
            const double at = ((v - low[k]) / step[k] + 0.5) * 256.0 + 0.5;
            // A value below low[k] or not a number breaks the contract; zero keeps the cast defined even so.
            if (at > 0.0) parts = at < 16777215.0 ? static_cast<uint32_t>(at) : 16777215u;
            steps = parts / 256.0 - 0.5;
        }
        quantity[e] = static_cast<uint16_t>(parts >> 8);
        fine[e] = static_cast<uint8_t>(parts);
        const double scaled = step[k] * static_cast<double>(parts >> 8);
        const double miss = std::fabs(v - (low[k] + scaled));
        if (miss > error[k]) error[k] = miss;
        const double fine_scaled = step[k] * steps;
        const double fine_miss = std::fabs(v - (low[k] + fine_scaled));
        if (fine_miss > fine_error[k]) fine_error[k] = fine_miss;
    }
}

}  // namespace couponry
