// A customer's constraints that are intervals, one after the other, and where each candidate is among them.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

class ChainConstraints {
public:
    static constexpr int64_t MOST_WORDS = 5;  // of candidates

    // Whether the constraints of a customer with n candidates may be intervals with room for one or two each.
    bool look_at(const Constraints& constraints, int64_t n) noexcept {
        constraints_ = &constraints;
        words_ = constraints.words;
        turns_ = others_ = implied_ = units_ = 0;
        if (words_ > MOST_WORDS || constraints.count > (constraints.is_short ? MOST_SHORT : MOST_TURNS)) return false;
        for (int64_t w = 0; w < words_; ++w) open_[w] = ~uint64_t{0};
        return (constraints.is_short ? look_at_short(n) : look_at_long()) && (units_ == 1 || units_ == 2);
    }

    int64_t units() const noexcept { return units_; }

    // Candidates that no constraint rules out.
    const uint64_t* open() const noexcept { return open_; }

    // Finds which intervals some of the candidates are in; false where these are none.
    bool place(const uint64_t* some) noexcept {
        const int64_t apart = constraints_->is_short ? 1 : 1 + words_, first = constraints_->is_short ? 0 : 1;
        uint64_t again = 0;
        for (int64_t w = 0; w < words_; ++w)
            again |= Lanes::intervals(constraints_->at + first + w, apart, turn_, turns_, some[w], begin_ + WORD * w,
                                      end_ + WORD * w);
        return again == 0;
    }

    // The intervals begin <= k < end of a candidate; end is 0 where it is in none.
    int64_t begin(int64_t j) const noexcept { return begin_[j]; }
    int64_t end(int64_t j) const noexcept { return end_[j]; }

    // Constraints that are no intervals, and do not follow from them.
    int64_t others() const noexcept { return others_; }
    uint64_t word_of_other(int64_t o, int64_t w) const noexcept { return constraints_->word(other_[o], w) & open_[w]; }
    int64_t cap_of_other(int64_t o) const noexcept { return constraints_->cap(other_[o]); }

    // How many of its candidates are among some.
    int64_t held_of_other(int64_t o, const uint64_t* some) const noexcept { return held(other_[o], some); }

    // The first of these that a choice breaks; -1: none.
    int64_t other_broken_by(const uint64_t* picks) const noexcept {
        for (int64_t o = 0; o < others_; ++o)
            if (held(other_[o], picks) > constraints_->cap(other_[o])) return o;
        return -1;
    }

    // Whether a choice keeps all constraints that are said to follow from intervals.
    bool keeps_implied(const uint64_t* picks) const noexcept {
        for (int64_t k = 0; k < implied_; ++k)
            if (held(follows_[k], picks) > units_) return false;
        return true;
    }

    // The candidates of the first row that a choice breaks, OUT; false: it keeps all.
    bool row_broken_by(const uint64_t* picks, uint64_t* inside) const noexcept {
        if (!constraints_->rows.at) return false;
        Row row = constraints_->rows.first();
        for (int64_t r = constraints_->rows.count(); r > 0; --r, row = row.next()) {
            if (Rows::keeps(row, picks)) continue;
            for (int64_t w = 0; w < words_; ++w) inside[w] = 0;
            for (int64_t x = 0; x < row.entries(); ++x)
                inside[row.candidate(x) / WORD] |= uint64_t{1} << (row.candidate(x) % WORD);
            for (int64_t w = 0; w < words_; ++w) inside[w] &= open_[w];
            return true;
        }
        return false;
    }

private:
    static constexpr int64_t MOST_TURNS = 192, MOST_SHORT = 64;
    static constexpr int64_t FEWEST = 4;  // constraints that cross others, of a short customer: others are searched

    const Constraints* constraints_ = nullptr;
    int64_t words_ = 0, turns_ = 0, others_ = 0, implied_ = 0, units_ = 0;
    int16_t turn_[MOST_TURNS], other_[MOST_TURNS + 1], follows_[MOST_TURNS + 1];  // which constraint it is
    uint64_t open_[MOST_WORDS];
    alignas(64) uint8_t begin_[WORD * MOST_WORDS], end_[WORD * MOST_WORDS];  // of candidates

