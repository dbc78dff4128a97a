// The m-th largest of many keys: a bracket that holds few of them, and then those few in order.
//
// Counting the keys above a bar reads each vector once, so the time is the number of bars tried. The first bars
// come from the customers before: mostly two are enough to leave less than a network's worth of keys in between.
#pragma once

#include <cstdint>

#include "evaluate_steps.hpp"

namespace couponry {
namespace {

// `Lanes` counts keys from a bar on, and collects those of a range.
template <class Lanes>
class Search {
public:
    static constexpr int64_t FEW = Lanes::MOST;  // keys at most that are left in the bracket

    // Leaves few keys (OUT, room for FEW and a vector) in whose order the bar lies that m keys reach, 1 <= m <= n.
    Shortlist shortened(const int32_t* key, int64_t n, int64_t m, int32_t* few) noexcept {
        Bracket found{INT32_MIN, int64_t{INT32_MAX} + 1, n, 0};
        int64_t step = half_width_;
        int64_t bar = usual_ - step;
        while (found.inside() > FEW) {
            if (found.high - found.low == 1) return only(static_cast<int32_t>(found.low), few);  // all tied
            bar = bar > found.low ? bar : found.low + 1;
            bar = bar < found.high ? bar : found.high - 1;
            const int64_t count = Lanes::count(key, n, static_cast<int32_t>(bar));
            if (count == m) return only(static_cast<int32_t>(bar), few);
            if (count > m) {
                found.low = bar;
                found.at_low = count;
            } else {
                found.high = bar;
                found.at_high = count;
            }
            // outwards in growing steps until both ends are known, then in halves
            if (found.high > INT32_MAX)
                bar = found.low + (step *= 2);
            else if (found.low == INT32_MIN)
                bar = found.high - (step *= 2);
            else
                bar = found.low + (found.high - found.low) / 2;
        }
        learn(found, m);
        Lanes::collect(key, n, static_cast<int32_t>(found.low), static_cast<int32_t>(found.high - 1), few);
        const int64_t left = m - found.at_high;
        return {few, found.inside(), {left, left}};
    }

private:
    struct Bracket {
        int64_t low;   // reached by more than m keys
        int64_t high;  // reached by fewer
        int64_t at_low, at_high;

        int64_t inside() const noexcept { return at_low - at_high; }
    };

    int64_t usual_ = 1;                      // about where the last brackets were
    int64_t half_width_ = int64_t{1} << 20;  // to either side, holding somewhat fewer than FEW keys

    static Shortlist only(int32_t bar, int32_t* few) noexcept {
        few[0] = bar;
        return {few, 1, {1, 1}};
    }

    void learn(const Bracket& found, int64_t m) noexcept {
        if (found.low == INT32_MIN || found.high > INT32_MAX) return;
        const int64_t width = found.high - found.low;
        const int64_t half_width = width * (1 + FEW * 3 / 8) / found.inside();
        usual_ += (found.low + width * (found.at_low - m) / found.inside() - usual_) / 8;
        half_width_ += (half_width - half_width_) / 8;
        if (half_width_ < 1) half_width_ = 1;
    }
};

}  // namespace
}  // namespace couponry
