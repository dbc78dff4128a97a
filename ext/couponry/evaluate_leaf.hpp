// One pass over the customers: value the candidates, choose the best, add up what was chosen.
//
// Included once per instruction set, after the `Lanes` that it is written in. Everything has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "evaluate_steps.hpp"
#include "greedy.hpp"
#include "leaves.hpp"
#include "tables.hpp"
#include "tie_break.hpp"

namespace couponry {
namespace {

// One customer on its way through the steps.
template <class Item>
struct Turn {
    Row<Item> row;
    int64_t i;           // customer, counted within the shard
    int64_t first_cell;  // of its segment, in the tables
    int32_t* key;
    uint64_t* picks;
    int64_t positive;  // candidates of positive value
    int64_t m;         // coupons to give where no group rule says less
};

// Customers in one turn. Every step is a chain of dependent instructions; taking a step for several customers
// before the next step lets the processor work on many chains at once.
constexpr int64_t TURNS = Scratch::SMALL / WORD;

template <class Item, int CHANNELS>
class Evaluation {
public:
    explicit Evaluation(const Pass& pass) noexcept : pass_(pass), greedy_(pass), tables_(pass) {}

    int run() noexcept {
        if (greedy_.failed() || tables_.failed()) return NO_MEMORY;
        for (int64_t i = pass_.start; i < pass_.stop;) {
            Turn<Item> turns[TURNS];
            int64_t taken = 0;
            const int status = value(i, turns, taken);
            if (status != DONE) return status;
            for (int64_t t = 0; t < taken; ++t)
                if (turns[t].m > 0) choose(turns[t]);
            for (int64_t t = 0; t < taken; ++t) settle(turns[t]);
            i += taken;
        }
        tables_.flush();
        return DONE;
    }

private:
    const Pass& pass_;
    Greedy<Item> greedy_;
    Tables<CHANNELS> tables_;
    Scratch scratch_;

    // Values the candidates of the next customers, as many as fit.
    int value(int64_t i, Turn<Item>* turns, int64_t& taken) noexcept {
        const Shard& shard = pass_.shard;
        const int64_t channels = CHANNELS == PLANES ? shard.quantity.rows : CHANNELS;
        for (int64_t words = 0; taken < TURNS && i < pass_.stop; ++i, ++taken) {
            const int64_t begin = shard.indptr[i], n = shard.indptr[i + 1] - begin;
            if (n > INT32_MAX) return ROW_TOO_LONG;
            const int64_t needed = (n + WORD - 1) / WORD;
            if (taken > 0 && words + needed > TURNS) break;
            if (!scratch_.reserve(n)) return NO_MEMORY;

            Turn<Item>& turn = turns[taken];
            turn.i = i;
            turn.first_cell = of_customer(shard.segment, i) * pass_.items;
            turn.row = {static_cast<const Item*>(shard.item) + begin,
                        channels > 0 ? shard.quantity.data + begin : nullptr,
                        shard.quantity.columns,
                        channels,
                        tables_.prices_of(turn.first_cell),
                        pass_.segments * pass_.items,
                        n};
            turn.key = scratch_.key + words * WORD;
            turn.picks = scratch_.picks + words;
            turn.positive = Lanes::template order_keys<Item, CHANNELS>(turn.row, turn.key);
            words += needed;

            const int64_t lower = of_customer(pass_.rules.lower, i), upper = of_customer(pass_.rules.upper, i);
            int64_t m = turn.positive > lower ? turn.positive : lower;
            m = m < upper ? m : upper;
            turn.m = m < n ? m : n;
        }
        return DONE;
    }

    // Picks the m best candidates.
    COUPONRY_INLINE void choose(const Turn<Item>& turn) noexcept {
        int32_t bar = 1;  // the smallest positive key
        if (turn.m == turn.row.n)
            bar = INT32_MIN;
        else if (turn.m != turn.positive)
            bar = Lanes::bar_for(turn.key, turn.row.n, turn.m);
        int64_t reached = 0;
        for (int64_t from = 0; from < turn.row.n; from += WORD) {
            const uint64_t word = Lanes::at_least(turn.key + from, left(turn, from), bar);
            turn.picks[from / WORD] = word;
            reached += count_bits(word);
        }
        if (reached != turn.m) break_tie(turn, bar);
    }

    // Of the candidates at the bar, those with the smallest hashes complete the m best.
    void break_tie(const Turn<Item>& turn, int32_t bar) noexcept {
        const uint32_t hash = hash_of(turn);
        int32_t* second = scratch_.second;
        int32_t above = 0;
        for (int64_t j = 0; j < turn.row.n; ++j) {
            const uint32_t reversed = 0x7FFFFFFFu - tie_hash(hash, turn.row.item[j]);
            second[j] = turn.key[j] == bar ? static_cast<int32_t>(reversed) : INT32_MIN;
            above += turn.key[j] > bar;
        }
        for (int64_t j = turn.row.n; j < padded(turn.row.n); ++j) second[j] = INT32_MIN;
        const int64_t missing = turn.m - above;
        const int32_t second_bar = Lanes::bar_for(second, turn.row.n, missing);
        int64_t reached = 0;
        for (int64_t from = 0; from < turn.row.n; from += WORD) {
            const int64_t n = left(turn, from);
            const uint64_t over = bar < INT32_MAX ? Lanes::at_least(turn.key + from, n, bar + 1) : 0;
            const uint64_t first = Lanes::at_least(second + from, n, second_bar);
            turn.picks[from / WORD] = over | first;
            reached += count_bits(over | first);
        }
        if (reached != turn.m) break_tie_by_position(turn, bar, missing, hash);
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
    COUPONRY_INLINE void settle(const Turn<Item>& turn) noexcept {
        if (turn.m > 0) {
            if (pass_.rules.group.rows > 0 && !greedy_.keeps_rules(turn.row, turn.picks, turn.i)) {
                const int64_t lower = of_customer(pass_.rules.lower, turn.i);
                const int64_t upper = of_customer(pass_.rules.upper, turn.i);
                greedy_.choose(turn.row, turn.key, scratch_.ranked, lower, upper, turn.i, hash_of(turn), turn.picks);
            }
            for (int64_t from = 0; from < turn.row.n; from += WORD)
                tables_.add(turn.row, from, turn.picks[from / WORD], turn.first_cell);
        }
        if (!pass_.chosen) return;
        uint8_t* chosen = pass_.chosen + pass_.shard.indptr[turn.i];
        for (int64_t j = 0; j < turn.row.n; ++j)
            chosen[j] = turn.m > 0 && (turn.picks[j / WORD] >> (j % WORD) & 1);
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
