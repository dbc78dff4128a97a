// The search for a customer of few candidates whom `SimdGreedy` leaves open: the tree of `branch` in
// reference/constraint_search.py, node by node, on the best candidates.
#pragma once

#include <cstdint>

#include "customer_constraints/constraint_search.hpp"
#include "evaluate/simd_greedy.hpp"

namespace couponry {
namespace {

class ShortSearch {
public:
    // Whether it comes to an end within so many nodes; the picks are OUT.
    template <class Vector>
    bool choose(const SimdGreedy<Vector>& greedy, int64_t lane, const Violated& one, int64_t nodes) noexcept {
        const bool more = greedy.outcome(lane) & SimdGreedy<Vector>::MORE;
        return (!more && among<SimdGreedy<Vector>::BEST>(greedy, lane, one, nodes)) ||
               among<Constraints::SHORT>(greedy, lane, one, nodes);
    }

private:
    // The same among the best candidates; nor does it come to an end where others would have to be looked at.
    template <int64_t BEST, class Vector>
    bool among(const SimdGreedy<Vector>& greedy, int64_t lane, const Violated& one, int64_t nodes) noexcept {
        const int64_t positive = greedy.positive(lane);
        const int64_t m = positive < BEST ? positive : BEST;
        const Scale scale = Scale::of_float(largest_value(one.key, one.n), one.n);
        float given[BEST];
        for (int64_t t = 0; t < BEST; ++t) {
            const int64_t j = greedy.candidate(lane, t);
            adds_[t] = t < m ? ONE_GIVEN | greedy.adds(lane, t) : NEVER;
            nesting_adds_[t] = adds_[t] & greedy.nesting(lane);
            bit_[t] = uint32_t{1} << j;
            given[t] = value_of(one.key[j]);
        }
        for (int64_t t = 0; t < BEST; ++t) value_[t] = scale.whole_of_positive(given[t]);  // others are never let in
        const int64_t slots = one.upper < BEST ? one.upper : BEST;
        all_ = positive <= BEST;
        const uint64_t fill = greedy.start(lane) | static_cast<uint64_t>(LARGEST - slots) << GIVEN_FROM;
        const uint32_t free = static_cast<uint32_t>((uint64_t{1} << BEST) - 1);
        if constexpr (BEST == SimdGreedy<Vector>::BEST)
            return branch<BEST>(fill, free, {greedy.end(lane), 0, greedy.greedy(lane)}, nodes, one.picks);
        else
            return branch<BEST>(fill, free, walk<BEST>(fill, 0, free), nodes, one.picks);
    }

    // Above the constraints is how many coupons are given: LARGEST less those that still may be.
    static constexpr int GIVEN_FROM = 56;
    static constexpr int64_t LARGEST = 127;
    static constexpr uint64_t ONE_GIVEN = uint64_t{1} << GIVEN_FROM, NEVER = uint64_t{1} << 63;
    static constexpr uint64_t FULL = 0x8088888888888888u;

    struct Walk {
        uint64_t fill;
        int64_t worth;
        uint32_t marked;
    };

    struct Taken {
        uint64_t fill;
        int64_t total, t;
        uint32_t free;
    };

    // In the order of choice: what each adds, to all constraints and to the laminar family, its worth, its bit among
    // all.
    uint64_t adds_[Constraints::SHORT], nesting_adds_[Constraints::SHORT];
    int64_t value_[Constraints::SHORT];
    uint32_t bit_[Constraints::SHORT];
    Taken stack_[Constraints::SHORT];
    bool all_ = false;  // whether no others are worth anything

    // fill: how full constraints are at first. walked: from there, all being free.
    template <int64_t BEST>
    bool branch(uint64_t fill, uint32_t free, Walk walked, int64_t nodes, uint64_t* picks) noexcept {
        uint32_t mine = 0, best = 0;
        int64_t depth = 0, total = 0, worth = 0;
        bool found = false;
        while (true) {
            if (--nodes < 0) return false;
            const uint32_t choice = walked.marked | mine, differ = choice ^ best;
            if (!found || walked.worth > worth || (walked.worth == worth && (choice & differ & (~differ + 1)))) {
                const uint64_t full = walked.fill & FULL;
                if (full) {
                    const int full_from = lowest_bit(full) - 3;
                    uint32_t open = walked.marked;
                    while (!(adds_[lowest_bit(open)] >> full_from & 1)) open &= open - 1;
                    const int64_t t = lowest_bit(open);
                    COUPONRY_ASSERT(depth < BEST && t < BEST && (free >> t & 1));
                    stack_[depth++] = {fill, total, t, free};
                    fill += adds_[t];
                    total += value_[t];
                    mine |= uint32_t{1} << t;
                    free ^= uint32_t{1} << t;
                    walked = walk<BEST>(fill, total, free);
                    if (!all_ && walked.fill >> GIVEN_FROM < LARGEST) return false;
                    continue;
                }
                found = true;
                worth = walked.worth;
                best = choice;
            }
            if (depth == 0) break;
            const Taken& last = stack_[--depth];
            fill = last.fill;
            total = last.total;
            mine ^= uint32_t{1} << last.t;
            free = last.free ^ uint32_t{1} << last.t;
            walked = walk<BEST>(fill, total, free);
            if (!all_ && walked.fill >> GIVEN_FROM < LARGEST) return false;
        }
        *picks = 0;
        for (; best; best &= best - 1) *picks |= bit_[lowest_bit(best)];
        return true;
    }

    // The greedy choice under the laminar family, how full it makes all constraints, and what it is worth with the
    // rest.
    template <int64_t BEST>
    COUPONRY_INLINE Walk walk(uint64_t fill, int64_t total, uint32_t free) const noexcept {
        Walk out{fill, total, 0};
#pragma GCC unroll 16
        for (int64_t t = 0; t < BEST; ++t) {
            // each step waits for the one before: nothing but a sum and a choice lies between
            const uint64_t with = fill + (adds_[t] | static_cast<uint64_t>(~free >> t) << 63);
            const uint64_t then = fill + nesting_adds_[t];
            const uint64_t fits = (with & FULL) == 0;
            fill = with & FULL ? fill : then;
            out.fill += adds_[t] & (0 - fits);
            out.worth += value_[t] & (0 - static_cast<int64_t>(fits));
            out.marked |= static_cast<uint32_t>(fits) << t;
        }
        return out;
    }
};

// The best choices of several customers who have few candidates, from which ties and large constraints are left out.
class BatchedSearch {
public:
    static constexpr int64_t WIDTH = SimdGreedy<Vector>::WIDTH;

    static bool takes(const Constraints& constraints) noexcept { return SimdGreedy<Vector>::takes(constraints); }

    // Picks of the customers are OUT; a bit for each of those for whom nothing is found in this way.
    uint64_t choose(const Violated* customers, int64_t count, int64_t nodes) noexcept {
        greedy_.choose(customers, count);
        uint64_t left = 0;
        for (int64_t lane = 0; lane < count; ++lane) {
            const int32_t outcome = greedy_.outcome(lane);
            const bool found =
                outcome == SimdGreedy<Vector>::CHOSEN ||
                ((outcome & SimdGreedy<Vector>::NOTHING) == 0 && search_.choose(greedy_, lane, customers[lane], nodes));
            left |= static_cast<uint64_t>(!found) << lane;
        }
        return left;
    }

private:
    SimdGreedy<Vector> greedy_;
    ShortSearch search_;
};

}  // namespace
}  // namespace couponry
