// The best choice under constraints that are two nested families, minimums included; see
// reference/families/choose_families.py, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "customer_constraints/family_order.hpp"

namespace couponry {
namespace {

class FamilySearch : public FamilyOrder {
public:
    bool load(const Constraints& constraints, int64_t n) noexcept {
        return FamilyOrder::load(constraints, n) && make_room_for_ways();
    }
    bool make_room(int64_t n, int64_t words, int64_t constraints, int64_t rows, int64_t entries) noexcept {
        return FamilyOrder::make_room(n, words, constraints, rows, entries) && make_room_for_ways();
    }

protected:
    // Whether the best choice is found, OUT in best_ with its worth. start_ is free, fixed_ given.
    template <int W>
    bool search_families(int64_t given, int64_t total, int64_t& worth) noexcept {
        if (!find_families<W>()) return false;
        make_flow(given);
        if (digits_ == 1)
            choose_families<W, 1>();
        else
            choose_families<W, 0>();
        worth = total;
        for (int64_t t = 0; t < n_; ++t)
            if (test(best_, t)) worth += value[t];
        for (int64_t w = 0; w < words<W>(); ++w) best_[w] |= fixed_[w];
        return broken_row(best_).row < 0;
    }

private:
    static constexpr int64_t DIGIT_BITS = 62;

    // A constraint that units pass, or the last one of all coupons.
    struct Arc {
        int64_t room, need, weight, passed;
        int64_t begin, end;  // places: the inside of each arc, behind them the end of all ways, and their beginning
    };

    GrowingMemory way_memory_;
    int64_t digits_ = 1;  // of what candidates tell ties by
    Arc* arc_ = nullptr;
    int64_t* filled_ = nullptr;  // by place: what the best way there lessens the shortfall by, what it is worth, digits
    int64_t *worth_ = nullptr, *tie_ = nullptr;
    int64_t* by_ = nullptr;  // a candidate; behind all of them, arcs; behind those, arcs back

    bool make_room_for_ways() noexcept {
        constexpr int64_t ARC_WORDS = sizeof(Arc) / sizeof(int64_t);
        const int64_t places = constraints_ + 3;
        digits_ = (n_ + DIGIT_BITS - 1) / DIGIT_BITS;
        if (!way_memory_.reserve((ARC_WORDS + 3 + digits_) * places + 5 * GrowingMemory::GAP)) return false;
        arc_ = reinterpret_cast<Arc*>(way_memory_.some(ARC_WORDS * (constraints_ + 1)));
        filled_ = way_memory_.some(places);
        worth_ = way_memory_.some(places);
        by_ = way_memory_.some(places);
        tie_ = way_memory_.some(places * digits_);
        return true;
    }

    void make_flow(int64_t given) noexcept {
        for (int64_t k = 0; k < number_; ++k) {
            const int64_t s = order_[k], around = around_[s];
            arc_[s] = {residual_[s], need_[s], weight_[s], 0, s, s};
            if (k < first_)
                arc_[s].begin = around != ASIDE ? around : constraints_;
            else
                arc_[s].end = around != ASIDE ? around : constraints_ + 1;
        }
        arc_[constraints_] = {upper_ - given, lower_ - given, 1, 0, constraints_ + 2, constraints_};
    }

    // Where a candidate's way begins (side 0) or ends (side 1).
    COUPONRY_INLINE int64_t place_of(int64_t t, int64_t side) const noexcept {
        const int64_t s = innermost_[side][t];
        return s != ASIDE ? s : constraints_ + side;
    }

