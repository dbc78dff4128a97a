// The best choice along a chain of intervals, at most one or two candidates in each, by dynamic programming: what
// `choose_intervals` finds by a flow.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"
#include "common/debug.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

class ChainFlow {
public:
    static constexpr int64_t MOST = 64;  // candidates

    // Begins anew.
    void clear() noexcept { m_ = 0; }

    // The next candidate, if it `counts`: its place in the order of choice, what it is worth, above 0, and the
    // intervals begin <= k < end that it is in. Neither begins nor ends may fall.
    COUPONRY_INLINE void put(bool counts, int64_t place, int64_t value, int64_t begin, int64_t end) noexcept {
        COUPONRY_ASSERT(m_ < MOST);
        place_[m_] = static_cast<uint8_t>(place);
        value_[m_] = value;
        begin_[m_] = static_cast<uint8_t>(begin);
        end_[m_] = static_cast<uint8_t>(end);
        m_ += counts;
    }

    // Adds the best choice of so many in each interval to `chosen`, a bit for each place. False where some other may be
    // worth the same.
    bool choose(int64_t units, uint64_t& chosen) noexcept {
        if (m_ == 0) return true;
        Lanes::count_ends(end_, begin_, m_, apart_);
        return units == 1 ? choose_one(chosen) : choose_two(chosen);
    }

private:
    static constexpr int64_t PAIRS = MOST * (MOST + 1) / 2;

    int64_t m_ = 0;
    uint8_t place_[MOST + 1];
    uint8_t begin_[MOST + 1], end_[MOST + 1];
    int64_t value_[MOST + 1];
    int16_t apart_[MOST];     // how many before each one share no interval with it
    int16_t row_[MOST];       // where in most_ what each one is worth begins, as the last one
    int64_t most_[PAIRS];     // with those before it below apart_ + x: the most, for x = 0, 1, ...
    int64_t best_[MOST + 1];  // of the first so many, and its last one; -1: none
    int8_t last_[MOST + 1];

    bool choose_one(uint64_t& chosen) noexcept {
        bool tied = false;
        best_[0] = 0;
        last_[0] = -1;
        for (int64_t i = 0; i < m_; ++i) tied |= end_with(i, best_[apart_[i]] + value_[i]);
        if (tied) return false;
        for (int64_t i = last_[m_]; i >= 0; i = last_[apart_[i]]) chosen |= uint64_t{1} << place_[i];
        return true;
    }

    // Of three that come one after the other, the first and the last share no interval.
    bool choose_two(uint64_t& chosen) noexcept {
        bool tied = false;
        best_[0] = 0;
        last_[0] = -1;
        for (int64_t i = 0, at = 0; i < m_; ++i) {
            const int64_t k = apart_[i];
            row_[i] = static_cast<int16_t>(at - k);  // so that the column is the number of those before
            const int64_t own = value_[i];
            int64_t most = own + best_[k];
            most_[at++] = most;
            for (int64_t j = k; j < i; ++j) {
                const int64_t with = own + most_[row_[j] + k];
                tied |= with == most;
                most = with > most ? with : most;
                most_[at++] = most;
            }
            tied |= end_with(i, most);
        }
        if (tied) return false;
        for (int64_t i = last_[m_], below = i; i >= 0;) {  // one before i is below
            chosen |= uint64_t{1} << place_[i];
            const int64_t k = apart_[i];
            while (below > k && most_[row_[i] + below - 1] == most_[row_[i] + below]) --below;
            i = below > k ? below - 1 : last_[k];
            below = below > k ? k : i;
        }
        return true;
    }

    // The best choice of one more candidate than before, which is worth so much where it is the last one; whether it
    // is worth as much without it.
    COUPONRY_INLINE bool end_with(int64_t i, int64_t worth) noexcept {
        const int64_t before = best_[i];
        best_[i + 1] = worth > before ? worth : before;
        const int64_t its = 0 - static_cast<int64_t>(worth > before);  // without a branch that cannot be foretold
        last_[i + 1] = static_cast<int8_t>((i & its) | (last_[i] & ~its));
        return worth == before;
    }
};

}  // namespace
}  // namespace couponry
