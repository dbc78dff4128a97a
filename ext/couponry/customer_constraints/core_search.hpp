// The best choice among the few candidates that multipliers on all constraints and rows leave open; see
// reference/rows/core_search.py, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "customer_constraints/multipliers.hpp"

namespace couponry {
namespace {

class CoreSearch : public Multipliers {
protected:
    // Whether the best choice is found, OUT in best_ with its worth, of a customer who can be priced.
    bool search_core(int64_t given, int64_t total, int64_t nodes, int64_t& worth) noexcept {
        relax(given);
        find_multipliers();
        list_sets();
        const int64_t most = total + bound_at_multipliers();
        if (!guess(worth)) return false;
        worth += total;
        uint64_t sure = given_in_;
        core_ = 0;
        for (uint64_t word = open_; word; word &= word - 1) {
            const int64_t t = lowest_bit(word);
            if (left_value_[t] > most - worth) {
                sure |= uint64_t{1} << t;
                total += value[t];
            } else if (left_value_[t] >= worth - most) {
                int64_t at = core_++;
                for (; at > 0 && size_of(core_at_[at - 1]) < size_of(t); --at) core_at_[at] = core_at_[at - 1];
                core_at_[at] = t;
            }
        }
        return explore_core(sure, total, most, nodes, worth);
    }

private:
    struct PricedSet {
        uint64_t members;
        int64_t room, price;
    };

    int64_t core_ = 0, core_at_[MOST_CANDIDATES], low_now_[MOST_ROWS], high_now_[MOST_ROWS], priced_sets_ = 0;
    uint64_t rest_[MOST_CANDIDATES], sets_of_[MOST_CANDIDATES];
    uint8_t tried_[MOST_CANDIDATES];
    PricedSet priced_set_[MOST_CONSTRAINTS + 1];

    int64_t size_of(int64_t t) const noexcept { return left_value_[t] < 0 ? -left_value_[t] : left_value_[t]; }

    // Constraints of each candidate, a bit for each, and those with a multiplier.
    void list_sets() noexcept {
        for (int64_t t = 0; t < n_; ++t) sets_of_[t] = 0;
        priced_sets_ = 0;
        for (int64_t s = 0; s < sets_; ++s) {
            for (uint64_t word = s < constraints_ ? member_[s] : 0; word; word &= word - 1)
                sets_of_[lowest_bit(word)] |= uint64_t{1} << s;
            if (constraint_price_[s] != 0) priced_set_[priced_sets_++] = {member_[s], room_[s], constraint_price_[s]};
        }
    }

    // Whether there is a choice that keeps everything, OUT in best_ with what it adds to the worth.
    bool guess(int64_t& worth) noexcept {
        int64_t turn[MOST_CANDIDATES];
        int64_t count = 0;
        for (uint64_t word = open_ & positive_; word; word &= word - 1) {
            const int64_t t = lowest_bit(word);
            int64_t at = count++;
            for (; at > 0 && left_value_[turn[at - 1]] < left_value_[t]; --at) turn[at] = turn[at - 1];
            turn[at] = t;
        }
        uint64_t chosen = given_in_;
        worth = 0;
        for (int64_t again = 0; again < 2 * count; ++again) {
            const int64_t t = turn[again < count ? again : again - count];
            const uint64_t with = chosen | uint64_t{1} << t;
            if (with == chosen || !has_room(chosen, t) || !keeps_rows(with)) continue;
            chosen = with;
            worth += value[t];
        }
        best_[0] = chosen;
        return keeps_rows(chosen);
    }

    bool has_room(uint64_t chosen, int64_t t) const noexcept {
        const uint64_t added = chosen & open_;
        if (count_bits(added) >= room_[constraints_]) return false;
        for (uint64_t word = sets_of_[t]; word; word &= word - 1) {
            const int64_t s = lowest_bit(word);
            if (count_bits(member_[s] & added) >= room_[s]) return false;
        }
        return true;
    }

    bool keeps_rows(uint64_t chosen) const noexcept {
        for (int64_t r = 0; r < rows_; ++r) {
            if (!(inside_row_[r] & chosen)) continue;
            int64_t sum = 0;
            for (uint64_t word = adds_to_row_[r] & chosen; word; word &= word - 1)
                sum += weight_in_[r][lowest_bit(word)];
            if (sum > high_[r] || sum < low_[r]) return false;
        }
        return true;
    }

