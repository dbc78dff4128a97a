// The best choice among the few candidates that multipliers on all constraints and rows leave open; see
// reference/rows/core_search.py, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <algorithm>
#include <cstdint>

#include "customer_constraints/multipliers.hpp"

namespace couponry {
namespace {

class CoreSearch : public Multipliers {
public:
    bool load(const Constraints& constraints, int64_t n) noexcept {
        return Multipliers::load(constraints, n) && make_room_for_core();
    }
    bool make_room(int64_t n, int64_t words, int64_t constraints, int64_t rows, int64_t entries) noexcept {
        return Multipliers::make_room(n, words, constraints, rows, entries) && make_room_for_core();
    }

protected:
    // What is known of the best choice, unless the worth is WORTH_NOTHING: OUT in best_ where it is found, else in
    // of_core_, while others are searched for.
    struct Core {
        int64_t worth = WORTH_NOTHING, most = WORTH_NOTHING;
    };

    uint64_t* of_core_;

    bool asks_for_nothing(int64_t given) const noexcept {
        if (asking_ || lower_ > given) return false;
        for (int64_t r = 0; r < rows_; ++r)
            if (counts_groups_[r]) return false;
        return true;
    }

    // Whether the best choice is found; start_ is free, fixed_ given, so many and worth so much in all.
    template <int W>
    bool search_core(int64_t given, int64_t total, int64_t nodes, Core& found) noexcept {
        if (!fits_core()) return false;
        relax<W>(given);
        find_multipliers<W>();
        list_sets<W>();
        const int64_t bound = bound_at_multipliers<W>();
        if (bound == MOST) return false;
        const int64_t most = total + bound;
        int64_t worth = 0;
        const bool is_known = guess<W>(false, worth) || guess<W>(true, worth);
        worth = is_known ? worth + total : WORTH_NOTHING;
        copy<W>(chosen_, fixed_);
        core_ = 0;
        each<W>(open_, [&](int64_t t) {
            if (is_known && left_value_[t] > most - worth) {
                set(chosen_, t);
                total += value[t];
            } else if (!is_known || left_value_[t] >= worth - most) {
                core_at_[core_++] = t;
            }
        });
        std::sort(core_at_, core_at_ + core_, [this](int64_t a, int64_t b) {
            const int64_t of_a = size_of(a), of_b = size_of(b);
            return of_a != of_b ? of_a > of_b : a < b;
        });
        const bool ended = explore_core<W>(total, most, nodes, worth);
        if (worth == WORTH_NOTHING) return false;
        if (!ended) copy<W>(of_core_, best_);
        found.worth = worth;
        found.most = ended ? worth : std::max(most, worth + 1);
        return ended;
    }

private:
    GrowingMemory core_memory_;
    int64_t core_ = 0, priced_sets_ = 0, set_words_ = 0;
    int64_t *core_at_, *low_now_, *high_now_, *tried_, *priced_set_, *asking_set_, *guess_turn_;
    uint64_t *rest_, *sets_of_, *chosen_;  // what is left behind each core candidate; constraints of each

    bool make_room_for_core() noexcept {
        if (!fits_core()) return true;
        set_words_ = (constraints_ + 63) / 64;
        const int64_t needed = (n_ + 3) * words_ + n_ * set_words_ + 3 * n_ + 1 + 2 * rows_ + 2 * sets();
        if (!core_memory_.reserve(needed + 12 * GrowingMemory::GAP)) return false;
        for (int64_t** array : {&core_at_, &guess_turn_}) *array = core_memory_.some(n_);
        tried_ = core_memory_.some(n_ + 1);
        for (int64_t** array : {&low_now_, &high_now_}) *array = core_memory_.some(rows_);
        for (int64_t** array : {&priced_set_, &asking_set_}) *array = core_memory_.some(sets());
        rest_ = core_memory_.bits((n_ + 1) * words_);
        sets_of_ = core_memory_.bits(n_ * set_words_);
        for (uint64_t** bits : {&chosen_, &of_core_}) *bits = core_memory_.bits(words_);
        return true;
    }

    int64_t size_of(int64_t t) const noexcept { return left_value_[t] < 0 ? -left_value_[t] : left_value_[t]; }

    // Constraints of each candidate, a bit for each; those with a multiplier, and those that ask for something.
    template <int W>
    void list_sets() noexcept {
        for (int64_t x = 0; x < n_ * set_words_; ++x) sets_of_[x] = 0;
        int64_t asking = 0;
        priced_sets_ = 0;
        for (int64_t s = 0; s < sets(); ++s) {
            if (s < constraints_)
                each<W>(member<W>(s), [&](int64_t t) { sets_of_[t * set_words_ + s / 64] |= uint64_t{1} << (s % 64); });
            if (constraint_price_[s] != 0 && owner_[s] < 0) priced_set_[priced_sets_++] = s;
            if (asked_[s] > 0) asking_set_[asking++] = s;
        }
    }

