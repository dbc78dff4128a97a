// Multipliers on all of a customer's constraints and rows, and what they bound any choice by; see
// reference/rows/multipliers.py, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <algorithm>
#include <cstdint>

#include "customer_constraints/row_search.hpp"

namespace couponry {
namespace {

class Multipliers : public RowSearch {
protected:
    static constexpr int64_t MOST_CANDIDATES = 64, MOST_CONSTRAINTS = 64, MOST_ROWS = 16;

    // What is left to choose, and what it counts for; see `Relaxed`. The number of coupons is the last constraint.
    uint64_t open_ = 0, given_in_ = 0;
    int64_t sets_ = 0;  // constraints, the number of coupons included
    uint64_t member_[MOST_CONSTRAINTS + 1];
    int64_t room_[MOST_CONSTRAINTS + 1];
    uint64_t inside_row_[MOST_ROWS], adds_to_row_[MOST_ROWS];  // its candidates, and those whose coefficient is not 0
    int64_t weight_in_[MOST_ROWS][MOST_CANDIDATES], base_[MOST_ROWS], side_[MOST_ROWS];
    bool binds_[MOST_ROWS];

    // Multipliers, and what they leave of values.
    int64_t constraint_price_[MOST_CONSTRAINTS + 1], row_price_[MOST_ROWS], left_value_[MOST_CANDIDATES];

    bool can_be_priced(int64_t given) const noexcept {
        if (n_ > MOST_CANDIDATES || asking_ || lower_ > given) return false;
        if (constraints_ > MOST_CONSTRAINTS || rows_ > MOST_ROWS) return false;
        for (int64_t r = 0; r < rows_; ++r)
            if (counts_groups_[r]) return false;
        return true;
    }

    // start_ is free, fixed_ given.
    void relax(int64_t given) noexcept {
        open_ = start_[0];
        given_in_ = fixed_[0];
        uint64_t needed = positive_;  // worth something, or needed by a row
        for (int64_t r = 0; r < rows_; ++r) needed |= look_at(r);
        open_ &= needed;
        for (int64_t s = 0; s < constraints_; ++s) {
            member_[s] = mask_[s] & open_;
            room_[s] = residual_[s];
        }
        member_[constraints_] = open_;
        room_[constraints_] = upper_ - given;
        sets_ = constraints_ + 1;
        for (int64_t r = 0; r < rows_; ++r) side_[r] = side_of_row(r);
    }

    void find_multipliers() noexcept {
        int64_t largest = 0;
        for (int64_t s = 0; s < sets_; ++s) constraint_price_[s] = 0;
        for (int64_t r = 0; r < rows_; ++r) row_price_[r] = 0;
        for (int64_t t = 0; t < n_; ++t) left_value_[t] = value[t];
        for (uint64_t word = open_; word; word &= word - 1) largest = std::max(largest, value[lowest_bit(word)]);
        moved_ = open_;
        for (int64_t sweep = 0; sweep < SWEEPS && moved_; ++sweep) {
            const uint64_t before = moved_;
            moved_ = 0;
            for (int64_t s = 0; s < sets_; ++s)
                if (member_[s] & (before | moved_)) price_constraint(s, largest >> LITTLE);
            for (int64_t r = 0; r < rows_; ++r)
                if (side_[r] != 0 && (adds_to_row_[r] & open_ & (before | moved_))) price_row(r);
        }
    }

    // What no choice is worth more than, besides what is given in any case.
    int64_t bound_at_multipliers() const noexcept {
        int64_t most = 0;
        for (int64_t s = 0; s < sets_; ++s) most += constraint_price_[s] * room_[s];
        for (int64_t r = 0; r < rows_; ++r)
            if (side_[r] != 0) most += row_price_[r] * room_of_row(r);
        for (uint64_t word = open_; word; word &= word - 1) most += std::max<int64_t>(left_value_[lowest_bit(word)], 0);
        return most;
    }

private:
    static constexpr int64_t SWEEPS = 12;
    static constexpr int LITTLE = 7, ROOM_OF_PRICES = 56;

    uint64_t moved_ = 0;            // candidates of which a multiplier has moved
    int64_t top_[MOST_CANDIDATES];  // the largest values above 0: those with room, and one more