    // Goes through the choices of core candidates; false when there are too many.
    bool explore_core(uint64_t chosen, int64_t total, int64_t most, int64_t nodes, int64_t& worth) noexcept {
        begin_core(chosen);
        int64_t depth = 0, lost = 0;
        bool comes = true;  // to a candidate, and does not go back
        while (true) {
            if (comes && --nodes < 0) return false;
            if (comes && depth < core_) {
                tried_[depth] = 0;
            } else {
                const bool better = total > worth || (total == worth && comes_first<1>(&chosen, best_));
                if (comes && better && keeps_rows(chosen)) {
                    worth = total;
                    best_[0] = chosen;
                }
                if (depth == 0) return true;
                const int64_t t = core_at_[--depth];
                const bool taken = chosen >> t & 1;
                lost -= loss_of(t, taken);
                total -= taken ? value[t] : 0;
                chosen &= ~(uint64_t{1} << t);
                decide(t, taken, -1);
            }
            const int64_t t = core_at_[depth];
            comes = false;
            while (!comes && tried_[depth] < 2) {
                const bool takes = (left_value_[t] > 0) == (tried_[depth]++ == 0);  // what costs nothing first
                const int64_t bound = most - lost - loss_of(t, takes);
                if (bound < worth || (takes && !has_room(chosen, t))) continue;
                const uint64_t with = takes ? chosen | uint64_t{1} << t : chosen;
                decide(t, takes, 1);
                comes = can_keep_rows(t, with) && bound - unused(with | rest_[depth]) >= worth;
                if (comes) {
                    chosen = with;
                    lost += loss_of(t, takes);
                    total += takes ? value[t] : 0;
                } else {
                    decide(t, takes, -1);
                }
            }
            depth += comes;
        }
    }

    // What rows may come to, and what is left behind each core candidate.
    void begin_core(uint64_t sure) noexcept {
        uint64_t rest = 0;
        for (int64_t c = core_; c-- > 0; rest |= uint64_t{1} << core_at_[c]) rest_[c] = rest;
        for (int64_t r = 0; r < rows_; ++r) {
            int64_t low = 0, high = 0;
            for (uint64_t word = adds_to_row_[r] & (sure | rest); word; word &= word - 1) {
                const int64_t t = lowest_bit(word), w = weight_in_[r][t];
                if (w < 0 || sure >> t & 1) low += w;
                if (w > 0 || sure >> t & 1) high += w;
            }
            low_now_[r] = low;
            high_now_[r] = high;
        }
    }

    int64_t loss_of(int64_t t, bool taken) const noexcept {
        const int64_t loss = taken ? -left_value_[t] : left_value_[t];
        return loss > 0 ? loss : 0;
    }

    // Counts that a candidate is taken or left in what rows may come to, or (by = -1) no more.
    void decide(int64_t t, bool takes, int64_t by) noexcept {
        for (int64_t r = 0; r < rows_; ++r) {
            const int64_t w = by * weight_in_[r][t];
            if (takes)
                (weight_in_[r][t] < 0 ? high_now_[r] : low_now_[r]) += w;
            else
                (weight_in_[r][t] < 0 ? low_now_[r] : high_now_[r]) -= w;
        }
    }

    bool can_keep_rows(int64_t t, uint64_t chosen) const noexcept {
        for (int64_t r = 0; r < rows_; ++r)
            if ((adds_to_row_[r] >> t & 1) && (binds_[r] || (adds_to_row_[r] & chosen)) &&
                (low_now_[r] > high_[r] || high_now_[r] < low_[r]))
                return false;
        return true;
    }

    // What is paid at the multipliers for room that nobody is left to use.
    int64_t unused(uint64_t possible) const noexcept {
        int64_t loss = 0;
        for (int64_t k = 0; k < priced_sets_; ++k) {
            const int64_t left = priced_set_[k].room - count_bits(priced_set_[k].members & possible);
            loss += left > 0 ? left * priced_set_[k].price : 0;
        }
        for (int64_t r = 0; r < rows_; ++r) {
            if (side_[r] == 0) continue;
            const int64_t left = side_[r] > 0 ? high_[r] - high_now_[r] : low_now_[r] - low_[r];
            loss += left > 0 ? left * row_price_[r] : 0;
        }
        return loss;
    }
};

}  // namespace
}  // namespace couponry
