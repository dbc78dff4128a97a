// Which customers a change of their choice matters little to; see `mark` in reference.py.
//
// Included once per instruction set, after the `Lanes` that it is written in. Loops are plain and free of branches,
// for the compiler to turn into vectors.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "evaluate_steps.hpp"
#include "leaves.hpp"
#include "tie_break.hpp"

namespace couponry {
namespace {

COUPONRY_INLINE float either(int32_t first, float a, float b) noexcept {
    int32_t a_bits, b_bits;
    std::memcpy(&a_bits, &a, sizeof a);
    std::memcpy(&b_bits, &b, sizeof b);
    const int32_t bits = (a_bits & first) | (b_bits & ~first);
    float out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
}

// Reduced values of the ends of a choice: the least that is chosen, and the most that is not.
struct Ends {
    int32_t least, most, given;
};

COUPONRY_INLINE Ends ends_of(const int32_t* key, const uint8_t* chosen, int64_t n) noexcept {
    int32_t least = INT32_MAX, most = INT32_MIN, given = 0;
    for (int64_t j = 0; j < n; ++j) {
        const int32_t held = -static_cast<int32_t>(chosen[j]);  // all bits or none
        const int32_t in = (key[j] & held) | (INT32_MAX & ~held);
        const int32_t out = (key[j] & ~held) | (INT32_MIN & held);
        least = in < least ? in : least;
        most = out > most ? out : most;
        given -= held;
    }
    return {least, most, given};
}

template <class Item>
int mark_items(const Marking& work) noexcept {
    const Shard& shard = work.shard;
    const Item* item = static_cast<const Item*>(shard.item);
    const int64_t cells = work.segments * work.items;
    const int64_t first = shard.indptr[work.start];
    Scratch scratch;
    for (int64_t i = work.start; i < work.stop; ++i) {
        const int64_t begin = shard.indptr[i], n = shard.indptr[i + 1] - begin;
        const int64_t first_cell = of_customer(shard.segment, i) * work.items;
        if (n > INT32_MAX) return ROW_TOO_LONG;
        if (!scratch.reserve(n)) return NO_MEMORY;
        const Candidates<Item> row{item + begin, shard.quantity.data + begin, shard.quantity.columns,
                                   shard.quantity.rows, work.price + first_cell, cells, n};
        Lanes::template order_keys<Item, PLANES>(row, scratch.key);
        const uint8_t* chosen = work.chosen + (begin - first);
        const Ends ends = ends_of(scratch.key, chosen, n);

        constexpr float INFINITE = std::numeric_limits<float>::infinity();
        float least = ends.given > 0 ? value_of(ends.least) : INFINITE;
        float most = ends.given < n ? value_of(ends.most) : -INFINITE;
        if (ends.given > of_customer(work.rules.lower, i) && most < 0.0f) most = 0.0f;
        if (ends.given < of_customer(work.rules.upper, i) && least > 0.0f) least = 0.0f;

        const float* bars = work.near + level_of(shard.first + i, work.levels) * 2 * cells + first_cell;
        int32_t marked = 0;
        for (int64_t j = 0; j < n; ++j) {
            const int32_t held = -static_cast<int32_t>(chosen[j]);  // all bits or none
            const float value = value_of(scratch.key[j]);
            const float loss = either(held, value - most, least - value);
            const int32_t cell = static_cast<int32_t>(row.item[j]) + (static_cast<int32_t>(cells) & ~held);
            marked |= loss <= bars[cell];
        }
        work.mover[i - work.start] = static_cast<uint8_t>(marked);
    }
    return DONE;
}

int mark(const Marking& work) noexcept {
    return work.shard.item_bytes == 2 ? mark_items<uint16_t>(work) : mark_items<uint32_t>(work);
}

}  // namespace
}  // namespace couponry