    // How much of a constraint is in `chosen` and, where that is given, `rest`, besides what is given in any case.
    template <int W>
    COUPONRY_INLINE int64_t added_to(int64_t s, const uint64_t* rest = nullptr) const noexcept {
        int64_t added = 0;
        for (int64_t w = 0; w < words<W>(); ++w)
            added += count_bits(member<W>(s)[w] & (rest ? chosen_[w] | rest[w] : chosen_[w]));
        return added;
    }

    // Whether there is a choice that keeps everything, OUT in best_ with what it adds to the worth.
    template <int W>
    bool guess(bool strict, int64_t& worth) noexcept {
        int64_t count = 0;
        each<W>(open_, [&](int64_t t) {
            if (value[t] > 0 || asking_sets_ > 0) guess_turn_[count++] = t;
        });
        std::sort(guess_turn_, guess_turn_ + count, [this](int64_t a, int64_t b) {
            return left_value_[a] != left_value_[b] ? left_value_[a] > left_value_[b] : a < b;
        });
        copy<W>(chosen_, fixed_);
        worth = 0;
        for (int round = asking_sets_ > 0 ? 0 : 2; round < 4; ++round)
            for (int64_t k = 0; k < count; ++k) {
                const int64_t t = guess_turn_[k];
                if (test(chosen_, t) || (round < 2 ? !is_asked_for<W>(t) : value[t] < 0) || !has_room<W>(t)) continue;
                set(chosen_, t);
                if (keeps_rows<W>(strict))
                    worth += value[t];
                else
                    clear(chosen_, t);
            }
        copy<W>(best_, chosen_);
        return keeps_rows<W>(true) && keeps_needs<W>();
    }

    template <int W>
    bool is_asked_for(int64_t t) const noexcept {
        for (int64_t k = 0; k < asking_sets_; ++k) {
            const int64_t s = asking_set_[k];
            if (test(member<W>(s), t) && added_to<W>(s) < asked_[s]) return true;
        }
        return false;
    }

    template <int W>
    bool has_room(int64_t t) const noexcept {
        if (added_to<W>(constraints_) >= room_[constraints_]) return false;
        for (int64_t w = 0; w < set_words_; ++w)
            for (uint64_t word = sets_of_[t * set_words_ + w]; word; word &= word - 1) {
                const int64_t s = 64 * w + lowest_bit(word);
                if (added_to<W>(s) >= room_[s]) return false;
            }
        return true;
    }

    template <int W>
    bool keeps_needs(const uint64_t* rest = nullptr) const noexcept {
        for (int64_t k = 0; k < asking_sets_; ++k)
            if (added_to<W>(asking_set_[k], rest) < asked_[asking_set_[k]]) return false;
        return true;
    }

    // Not strict: whether rows are broken but by too little, where more adds to them.
    template <int W>
    bool keeps_rows(bool strict) noexcept {
        for (int64_t r = 0; r < rows_; ++r) {
            if (counts_groups_[r]) {
                if (!can_keep_groups(r, nullptr, strict)) return false;
                continue;
            }
            if (common<W>(inside_row_ + r * words<W>(), chosen_) == 0) continue;
            int64_t sum = 0;
            const int64_t* const weight = weight_in_ + r * n_;
            each_of_both<W>(adds_to_row_ + r * words<W>(), chosen_, [&](int64_t t) { sum += weight[t]; });
            if (sum > high_[r] || (sum < low_[r] && (strict || !adds_only_[r]))) return false;
        }
        return true;
    }

