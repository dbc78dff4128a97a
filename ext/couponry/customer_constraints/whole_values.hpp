// Values as whole numbers, whose sums are exact; see `whole_values` in reference/whole_values.py.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/debug.hpp"

namespace couponry {
namespace {

// See `whole_values`: the power of two, and how many low bits are kept free.
struct Scale {
    int64_t shift, bits;
    double factor;

    static Scale of(double largest, int64_t n) noexcept {
        int64_t bits = 0;
        while (n >> bits > 0) ++bits;
        int exponent = 0;
        std::frexp(largest, &exponent);
        const int64_t wanted = 61 - 2 * bits - exponent;
        const int64_t shift = wanted < 900 ? wanted : 900;
        return {shift, bits, std::ldexp(1.0, static_cast<int>(shift))};
    }

    // The same for what a float32 can hold, from the bits of numbers: all powers of two are ordinary float64 then.
    static COUPONRY_INLINE Scale of_float(float largest, int64_t n) noexcept {
        int64_t bits = 0;
        while (n >> bits > 0) ++bits;
        const double wide = static_cast<double>(largest);
        int64_t word;
        std::memcpy(&word, &wide, sizeof word);
        const int64_t exponent = largest == 0.0f ? 0 : (word >> 52 & 0x7FF) - 1022;
        const int64_t shift = 61 - 2 * bits - exponent;
        const int64_t power = (shift + 1023) << 52;
        double factor;
        std::memcpy(&factor, &power, sizeof factor);
        return {shift, bits, factor};
    }

    COUPONRY_INLINE int64_t whole(double value) const noexcept {
        const int64_t w = static_cast<int64_t>(std::floor(value * factor + 0.5));
        if (value > 0.0) return static_cast<int64_t>(static_cast<uint64_t>(w > 1 ? w : 1) << bits);
        return static_cast<int64_t>(static_cast<uint64_t>(w) << bits) - 1;
    }

    COUPONRY_INLINE int64_t whole_of_positive(float value) const noexcept {
        const int64_t w = static_cast<int64_t>(static_cast<double>(value) * factor + 0.5);
        return static_cast<int64_t>(static_cast<uint64_t>(w > 1 ? w : 1) << bits);
    }

    // See `slack_in_units`.
    int64_t units(int64_t slack, int64_t unit) const noexcept {
        const double wide = std::ldexp(static_cast<double>(slack), static_cast<int>(-(shift + bits) - unit));
        COUPONRY_ASSERT(wide >= 0.0 && wide < 9e18);
        return static_cast<int64_t>(std::ceil(wide)) + 1;
    }

    double value(int64_t whole) const noexcept {
        return std::ldexp(static_cast<double>(whole), static_cast<int>(-(shift + bits)));
    }
};

}  // namespace
}  // namespace couponry
