// Per-item range of a channel, and rounding of its values to 16 bits.
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

template <class Item, class Value>
void quantise(const Item* item, const Value* values, int64_t n, const double* low, const double* step,
              uint16_t* quantity, double* error) noexcept {
    for (int64_t e = 0; e < n; ++e) {
        const int64_t k = item[e];
        const double v = values[e];
        double q = 0.0;
        if (step[k] > 0.0) {
            q = std::floor((v - low[k]) / step[k] + 0.5);
            if (q > 65535.0) q = 65535.0;
        }
        // A value below low[k] or not a number breaks the contract; zero keeps the cast defined even so.
        quantity[e] = q > 0.0 ? static_cast<uint16_t>(q) : 0;
        const double scaled = step[k] * q;
        const double miss = std::fabs(v - (low[k] + scaled));
        if (miss > error[k]) error[k] = miss;
    }
}

}  // namespace couponry
