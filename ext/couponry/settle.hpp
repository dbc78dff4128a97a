// Kernels about a choice that mostly stands: its alternatives, and its exact sums.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "views.hpp"

namespace couponry {

// A price table or another one of float32, (planes, S, K).
struct Prices {
    const float* data;
    int64_t segments, items;

    COUPONRY_INLINE const float* plane(int64_t p, int64_t s) const noexcept {
        return data + (p * segments + s) * items;
    }
};

// Reduced value of candidate e; see `reduced_value` in reference.py.
template <class Item>
COUPONRY_INLINE float reduced_value(const Shard& shard, const Prices& price, int64_t s, const Item* item,
                                    int64_t e) noexcept {
    const int64_t k = item[e];
    float total = price.plane(0, s)[k];
    for (int64_t c = 0; c < shard.quantity.rows; ++c) {
        const float product = price.plane(1 + c, s)[k] * static_cast<float>(shard.quantity.row(c)[e]);
        total = total + product;
    }
    return total + 0.0f;
}

// See `alternatives` in reference.py.
int alternatives(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start,
                 int64_t stop, int64_t* partner, float* loss) noexcept;

// Visits the positions from begin to end at which `chosen` is 1.
template <class Visit>
COUPONRY_INLINE void for_each_chosen(const uint8_t* chosen, int64_t begin, int64_t end, Visit visit) noexcept {
    int64_t e = begin;
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; e + 8 <= end; e += 8) {
        uint64_t bytes;
        std::memcpy(&bytes, chosen + e, sizeof bytes);
        for (; bytes; bytes &= bytes - 1) visit(e + (__builtin_ctzll(bytes) >> 3));
    }
#endif
    for (; e < end; ++e)
        if (chosen[e]) visit(e);
}

// See `remainder` in reference.py. Chosen candidates are found eight at a time, by their bytes.
template <class Item, class Value>
void remainder_items(const Shard& shard, int64_t channel, const Value* exact, const double* low, const double* step,
                     const uint8_t* chosen, int64_t start, int64_t stop, int64_t* total, int64_t items) noexcept {
    const Item* item = static_cast<const Item*>(shard.item);
    const uint16_t* quantity = shard.quantity.row(channel).data;
    const int64_t first = shard.indptr[start];
    for (int64_t i = start; i < stop; ++i) {
        int64_t* const sums = total + of_customer(shard.segment, i) * items;
        const auto add = [&](int64_t e) {
            const int64_t k = item[e];
            if (!(step[k] > 0.0)) return;
            const double packed = step[k] * static_cast<double>(quantity[e]);
            const double miss = static_cast<double>(exact[e - first]) - (low[k] + packed);
            sums[k] += static_cast<int64_t>(std::floor(miss / step[k] * 1073741824.0 + 0.5));
        };
        for_each_chosen(chosen - first, shard.indptr[i], shard.indptr[i + 1], add);
    }
}

template <class Value>
void remainder(const Shard& shard, int64_t channel, const Value* exact, const double* low, const double* step,
               const uint8_t* chosen, int64_t start, int64_t stop, int64_t* total, int64_t items) noexcept {
    if (shard.item_bytes == 2)
        remainder_items<uint16_t>(shard, channel, exact, low, step, chosen, start, stop, total, items);
    else
        remainder_items<uint32_t>(shard, channel, exact, low, step, chosen, start, stop, total, items);
}

}  // namespace couponry