    // Takes a row over; the candidates that it may need.
    uint64_t look_at(int64_t r) noexcept {
        for (int64_t t = 0; t < n_; ++t) weight_in_[r][t] = 0;
        uint64_t inside = 0, adds = 0, needed = 0;
        int64_t base = 0;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t t = where_[x], w = weight_of_[x];
            const uint64_t bit = uint64_t{1} << t;
            weight_in_[r][t] = w;
            inside |= bit;
            adds |= w != 0 ? bit : 0;
            base += given_in_ & bit ? w : 0;
            if ((w > 0 && low_[r] > -NO_BOUND) || (w < 0 && high_[r] < NO_BOUND)) needed |= bit;
        }
        inside_row_[r] = inside;
        adds_to_row_[r] = adds;
        base_[r] = base;
        binds_[r] = (low_[r] <= 0 && high_[r] >= 0) || (inside & given_in_) != 0;
        return needed;
    }

    int64_t side_of_row(int64_t r) const noexcept {
        if (!binds_[r]) return 0;
        int64_t least = base_[r], most = base_[r];
        for (uint64_t word = adds_to_row_[r] & open_; word; word &= word - 1) {
            const int64_t w = weight_in_[r][lowest_bit(word)];
            (w < 0 ? least : most) += w;
        }
        return most > high_[r] ? 1 : (least < low_[r] ? -1 : 0);
    }

    int64_t room_of_row(int64_t r) const noexcept { return side_[r] > 0 ? high_[r] - base_[r] : base_[r] - low_[r]; }

    void price_constraint(int64_t s, int64_t little) noexcept {
        const int64_t cap = room_[s], old = constraint_price_[s];
        if (count_bits(member_[s]) <= cap) return;
        int64_t kept = 0;
        for (uint64_t word = member_[s]; word; word &= word - 1) {
            const int64_t its = left_value_[lowest_bit(word)] + old;
            if (its <= 0 || (kept > cap && its <= top_[cap])) continue;
            int64_t at = kept <= cap ? kept++ : cap;
            for (; at > 0 && top_[at - 1] < its; --at) top_[at] = top_[at - 1];
            top_[at] = its;
        }
        int64_t now = kept > cap ? top_[cap] : 0;
        if (kept > cap && cap > 0) now += (top_[cap - 1] - now) / 2;
        const int64_t by = now - old;
        if (by <= little && -by <= little) return;
        constraint_price_[s] = now;
        for (uint64_t word = member_[s]; word; word &= word - 1) left_value_[lowest_bit(word)] -= by;
        moved_ |= member_[s];
    }

    void price_row(int64_t r) noexcept {
        const uint64_t adds = adds_to_row_[r] & open_;
        const int64_t side = side_[r], old = row_price_[r];
        int64_t rate[MOST_CANDIDATES], slope[MOST_CANDIDATES];
        int64_t beyond = -room_of_row(r), size = 1, count = 0;
        for (uint64_t word = adds; word; word &= word - 1) {
            const int64_t t = lowest_bit(word), w = side * weight_in_[r][t];
            const int64_t its = left_value_[t] += old * w;
            const int64_t by_size = w < 0 ? -w : w;
            size = std::max(size, by_size);
            if (its > 0) beyond += w;
            if ((w > 0) != (its > 0)) continue;  // it changes at no price
            rate[count] = (its < 0 ? -its : its) / by_size;
            slope[count++] = by_size;
        }
        int64_t bits = 0, price = 0;
        while (n_ >> bits > 0) ++bits;
        for (int64_t done = 0; beyond > 0 && done < count; ++done) {  // what changes next
            const int64_t next = std::min_element(rate + done, rate + count) - rate;
            std::swap(rate[done], rate[next]);
            std::swap(slope[done], slope[next]);
            price = rate[done];
            beyond -= slope[done];
        }
        row_price_[r] = std::min(price, (int64_t{1} << (ROOM_OF_PRICES - bits)) / size);
        for (uint64_t word = adds; word; word &= word - 1) {
            const int64_t t = lowest_bit(word);
            left_value_[t] -= row_price_[r] * side * weight_in_[r][t];
        }
        if (row_price_[r] != old) moved_ |= adds;
    }
};

}  // namespace
}  // namespace couponry
