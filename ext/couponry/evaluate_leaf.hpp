// One pass over the customers: value the candidates, choose the best, add up what was chosen.
//
// Included once per instruction set, after the `Lanes` that it is written in. Everything has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "evaluate_steps.hpp"
#include "greedy.hpp"
#include "leaves.hpp"
#include "selection.hpp"
#include "tables.hpp"
#include "tie_break.hpp"

namespace couponry {
namespace {

// One customer's share of what is worked on at a time.
template <class Item>
struct Turn {
    Candidates<Item> row;
    int64_t i;  // customer, counted within the shard
    const int32_t* key;
    uint64_t* picks;
};

// A few customers at a time take each step together: their candidates are valued in one loop that need not know
// where rows end, and the chains of dependent instructions in the other steps overlap.
template <class Item, int CHANNELS>
class Evaluation {
public:
    explicit Evaluation(const Pass& pass) noexcept : pass_(pass), greedy_(pass), tables_(pass) {}

    int run() noexcept {
        if (greedy_.failed() || tables_.failed()) return NO_MEMORY;
        for (int64_t i = pass_.start; i < pass_.stop;) {
            const int64_t end = end_of_batch(i);
            const int64_t first_cell = of_customer(pass_.shard.segment, i) * pass_.items;
            const Candidates<Item> batch = candidates(i, end, first_cell);
            if (batch.n > INT32_MAX) return ROW_TOO_LONG;
            if (!scratch_.reserve(batch.n)) return NO_MEMORY;
            Lanes::template order_keys<Item, CHANNELS>(batch, scratch_.key);
            for_each(batch, i, end, [this](const Turn<Item>& turn) { choose(turn); });
            for_each(batch, i, end, [=](const Turn<Item>& turn) { settle(turn, first_cell); });
            i = end;
        }
        tables_.flush();
        return DONE;
    }

private:
    const Pass& pass_;
    Greedy<Item> greedy_;
    Tables<CHANNELS> tables_;
    Selection<Lanes> selection_;
    Scratch scratch_;

    // Customers from the i-th on that fit the scratch, all of one segment; or one who does not fit.
    COUPONRY_INLINE int64_t end_of_batch(int64_t i) const noexcept {
        const Shard& shard = pass_.shard;
        const int64_t most = pass_.stop - i < Scratch::CUSTOMERS ? pass_.stop : i + Scratch::CUSTOMERS;
        const int64_t last = shard.indptr[i] + Scratch::SMALL;
        const int64_t segment = of_customer(shard.segment, i);
        int64_t end = i + 1;
        while (end < most && shard.indptr[end + 1] <= last && of_customer(shard.segment, end) == segment) ++end;
        return end;
    }

    COUPONRY_INLINE Candidates<Item> candidates(int64_t i, int64_t end, int64_t first_cell) const noexcept {
        const Shard& shard = pass_.shard;
        const int64_t begin = shard.indptr[i];
        const int64_t channels = CHANNELS == PLANES ? shard.quantity.rows : CHANNELS;
        return {static_cast<const Item*>(shard.item) + begin,
                channels > 0 ? shard.quantity.data + begin : nullptr,
                shard.quantity.columns,
                channels,
                tables_.prices_of(first_cell),
                pass_.segments * pass_.items,
                shard.indptr[end] - begin};
    }

    template <class Step>
    COUPONRY_INLINE void for_each(const Candidates<Item>& batch, int64_t i, int64_t end, Step step) noexcept {
        const int64_t* indptr = pass_.shard.indptr.data;
        const int64_t begin = indptr[i];
        uint64_t* picks = scratch_.picks;
        for (; i < end; ++i) {
            const int64_t from = indptr[i] - begin, n = indptr[i + 1] - indptr[i];
            step(Turn<Item>{batch.part(from, n), i, scratch_.key + from, picks});
            picks += (n + WORD - 1) / WORD;
        }
    }

    Bounds bounds_of(int64_t i) const noexcept {
        return Bounds::of(of_customer(pass_.rules.lower, i), of_customer(pass_.rules.upper, i));
    }

    // Picks the best candidates.
    COUPONRY_INLINE void choose(const Turn<Item>& turn) noexcept {
        const Bounds bounds = bounds_of(turn.i);
        const int32_t bar = selection_.bar(turn.key, turn.row.n, bounds);
        int64_t reached = 0;
        for (int64_t from = 0; from < turn.row.n; from += WORD) {
            const uint64_t word = Lanes::at_least(turn.key + from, left(turn, from), bar);
            turn.picks[from / WORD] = word;
            reached += count_bits(word);
        }
        if (reached > bounds.most_at(bar)) break_tie(turn, bar, bounds.most_at(bar));
    }

