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

// See `fine_usage` in reference/alternatives.py. Chosen candidates are found eight at a time, by their bytes.
template <class Item>
void fine_usage_items(const Shard& shard, const uint8_t* fine, const uint8_t* chosen, int64_t start, int64_t stop,
                      int64_t* total, int64_t items) noexcept {
    const Item* item = static_cast<const Item*>(shard.item);
    const int64_t first = shard.indptr[start];
    const auto add = [&](int64_t* sums, int64_t begin, int64_t end) {
        assert_below(item + begin, end - begin, items);
        for_each_chosen(chosen + (begin - first), end - begin,
                        [&](int64_t j) { sums[item[begin + j]] += fine[begin - first + j]; });
    };
    if (shard.segment.size == 1) {  // all customers at once
        add(total + shard.segment[0] * items, first, shard.indptr[stop]);
        return;
    }
    for (int64_t i = start; i < stop; ++i) add(total + shard.segment[i] * items, shard.indptr[i], shard.indptr[i + 1]);
}

inline void fine_usage(const Shard& shard, const uint8_t* fine, const uint8_t* chosen, int64_t start, int64_t stop,
                       int64_t* total, int64_t items) noexcept {
    if (shard.item_bytes == 2)
        fine_usage_items<uint16_t>(shard, fine, chosen, start, stop, total, items);
    else
        fine_usage_items<uint32_t>(shard, fine, chosen, start, stop, total, items);
}

}  // namespace couponry
