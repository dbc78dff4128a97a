// One customer's candidates in the order in which swaps are looked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "common/bits.hpp"
#include "local_search/placed.hpp"

namespace couponry {

class SwapOrder {
public:
    void take(const uint8_t* chosen, const float* value, int64_t n) {
        coming_.clear();
        leaving_.clear();
        picks_.assign(static_cast<size_t>((n + 63) / 64), 0);
        for (int64_t j = 0; j < n; ++j) {
            const bool held = chosen[j] != 0;
            (held ? leaving_ : coming_).push_back(placed(held ? -value[j] : value[j], j));
            picks_[static_cast<size_t>(j / 64)] |= static_cast<uint64_t>(held) << (j % 64);
        }
        rank_.resize(static_cast<size_t>(n));
        put_into_order(coming_);
        put_into_order(leaving_);
    }

    // Candidates that are not chosen, the best first, and those that are, the worst first; then the first by position.
    const std::vector<int64_t>& coming() const noexcept { return coming_; }
    const std::vector<int64_t>& leaving() const noexcept { return leaving_; }

    // A bit for each candidate of the w-th word that is chosen.
    uint64_t picks(int64_t w) const noexcept { return picks_[static_cast<size_t>(w)]; }

    // The place of the first candidate among some of the w-th word: among those that leave, or among those that come.
    size_t place_of_first(int64_t w, uint64_t some) const noexcept {
        return static_cast<size_t>(rank_[static_cast<size_t>(64 * w + lowest_bit(some))]);
    }

private:
    std::vector<int64_t> coming_, leaving_;
    std::vector<uint64_t> picks_;
    std::vector<int32_t> rank_;  // of each candidate

    void put_into_order(std::vector<int64_t>& some) {
        std::sort(some.begin(), some.end(), std::greater<int64_t>());
        for (size_t k = 0; k < some.size(); ++k) {
            some[k] = place_of(some[k]);
            rank_[static_cast<size_t>(some[k])] = static_cast<int32_t>(k);
        }
    }
};

}  // namespace couponry
