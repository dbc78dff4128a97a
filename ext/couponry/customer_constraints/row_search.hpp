// A customer's best choice where it has rows beside its cardinality constraints; see reference/rows/row_search.py,
// function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "customer_constraints/row_prices.hpp"

namespace couponry {
namespace {

class RowSearch : public RowPrices {
protected:
    static constexpr int64_t PATIENCE = 24;

    struct Best {
        int64_t shortfall, worth, most;
    };

    // The best choice is OUT in best_. start_ and mine_ (left as found) say what is free, and what is given in any
    // case.
    template <int W>
    Best search_rows(int64_t given, int64_t total, int64_t nodes) noexcept {
        if (asking_) find_disjoint<W>(mask_);
        found_ = {-1, WORTH_NOTHING, WORTH_NOTHING};
        has_prices_ = false;
        const int64_t soon = nodes < PATIENCE ? nodes : PATIENCE;
        if (explore_rows<W>(given, total, soon) < 0) {
            copy<W>(spare_, mine_);
            walk<W>(start_, given, lower_, spare_);
            find_prices<W>(given, spare_);
            found_.most = WORTH_NOTHING;
            const int64_t left = explore_rows<W>(given, total, nodes - soon);
            // so that it is told apart from one that came to its end
            if (left < 0 && found_.shortfall >= 0 && found_.most <= found_.worth) found_.most = found_.worth + 1;
        }
        if (found_.worth > found_.most) found_.most = found_.worth;
        return found_;
    }

    // How many nodes are left; below 0: it was cut off.
    template <int W>
    int64_t explore_rows(int64_t given, int64_t total, int64_t nodes) noexcept {
        copy<W>(free_, start_);
        int64_t depth = 0;
        while (true) {
            --nodes;
            int64_t t = -1;
            if (close_rows(mine_, free_)) {
                if (nodes >= 0) {
                    t = next_candidate<W>(given, total);
                } else {
                    int64_t most = total + walk<W>(free_, given, 0, nullptr);
                    if (has_prices_) {
                        const int64_t bound = priced_bound<W>(free_, given);
                        most = bound < most ? bound : most;
                    }
                    found_.most = most > found_.most ? most : found_.most;
                }
            }
            if (t >= 0) {
                COUPONRY_ASSERT(depth < n_);
                taken_[depth] = t;
                copy<W>(before_ + depth * words<W>(), free_);
                ++depth;
                ++given;
                total += value[t];
                set(mine_, t);
                take<W>(mask_, t, 1);
                clear(free_, t);
                close_full<W>(mask_, free_, given);
                continue;
            }
            if (depth == 0) break;
            --depth;
            t = taken_[depth];
            --given;
            total -= value[t];
            clear(mine_, t);
            take<W>(mask_, t, -1);
            copy<W>(free_, before_ + depth * words<W>());
            clear(free_, t);
            leave_no_better<W>(t);
        }
        return nodes;
    }

    // What the choice in `chosen` falls short of minimums by.
    template <int W>
    int64_t missed_by(const uint64_t* chosen) const noexcept {
        const int64_t lacks = lower_ - count<W>(chosen);
        int64_t shortfall = lacks > 0 ? lacks : 0;
        for (int64_t s = 0; asking_ && s < constraints_; ++s) {
            if (least_[s] == 0) continue;
            const int64_t missing = least_[s] - common<W>(chosen, mask_ + s * words<W>());
            if (missing > 0) shortfall += missing * weight_[s];
        }
        return shortfall;
    }

    // Whether a choice comes before another one in the order of choice.
    template <int W>
    COUPONRY_INLINE bool comes_first(const uint64_t* a, const uint64_t* b) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w)
            if (a[w] != b[w]) return a[w] >> lowest_bit(a[w] ^ b[w]) & 1;
        return false;
    }

private:
    Best found_{-1, 0, 0};

    template <int W>
    int64_t next_candidate(int64_t given, int64_t total) noexcept {
        copy<W>(some_, mine_);
        const int64_t now = total + walk<W>(free_, given, lower_, some_);
        const Least least = least_shortfall<W>(mask_, free_, given);
        if (found_.shortfall >= 0 && least.shortfall > found_.shortfall) return -1;
        const int64_t bound = total + most_worth<W>(free_, given, least.shortfall, least.sure);
        if (least.shortfall == found_.shortfall) {
            if (bound < found_.worth) return -1;
            if (bound == found_.worth && now == bound && !comes_first<W>(some_, best_)) return -1;
            if (has_prices_ && priced_bound<W>(free_, given) < found_.worth) return -1;
        }
        for (int64_t s = 0; s < constraints_; ++s) {
            if (!crosses_[s]) continue;
            const uint64_t* const mask = mask_ + s * words<W>();
            for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = some_[w] & ~mine_[w] & mask[w];
            if (count<W>(spare_) > residual_[s]) return first<W>(spare_);
        }
        const Broken broken = broken_row(some_);
        if (broken.row >= 0) return candidate_to_decide(broken, some_, mine_, free_);
        const int64_t missed = missed_by<W>(some_);
        bool better = found_.shortfall < 0 || missed < found_.shortfall;
        if (!better && missed == found_.shortfall)
            better = now > found_.worth || (now == found_.worth && comes_first<W>(some_, best_));
        if (better) {
            found_.shortfall = missed;
            found_.worth = now;
            copy<W>(best_, some_);
        }
        if (missed > least.shortfall) return candidate_to_add<W>();
        return bound > now ? any_candidate<W>() : -1;
    }

    template <int W>
    int64_t candidate_to_add() noexcept {
        for (int64_t s = 0; s < constraints_; ++s) {
            const uint64_t* const mask = mask_ + s * words<W>();
            if (least_[s] <= common<W>(some_, mask)) continue;
            for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = free_[w] & ~some_[w] & mask[w];
            const int64_t t = first<W>(spare_);
            if (t >= 0) return t;
        }
        return -1;
    }

    template <int W>
    int64_t any_candidate() const noexcept {
        for (int64_t t = n_ - 1; t >= 0; --t)
            if (test(some_, t) && !test(mine_, t)) return t;
        for (int64_t t = 0; t < n_; ++t)
            if (test(free_, t) && !test(some_, t)) return t;
        return -1;
    }

    template <int W>
    void leave_no_better(int64_t t) noexcept {
        for (int64_t w = 0; w < words<W>(); ++w) alike_[w] = free_[w];
        for (int64_t w = 0; w < t / 64; ++w) alike_[w] = 0;
        alike_[t / 64] &= ~uint64_t{1} << (t % 64);
        for (int64_t s = 0; s < constraints_; ++s) {
            const uint64_t* const mask = mask_ + s * words<W>();
            const uint64_t same = test(mask, t) ? 0 : ~uint64_t{0};
            for (int64_t w = 0; w < words<W>(); ++w) alike_[w] &= mask[w] ^ same;
        }
        for (int64_t r = 0; r < rows_; ++r) no_better_under(r, t, alike_);
        remove<W>(free_, alike_);
    }
};

}  // namespace
}  // namespace couponry
