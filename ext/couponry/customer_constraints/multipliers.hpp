// Multipliers on all of a customer's constraints and rows, and what they bound any choice by; see
// reference/rows/multipliers.py, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <algorithm>
#include <cstdint>

#include "customer_constraints/group_charges.hpp"

namespace couponry {
namespace {

class Multipliers : public GroupCharges {
public:
    bool load(const Constraints& constraints, int64_t n) noexcept {
        return GroupCharges::load(constraints, n) && make_room_for_multipliers();
    }
    bool make_room(int64_t n, int64_t words, int64_t constraints, int64_t rows, int64_t entries) noexcept {
        return GroupCharges::make_room(n, words, constraints, rows, entries) && make_room_for_multipliers();
    }

protected:
    static constexpr int64_t MOST = int64_t{1} << 62;

    template <int W>
    void find_multipliers() noexcept {
        int64_t largest = 0;
        for (int64_t s = 0; s < sets(); ++s) constraint_price_[s] = 0;
        for (int64_t r = 0; r < rows_; ++r) row_price_[r] = 0;
        for (int64_t x = 0; has_groups_ && x < rows_ * n_; ++x) charge_[x] = 0;
        for (int64_t t = 0; t < n_; ++t) left_value_[t] = value[t];
        each<W>(open_, [&](int64_t t) { largest = std::max(largest, value[t]); });
        copy<W>(moved_, open_);
        for (int64_t sweep = 0; sweep < SWEEPS && first<W>(moved_) >= 0; ++sweep) {
            copy<W>(moved_before_, moved_);
            none<W>(moved_);
            if (has_groups_) sweep_over<W>(true, largest >> LITTLE);
            sweep_over<W>(false, largest >> LITTLE);
        }
        for (int64_t r = 0; r < rows_; ++r)
            if (counts_groups_[r]) row_price_[r] = given_back<W>(r, fixed_, open_);
    }

    // What no choice is worth more than, besides what is given in any case; MOST: too much to be told.
    template <int W>
    int64_t bound_at_multipliers() const noexcept {
        int64_t most = 0;
        const auto add = [&](int64_t more) { most = std::min(MOST, most + more); };
        for (int64_t s = 0; s < sets(); ++s)
            if (owner_[s] < 0 && constraint_price_[s] > 0) add(constraint_price_[s] * room_[s]);
        for (int64_t r = 0; r < rows_; ++r)
            if (counts_groups_[r]) add(row_price_[r]);
        each<W>(open_, [&](int64_t t) { add(std::max<int64_t>(left_value_[t], 0)); });
        if (most == MOST) return MOST;
        for (int64_t s = 0; s < sets(); ++s)
            if (constraint_price_[s] < 0) most += constraint_price_[s] * asked_[s];
        for (int64_t r = 0; r < rows_; ++r)
            if (!counts_groups_[r] && side_[r] != 0) most += row_price_[r] * room_of_row(r);
        return most;
    }

private:
    static constexpr int64_t SWEEPS = 12;
    static constexpr int LITTLE = 7, ROOM_OF_PRICES = 60;

    GrowingMemory multiplier_memory_;
    uint64_t* moved_before_;  // candidates of which a multiplier moved in the sweep before
    int64_t *rate_, *slope_;

    bool make_room_for_multipliers() noexcept {
        if (!fits_core()) return true;
        if (!multiplier_memory_.reserve(words_ + 2 * n_ + 3 * GrowingMemory::GAP)) return false;
        moved_before_ = multiplier_memory_.bits(words_);
        for (int64_t** array : {&rate_, &slope_}) *array = multiplier_memory_.some(n_);
        return true;
    }

    // What is within groups, or all else.
    template <int W>
    void sweep_over(bool within_group, int64_t little) noexcept {
        for (int64_t s = 0; s < sets(); ++s)
            if ((owner_[s] >= 0) == within_group && has_moved<W>(member<W>(s))) price_constraint<W>(s, little);
        for (int64_t r = 0; r < rows_; ++r) {
            if (side_[r] == 0 || (counts_groups_[r] != 0) != within_group) continue;
            if (!has_moved<W>(adds_to_row_ + r * words<W>())) continue;
            if (within_group)
                charge_groups<W>(r, little);
            else
                price_row<W>(r);
        }
    }

