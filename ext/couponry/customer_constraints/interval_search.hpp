// The best choice under constraints that are intervals, as rolling windows are; see reference/intervals/, function by
// function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "customer_constraints/core_search.hpp"
#include "customer_constraints/interval_order.hpp"

namespace couponry {
namespace {

class IntervalSearch : public CoreSearch {
public:
    // As before; what was known of a customer is forgotten.
    bool load(const Constraints& constraints, int64_t n) noexcept {
        is_known_ = false;
        return CoreSearch::load(constraints, n);
    }
    bool make_room(int64_t n, int64_t words, int64_t constraints, int64_t rows, int64_t entries) noexcept {
        is_known_ = false;
        return CoreSearch::make_room(n, words, constraints, rows, entries);
    }

protected:
    // Whether the best choice is found, OUT in best_ with its worth. start_ is free, fixed_ given.
    bool search_intervals(int64_t given, int64_t total, int64_t& worth) noexcept {
        if (n_ > MOST_CANDIDATES || constraints_ > MOST_CONSTRAINTS || asking_ || lower_ > given) return false;
        if (!is_known_ || known_start_ != start_[0] || known_fixed_ != fixed_[0]) find_intervals();
        if (number_ == 0) return false;
        choose_intervals();
        best_[0] = fixed_[0] | taken_in_ | (start_[0] & positive_ & ~inside_any_);
        if (!keeps_everything()) return false;
        worth = total;
        for (uint64_t word = best_[0] & ~fixed_[0]; word; word &= word - 1) worth += value[lowest_bit(word)];
        return true;
    }

private:
    static constexpr int64_t MOST_CANDIDATES = 62, MOST_CONSTRAINTS = 64;
    static constexpr int8_t PAST = -1, BACK = -2;

    __extension__ typedef __int128
        Gain;  // what is gained, and below it a bit for each candidate, the first one's highest

    bool is_known_ = false;
    uint64_t known_start_ = 0, known_fixed_ = 0, inside_any_ = 0, taken_in_ = 0;
    int64_t number_ = 0, units_ = 0;
    uint64_t begins_[MOST_CONSTRAINTS + 1], ends_[MOST_CONSTRAINTS + 1];  // candidates, by the place where they do
    uint8_t first_[MOST_CANDIDATES], behind_[MOST_CANDIDATES];            // places of each candidate
    int8_t by_[MOST_CONSTRAINTS + 1];
    int32_t past_[MOST_CONSTRAINTS];
    Gain gain_[MOST_CONSTRAINTS + 1];

    bool keeps_everything() noexcept {
        if (count_bits(best_[0]) > upper_) return false;
        for (int64_t s = 0; s < constraints_; ++s)
            if (count_bits(best_[0] & mask_[s]) > cap_[s]) return false;
        return broken_row(best_).row < 0;
    }

    void find_intervals() noexcept {
        is_known_ = true;
        known_start_ = start_[0];
        known_fixed_ = fixed_[0];
        number_ = units_ = 0;
        inside_any_ = 0;
        for (int64_t s = 0; s < constraints_; ++s)
            if (crosses_[s] && residual_[s] > 0 && (units_ == 0 || residual_[s] < units_)) units_ = residual_[s];
        if (units_ == 0) return;
        uint64_t window[MOST_CONSTRAINTS];  // its free candidates
        const uint64_t left = windows(window);
        uint8_t order[MOST_CONSTRAINTS];
        const int64_t number = order_of(window, left, order);
        if (place_candidates(window, order, number)) number_ = number;
    }

    // Free candidates (OUT) of constraints that have so much room and may bind; a bit for each that no other contains.
    uint64_t windows(uint64_t* window) const noexcept {
        uint64_t left = 0;
        for (int64_t s = 0; s < constraints_; ++s) {
            window[s] = mask_[s] & start_[0];
            if (residual_[s] == units_ && count_bits(window[s]) > units_) left |= uint64_t{1} << s;
        }
        return without_contained(window, left);
    }

    // Whether each candidate is in intervals that come one after the other; where it begins and ends.
    bool place_candidates(const uint64_t* window, const uint8_t* order, int64_t number) noexcept {
        uint64_t gone = 0, before = 0;
        for (int64_t k = 0; k <= number; ++k) {
            const uint64_t now = k < number ? window[order[k]] : 0, fresh = now & ~before, ended = before & ~now;
            if (fresh & gone) return false;
            gone |= ended;
            begins_[k] = fresh;
            ends_[k] = ended;
            for (uint64_t word = fresh; word; word &= word - 1) first_[lowest_bit(word)] = static_cast<uint8_t>(k);
            for (uint64_t word = ended; word; word &= word - 1) behind_[lowest_bit(word)] = static_cast<uint8_t>(k);
            before = now;
        }
        inside_any_ = gone;
        return true;
    }

    // The candidates of the best flow, OUT in taken_in_.
    void choose_intervals() noexcept {
        taken_in_ = 0;
        for (int64_t k = 0; k < number_; ++k) past_[k] = 0;
        for (int64_t unit = 0; unit < units_; ++unit) {
            find_best_way(unit > 0);
            bool gains = false;
            for (int64_t at = number_; at > 0;) {
                const int64_t t = by_[at];
                if (t == PAST) {
                    ++past_[--at];
                } else if (t == BACK) {
                    --past_[at++];
                } else if (taken_in_ >> t & 1) {
                    taken_in_ &= ~(uint64_t{1} << t);
                    at = behind_[t];
                } else {
                    taken_in_ |= uint64_t{1} << t;
                    at = first_[t];
                    gains = true;
                }
            }
            if (!gains) return;
        }
    }

    COUPONRY_INLINE Gain gain_of(int64_t t) const noexcept {
        return value[t] * (Gain{1} << 64) + (Gain{1} << (MOST_CANDIDATES - 1 - t));
    }

    COUPONRY_INLINE bool reach(int64_t b, int64_t t, Gain gain) noexcept {
        if (gain <= gain_[b]) return false;
        by_[b] = static_cast<int8_t>(t);
        gain_[b] = gain;
        return true;
    }

    void find_best_way(bool may_return) noexcept {
        const uint64_t usable = positive_ & ~taken_in_;
        gain_[0] = 0;
        for (int64_t k = 1; k <= number_; ++k) gain_[k] = WORTH_NOTHING * (Gain{1} << 64);
        for (bool moved = true; moved;) {
            for (int64_t k = 0; k < number_; ++k) {
                const Gain here = gain_[k];
                reach(k + 1, PAST, here);
                for (uint64_t word = begins_[k] & usable; word; word &= word - 1) {
                    const int64_t t = lowest_bit(word);
                    reach(behind_[t], t, here + gain_of(t));
                }
            }
            moved = false;
            for (int64_t k = may_return ? number_ : 0; k > 0; --k) {
                const Gain here = gain_[k];
                if (past_[k - 1] > 0) moved |= reach(k - 1, BACK, here);
                for (uint64_t word = ends_[k] & taken_in_; word; word &= word - 1) {
                    const int64_t t = lowest_bit(word);
                    moved |= reach(first_[t], t, here - gain_of(t));
                }
            }
        }
    }
};

}  // namespace
}  // namespace couponry
