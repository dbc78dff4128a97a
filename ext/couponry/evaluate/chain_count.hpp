// How many choices a chain of intervals allows, which bounds what a search of all of them goes through.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"
#include "common/debug.hpp"

namespace couponry {
namespace {

class ChainCount {
public:
    static constexpr int64_t MOST = 20;  // candidates

    // Begins anew: so many candidates in no interval.
    void begin(int64_t loose) noexcept {
        m_ = 0;
        loose_ = loose;
    }

    // The next candidate, in any order, and the intervals begin <= k < end that it is in.
    void put(int64_t begin, int64_t end) noexcept {
        COUPONRY_ASSERT(m_ < MOST);
        int64_t at = m_++;
        for (; at > 0 && (begin_[at - 1] > begin || (begin_[at - 1] == begin && end_[at - 1] > end)); --at) {
            begin_[at] = begin_[at - 1];
            end_[at] = end_[at - 1];
        }
        begin_[at] = begin;
        end_[at] = end;
    }

    // How many nodes a search has at most that takes or leaves one of these candidates, and of some others, after the
    // other, in any order, with 1 or 2 units in each interval.
    int64_t nodes(int64_t units, int64_t others) const noexcept {
        const int64_t all = m_ + loose_ + others;
        if (all > MOST) return INT64_MAX;
        const int64_t choices = choices_of(units) << (loose_ + others);
        int64_t nodes = 1;
        for (int64_t d = 1; d <= all; ++d) nodes += int64_t{1} << d < choices ? int64_t{1} << d : choices;
        return nodes;
    }

private:
    int64_t m_ = 0, loose_ = 0;
    int64_t begin_[MOST], end_[MOST];

    int64_t choices_of(int64_t units) const noexcept {
        int64_t row[MOST], first[MOST * (MOST + 1) / 2];  // of choices by their last candidate and the one before it
        int64_t before[MOST + 1];                         // choices of the first so many
        before[0] = 1;
        for (int64_t i = 0, k = 0, at = 0; i < m_; ++i) {
            if (i > 0 && end_[i] < end_[i - 1]) return int64_t{1} << m_;
            while (end_[k] <= begin_[i]) ++k;
            row[i] = at - k;
            int64_t sum = before[k];
            first[at++] = sum;
            for (int64_t j = k; j < i && units == 2; ++j) first[at++] = sum += first[row[j] + k];
            before[i + 1] = before[i] + sum;
        }
        return before[m_];
    }
};

}  // namespace
}  // namespace couponry
