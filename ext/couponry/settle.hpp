// Kernels about a choice that mostly stands: whom a change matters little, and its exact sums.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

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

// A single change of a choice: positions of what leaves and comes (-1: nothing), and the reduced value it loses.
struct Change {
    int64_t leaving, coming;
    float loss;

    COUPONRY_INLINE void take(int64_t out, int64_t into, float cost) noexcept {
        if (cost < loss) *this = {out, into, cost};
    }
};

// See `cheapest` in reference.py.
int cheapest(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start,
             int64_t stop, int64_t* leaving, int64_t* coming, float* loss) noexcept;

// See `mark` in reference.py.
template <class Item>
void mark_items(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, const Prices& near,
          int64_t start, int64_t stop, uint8_t* mover) noexcept {
    constexpr float INFINITE = std::numeric_limits<float>::infinity();
    constexpr int64_t FEW = 256;  // values kept from the first look; beyond, they are computed again
    const Item* item = static_cast<const Item*>(shard.item);
    const int64_t first = shard.indptr[start];
    float kept[FEW];
    for (int64_t i = start; i < stop; ++i) {
        const int64_t begin = shard.indptr[i], end = shard.indptr[i + 1];
        const int64_t s = of_customer(shard.segment, i);
        int64_t given = 0;
        float least = INFINITE, most = -INFINITE;
        for (int64_t e = begin; e < end; ++e) {
            const float v = reduced_value(shard, price, s, item, e);
            if (e - begin < FEW) kept[e - begin] = v;
            const bool held = chosen[e - first] != 0;
            const float in = held ? v : INFINITE, out = held ? -INFINITE : v;
            least = in < least ? in : least;
            most = out > most ? out : most;
            given += held;
        }
        if (given > of_customer(rules.lower, i) && most < 0.0f) most = 0.0f;
        if (given < of_customer(rules.upper, i) && least > 0.0f) least = 0.0f;
        const float *leave = near.plane(0, s), *come = near.plane(1, s);
        int marked = 0;
        for (int64_t e = begin; e < end; ++e) {
            const float v = e - begin < FEW ? kept[e - begin] : reduced_value(shard, price, s, item, e);
            const bool held = chosen[e - first] != 0;
            const float loss = held ? v - most : least - v;
            marked |= loss <= (held ? leave : come)[item[e]];
        }
        mover[i - start] = static_cast<uint8_t>(marked);
    }
}

inline void mark(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen,
                 const Prices& near, int64_t start, int64_t stop, uint8_t* mover) noexcept {
    if (shard.item_bytes == 2)
        mark_items<uint16_t>(shard, rules, price, chosen, near, start, stop, mover);
    else
        mark_items<uint32_t>(shard, rules, price, chosen, near, start, stop, mover);
}

// See `remainder` in reference.py.
template <class Item, class Value>
void remainder_items(const Shard& shard, int64_t channel, const Value* exact, const double* low, const double* step,
               const uint8_t* chosen, int64_t start, int64_t stop, int64_t* total, int64_t items) noexcept {
    const Item* item = static_cast<const Item*>(shard.item);
    const uint16_t* quantity = shard.quantity.row(channel).data;
    const int64_t first = shard.indptr[start];
    for (int64_t i = start; i < stop; ++i) {
        int64_t* const sums = total + of_customer(shard.segment, i) * items;
        for (int64_t e = shard.indptr[i]; e < shard.indptr[i + 1]; ++e) {
            const int64_t k = item[e];
            if (!chosen[e - first] || !(step[k] > 0.0)) continue;
            const double packed = step[k] * static_cast<double>(quantity[e]);
            const double miss = static_cast<double>(exact[e - first]) - (low[k] + packed);
            sums[k] += static_cast<int64_t>(std::floor(miss / step[k] * 1073741824.0 + 0.5));
        }
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
