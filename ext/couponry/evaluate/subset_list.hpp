// Choices of a member's first candidates that may still become the best one, and how the next candidate joins them.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"

namespace couponry {
namespace {

// Choices side by side: what each is worth, how full intervals are, its candidates, and its sums in rows.
struct SubsetList {
    static constexpr int64_t MOST = 512, MOST_ROWS = 4, BEYOND = 16;  // places that lanes write beyond the last one
    static constexpr uint64_t FULL = 0x8888888888888888u;  // four bits for each interval: 7 less the room that is left

    alignas(64) int64_t worth[MOST + BEYOND];
    alignas(64) uint64_t fill[MOST + BEYOND];
    alignas(64) uint64_t picks[MOST + BEYOND];
    alignas(64) int64_t sum[MOST_ROWS][MOST + BEYOND];

    // Lists the choice of nothing.
    void begin(uint64_t empty) noexcept {
        worth[0] = 0;
        fill[0] = empty;
        picks[0] = 0;
        for (int r = 0; r < MOST_ROWS; ++r) sum[r][0] = 0;
    }
};

// The next candidate: what it is worth, what all others behind may add to that, the intervals it is in, its bit, and
// its weights. Between `low` and `high` sums keep rows, and between `floor` and `ceiling` they still may.
struct SubsetStep {
    int64_t worth, rest;
    uint64_t adds, bit;
    int64_t weight[SubsetList::MOST_ROWS], low[SubsetList::MOST_ROWS], high[SubsetList::MOST_ROWS];
    int64_t floor[SubsetList::MOST_ROWS], ceiling[SubsetList::MOST_ROWS];
};

struct SubsetSteps {
    // Lists choices with and without the next candidate that may become better than the best known one, which is IN/OUT
    // in `best`; how many. Which others are listed besides is not told.
    template <int R>
    static int64_t list_subsets(const SubsetList& from, int64_t listed, const SubsetStep& step, SubsetList& to,
                                int64_t& best) noexcept {
        int64_t count = 0;
        for (int64_t e = 0; e < listed; ++e) {
            const int64_t worth = from.worth[e], with = worth + step.worth;
            const uint64_t fill = from.fill[e] + step.adds;
            bool keeps = (fill & SubsetList::FULL) == 0, may_keep = keeps, may_wait = true;
            for (int r = 0; r < R; ++r) {
                const int64_t before = from.sum[r][e], sum = before + step.weight[r];
                keeps &= (step.low[r] <= sum) & (sum <= step.high[r]);
                may_keep &= (step.floor[r] <= sum) & (sum <= step.ceiling[r]);
                may_wait &= (step.floor[r] <= before) & (before <= step.ceiling[r]);
            }
            best = keeps & (with > best) ? with : best;
            put<R>(from, e, 0, step, to, count);
            count += may_wait & (worth + step.rest >= best);
            put<R>(from, e, ~uint64_t{0}, step, to, count);
            count += may_keep & (with + step.rest >= best);
        }
        return count;
    }

private:
    template <int R>
    static COUPONRY_INLINE void put(const SubsetList& from, int64_t e, uint64_t joins, const SubsetStep& step,
                                    SubsetList& to, int64_t at) noexcept {
        const auto added = static_cast<int64_t>(joins);
        to.worth[at] = from.worth[e] + (step.worth & added);
        to.fill[at] = from.fill[e] + (step.adds & joins);
        to.picks[at] = from.picks[e] | (step.bit & joins);
        for (int r = 0; r < R; ++r) to.sum[r][at] = from.sum[r][e] + (step.weight[r] & added);
    }
};

}  // namespace
}  // namespace couponry