    template <int W>
    COUPONRY_INLINE bool has_moved(const uint64_t* some) const noexcept {
        uint64_t moved = 0;
        for (int64_t w = 0; w < words<W>(); ++w) moved |= some[w] & open_[w] & (moved_[w] | moved_before_[w]);
        return moved != 0;
    }

    // The largest values come OUT in top_, so many at most and one more; how many of all are above 0.
    template <int W>
    COUPONRY_INLINE int64_t find_top(int64_t s, int64_t many, bool all) noexcept {
        const int64_t old = constraint_price_[s];
        int64_t kept = 0, positive = 0;
        each<W>(member<W>(s), [&](int64_t t) {
            const int64_t its = left_value_[t] + old;
            positive += its > 0;
            if ((its <= 0 && !all) || (kept > many && its <= top_[many])) return;
            int64_t at = kept <= many ? kept++ : many;
            for (; at > 0 && top_[at - 1] < its; --at) top_[at] = top_[at - 1];
            top_[at] = its;
        });
        return positive;
    }

    template <int W>
    void price_constraint(int64_t s, int64_t little) noexcept {
        const int64_t cap = room_[s], asked = asked_[s], old = constraint_price_[s];
        const int64_t members = count<W>(member<W>(s));
        if (members <= cap && asked == 0) return;
        const int64_t positive = find_top<W>(s, members > cap ? cap : asked, asked > 0);
        int64_t now = 0;
        if (positive > cap) {
            now = top_[cap];
            if (cap > 0) now += (top_[cap - 1] - now) / 2;
        } else if (positive < asked) {
            now = top_[asked - 1];
            if (asked < members) now -= (now - top_[asked]) / 2;
            now = std::max(now, -((int64_t{1} << ROOM_OF_PRICES) / (asking_sets_ * asked)));
        }
        const int64_t by = now - old;
        if (by <= little && -by <= little) return;
        constraint_price_[s] = now;
        each<W>(member<W>(s), [&](int64_t t) { left_value_[t] -= by; });
        for (int64_t w = 0; w < words<W>(); ++w) moved_[w] |= member<W>(s)[w];
    }

    template <int W>
    void price_row(int64_t r) noexcept {
        const uint64_t* const adds = adds_to_row_ + r * words<W>();
        const int64_t* const weight = weight_in_ + r * n_;
        const int64_t side = side_[r], old = row_price_[r];
        int64_t beyond = -room_of_row(r), size = std::max<int64_t>(1, beyond), changing = 0;
        each_of_both<W>(adds, open_, [&](int64_t t) {
            const int64_t w = side * weight[t], by_size = w < 0 ? -w : w;
            const int64_t its = left_value_[t] += old * w;
            size = std::max(size, by_size);
            if (its > 0) beyond += w;
            if ((w > 0) != (its > 0)) return;  // it changes at no price
            rate_[changing] = (its < 0 ? -its : its) / by_size;
            slope_[changing++] = by_size;
        });
        int64_t price = 0, done = 0;
        for (; beyond > 0 && done < changing; ++done) {  // what changes next
            const int64_t next = std::min_element(rate_ + done, rate_ + changing) - rate_;
            std::swap(rate_[done], rate_[next]);
            std::swap(slope_[done], slope_[next]);
            price = rate_[done];
            beyond -= slope_[done];
        }
        if (done > 0 && old > price) ++price;  // rounded to where it comes from
        const int64_t now = std::min(price, (int64_t{1} << ROOM_OF_PRICES) / rows_ / size);
        row_price_[r] = now;
        each_of_both<W>(adds, open_, [&](int64_t t) { left_value_[t] -= now * side * weight[t]; });
        if (now != old)
            for (int64_t w = 0; w < words<W>(); ++w) moved_[w] |= adds[w] & open_[w];
    }
};

}  // namespace
}  // namespace couponry
