// Where to cut customers' candidates, a few customers at a time: networks for few coupons, a search before for many.
#pragma once

#include <cstdint>

#include "evaluate/bar_search.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

template <class Lanes>
class Selection {
public:
    static constexpr int64_t WIDTH = Lanes::WIDTH;  // customers at a time

    COUPONRY_INLINE void put(int64_t t, const int32_t* key, int64_t n, Bounds bounds) noexcept {
        // 32 keys of each customer in order take twice as long as 16, and all wait for the longest list
        const int64_t longest = bounds.upper <= Lanes::MOST / 2 ? Lanes::LONG : Lanes::MOST;
        lists_[t] = bounds.upper <= Lanes::MOST && n <= longest ? Shortlist{key, n, bounds}
                                                                : shortened(key, n, bounds, few_[t]);
    }

    // OUT: the keys that candidates of the first customers put must reach. More of them than the bounds allow reach
    // it only where it is tied.
    COUPONRY_INLINE void bars(int64_t customers, int32_t* bars) noexcept {
        for (int64_t t = customers; t < WIDTH; ++t) lists_[t] = {few_[t], 0, {0, 0}};
        Lanes::bars(lists_, bars);
    }

private:
    Shortlist lists_[WIDTH];
    int32_t few_[WIDTH][Search<Lanes>::FEW + Scratch::BEYOND];
    Search<Lanes> search_;

    Shortlist shortened(const int32_t* key, int64_t n, Bounds bounds, int32_t* few) noexcept {
        if (bounds.upper == 0) return {few, 0, {0, 0}};
        const auto look = search_.look(key, n);
        if (look.positive > bounds.upper) return search_.shortened(look, key, n, bounds.upper, few);
        if (look.positive >= bounds.lower) return {few, 0, {0, 1}};  // the positive ones
        if (bounds.lower >= n) return {few, 0, {1, 1}};              // all
        return search_.shortened(look, key, n, bounds.lower, few);
    }
};

}  // namespace
}  // namespace couponry
