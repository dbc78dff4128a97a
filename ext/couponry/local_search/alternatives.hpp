// Kernels about a choice that mostly stands: its alternatives, and its fine sums.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/views.hpp"

namespace couponry {

// A price table or another one of float32, (planes, S, K).
struct Prices {
    const float* data;
    int64_t segments, items;

    COUPONRY_INLINE const float* plane(int64_t p, int64_t s) const noexcept {
        return data + (p * segments + s) * items;
    }
};

// Reduced value of candidate e; see `reduced_value` in reference/evaluate.py.
template <class Item>
COUPONRY_INLINE float reduced_value(const Shard& shard, const Prices& price, int64_t s, const Item* item,
                                    int64_t e) noexcept {
    const int64_t k = item[e];
    COUPONRY_ASSERT(0 <= s && s < price.segments && k < price.items);
    float total = price.plane(0, s)[k];
    for (int64_t c = 0; c < shard.quantity.rows; ++c) {
        const float product = price.plane(1 + c, s)[k] * static_cast<float>(shard.quantity.row(c)[e]);
        total = total + product;
    }
    return total + 0.0f;
}

// See `alternatives` in reference/alternatives.py.
int alternatives(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start,
                 int64_t stop, int64_t* partner, float* loss) noexcept;

// Visits the places from 0 to n at which `chosen` is 1.
template <class Visit>
COUPONRY_INLINE void for_each_chosen(const uint8_t* chosen, int64_t n, Visit visit) noexcept {
    int64_t j = 0;
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; j + 8 <= n; j += 8) {
        uint64_t bytes;
        std::memcpy(&bytes, chosen + j, sizeof bytes);
        for (; bytes; bytes &= bytes - 1) visit(j + (__builtin_ctzll(bytes) >> 3));
    }
#endif
    for (; j < n; ++j)
        if (chosen[j]) visit(j);
}

}  // namespace couponry
