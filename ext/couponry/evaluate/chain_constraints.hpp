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
    static constexpr int64_t MOST_TURNS = TurnHeads::MOST;

    // Whether the constraints of a customer with n candidates may be intervals with room for one or two each.
    bool look_at(const Constraints& constraints, int64_t n) noexcept {
        constraints_ = &constraints;
        words_ = constraints.words;
        turns_ = others_ = implied_ = units_ = 0;
        if (words_ > MOST_WORDS || constraints.count > MOST_TURNS) return false;
        for (int64_t w = 0; w < words_; ++w) open_[w] = ~uint64_t{0};
        if (constraints.is_short) open_[0] = (uint64_t{1} << n) - 1;
        return find_turns() && (units_ == 1 || units_ == 2);
    }

    int64_t units() const noexcept { return units_; }
    int64_t turns() const noexcept { return turns_; }

    // Candidates that no constraint rules out.
    const uint64_t* open() const noexcept { return open_; }

    // Finds which intervals the candidates are in that may be given; false where these are none.
    bool place() noexcept {
        const int64_t apart = constraints_->is_short ? 1 : 1 + words_, first = constraints_->is_short ? 0 : 1;
        uint64_t again = 0;
        for (int64_t w = 0; w < words_; ++w)
            again |= Lanes::intervals(constraints_->at + first + w, apart, at_ + 1, turns_, open_[w], begin_ + WORD * w,
                                      end_ + WORD * w);
        return again == 0;
    }

    // The intervals begin <= k < end of a candidate; end is 0 where it is in none.
    int64_t begin(int64_t j) const noexcept { return begin_[j]; }
    int64_t end(int64_t j) const noexcept { return end_[j]; }

    // The same of all candidates, and up to the next multiple of WORD.
    const uint8_t* begins() const noexcept { return begin_; }
    const uint8_t* ends() const noexcept { return end_; }

    // Constraints that are no intervals, and do not follow from them.
    int64_t others() const noexcept { return others_; }
    uint64_t word_of_other(int64_t o, int64_t w) const noexcept { return constraints_->word(other_[o], w) & open_[w]; }
    int64_t cap_of_other(int64_t o) const noexcept { return constraints_->cap(other_[o]); }

    // How many of its candidates are among some.
    int64_t held_of_other(int64_t o, const uint64_t* some) const noexcept { return held(other_[o], some); }

    // Adds its candidates to some of them, if it may bind and they are any of it.
    void add_other(int64_t o, uint64_t* some) const noexcept {
        int64_t size = 0;
        uint64_t both = 0;
        for (int64_t w = 0; w < words_; ++w) {
            size += count_bits(word_of_other(o, w));
            both |= word_of_other(o, w) & some[w];
        }
        if (both == 0 || cap_of_other(o) >= size) return;
        for (int64_t w = 0; w < words_; ++w) some[w] |= word_of_other(o, w);
    }

    // The first of these that a choice breaks; -1: none.
    int64_t other_broken_by(const uint64_t* picks) const noexcept {
        for (int64_t o = 0; o < others_; ++o)
            if (held(other_[o], picks) > constraints_->cap(other_[o])) return o;
        return -1;
    }

    // Whether a choice keeps all intervals and other constraints.
    bool keeps_caps(const uint64_t* picks) const noexcept {
        for (int64_t t = 0; t < turns_; ++t)
            if (held(at_[t + 1], picks) > units_) return false;
        return other_broken_by(picks) < 0;
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
    const Constraints* constraints_ = nullptr;
    int64_t words_ = 0, turns_ = 0, others_ = 0, implied_ = 0, units_ = 0;
    int16_t at_[MOST_TURNS + 1];  // which constraint has each turn, from 1 on; the first one: some that has none
    int16_t other_[MOST_TURNS + 1], follows_[MOST_TURNS + 1];  // which constraint it is
    uint64_t open_[RowSteps::SET_WORDS];
    alignas(64) uint8_t begin_[WORD * MOST_WORDS], end_[WORD * MOST_WORDS];  // of candidates

    bool find_turns() noexcept {
        const Constraints& all = *constraints_;
        const int64_t apart = all.is_short ? 1 : 1 + words_;
        TurnHeads heads;
        Lanes::read_heads(all.at, apart, all.count, HeadBits::of(all.is_short), heads);
        if (heads.asked || heads.number != heads.most || heads.caps_or != heads.caps_and) return false;
        turns_ = heads.most;
        for (int64_t t = 1; t <= turns_; ++t) at_[t] = -1;
        for (int64_t s = 0; s < all.count; ++s) at_[heads.turn[s]] = static_cast<int16_t>(s);
        for (int64_t from = 0; from < all.count; from += WORD)
            for (uint64_t word = heads.none[from / WORD]; word; word &= word - 1) {
                const int64_t s = from + lowest_bit(word);
                if (all.cap(s) > 0)
                    other_[others_++] = static_cast<int16_t>(s);
                else
                    for (int64_t w = 0; w < words_; ++w) open_[w] &= ~all.word(s, w);
            }
        units_ = heads.caps_or;
        int missing = 0;
        for (int64_t t = 1; t <= turns_; ++t) missing |= at_[t];
        if (missing < 0) return false;
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
};

}  // namespace
}  // namespace couponry
