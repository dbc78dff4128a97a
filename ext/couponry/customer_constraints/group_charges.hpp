// What a row that allows so many groups at most charges candidates, and what it gives back; see
// reference/rows/group_charges.py, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "customer_constraints/relaxation.hpp"

namespace couponry {
namespace {

class GroupCharges : public Relaxation {
public:
    bool load(const Constraints& constraints, int64_t n) noexcept {
        return Relaxation::load(constraints, n) && make_room_for_charges();
    }
    bool make_room(int64_t n, int64_t words, int64_t constraints, int64_t rows, int64_t entries) noexcept {
        return Relaxation::make_room(n, words, constraints, rows, entries) && make_room_for_charges();
    }

protected:
    // Multipliers, and what they leave of values. Of rows that count groups: what they give back, and what they take.
    int64_t *constraint_price_, *row_price_, *charge_, *left_value_;
    uint64_t* moved_;  // candidates of which a multiplier has moved
    int64_t* top_;     // the largest values: those with room, and one more

    // What candidates pay at most in all to a row that counts groups, of which some are chosen already.
    template <int W>
    int64_t given_back(int64_t r, const uint64_t* chosen, const uint64_t* possible) noexcept {
        if (side_[r] == 0) return 0;
        const int64_t* const charge = charge_ + r * n_;
        int64_t room = room_of_row(r), total = 0, others = 0;
        each_new_group(r, [&](int64_t t, int64_t g) {
            const bool is_chosen = test(chosen, t);
            if (!is_chosen && !test(possible, t)) return;
            of_group_[g] += charge[t];
            if (!is_chosen || label_[g] != 0) return;
            label_[g] = 1;
            --room;
        });
        for (int64_t s = 0; s < constraints_; ++s) {
            if (owner_[s] != r || constraint_price_[s] == 0) continue;
            int64_t held = 0;
            for (int64_t w = 0; w < words<W>(); ++w) held += count_bits(member<W>(s)[w] & (chosen[w] | possible[w]));
            of_group_[owner_group_[s]] += constraint_price_[s] * std::min(room_[s], held);
        }
        each_new_group(r, [&](int64_t, int64_t g) {
            if (label_[g] != 0)
                total += of_group_[g];
            else if (of_group_[g] > 0)
                top_[others++] = of_group_[g];
            of_group_[g] = 0;
        });
        clear_labels(r);
        if (room <= 0) return total;
        if (room < others) std::nth_element(top_, top_ + room, top_ + others, std::greater<int64_t>());
        for (int64_t k = 0; k < room && k < others; ++k) total += top_[k];
        return total;
    }

    template <int W>
    void charge_groups(int64_t r, int64_t little) noexcept {
        int64_t* const charge = charge_ + r * n_;
        int64_t *const worth = of_group_, *const now = charge_now_;
        const int64_t room = room_of_row(r);
        for (int64_t s = 0; s < constraints_; ++s)
            if (owner_[s] == r) paid_[owner_group_[s]] += constraint_price_[s] * room_[s];
        each_new_group(r, [&](int64_t t, int64_t g) {
            if (test(open_, t)) worth[g] += std::max<int64_t>(0, left_value_[t] + charge[t]);
        });
        int64_t groups = 0, change = 0;
        each_new_group(r, [&](int64_t, int64_t g) {
            if (worth[g] + paid_[g] <= 0 || label_[g] != 0) return;
            label_[g] = 1;
            top_[groups++] = worth[g] + paid_[g];
        });
        clear_labels(r);
        int64_t price = 0;
        if (room < groups) {
            std::sort(top_, top_ + groups, std::greater<int64_t>());
            price = top_[room];
            if (room > 0) price += (top_[room - 1] - price) / 2;
        }
        each_new_group(r, [&](int64_t t, int64_t g) {
            if (!test(open_, t)) return;
            now[t] = share_of(left_value_[t] + charge[t], worth[g], price - paid_[g]);
            change = std::max(change, now[t] < charge[t] ? charge[t] - now[t] : now[t] - charge[t]);
        });
        each_new_group(r, [&](int64_t t, int64_t g) {
            worth[g] = paid_[g] = 0;
            if (change <= little || !test(open_, t)) return;
            left_value_[t] += charge[t] - now[t];
            charge[t] = now[t];
            set(moved_, t);
        });
    }

private:
    GrowingMemory charge_memory_;
    int64_t *of_group_, *paid_;  // zeros, but while groups of a row are looked at
    int64_t* charge_now_;

    static constexpr int SHARE_BITS = 20;

    bool make_room_for_charges() noexcept {
        if (!fits_core()) return true;
        constexpr int64_t GAP = GrowingMemory::GAP;
        const int64_t needed = words_ + sets() + (1 + n_) * rows_ + 5 * n_ + 2 + 9 * GAP;
        if (!charge_memory_.reserve(needed)) return false;
        moved_ = charge_memory_.bits(words_);
        constraint_price_ = charge_memory_.some(sets());
        row_price_ = charge_memory_.some(rows_);
        charge_ = charge_memory_.some(rows_ * n_);
        for (int64_t** array : {&left_value_, &of_group_, &paid_, &charge_now_}) *array = charge_memory_.some(n_);
        top_ = charge_memory_.some(n_ + 2);
        for (int64_t t = 0; t < n_; ++t) of_group_[t] = paid_[t] = 0;
        return true;
    }

    static int64_t share_of(int64_t its, int64_t of_group, int64_t price) noexcept {
        if (its <= 0 || price <= 0) return 0;
        if (of_group <= price || of_group >> SHARE_BITS == 0) return its;
        const int64_t share = price / (of_group >> SHARE_BITS) + 1;
        return std::min(its, ((its >> SHARE_BITS) + 1) * share);
    }
};

}  // namespace
}  // namespace couponry
