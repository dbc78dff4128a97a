// Which customers stay free since a change of their best choice matters little, and where in their steps the quantities
// of what the others are given lie; see reference/fix_choices.py.
//
// Included once per instruction set, after the `Lanes` that it is written in. Everything has internal linkage.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "common/bits.hpp"
#include "common/scratch.hpp"
#include "common/tie_break.hpp"
#include "dispatch/kernel_table.hpp"
#include "evaluate/steps.hpp"
#include "evaluate/tables.hpp"

namespace couponry {
namespace {

template <class Item, int ATTRIBUTES>
class Fixer {
public:
    explicit Fixer(const Fixing& fixing) noexcept
        : fixing_(fixing),
          shard_(fixing.shard),
          item_(static_cast<const Item*>(fixing.shard.item)),
          cells_(fixing.segments * fixing.items),
          first_(fixing.shard.indptr[fixing.start]),
          size_((fixing.shard.indptr[fixing.stop] - first_ + 7) / 8),
          is_best_(fixing.rules.group.rows == 0 && fixing.rules.constraint_ptr.size == 1),
          prices_(fixing.price, cells_),
          open_memory_(fixing.levels * fixing.segments * 2 * OPEN_WORDS, sizeof(uint16_t)),
          open_(static_cast<uint16_t*>(open_memory_.data)) {
        if (failed()) return;
        std::memset(fixing.is_free, 0, static_cast<size_t>(fixing.stop - fixing.start));
        find_open();
    }

    int run() noexcept {
        if (failed()) return NO_MEMORY;
        for (int64_t i = fixing_.start, end; i < fixing_.stop; i = end) {
            end = end_of_batch(i);
            const int64_t begin = shard_.indptr[i], n = shard_.indptr[end] - begin;
            if (n > INT32_MAX) return ROW_TOO_LONG;
            if (!scratch_.reserve(n)) return NO_MEMORY;
            segment_ = of_customer(shard_.segment, i);
            const int64_t free = keep_close(i, look_at(i, end));
            for (int64_t u = 0; u < free; ++u) take_off(i + close_[u], first_word_[close_[u]]);
            add_fine(begin, list_fixed(i, end));
        }
        return DONE;
    }

private:
    static constexpr float INFINITE = std::numeric_limits<float>::infinity();
    static constexpr int64_t LINE = 64;  // bytes

    const Fixing& fixing_;
    const Shard& shard_;
    const Item* const item_;
    const int64_t cells_, first_, size_;  // size_: bytes that choices are in
    const bool is_best_;                  // whether no rules but bounds of slots keep customers from what is best
    PriceTable<ATTRIBUTES> prices_;
    Zeros open_memory_;
    uint16_t* const open_;  // items whose threshold is not below zero: (levels, S, leaving and coming, OPEN_WORDS)
    int64_t segment_ = 0;   // of a few customers who are worked on together:
    int32_t close_[Scratch::CUSTOMERS + 1];   // those who may be close to a change, and then those who are
    int32_t first_word_[Scratch::CUSTOMERS];  // of picks
    Scratch scratch_;

    bool failed() const noexcept { return prices_.failed() || !open_memory_.data; }

    COUPONRY_INLINE uint16_t* open_of(int64_t level, int64_t segment) const noexcept {
        return open_ + (level * fixing_.segments + segment) * 2 * OPEN_WORDS;
    }

    // Customers from the i-th on, all of one segment, who fit the scratch; or one who does not.
    int64_t end_of_batch(int64_t i) const noexcept {
        const int64_t most = fixing_.stop - i < Scratch::CUSTOMERS ? fixing_.stop : i + Scratch::CUSTOMERS;
        const int64_t last = shard_.indptr[i] + Scratch::SMALL, segment = of_customer(shard_.segment, i);
        int64_t end = i + 1;
        while (end < most && shard_.indptr[end + 1] <= last && of_customer(shard_.segment, end) == segment) ++end;
        return end;
    }

    // Which items' thresholds are not below zero.
    void find_open() noexcept {
        const float* bars = fixing_.threshold;
        for (int64_t part = 0; part < fixing_.levels * 2 * fixing_.segments; ++part, bars += fixing_.items) {
            const int64_t segment = part % fixing_.segments, is_coming = part / fixing_.segments % 2;
            uint16_t* const open = open_of(part / (2 * fixing_.segments), segment) + is_coming * OPEN_WORDS;
            for (int64_t k = 0; k < fixing_.items; k += OPEN_BITS) {
                const int64_t some = fixing_.items - k < OPEN_BITS ? fixing_.items - k : OPEN_BITS;
                uint32_t word = 0;
                for (int64_t bit = 0; bit < some; ++bit) word |= static_cast<uint32_t>(bars[k + bit] >= 0.0f) << bit;
                open[open_word(k)] |= static_cast<uint16_t>(word);
            }
        }
    }