    // Goes through the choices of core candidates, beside those chosen; false when there are too many.
    template <int W>
    bool explore_core(int64_t total, int64_t most, int64_t nodes, int64_t& worth) noexcept {
        begin_core<W>();
        int64_t depth = 0, lost = 0;
        bool comes = true;  // to a candidate, and does not go back
        while (true) {
            if (comes && --nodes < 0) return false;
            if (comes && depth < core_) {
                tried_[depth] = 0;
            } else {
                const bool better = total > worth || (total == worth && comes_first<W>(chosen_, best_));
                if (comes && better && keeps_rows<W>(true) && keeps_needs<W>()) {
                    worth = total;
                    copy<W>(best_, chosen_);
                }
                if (depth == 0) return true;
                const int64_t t = core_at_[--depth];
                const bool taken = test(chosen_, t);
                lost -= loss_of(t, taken);
                total -= taken ? value[t] : 0;
                clear(chosen_, t);
                decide(t, taken, -1);
            }
            const int64_t t = core_at_[depth];
            comes = false;
            while (!comes && tried_[depth] < 2) {
                const bool takes = (left_value_[t] > 0) == (tried_[depth]++ == 0);  // what costs nothing first
                const int64_t bound = most - lost - loss_of(t, takes);
                if (bound < worth || (takes && !has_room<W>(t))) continue;
                if (takes) set(chosen_, t);
                decide(t, takes, 1);
                const uint64_t* const rest = rest_ + depth * words<W>();
                comes = can_keep_rows<W>(t, rest) && keeps_needs<W>(rest) && bound - unused<W>(rest) >= worth;
                if (comes) {
                    lost += loss_of(t, takes);
                    total += takes ? value[t] : 0;
                } else {
                    clear(chosen_, t);
                    decide(t, takes, -1);
                }
            }
            depth += comes;
        }
    }

    // What rows may come to, and what is left behind each core candidate.
    template <int W>
    void begin_core() noexcept {
        none<W>(rest_ + core_ * words<W>());
        for (int64_t c = core_ - 1; c >= 0; --c) {
            uint64_t* const rest = rest_ + c * words<W>();
            copy<W>(rest, rest + words<W>());
            if (c + 1 < core_) set(rest, core_at_[c + 1]);
        }
        for (int64_t r = 0; r < rows_; ++r) {
            const int64_t* const weight = weight_in_ + r * n_;
            int64_t low = 0, high = 0;
            each_of_both<W>(adds_to_row_ + r * words<W>(), chosen_, [&](int64_t t) {
                low += weight[t];
                high += weight[t];
            });
            for (int64_t c = 0; c < core_; ++c) (weight[core_at_[c]] < 0 ? low : high) += weight[core_at_[c]];
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
            const int64_t of_t = weight_in_[r * n_ + t], w = by * of_t;
            if (takes)
                (of_t < 0 ? high_now_[r] : low_now_[r]) += w;
            else
                (of_t < 0 ? low_now_[r] : high_now_[r]) -= w;
        }
    }

    template <int W>
    bool can_keep_rows(int64_t t, const uint64_t* rest) noexcept {
        for (int64_t r = 0; r < rows_; ++r) {
            if (counts_groups_[r]) {
                if (test(inside_row_ + r * words<W>(), t) && !can_keep_groups(r, rest)) return false;
                continue;
            }
            const uint64_t* const adds = adds_to_row_ + r * words<W>();
            if (test(adds, t) && (low_now_[r] > high_[r] || high_now_[r] < low_[r]) &&
                (binds_[r] || common<W>(adds, chosen_) > 0))
                return false;
        }
        return true;
    }

    // Whether a row that counts groups may be kept by what is chosen, and some of the rest.
    bool can_keep_groups(int64_t r, const uint64_t* rest, bool strict = true) noexcept {
        int64_t some = 0, given = 0, possible = 0;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t t = where_[x], g = weight_of_[x];
            const bool is_chosen = test(chosen_, t);
            some += is_chosen;
            if (g == NO_GROUP || !(is_chosen || (rest && test(rest, t)))) continue;
            possible += label_[g] == 0;
            given += is_chosen && label_[g] < 2;
            label_[g] = is_chosen ? 2 : std::max<int64_t>(label_[g], 1);
        }
        clear_labels(r);
        return some == 0 || (given <= high_[r] && (possible >= low_[r] || !strict));
    }

    // What is paid at the multipliers for room that nobody is left to use, and for more than is asked for.
    template <int W>
    int64_t unused(const uint64_t* rest) noexcept {
        int64_t loss = 0;
        for (int64_t k = 0; k < priced_sets_; ++k) {
            const int64_t s = priced_set_[k], price = constraint_price_[s];
            const int64_t amiss = price > 0 ? room_[s] - added_to<W>(s, rest) : asked_[s] - added_to<W>(s);
            if ((amiss > 0) == (price > 0)) loss += amiss * price;
        }
        for (int64_t r = 0; r < rows_; ++r) {
            if (side_[r] == 0) continue;
            if (counts_groups_[r]) {
                loss += row_price_[r] - given_back<W>(r, chosen_, rest);
                continue;
            }
            const int64_t left = side_[r] > 0 ? high_[r] - high_now_[r] : low_now_[r] - low_[r];
            loss += left > 0 ? left * row_price_[r] : 0;
        }
        return loss;
    }
};

}  // namespace
}  // namespace couponry
