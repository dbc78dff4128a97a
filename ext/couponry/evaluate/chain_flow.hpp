// The best choice along a chain of intervals, at most one or two candidates in each, by dynamic programming: what
// `choose_intervals` finds by a flow.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"
#include "common/debug.hpp"

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
        begin_[m_] = static_cast<int16_t>(begin);
        end_[m_] = static_cast<int16_t>(end);
        m_ += counts;
    }

    // Adds the best choice of so many in each interval to `chosen`, a bit for each place. False where some other may be
    // worth the same.
    bool choose(int64_t units, uint64_t& chosen) noexcept {
        for (int64_t from = 0, to = 0; from < m_; from = to) {
            bool fits = true;
            for (to = from + 1; to < m_ && begin_[to] < end_[to - 1]; ++to)
                fits &= to - from < units || end_[to - units] <= begin_[to];
            if (fits)
                for (int64_t i = from; i < to; ++i) chosen |= uint64_t{1} << place_[i];
            else if (!(units == 1 ? choose_one(from, to, chosen) : choose_two(from, to, chosen)))
                return false;
        }
        return true;
    }

private:
    int64_t m_ = 0;
    uint8_t place_[MOST + 1];
    int16_t begin_[MOST + 1], end_[MOST + 1];
    int64_t value_[MOST + 1];
    // Of choices whose last one is i, and the one before it below x: the most that they are worth, and that one before;
    // -1: none.
    int64_t most_[MOST][MOST];
    int8_t before_[MOST][MOST];

    bool choose_one(int64_t from, int64_t to, uint64_t& chosen) noexcept {
        int64_t* const most = most_[0];   // of the first so many
        int8_t* const last = before_[0];  // the last one taken of these
        int8_t lim[MOST];
        bool tied = false;
        most[0] = 0;
        last[0] = -1;
        const int64_t n = to - from;
        for (int64_t i = 0, k = 0; i < n; ++i) {
            while (end_[from + k] <= begin_[from + i]) ++k;
            lim[i] = static_cast<int8_t>(k);
            const int64_t with = most[k] + value_[from + i];
            tied |= with == most[i];
            if (i + 1 == MOST) return false;
            most[i + 1] = with > most[i] ? with : most[i];
            last[i + 1] = with > most[i] ? static_cast<int8_t>(i) : last[i];
        }
        if (tied) return false;
        for (int64_t i = last[n]; i >= 0; i = last[lim[i]]) chosen |= uint64_t{1} << place_[from + i];
        return true;
    }

    // Of three that come one after the other, the first and the last share no interval.
    bool choose_two(int64_t from, int64_t to, uint64_t& chosen) noexcept {
        const int64_t n = to - from;
        int8_t lim[MOST];
        bool tied = false;
        int64_t best = 0, at = 0;
        for (int64_t i = 0, k = 0; i < n; ++i) {
            while (end_[from + k] <= begin_[from + i]) ++k;
            lim[i] = static_cast<int8_t>(k);
            const int64_t own = value_[from + i];
            int64_t most = own;
            int8_t before = -1;
            most_[i][0] = own;
            before_[i][0] = -1;
            for (int64_t j = 0; j < i; ++j) {
                const int64_t with = own + most_[j][j < k ? j : k];
                tied |= with == most;
                before = with > most ? static_cast<int8_t>(j) : before;
                most = with > most ? with : most;
                most_[i][j + 1] = most;
                before_[i][j + 1] = before;
            }
            tied |= most == best;
            at = most > best ? i : at;
            best = most > best ? most : best;
        }
        if (tied) return false;
        for (int64_t i = at, j = before_[at][at]; i >= 0;) {
            chosen |= uint64_t{1} << place_[from + i];
            const int64_t k = j < 0 ? -1 : before_[j][j < lim[i] ? j : lim[i]];
            i = j;
            j = k;
        }
        return true;
    }
};

}  // namespace
}  // namespace couponry