    // Asks for what is read of customers further on: items, and fine values.
    COUPONRY_INLINE void prefetch_further(int64_t begin, int64_t n) const noexcept {
        constexpr int64_t AHEAD = Scratch::SMALL, IN_LINE = LINE / static_cast<int64_t>(sizeof(Item));
        for (int64_t j = begin; j < begin + n; j += IN_LINE) prefetch_ahead(item_, j + AHEAD);
        for (int64_t a = 0; a < fixing_.attributes; ++a)
            for (int64_t j = begin - first_; j < begin - first_ + n; j += LINE)
                prefetch_ahead(fixing_.fine, a * fixing_.fine_stride + j + AHEAD);
    }

    // Of the candidates from one on, counted from the first of all, which of at most 64 are chosen.
    COUPONRY_INLINE uint64_t picks_from(int64_t at, int64_t n) const noexcept {
        const uint8_t* bytes = fixing_.bits + at / 8;
        const int64_t shift = at % 8, last = (shift + n - 1) / 8;  // of these bytes
        uint64_t word = 0;
        if (at / 8 + 8 <= size_) {
            std::memcpy(&word, bytes, sizeof word);
            word >>= shift;
        } else {
            for (int64_t b = 0; b <= last && b < 8; ++b) word |= static_cast<uint64_t>(bytes[b]) << (8 * b);
            word >>= shift;
        }
        if (last == 8) word |= static_cast<uint64_t>(bytes[8]) << (WORD - shift);
        return n < WORD ? word & ((uint64_t{1} << n) - 1) : word;
    }

    // Takes choices as words of bits, and lists who may be close to a change: quantities of these are asked for.
    // Returns how many they are. What is looked up is named here first: a compiler takes all that is behind pointers
    // for changed whenever something is written.
    COUPONRY_INLINE int64_t look_at(int64_t i, int64_t end) noexcept {
        const int64_t* const indptr = shard_.indptr.data;
        const Item* const item = item_;
        const uint16_t* const open = open_of(0, segment_);
        const int64_t next_level = fixing_.segments * 2 * OPEN_WORDS, levels = fixing_.levels, first = first_;
        const bool is_best = is_best_;
        uint64_t* const picks = scratch_.picks;
        int64_t count = 0;
        int32_t at = 0;
        for (int64_t t = 0; t < end - i; ++t) {
            const int64_t begin = indptr[i + t], n = indptr[i + t + 1] - begin;
            prefetch_further(begin, n);
            first_word_[t] = at;
            for (int64_t from = 0; from < n; from += WORD)
                picks[at + from / WORD] = picks_from(begin - first + from, n - from < WORD ? n - from : WORD);
            const int64_t level = level_of(shard_.number_of(i + t), levels);
            // where everybody has the best there is no change gains, and what is lost is above any threshold below zero
            close_[count] = static_cast<int32_t>(t);
            count += !is_best || Lanes::any_open(item + begin, n, picks + at, open + level * next_level);
            at += static_cast<int32_t>((n + WORD - 1) / WORD);
        }
        for (int64_t u = 0; u < count; ++u)
            for (int64_t c = 0; c < shard_.quantity.rows; ++c) {
                const int64_t from = c * shard_.quantity.columns, t = i + close_[u];
                prefetch_ahead(shard_.quantity.data, from + indptr[t]);
                prefetch_ahead(shard_.quantity.data, from + indptr[t + 1] - 1);
            }
        return count;
    }

    // Keeps those of so many customers who are close to a change, and says that they are free; returns how many.
    int64_t keep_close(int64_t i, int64_t count) noexcept {
        int64_t free = 0;
        for (int64_t u = 0; u < count; ++u) {
            const int32_t t = close_[u];
            const bool is_free = is_close(i + t, first_word_[t]);
            fixing_.is_free[i + t - fixing_.start] = is_free;
            close_[free] = t;
            free += is_free;
        }
        return free;
    }

    // Whether a change of a customer's choice loses no more than a threshold.
    bool is_close(int64_t i, int64_t first_word) noexcept {
        const int64_t begin = shard_.indptr[i], n = shard_.indptr[i + 1] - begin;
        const int64_t level = level_of(shard_.number_of(i), fixing_.levels), first_cell = segment_ * fixing_.items;
        const uint64_t* const picks = scratch_.picks + first_word;
        int64_t given = 0;
        for (int64_t from = 0; from < n; from += WORD) given += count_bits(picks[from / WORD]);
        Lanes::template order_keys<Item, ATTRIBUTES>(
            {item_ + begin, shard_.quantity.rows > 0 ? shard_.quantity.data + begin : nullptr, shard_.quantity.columns,
             shard_.quantity.rows, prices_.of(first_cell), cells_, n},
            scratch_.key);
        if (shard_.given_at.size > 0) take_given_values(begin, n);
        const Ends ends = Lanes::ends(scratch_.key, picks, n);
        const float chosen = given > 0 ? value_of(ends.least) : INFINITE;
        const float left = given < n ? value_of(ends.most) : -INFINITE;
        // what comes instead of what goes, and what goes for what comes
        const float most = given > of_customer(fixing_.rules.lower, i) && left < 0.0f ? 0.0f : left;
        const float least = given < of_customer(fixing_.rules.upper, i) && chosen > 0.0f ? 0.0f : chosen;
        const float* bars = fixing_.threshold + level * 2 * cells_ + first_cell;
        return Lanes::any_close(scratch_.key, picks, item_ + begin, n, least, most, bars, static_cast<int32_t>(cells_));
    }

