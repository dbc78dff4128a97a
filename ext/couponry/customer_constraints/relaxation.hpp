// What of a customer's constraints and rows is left to choose under, where a search begins; see
// reference/rows/relaxed.py, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <algorithm>
#include <cstdint>

#include "customer_constraints/row_search.hpp"

namespace couponry {
namespace {

class Relaxation : public RowSearch {
public:
    bool load(const Constraints& constraints, int64_t n) noexcept {
        return RowSearch::load(constraints, n) && make_room_for_relaxation();
    }
    bool make_room(int64_t n, int64_t words, int64_t constraints, int64_t rows, int64_t entries) noexcept {
        return RowSearch::make_room(n, words, constraints, rows, entries) && make_room_for_relaxation();
    }

protected:
    // See `Relaxed`. The number of coupons is the last constraint.
    uint64_t *open_, *member_, *inside_row_, *adds_to_row_;  // of rows: all candidates, those with a coefficient
    int64_t *room_, *asked_, *weight_in_, *base_, *side_, *binds_;
    int64_t* adds_only_;             // whether no candidate takes anything off a row
    int64_t *owner_, *owner_group_;  // a row and its group that all of a constraint is within; -1: none
    int64_t asking_sets_ = 0;
    bool has_groups_ = false;  // that are charged for

    // Whether there is not too much of anything; else there is no room for any of it.
    bool fits_core() const noexcept {
        return n_ <= MOST_CANDIDATES && constraints_ <= MOST_CONSTRAINTS && rows_ <= MOST_ROWS;
    }

    int64_t sets() const noexcept { return constraints_ + 1; }
    template <int W>
    COUPONRY_INLINE const uint64_t* member(int64_t s) const noexcept {
        return member_ + s * words<W>();
    }

    // start_ is free, fixed_ given.
    template <int W>
    void relax(int64_t given) noexcept {
        find_needed<W>(given);
        for (int64_t w = 0; w < words<W>(); ++w) open_[w] = start_[w] & needed_[w];
        const int64_t all = count<W>(open_);
        asking_sets_ = 0;
        for (int64_t s = 0; s < sets(); ++s) {
            const bool of_all = s == constraints_;
            for (int64_t w = 0; w < words<W>(); ++w)
                member_[s * words<W>() + w] = of_all ? open_[w] : mask_[s * words<W>() + w] & open_[w];
            room_[s] = of_all ? upper_ - given : residual_[s];
            const int64_t need = of_all ? lower_ - given : (asking_ ? need_[s] : 0);
            asked_[s] = 0;
            if (need <= 0) continue;
            const int64_t there = of_all ? all : count<W>(member<W>(s));
            asked_[s] = std::max<int64_t>(0, std::min({need, room_[s], there}));
            asking_sets_ += asked_[s] > 0;
        }
        has_groups_ = false;
        for (int64_t s = 0; s < sets(); ++s) owner_[s] = -1;
        for (int64_t r = 0; r < rows_; ++r) {
            side_[r] = side_of_row<W>(r);
            if (!counts_groups_[r] || side_[r] == 0) continue;
            has_groups_ = true;
            find_owned<W>(r);
        }
    }

    int64_t room_of_row(int64_t r) const noexcept { return side_[r] > 0 ? high_[r] - base_[r] : base_[r] - low_[r]; }

    // Calls `act` for candidates of groups that are not given in any case.
    template <class Act>
    COUPONRY_INLINE void each_new_group(int64_t r, const Act& act) const noexcept {
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x)
            if (weight_in_[r * n_ + where_[x]] != 0) act(where_[x], weight_of_[x]);
    }

private:
    static constexpr int64_t MOST_CANDIDATES = 1024, MOST_CONSTRAINTS = 512, MOST_ROWS = 64;
    static constexpr int64_t NO_OWNER = -2;

    GrowingMemory relaxation_memory_;
    uint64_t* needed_;    // candidates that are worth something, or that a minimum or a row may need
    int64_t* its_group_;  // of each candidate in the row that is looked at

    bool make_room_for_relaxation() noexcept {
        if (!fits_core()) return true;
        constexpr int64_t GAP = GrowingMemory::GAP;
        const int64_t needed = (2 + sets() + 2 * rows_) * words_ + 4 * sets() + (4 + n_) * rows_ + n_ + 15 * GAP;
        if (!relaxation_memory_.reserve(needed)) return false;
        for (uint64_t** bits : {&open_, &needed_}) *bits = relaxation_memory_.bits(words_);
        member_ = relaxation_memory_.bits(sets() * words_);
        for (uint64_t** bits : {&inside_row_, &adds_to_row_}) *bits = relaxation_memory_.bits(rows_ * words_);
        for (int64_t** array : {&room_, &asked_, &owner_, &owner_group_}) *array = relaxation_memory_.some(sets());
        for (int64_t** array : {&base_, &side_, &binds_, &adds_only_}) *array = relaxation_memory_.some(rows_);
        weight_in_ = relaxation_memory_.some(rows_ * n_);
        its_group_ = relaxation_memory_.some(n_);
        return true;
    }

