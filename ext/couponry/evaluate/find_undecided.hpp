// Lists the candidates that are close to being chosen, or to not being chosen any more; see
// reference/undecided/find_undecided.py.
//
// Included once per instruction set, after the `Lanes` that it is written in. Everything has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "common/bits.hpp"
#include "common/scratch.hpp"
#include "dispatch/kernel_table.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

template <class Item>
class UndecidedFinder {
public:
    UndecidedFinder(const Finding& find, const Undecided& out) noexcept
        : find_(find),
          out_(out),
          item_(static_cast<const Item*>(find.shard.item)),
          cells_(find.segments * find.items),
          first_(find.shard.indptr[find.start]),
          close_memory_(find.stop - find.start, sizeof(uint64_t)),
          order_memory_(find.stop - find.start, sizeof(int64_t)),
          close_(static_cast<uint64_t*>(close_memory_.data)),
          order_(static_cast<int64_t*>(order_memory_.data)) {}

    int run(int64_t* tiles) noexcept {
        if (!close_memory_.data || !order_memory_.data) return NO_MEMORY;
        out_.ptr[0] = 0;
        for (int64_t begin = find_.start, end; begin < find_.stop; begin = end) {
            segment_ = of_customer(find_.shard.segment, begin);
            for (end = begin + 1; end < find_.stop && of_customer(find_.shard.segment, end) == segment_;) ++end;
            const int64_t some = put_in_order(begin, end);
            for (int64_t from = 0; from < some; from += TOGETHER)
                write_tile(order_ + from, some - from < TOGETHER ? some - from : TOGETHER);
        }
        *tiles = tiles_;
        return DONE;
    }

private:
    static constexpr int64_t TOGETHER = Undecided::TOGETHER, MOST = Undecided::MOST_CANDIDATES;

    const Finding& find_;
    const Undecided& out_;
    const Item* const item_;
    const int64_t cells_, first_;
    Zeros close_memory_, order_memory_;
    uint64_t* const close_;  // undecided candidates of each customer
    int64_t* const order_;   // of a run of customers those who have any, who has most first
    int64_t segment_ = 0, tiles_ = 0;
    alignas(64) int32_t key_[MOST + Scratch::BEYOND];

    const uint8_t* chosen_of(int64_t i) const noexcept { return find_.chosen + (find_.shard.indptr[i] - first_); }

    int64_t candidates_of(int64_t i) const noexcept { return find_.shard.indptr[i + 1] - find_.shard.indptr[i]; }

    // Finds what is close of the customers of a run, and puts those into order who have anything; returns how many.
    int64_t put_in_order(int64_t begin, int64_t end) noexcept {
        int64_t from[MOST + 2] = {};  // by candidates, most first
        for (int64_t i = begin; i < end; ++i) {
            const uint64_t close = close_of(i);
            close_[i - find_.start] = close;
            ++from[MOST - count_bits(close) + 1];
        }
        for (int64_t c = 0; c <= MOST; ++c) from[c + 1] += from[c];
        const int64_t some = from[MOST];
        for (int64_t i = begin; i < end; ++i) {
            const int64_t count = count_bits(close_[i - find_.start]);
            if (count > 0) order_[from[MOST - count]++] = i;
        }
        return some;
    }

    // The candidates of a customer that are close to another decision.
    uint64_t close_of(int64_t i) noexcept {
        const Shard& shard = find_.shard;
        const int64_t begin = shard.indptr[i], n = candidates_of(i), first_cell = segment_ * find_.items;
        if (n == 0) return 0;
        const Candidates<Item> row{item_ + begin,
                                   shard.quantity.rows > 0 ? shard.quantity.data + begin : nullptr,
                                   shard.quantity.columns,
                                   shard.quantity.rows,
                                   find_.price + first_cell,
                                   cells_,
                                   n};
        Lanes::template order_keys<Item, PLANES>(row, key_);
        const uint64_t picks = Lanes::bits_of(chosen_of(i), n);
        const int64_t given = count_bits(picks);
        const Ends ends = Lanes::ends(key_, &picks, n);
        const float taken = given > 0 ? value_of(ends.least) : std::numeric_limits<float>::infinity();
        const float left = given < n ? value_of(ends.most) : -std::numeric_limits<float>::infinity();
        const float most = left < 0.0f ? 0.0f : left;
        const float least = given < of_customer(find_.upper, i) && taken > 0.0f ? 0.0f : taken;
        return Lanes::close(key_, picks, row.item, n, least, most, find_.bar + first_cell);
    }

    void write_tile(const int64_t* customers, int64_t count) noexcept {
        const int64_t first = out_.ptr[tiles_];
        const int64_t rows = count_bits(close_[customers[0] - find_.start]);
        COUPONRY_ASSERT(first + rows <= out_.held.size);
        int32_t* const item = out_.item.data + first * TOGETHER;
        float* const own = out_.own.data + first * TOGETHER;
        int32_t* const slots = out_.slots.data + tiles_ * TOGETHER;
        for (int64_t at = 0; at < rows * TOGETHER; ++at) {
            item[at] = 0;
            own[at] = -std::numeric_limits<float>::infinity();
        }
        for (int64_t lane = 0; lane < TOGETHER; ++lane) slots[lane] = 0;
        uint32_t held[MOST] = {};
        for (int64_t lane = 0; lane < count; ++lane) {
            const int64_t i = customers[lane], begin = find_.shard.indptr[i];
            const uint64_t close = close_[i - find_.start], picks = Lanes::bits_of(chosen_of(i), candidates_of(i));
            slots[lane] = of_customer(find_.upper, i) - count_bits(picks & ~close);
            int64_t row = 0;
            for (uint64_t word = close; word; word &= word - 1, ++row) {
                const int64_t j = lowest_bit(word);
                item[row * TOGETHER + lane] = static_cast<int32_t>(item_[begin + j]);
                own[row * TOGETHER + lane] = own_of(begin + j);
                held[row] |= static_cast<uint32_t>(picks >> j & 1) << lane;
            }
        }
        for (int64_t row = 0; row < rows; ++row) out_.held[first + row] = static_cast<uint16_t>(held[row]);
        out_.segment[tiles_] = static_cast<uint16_t>(segment_);
        out_.ptr[++tiles_] = first + rows;
    }

    float own_of(int64_t e) const noexcept {
        const Shard& shard = find_.shard;
        const float* price = find_.price + segment_ * find_.items + item_[e];
        float own = 0.0f;
        for (int64_t c = 0; c < shard.quantity.rows; ++c) {
            const float product = price[(1 + c) * cells_] * static_cast<float>(shard.quantity.row(c)[e]);
            own = own + product;
        }
        return own;
    }
};

int find_undecided(const Finding& find, const Undecided& out, int64_t* tiles) noexcept {
    return find.shard.item_bytes == 2 ? UndecidedFinder<uint16_t>(find, out).run(tiles)
                                      : UndecidedFinder<uint32_t>(find, out).run(tiles);
}

}  // namespace
}  // namespace couponry
