// What rounding of an attribute's values is given, and the ranges of its items side by side.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"

namespace couponry {

// All that is needed of an item is read at once.
struct alignas(32) ItemRange {
    double low, step, error, fine_error;

    COUPONRY_INLINE void widen(double miss, double fine_miss) noexcept {
        if (miss > error) error = miss;
        if (fine_miss > fine_error) fine_error = fine_miss;
    }
};

// See `quantise` in reference/candidates.py.
struct Rounding {
    const void* item;  // uint16 or uint32
    int64_t item_bytes;
    const void* values;  // float or double
    int64_t value_bytes;
    int64_t rows;
    uint16_t* quantity;
    uint8_t* fine;
};

}  // namespace couponry