    // Candidates that are worth something, or that a minimum or a row may need.
    template <int W>
    void find_needed(int64_t given) noexcept {
        if (W == 1) {
            needed_[0] = positive_;
        } else {
            none<W>(needed_);
            for (int64_t t = 0; t < n_; ++t)
                if (value[t] > 0) set(needed_, t);
        }
        if (lower_ > given) copy<W>(needed_, start_);
        for (int64_t s = 0; asking_ && s < constraints_; ++s)
            if (need_[s] > 0)
                for (int64_t w = 0; w < words<W>(); ++w) needed_[w] |= mask_[s * words<W>() + w];
        for (int64_t r = 0; r < rows_; ++r) take_row_over<W>(r);
    }

    template <int W>
    void take_row_over(int64_t r) noexcept {
        int64_t* const weight = weight_in_ + r * n_;
        uint64_t *const inside = inside_row_ + r * words<W>(), *const adds = adds_to_row_ + r * words<W>();
        for (int64_t t = 0; t < n_; ++t) weight[t] = 0;
        none<W>(inside);
        none<W>(adds);
        adds_only_[r] = 1;
        if (counts_groups_[r]) {
            base_[r] = count_new_groups(r, weight, inside, adds);
            binds_[r] = 0;
        } else {
            take_linear_over(r, weight, inside, adds);
        }
    }

    void take_linear_over(int64_t r, int64_t* weight, uint64_t* inside, uint64_t* adds) noexcept {
        int64_t base = 0;
        bool some = false;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t t = where_[x], w = weight_of_[x];
            set(inside, t);
            weight[t] = w;
            if (w != 0) set(adds, t);
            if (w < 0) adds_only_[r] = 0;
            if (test(fixed_, t)) {
                base += w;
                some = true;
            }
            if ((w > 0 && low_[r] > -NO_BOUND) || (w < 0 && high_[r] < NO_BOUND)) set(needed_, t);
        }
        base_[r] = base;
        binds_[r] = some || (low_[r] <= 0 && high_[r] >= 0);
    }

    // How many groups are given in any case; candidates of others weigh 1.
    int64_t count_new_groups(int64_t r, int64_t* weight, uint64_t* inside, uint64_t* adds) noexcept {
        int64_t groups = 0;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t t = where_[x], g = weight_of_[x];
            set(inside, t);
            if (g == NO_GROUP) continue;
            if (low_[r] > 0) set(needed_, t);
            if (!test(fixed_, t) || label_[g] != 0) continue;
            label_[g] = 1;
            ++groups;
        }
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            if (weight_of_[x] == NO_GROUP || label_[weight_of_[x]] != 0) continue;
            weight[where_[x]] = 1;
            set(adds, where_[x]);
        }
        clear_labels(r);
        return groups;
    }

    template <int W>
    void find_owned(int64_t r) noexcept {
        int64_t* const group = its_group_;
        for (int64_t t = 0; t < n_; ++t) group[t] = -1;
        each_new_group(r, [&](int64_t t, int64_t g) { group[t] = g; });
        for (int64_t s = 0; s < constraints_; ++s) {
            if (owner_[s] >= 0 || asked_[s] > 0) continue;
            int64_t its = NO_OWNER;
            each<W>(member<W>(s), [&](int64_t t) { its = its == NO_OWNER || its == group[t] ? group[t] : -1; });
            if (its < 0) continue;
            owner_[s] = r;
            owner_group_[s] = its;
        }
    }

    template <int W>
    int64_t side_of_row(int64_t r) const noexcept {
        if (counts_groups_[r]) return base_[r] <= high_[r] && high_[r] < NO_BOUND;
        if (!binds_[r]) return 0;
        int64_t least = base_[r], most = base_[r];
        const int64_t* const weight = weight_in_ + r * n_;
        each_of_both<W>(adds_to_row_ + r * words<W>(), open_,
                        [&](int64_t t) { (weight[t] < 0 ? least : most) += weight[t]; });
        return most > high_[r] ? 1 : (least < low_[r] ? -1 : 0);
    }
};

}  // namespace
}  // namespace couponry
