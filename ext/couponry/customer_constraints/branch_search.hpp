// The best choice by branches of all candidates, one after the other: caps alone, or minimums too; see
// reference/branches/, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "customer_constraints/family_search.hpp"

namespace couponry {
namespace {

class BranchSearch : public FamilySearch {
protected:
    struct Explored {
        int64_t shortfall, worth, nodes;
    };

    // The best choice is added to best_ (OUT); free_ is used up.
    template <int W>
    Explored explore(const int64_t* worth_of, const uint64_t* mask, int64_t given, int64_t total, int64_t goal,
                     int64_t least_worth, int64_t nodes) noexcept {
        if (asking_) find_disjoint<W>(mask);
        none<W>(best_);
        int64_t depth = 0, shortfall = -1, worth = least_worth - 1;
        bool fresh = true;
        while (true) {
            if (--nodes < 0) break;
            if (fresh) {
                const int64_t now = shortfall_of(given);
                const bool better = goal < 0 ? shortfall < 0 || now < shortfall : now == goal && total > worth;
                if (better) {
                    shortfall = now;
                    worth = total;
                    none<W>(best_);
                    for (int64_t d = 0; d < depth; ++d) set(best_, taken_[d]);
                }
            }
            const Least least = least_shortfall<W>(mask, free_, given);
            bool hopeless;
            if (goal < 0)
                hopeless = least.shortfall >= shortfall;
            else
                hopeless = least.shortfall > goal || total + most_worth<W>(free_, given, goal, least.sure) <= worth;
            int64_t t = hopeless ? -1 : first<W>(free_);
            if (t >= 0) {
                COUPONRY_ASSERT(depth < n_);
                taken_[depth] = t;
                copy<W>(before_ + depth * words<W>(), free_);
                ++depth;
                take<W>(mask, t, 1);
                ++given;
                total += worth_of[t];
                clear(free_, t);
                close_full<W>(mask, free_, given);
                fresh = true;
                continue;
            }
            if (depth == 0) break;
            --depth;
            t = taken_[depth];
            take<W>(mask, t, -1);
            --given;
            total -= worth_of[t];
            copy<W>(free_, before_ + depth * words<W>());
            clear(free_, t);
            fresh = false;
        }
        while (depth > 0) take<W>(mask, taken_[--depth], -1);
        return {shortfall, worth, nodes};
    }

    // The best choice is added to best_ (OUT).
    template <int W>
    Explored branch(int64_t given, int64_t total, int64_t nodes) noexcept {
        copy<W>(free_, start_);
        none<W>(best_);
        none<W>(mine_);
        int64_t depth = 0, shortfall = -1, worth = total;
        while (true) {
            if (--nodes < 0) break;
            none<W>(marked_);
            const int64_t now = total + walk<W>(free_, given, lower_, marked_);
            const int64_t missing = lower_ - given - count<W>(marked_), lacks = missing > 0 ? missing : 0;
            bool better = shortfall < 0 || lacks < shortfall;
            if (!better && lacks == shortfall && now >= worth) {
                for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = marked_[w] | mine_[w];
                better = now > worth || comes_first<W>(spare_, best_);
            }
            int64_t full = -1;
            if (better) {
                for (int64_t s = 0; s < constraints_ && full < 0; ++s)
                    if (crosses_[s] && common<W>(marked_, mask_ + s * words<W>()) > residual_[s]) full = s;
                if (full < 0) {
                    shortfall = lacks;
                    worth = now;
                    for (int64_t w = 0; w < words<W>(); ++w) best_[w] = marked_[w] | mine_[w];
                }
            }
            if (full >= 0) {
                for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = marked_[w] & mask_[full * words<W>() + w];
                const int64_t t = first<W>(spare_);
                COUPONRY_ASSERT(depth < n_ && t >= 0);
                taken_[depth] = t;
                copy<W>(before_ + depth * words<W>(), free_);
                ++depth;
                take<W>(mask_, t, 1);
                ++given;
                total += value[t];
                set(mine_, t);
                clear(free_, t);
                close_full<W>(mask_, free_, given);
                continue;
            }
            if (depth == 0) break;
            --depth;
            const int64_t t = taken_[depth];
            take<W>(mask_, t, -1);
            --given;
            total -= value[t];
            clear(mine_, t);
            copy<W>(free_, before_ + depth * words<W>());
            clear(free_, t);
        }
        while (depth > 0) take<W>(mask_, taken_[--depth], -1);
        return {shortfall, worth, nodes};
    }

    // By how much a candidate lessens the shortfall.
    template <int W>
    int64_t gain_of(int64_t t) const noexcept {
        int64_t gain = 0;
        if (asking_)
            for (int64_t s = 0; s < constraints_; ++s)
                if (least_[s] > 0 && test(mask_ + s * words<W>(), t)) gain += weight_[s];
        return gain;
    }

    // The least shortfall, searched for by what helps most first; the picks are a choice that falls short by no more.
    template <int W>
    Explored explore_shortfall(int64_t given, int64_t total, int64_t nodes) noexcept {
        for (int64_t t = 0; t < n_; ++t) {  // a stable sort: most help no set, or one
            const int64_t gain = gain_of<W>(t);
            other_value_[t] = gain;
            int64_t at = t;
            for (; at > 0 && other_value_[turn_[at - 1]] < gain; --at) turn_[at] = turn_[at - 1];
            turn_[at] = t;
        }
        none<W>(free_);
        std::memset(other_mask_, 0, static_cast<size_t>(constraints_ * words<W>()) * sizeof(uint64_t));
        for (int64_t at = 0; at < n_; ++at) {
            const int64_t t = turn_[at];
            if (test(start_, t) && (lower_ > 0 || other_value_[t] > 0)) set(free_, at);
            for (int64_t s = 0; s < constraints_; ++s)
                if (test(mask_ + s * words<W>(), t)) set(other_mask_ + s * words<W>(), at);
        }
        for (int64_t at = 0; at < n_; ++at) other_value_[at] = value[turn_[at]];
        const Explored found = explore<W>(other_value_, other_mask_, given, total, -1, WORTH_NOTHING, nodes);
        for (int64_t at = 0; at < n_; ++at)
            if (test(best_, at)) set(picks, turn_[at]);
        return found;
    }

    // Adds to the picks, worth so much, what is worth something and fits.
    template <int W>
    int64_t complete(int64_t given, int64_t worth) noexcept {
        for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = picks[w] & ~fixed_[w];
        given += count<W>(spare_);
        for (int64_t s = 0; s < constraints_; ++s) left_[s] = residual_[s] - common<W>(spare_, mask_ + s * words<W>());
        for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = start_[w] & ~picks[w];
        for (int64_t t; given < upper_ && (t = first<W>(spare_)) >= 0;) {
            clear(spare_, t);
            bool fits = value[t] > 0;
            for (int64_t s = 0; s < constraints_; ++s)
                fits = fits && (left_[s] > 0 || !test(mask_ + s * words<W>(), t));
            if (!fits) continue;
            set(picks, t);
            ++given;
            worth += value[t];
            for (int64_t s = 0; s < constraints_; ++s) left_[s] -= test(mask_ + s * words<W>(), t);
        }
        return worth;
    }
};

}  // namespace
}  // namespace couponry