    // Of the candidates at the bar, those with the smallest hashes complete the m best.
    void break_tie(const Turn<Item>& turn, int32_t bar, int64_t m) noexcept {
        const uint32_t hash = hash_of(turn);
        int32_t* second = scratch_.second;
        int32_t above = 0;
        for (int64_t j = 0; j < turn.row.n; ++j) {
            const uint32_t reversed = 0x7FFFFFFFu - tie_hash(hash, turn.row.item[j]);
            second[j] = turn.key[j] == bar ? static_cast<int32_t>(reversed) : INT32_MIN;
            above += turn.key[j] > bar;
        }
        const int64_t missing = m - above;
        const int32_t second_bar = Search<Lanes>().ranked(second, turn.row.n, missing);
        int64_t reached = 0;
        for (int64_t from = 0; from < turn.row.n; from += WORD) {
            const int64_t n = left(turn, from);
            const uint64_t over = bar < INT32_MAX ? Lanes::at_least(turn.key + from, n, bar + 1) : 0;
            const uint64_t first = Lanes::at_least(second + from, n, second_bar);
            turn.picks[from / WORD] = over | first;
            reached += count_bits(over | first);
        }
        if (reached != m) break_tie_by_position(turn, bar, missing, hash);
    }

    // What remains to be told apart: candidates of the same item.
    void break_tie_by_position(const Turn<Item>& turn, int32_t bar, int64_t missing, uint32_t hash) noexcept {
        int64_t tied = 0;
        for (int64_t j = 0; j < turn.row.n; ++j) {
            turn.picks[j / WORD] &= ~(uint64_t{turn.key[j] <= bar} << (j % WORD));
            if (turn.key[j] == bar) scratch_.ranked[tied++] = Ranked::of(bar, tie_hash(hash, turn.row.item[j]), j);
        }
        keep_first(scratch_.ranked, tied, missing);
        for (int64_t t = 0; t < missing && t < tied; ++t) {
            const uint64_t j = scratch_.ranked[t].at;
            turn.picks[j / WORD] |= uint64_t{1} << (j % WORD);
        }
    }

    // Applies the group rules, counts the picks and writes them down.
    COUPONRY_INLINE void settle(const Turn<Item>& turn, int64_t first_cell) noexcept {
        if (pass_.rules.group.rows > 0 && !greedy_.keeps_rules(turn.row, turn.picks, turn.i))
            greedy_.choose(turn.row, turn.key, scratch_.ranked, bounds_of(turn.i), turn.i, hash_of(turn), turn.picks);
        for (int64_t from = 0; from < turn.row.n; from += WORD)
            tables_.add(turn.row, from, turn.picks[from / WORD], first_cell);
        if (!pass_.chosen) return;
        uint8_t* chosen = pass_.chosen + pass_.shard.indptr[turn.i];
        for (int64_t j = 0; j < turn.row.n; ++j) chosen[j] = turn.picks[j / WORD] >> (j % WORD) & 1;
    }

    uint32_t hash_of(const Turn<Item>& turn) const noexcept {
        return customer_hash(pass_.seed, pass_.shard.first + turn.i);
    }

    // Candidates from the given one on that belong to one word of the bit set.
    static COUPONRY_INLINE int64_t left(const Turn<Item>& turn, int64_t from) noexcept {
        return turn.row.n - from < WORD ? turn.row.n - from : WORD;
    }
};

// A long call repays laying out its tables anew.
template <class Item>
int evaluate_items(const Pass& pass) noexcept {
    const Shard& shard = pass.shard;
    const int64_t candidates = pass.start < pass.stop ? shard.indptr[pass.stop] - shard.indptr[pass.start] : 0;
    const bool is_long = candidates / 4 >= pass.segments * pass.items;
    switch (is_long ? shard.quantity.rows : PLANES) {
        case 0: return Evaluation<Item, 0>(pass).run();
        case 1: return Evaluation<Item, 1>(pass).run();
        case 2: return Evaluation<Item, 2>(pass).run();
        default: return Evaluation<Item, PLANES>(pass).run();
    }
}

int evaluate(const Pass& pass) noexcept {
    return pass.shard.item_bytes == 2 ? evaluate_items<uint16_t>(pass) : evaluate_items<uint32_t>(pass);
}

// Every byte once, as 64-bit numbers modulo 2^64, the last one padded with zeros.
uint64_t sum_bytes(const uint8_t* bytes, int64_t n) noexcept {
    uint64_t sum = 0, word;
    int64_t at = 0;
    for (; at + 8 <= n; at += 8) {
        std::memcpy(&word, bytes + at, 8);
        sum += word;
    }
    word = 0;
    std::memcpy(&word, bytes + at, static_cast<size_t>(n - at));
    return sum + word;
}

}  // namespace
}  // namespace couponry
