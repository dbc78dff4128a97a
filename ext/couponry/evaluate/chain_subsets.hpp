// The best choice among a few candidates in intervals, all of whose choices that may still be the best are listed.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/bits.hpp"
#include "common/compiler.hpp"
#include "common/debug.hpp"
#include "evaluate/steps.hpp"
#include "evaluate/subset_list.hpp"

namespace couponry {
namespace {

class ChainSubsets {
public:
    static constexpr int64_t MOST = 20, MOST_ROWS = SubsetList::MOST_ROWS,
                             MOST_INTERVALS = 16;  // candidates, rows, intervals

    // Begins anew: units in each interval, 1 or 2, and rows with their bounds, between which 0 is.
    void begin(int64_t units, int64_t rows) noexcept {
        m_ = 0;
        units_ = units;
        rows_ = rows;
    }
    void bound(int64_t r, int64_t low, int64_t high) noexcept {
        COUPONRY_ASSERT(low <= 0 && 0 <= high);
        low_[r] = low;
        high_[r] = high;
    }

    // The next candidate in the order of choice: its bit, what it is worth, and the intervals begin <= k < end it is
    // in. OUT: where its weights in rows are put.
    int64_t* put(uint64_t bit, int64_t worth, int64_t begin, int64_t end) noexcept {
        COUPONRY_ASSERT(m_ < MOST && 0 <= begin && begin <= end && end <= MOST_INTERVALS);
        const uint64_t above = ~uint64_t{0} << (4 * begin);
        bit_[m_] = bit;
        worth_[m_] = worth;
        adds_[m_] = end > begin ? ONES & above & (~uint64_t{0} >> (64 - 4 * end)) : 0;
        return weight_[m_++];
    }

    // Whether it is found, OUT in `chosen`: of those worth the same the first one in the order of choice.
    bool choose(uint64_t& chosen) noexcept {
        switch (rows_) {
            case 0: return choose<0>(chosen);
            case 1: return choose<1>(chosen);
            case 2: return choose<2>(chosen);
            default: return choose<MOST_ROWS>(chosen);
        }
    }

private:
    static constexpr uint64_t ONES = 0x1111111111111111u, FULL = SubsetList::FULL;

    int64_t m_ = 0, units_ = 0, rows_ = 0;
    uint64_t bit_[MOST], adds_[MOST];
    int64_t worth_[MOST], weight_[MOST][MOST_ROWS], low_[MOST_ROWS], high_[MOST_ROWS];
    int64_t rest_[MOST + 1];  // that those from one on may add
    int64_t least_[MOST + 1][MOST_ROWS], most_[MOST + 1][MOST_ROWS];
    SubsetList list_[2];

    template <int R>
    void look_ahead() noexcept {
        for (int64_t r = rows_; r < R; ++r) {
            low_[r] = high_[r] = 0;
            for (int64_t t = 0; t < m_; ++t) weight_[t][r] = 0;
        }
        rest_[m_] = 0;
        for (int r = 0; r < R; ++r) least_[m_][r] = most_[m_][r] = 0;
        for (int64_t t = m_; t-- > 0;) {
            rest_[t] = rest_[t + 1] + (worth_[t] > 0 ? worth_[t] : 0);
            for (int r = 0; r < R; ++r) {
                const int64_t w = weight_[t][r];
                least_[t][r] = least_[t + 1][r] + (w < 0 ? w : 0);
                most_[t][r] = most_[t + 1][r] + (w > 0 ? w : 0);
            }
        }
    }

    template <int R>
    bool choose(uint64_t& chosen) noexcept {
        look_ahead<R>();
        int64_t listed = 1, best = 0, from = 0;
        list_[0].begin(ONES * static_cast<uint64_t>(7 - units_));
        for (int64_t t = 0; t < m_; ++t, from ^= 1) {
            if (2 * listed > SubsetList::MOST) return false;
            SubsetStep step{worth_[t], rest_[t + 1], adds_[t], uint64_t{1} << t, {}, {}, {}, {}, {}};
            for (int r = 0; r < R; ++r) {
                step.weight[r] = weight_[t][r];
                step.low[r] = low_[r];
                step.high[r] = high_[r];
                step.floor[r] = low_[r] - most_[t + 1][r];
                step.ceiling[r] = high_[r] - least_[t + 1][r];
            }
            listed = Lanes::template list_subsets<R>(list_[from], listed, step, list_[from ^ 1], best);
        }
        uint64_t first = 0;
        bool found = false;
        for (int64_t e = 0; e < listed; ++e) {
            if (list_[from].worth[e] != best) continue;
            const uint64_t picks = list_[from].picks[e], differ = picks ^ first;
            if (!found || (picks & differ & (0 - differ))) first = picks;
            found = true;
        }
        COUPONRY_ASSERT(found);
        for (; first; first &= first - 1) chosen |= bit_[lowest_bit(first)];
        return found;
    }
};

}  // namespace
}  // namespace couponry