    // Puts values that are given in the place of those that prices come to.
    void take_given_values(int64_t begin, int64_t n) noexcept {
        const View<const int64_t> at = shard_.given_at;
        const int64_t* const end = at.data + at.size;
        for (const int64_t* next = std::lower_bound(at.data, end, begin); next < end && *next < begin + n; ++next) {
            const float value = shard_.given_value[next - at.data] + 0.0f;  // no negative zero
            uint32_t bits;
            std::memcpy(&bits, &value, sizeof bits);
            scratch_.key[*next - begin] = order_key(bits);
        }
    }

    // Lists what fixed customers are given; returns how much that is.
    int64_t list_fixed(int64_t i, int64_t end) noexcept {
        const int64_t* const indptr = shard_.indptr.data;
        const uint8_t* const is_free = fixing_.is_free + (i - fixing_.start);
        const int64_t base = indptr[i];
        int64_t listed = 0;
        for (int64_t t = 0; t < end - i; ++t) {
            const int64_t begin = indptr[i + t], n = indptr[i + t + 1] - begin;
            const uint64_t* const picks = scratch_.picks + first_word_[t];
            int64_t own =
                0;  // written for free ones, too, and written over by the next: a guess who is free may be wrong
            for (int64_t from = 0; from < n; from += WORD)
                own += Lanes::list(picks[from / WORD], n - from < WORD ? n - from : WORD,
                                   static_cast<int32_t>(begin - base + from), scratch_.given + listed + own);
            listed += own & (static_cast<int64_t>(is_free[t]) - 1);
        }
        return listed;
    }

    // Takes off what a free customer is given, and writes it down.
    void take_off(int64_t i, int64_t first_word) noexcept {
        const int64_t begin = shard_.indptr[i], n = shard_.indptr[i + 1] - begin;
        const uint64_t* const picks = scratch_.picks + first_word;
        int64_t* const usage = fixing_.usage + segment_ * fixing_.items;
        for (int64_t from = 0; from < n; from += WORD)
            for (uint64_t word = picks[from / WORD]; word; word &= word - 1) {
                const int64_t e = begin + from + lowest_bit(word);
                usage[item_[e]] -= 1;
                for (int64_t c = 0; c < shard_.quantity.rows; ++c)
                    usage[(1 + c) * cells_ + item_[e]] -= shard_.quantity.row(c)[e];
            }
        Lanes::spread(picks, n, fixing_.chosen + (begin - first_));
    }

    // Adds the fine parts of listed candidates, counted from one of them on.
    COUPONRY_INLINE void add_fine(int64_t base, int64_t listed) noexcept {
        for (int64_t a = 0; a < fixing_.attributes; ++a) {
            const uint8_t* fine = fixing_.fine + a * fixing_.fine_stride + (base - first_);
            const Item* item = item_ + base;
            int64_t* sums = fixing_.fine_usage + a * cells_ + segment_ * fixing_.items;
            for (int64_t t = 0; t < listed; ++t) sums[item[scratch_.given[t]]] += fine[scratch_.given[t]];
        }
    }
};

template <class Item>
int fix_choices_of(const Fixing& fixing) noexcept {
    const Shard& shard = fixing.shard;
    const int64_t candidates = shard.indptr[fixing.stop] - shard.indptr[fixing.start];
    switch (is_long(candidates, fixing.segments * fixing.items) ? shard.quantity.rows : PLANES) {
        case 0: return Fixer<Item, 0>(fixing).run();
        case 1: return Fixer<Item, 1>(fixing).run();
        case 2: return Fixer<Item, 2>(fixing).run();
        case 3: return Fixer<Item, 3>(fixing).run();
        default: return Fixer<Item, PLANES>(fixing).run();
    }
}

int fix_choices(const Fixing& fixing) noexcept {
    return fixing.shard.item_bytes == 2 ? fix_choices_of<uint16_t>(fixing) : fix_choices_of<uint32_t>(fixing);
}

}  // namespace
}  // namespace couponry
