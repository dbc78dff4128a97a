// Which customers a change of their choice matters little to; see `mark_free` in reference/mark_free.py.
//
// Included once per instruction set, after the `Lanes` that it is written in.
#pragma once

#include <cstdint>
#include <limits>

#include "common/tie_break.hpp"
#include "dispatch/kernel_table.hpp"
#include "evaluate/steps.hpp"
#include "evaluate/tables.hpp"

namespace couponry {
namespace {

// Customers from the i-th on whose candidates fit the scratch, all of one segment; or one who does not fit.
COUPONRY_INLINE int64_t end_of_batch(const Shard& shard, int64_t i, int64_t stop) noexcept {
    const int64_t last = shard.indptr[i] + Scratch::SMALL;
    const uint16_t segment = of_customer(shard.segment, i);
    int64_t end = i + 1;
    while (end < stop && shard.indptr[end + 1] <= last && of_customer(shard.segment, end) == segment) ++end;
    return end;
}

// Whether a customer's choice is near a change: keys, choice and items of its n candidates.
template <class Item>
COUPONRY_INLINE bool is_close(const int32_t* key, const uint8_t* chosen, const Item* item, int64_t n, int32_t lower,
                              int32_t upper, const float* bars, int32_t cells) noexcept {
    constexpr float INFINITE = std::numeric_limits<float>::infinity();
    const Ends ends = Lanes::ends(key, chosen, n);
    float least = ends.given > 0 ? value_of(ends.least) : INFINITE;
    float most = ends.given < n ? value_of(ends.most) : -INFINITE;
    if (ends.given > lower && most < 0.0f) most = 0.0f;
    if (ends.given < upper && least > 0.0f) least = 0.0f;
    return Lanes::any_close(key, chosen, item, n, least, most, bars, cells);
}

template <class Item, int ATTRIBUTES>
int mark_free_items(const Marking& work) noexcept {
    const Shard& shard = work.shard;
    const Item* item = static_cast<const Item*>(shard.item);
    const int64_t cells = work.segments * work.items;
    const int64_t first = work.start < work.stop ? shard.indptr[work.start] : 0;
    const PriceTable<ATTRIBUTES> prices(work.price, cells);
    if (prices.failed()) return NO_MEMORY;
    Scratch scratch;
    for (int64_t i = work.start; i < work.stop;) {
        const int64_t end = end_of_batch(shard, i, work.stop);
        const int64_t begin = shard.indptr[i], n = shard.indptr[end] - begin;
        const int64_t first_cell = of_customer(shard.segment, i) * work.items;
        if (n > INT32_MAX) return ROW_TOO_LONG;
        if (!scratch.reserve(n)) return NO_MEMORY;
        assert_below(item + begin, n, work.items);
        COUPONRY_ASSERT(first_cell < cells);
        const Candidates<Item> batch{item + begin,
                                     shard.quantity.rows > 0 ? shard.quantity.data + begin : nullptr,
                                     shard.quantity.columns,
                                     shard.quantity.rows,
                                     prices.of(first_cell),
                                     cells,
                                     n};
        Lanes::template order_keys<Item, ATTRIBUTES>(batch, scratch.key);
        for (; i < end; ++i) {
            const int64_t from = shard.indptr[i];
            const float* bars = work.threshold + level_of(shard.first + i, work.levels) * 2 * cells + first_cell;
            work.is_free[i - work.start] = is_close(
                scratch.key + (from - begin), work.chosen + (from - first), item + from, shard.indptr[i + 1] - from,
                of_customer(work.rules.lower, i), of_customer(work.rules.upper, i), bars, static_cast<int32_t>(cells));
        }
    }
    return DONE;
}

template <class Item>
int mark_free_items(const Marking& work) noexcept {
    const Shard& shard = work.shard;
    const int64_t candidates = work.start < work.stop ? shard.indptr[work.stop] - shard.indptr[work.start] : 0;
    switch (is_long(candidates, work.segments * work.items) ? shard.quantity.rows : PLANES) {
        case 1: return mark_free_items<Item, 1>(work);
        case 2: return mark_free_items<Item, 2>(work);
        default: return mark_free_items<Item, PLANES>(work);
    }
}

int mark_free(const Marking& work) noexcept {
    return work.shard.item_bytes == 2 ? mark_free_items<uint16_t>(work) : mark_free_items<uint32_t>(work);
}

}  // namespace
}  // namespace couponry
