// The m-th largest of many keys: a bracket that holds few of them, and then those few in order.
//
// Counting the keys above a bar reads each vector once, so the time is the number of bars tried. The first bars
// come from the customers before: mostly one look at two of them kernels less than a network's worth of keys in
// between.
#pragma once

#include <cstdint>

#include "evaluate/steps.hpp"

namespace couponry {
namespace {

// `Lanes` counts keys from a bar on, and collects those of a range.
template <class Lanes>
class Search {
public:
    static constexpr int64_t FEW = Lanes::MOST;  // keys at most that are left in the bracket

    // How many of the keys are positive, and reach two bars, around which the customers before had theirs.
    struct Look {
        int64_t low, high;
        int64_t positive, at_low, at_high;
    };

    Look look(const int32_t* key, int64_t n) const noexcept {
        const int64_t low = usual_ - half_width_, high = usual_ + half_width_;
        const int32_t bars[] = {1, clamped(low), clamped(high)};
        int64_t reached[3];
        Lanes::count_3(key, n, bars, reached);
        return {bars[1], bars[2], reached[0], reached[1], reached[2]};
    }

    // KernelTable few keys (OUT, room for FEW and a vector) in whose order the bar lies that m keys reach, 1 <= m <= n.
    Shortlist shortened(const Look& look, const int32_t* key, int64_t n, int64_t m, int32_t* few) noexcept {
        if (look.at_low == m) return only(static_cast<int32_t>(look.low), few);
        if (look.at_high == m) return only(static_cast<int32_t>(look.high), few);
        Bracket found{INT32_MIN, int64_t{INT32_MAX} + 1, n, 0};
        found.narrow(look.low, look.at_low, m);
        found.narrow(look.high, look.at_high, m);
        int64_t step = half_width_;
        while (found.inside() > FEW) {
            if (found.high - found.low == 1) return only(static_cast<int32_t>(found.low), few);  // all tied
            // outwards in growing steps until both ends are known, then in halves
            int64_t bar;
            if (found.high > INT32_MAX)
                bar = found.low + (step *= 2);
            else if (found.low == INT32_MIN)
                bar = found.high - (step *= 2);
            else
                bar = found.low + (found.high - found.low) / 2;
            bar = bar > found.low ? bar : found.low + 1;
            bar = bar < found.high ? bar : found.high - 1;
            const int64_t count = Lanes::count(key, n, static_cast<int32_t>(bar));
            if (count == m) return only(static_cast<int32_t>(bar), few);
            found.narrow(bar, count, m);
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

        void narrow(int64_t bar, int64_t count, int64_t m) noexcept {
            if (count > m && bar > low) {
                low = bar;
                at_low = count;
            } else if (count < m && bar < high) {
                high = bar;
                at_high = count;
            }
        }
    };

    int64_t usual_ = 1;                      // about where the last brackets were
    int64_t half_width_ = int64_t{1} << 20;  // to either side, holding somewhat fewer than FEW keys

    static int32_t clamped(int64_t bar) noexcept {
        return static_cast<int32_t>(bar < INT32_MIN ? INT32_MIN : bar > INT32_MAX ? INT32_MAX : bar);
    }

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
