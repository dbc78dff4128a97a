// Which of one customer's candidates may come in place of which of those that are chosen, under constraints that ask
// for nothing: a swap is out where a full constraint has the one that comes and not the one that goes.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "common/bits.hpp"
#include "common/set_layout.hpp"
#include "local_search/placed.hpp"

namespace couponry {

class SetSwaps {
public:
    static constexpr int64_t MOST_CHOSEN = 64;

    // Finds the swaps of a customer of n candidates; false where constraints ask for something, or too much is chosen.
    bool find(const Constraints& constraints, const uint8_t* chosen, const float* value, int64_t n) {
        if (!take(chosen, value, n)) return false;
        for (int64_t s = 0; s < constraints.count; ++s) {
            if (constraints.least(s) > 0) return false;
            int64_t held = 0;
            for (int64_t w = 0; w < constraints.words; ++w) held += count_bits(constraints.word(s, w) & picks(w));
            if (held >= constraints.cap(s)) fill(constraints, s);
        }
        return true;
    }

    // Candidates that are not chosen, the best first, and those that are, the worst first; then the first by position.
    const std::vector<int64_t>& coming() const noexcept { return coming_; }
    const std::vector<int64_t>& leaving() const noexcept { return leaving_; }

    // A bit for each of those that are chosen in whose place the k-th of the others may come.
    uint64_t may_leave(size_t k) const noexcept { return may_leave_[k]; }

    // Whether it may come where nothing leaves.
    bool may_just_come(size_t k) const noexcept { return may_just_come_[k] != 0; }

private:
    std::vector<int64_t> coming_, leaving_;
    std::vector<uint64_t> picks_;  // a bit for each candidate that is chosen
    std::vector<int32_t> rank_;    // of each candidate, among those that leave or among those that come
    std::vector<uint64_t> may_leave_;
    std::vector<uint8_t> may_just_come_;

    uint64_t picks(int64_t w) const noexcept { return picks_[static_cast<size_t>(w)]; }

    bool take(const uint8_t* chosen, const float* value, int64_t n) {
        coming_.clear();
        leaving_.clear();
        picks_.assign(static_cast<size_t>((n + 63) / 64), 0);
        for (int64_t j = 0; j < n; ++j) {
            const bool held = chosen[j] != 0;
            (held ? leaving_ : coming_).push_back(placed(held ? -value[j] : value[j], j));
            picks_[static_cast<size_t>(j / 64)] |= static_cast<uint64_t>(held) << (j % 64);
        }
        if (static_cast<int64_t>(leaving_.size()) > MOST_CHOSEN) return false;
        rank_.resize(static_cast<size_t>(n));
        put_into_order(coming_);
        put_into_order(leaving_);
        const size_t chosen_ones = leaving_.size();
        may_leave_.assign(coming_.size(), chosen_ones == 64 ? ~uint64_t{0} : (uint64_t{1} << chosen_ones) - 1);
        may_just_come_.assign(coming_.size(), 1);
        return true;
    }

    void put_into_order(std::vector<int64_t>& some) {
        std::sort(some.begin(), some.end(), std::greater<int64_t>());
        for (size_t k = 0; k < some.size(); ++k) {
            some[k] = place_of(some[k]);
            rank_[static_cast<size_t>(some[k])] = static_cast<int32_t>(k);
        }
    }

    // Takes over that a constraint is full.
    void fill(const Constraints& constraints, int64_t s) noexcept {
        uint64_t inside = 0;
        for (int64_t w = 0; w < constraints.words; ++w)
            for (uint64_t word = constraints.word(s, w) & picks(w); word; word &= word - 1)
                inside |= uint64_t{1} << rank_of(w, word);
        for (int64_t w = 0; w < constraints.words; ++w)
            for (uint64_t word = constraints.word(s, w) & ~picks(w); word; word &= word - 1) {
                const auto k = static_cast<size_t>(rank_of(w, word));
                may_leave_[k] &= inside;
                may_just_come_[k] = 0;
            }
    }

    int32_t rank_of(int64_t w, uint64_t word) const noexcept {
        return rank_[static_cast<size_t>(64 * w + lowest_bit(word))];
    }
};

}  // namespace couponry