    bool look_at_long() noexcept {
        const Constraints& all = *constraints_;
        int64_t number = 0, asked = 0, caps_or = 0, caps_and = ~int64_t{0};
        int16_t at[MOST_TURNS + 1];  // of each turn; 0: constraints that have none
        for (int64_t t = 0; t <= all.count; ++t) at[t] = -1;
        for (int64_t s = 0; s < all.count; ++s) {  // without a branch that cannot be foretold
            const int64_t cap = all.cap(s), turn = all.turn(s);
            const bool has_turn = turn > 0 && turn <= all.count;
            asked |= all.least(s);
            at[has_turn ? turn : 0] = other_[others_] = static_cast<int16_t>(s);
            number += has_turn;
            turns_ = has_turn && turn > turns_ ? turn : turns_;
            caps_or |= has_turn ? cap : 0;
            caps_and &= has_turn ? cap : ~int64_t{0};
            others_ += !has_turn && cap > 0;
            if (cap == 0)
                for (int64_t w = 0; w < words_; ++w) open_[w] &= ~all.word(s, w);
        }
        if (asked || number != turns_ || caps_or != caps_and) return false;
        units_ = caps_or;
        for (int64_t t = 0; t < turns_; ++t) {
            if (at[t + 1] < 0) return false;
            turn_[t] = at[t + 1];
        }
        int64_t others = 0;
        for (int64_t o = 0; o < others_; ++o) {
            const int16_t s = other_[o];
            const bool follows = all.cap(s) == units_;
            follows_[implied_] = other_[others] = s;
            implied_ += follows;
            others += !follows;
        }
        others_ = others;
        return true;
    }

    int64_t held(int64_t s, const uint64_t* picks) const noexcept {
        int64_t held = 0;
        for (int64_t w = 0; w < words_; ++w) held += count_bits(picks[w] & constraints_->word(s, w));
        return held;
    }

    // Nothing says what the turns of a short customer's constraints are: those with room for as many as constraints
    // that cross the laminar family are intervals, or the customer is searched.
    bool look_at_short(int64_t n) noexcept {
        const Constraints& all = *constraints_;
        int64_t crossing = 0;
        for (int64_t s = 0; s < all.count; ++s) {
            if (all.least(s) > 0) return false;
            if (!all.crosses(s)) continue;
            if (crossing++ > 0 && all.cap(s) != units_) return false;
            units_ = all.cap(s);
        }
        if (crossing < FEWEST) return false;
        for (int64_t s = 0; s < all.count; ++s) {
            const int64_t cap = all.cap(s);
            if (cap == 0)
                open_[0] &= ~all.word(s, 0);
            else if (cap == units_)
                turn_[turns_++] = static_cast<int16_t>(s);
            else
                other_[others_++] = static_cast<int16_t>(s);
        }
        return (units_ == 1 || units_ == 2) && put_into_order(open_[0] & ((uint64_t{1} << n) - 1));
    }

    // Leaves those constraints that may bind and that no other contains, one after the other, as `find_intervals` does
    // for all candidates that may be given; false where these are not in intervals.
    bool put_into_order(uint64_t some) noexcept {
        uint64_t window[MOST_SHORT];
        for (int64_t t = 0; t < turns_; ++t) window[t] = constraints_->word(turn_[t], 0) & some;
        uint8_t order[MOST_SHORT];
        int16_t listed[MOST_SHORT];
        turns_ = Lanes::order_of_windows(window, turns_, units_, order);
        uint64_t before = 0, gone = 0, again = 0;
        for (int64_t k = 0; k < turns_; ++k) {
            const uint64_t now = window[order[k]];
            again |= now & ~before & gone;
            gone |= before & ~now;
            before = now;
            listed[k] = turn_[order[k]];
        }
        for (int64_t k = 0; k < turns_; ++k) turn_[k] = listed[k];
        return again == 0 && turns_ > 0;
    }
};

}  // namespace
}  // namespace couponry