    // The candidates of the best flow, OUT in best_.
    template <int W, int D>
    void choose_families() noexcept {
        const int64_t arcs = constraints_ + 1, end = arcs, begin = arcs + 1;
        none<W>(best_);
        while (true) {
            find_best_ways<W, D>();
            if (filled_[end] < 0 || (filled_[end] == 0 && worth_[end] <= 0)) return;
            for (int64_t at = end; at != begin;) {
                const int64_t by = by_[at];
                if (by < n_) {
                    at = place_of(by, test(best_, by) ? 1 : 0);
                    best_[by / 64] ^= uint64_t{1} << (by % 64);
                } else if (by < n_ + arcs) {
                    Arc& arc = arc_[by - n_];
                    ++arc.passed;
                    at = arc.begin;
                } else {
                    Arc& arc = arc_[by - n_ - arcs];
                    --arc.passed;
                    at = arc.end;
                }
            }
        }
    }

    template <int D>
    COUPONRY_INLINE int64_t digits() const noexcept {
        return D ? D : digits_;
    }

    // Comes from place a to b, if that gains more than what is known.
    template <int D>
    COUPONRY_INLINE bool reach(int64_t a, int64_t b, int64_t by, int64_t filled, int64_t worth, int64_t digit,
                               int64_t bit) noexcept {
        if (filled_[a] == WORTH_NOTHING) return false;
        filled += filled_[a];
        worth += worth_[a];
        if (filled < filled_[b] || (filled == filled_[b] && worth < worth_[b])) return false;
        const int64_t* const from = tie_ + a * digits<D>();
        int64_t* const to = tie_ + b * digits<D>();
        if (filled == filled_[b] && worth == worth_[b]) {
            int64_t more = 0;
            for (int64_t d = 0; d < digits<D>() && more == 0; ++d) more = from[d] + (d == digit ? bit : 0) - to[d];
            if (more <= 0) return false;
        }
        filled_[b] = filled;
        worth_[b] = worth;
        by_[b] = by;
        for (int64_t d = 0; d < digits<D>(); ++d) to[d] = from[d] + (d == digit ? bit : 0);
        return true;
    }

    // Along an arc, and back along it.
    template <int D>
    COUPONRY_INLINE bool pass_arc(int64_t s) noexcept {
        const Arc& arc = arc_[s];
        bool moved = false;
        if (arc.passed < arc.room)
            moved = reach<D>(arc.begin, arc.end, n_ + s, arc.passed < arc.need ? arc.weight : 0, 0, 0, 0);
        if (arc.passed > 0)
            moved |= reach<D>(arc.end, arc.begin, n_ + constraints_ + 1 + s, arc.passed <= arc.need ? -arc.weight : 0,
                              0, 0, 0);
        return moved;
    }

    // Along a candidate that is not taken, or back along one that is.
    template <int D>
    COUPONRY_INLINE bool pass_candidate(int64_t t) noexcept {
        const int64_t digit = t / DIGIT_BITS, bit = int64_t{1} << (DIGIT_BITS - 1 - t % DIGIT_BITS);
        const int64_t a = place_of(t, 0), b = place_of(t, 1);
        if (test(best_, t)) return reach<D>(b, a, t, 0, -value[t], digit, -bit);
        return reach<D>(a, b, t, 0, value[t], digit, bit);
    }

    template <int W, int D>
    void find_best_ways() noexcept {
        for (int64_t place = 0; place < constraints_ + 3; ++place) filled_[place] = WORTH_NOTHING;
        filled_[constraints_ + 2] = worth_[constraints_ + 2] = 0;
        for (int64_t d = 0; d < digits<D>(); ++d) tie_[(constraints_ + 2) * digits<D>() + d] = 0;
        for (bool moved = true; moved;) {
            moved = pass_arc<D>(constraints_);
            for (int64_t k = 0; k < first_; ++k) moved |= pass_arc<D>(order_[k]);
            for (int64_t w = 0; w < words<W>(); ++w)
                for (uint64_t word = start_[w]; word; word &= word - 1)
                    moved |= pass_candidate<D>(64 * w + lowest_bit(word));
            for (int64_t k = first_; k < number_; ++k) moved |= pass_arc<D>(order_[k]);
        }
    }
};

}  // namespace
}  // namespace couponry
