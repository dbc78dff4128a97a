// Prices on a customer's linear rows, which bound branches of the search; see reference/rows/row_prices.py, function by
// function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <algorithm>
#include <cstdint>

#include "customer_constraints/customer_rows.hpp"

namespace couponry {
namespace {

class RowPrices : public CustomerRows {
protected:
    static constexpr int64_t MOST_PRICED = 4;
    static constexpr int COARSER = 3, STEPS = 12, ROUNDS = 2;

    bool has_prices_ = false;

    // Of the first rows that a choice breaks, where a search begins: start_ is free, and mine_ given.
    template <int W>
    void find_prices(int64_t given, const uint64_t* broken) noexcept {
        rows_to_price(broken);
        for (int64_t t = 0; t < n_; ++t) coarse_[t] = (value[t] + ((1 << COARSER) - 1)) >> COARSER;
        for (int64_t k = 0; k < MOST_PRICED; ++k) price_[k] = 0;
        charge();
        for (int round = 0; round < ROUNDS; ++round)
            for (int64_t k = 0; k < count_; ++k) find_price<W>(k, given);
        has_prices_ = true;
    }

    template <int W>
    int64_t priced_bound(const uint64_t* free, int64_t given) noexcept {
        int64_t total = priced_walk<W>(free, given, nullptr) + constant_;
        for (int64_t w = 0; w < words<W>(); ++w)
            for (uint64_t word = mine_[w]; word; word &= word - 1) total += priced_[64 * w + lowest_bit(word)];
        return static_cast<int64_t>(static_cast<uint64_t>(total) << COARSER);
    }

private:
    // How far beyond a row's bound the greedy choice is, and its worth but for this row's price.
    struct Beyond {
        int64_t much, worth;
    };

    template <int W>
    void find_price(int64_t k, int64_t given) noexcept {
        int64_t low = 0, high = largest_price(k);
        Beyond at_low = beyond<W>(k, low, given);
        if (at_low.much <= 0) return;  // nothing is to be charged for
        Beyond at_high = beyond<W>(k, high, given);
        for (int step = 0; step < STEPS; ++step) {
            if (at_high.much > 0 || at_low.worth < at_high.worth) break;
            const int64_t even = (at_low.worth - at_high.worth) / (at_low.much - at_high.much);
            if (even <= low || even >= high) break;
            const Beyond there = beyond<W>(k, even, given);
            if (there.much > 0) {
                low = even;
                at_low = there;
            } else {
                high = even;
                at_high = there;
            }
        }
        price_[k] = high;
        charge();
    }

    template <int W>
    Beyond beyond(int64_t k, int64_t price, int64_t given) noexcept {
        price_[k] = price;
        charge();
        copy<W>(some_, mine_);
        const int64_t worth = priced_walk<W>(start_, given, some_);
        const int64_t total = sum_of(row_[k], some_), charged = total - sum_of(row_[k], mine_);
        return {sign_[k] * (total - side_of(k)), worth + price * sign_[k] * charged};
    }

    int64_t count_ = 0, constant_ = 0;
    int64_t row_[MOST_PRICED], sign_[MOST_PRICED], price_[MOST_PRICED];

    // What is picked is set in `into`, where that is not null.
    template <int W>
    int64_t priced_walk(const uint64_t* free, int64_t given, uint64_t* into) noexcept {
        for (int64_t s = 0; s < constraints_; ++s) left_[s] = residual_[s];
        int64_t total = 0;
        for (int64_t at = 0; at < n_; ++at) {
            const int64_t t = priced_turn_[at];
            if (given >= upper_ || priced_[t] <= 0) break;
            if (!test(free, t)) continue;
            bool fits = true;
            for (int64_t s = 0; s < constraints_; ++s)
                fits = fits && (left_[s] > 0 || crosses_[s] || !test(mask_ + s * words<W>(), t));
            if (!fits) continue;
            for (int64_t s = 0; s < constraints_; ++s) left_[s] -= test(mask_ + s * words<W>(), t);
            ++given;
            total += priced_[t];
            if (into) set(into, t);
        }
        return total;
    }

    void rows_to_price(const uint64_t* broken) noexcept {
        count_ = 0;
        for (int64_t r = 0; r < rows_ && count_ < MOST_PRICED; ++r) {
            if (counts_groups_[r]) continue;
            const int64_t total = sum_of(r, broken);
            const bool above = high_[r] >= 0 && total > high_[r], below = low_[r] <= 0 && total < low_[r];
            if (!above && !below) continue;
            row_[count_] = r;
            sign_[count_++] = above ? 1 : -1;
        }
    }

    int64_t sum_of(int64_t r, const uint64_t* chosen) const noexcept {
        int64_t total = 0;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x)
            if (test(chosen, where_[x])) total += weight_of_[x];
        return total;
    }

    int64_t side_of(int64_t k) const noexcept { return sign_[k] > 0 ? high_[row_[k]] : low_[row_[k]]; }

    int64_t largest_price(int64_t k) const noexcept {
        int64_t bits = 0, most = 0, size = 1;
        while (n_ >> bits > 0) ++bits;
        for (int64_t x = row_ptr_[row_[k]]; x < row_ptr_[row_[k] + 1]; ++x) {
            const int64_t w = weight_of_[x], by_size = w < 0 ? -w : w;
            size = by_size > size ? by_size : size;
            if (sign_[k] * w <= 0) continue;
            const int64_t worth = coarse_[where_[x]];  // divided as Python does, rounding down
            const int64_t rate = worth / by_size - (worth % by_size < 0) + 1;
            most = rate > most ? rate : most;
        }
        const int64_t room = (int64_t{1} << (59 - bits)) / size;
        return most < room ? most : room;
    }

    // What is left of values at the prices.
    void charge() noexcept {
        constant_ = 0;
        for (int64_t t = 0; t < n_; ++t) priced_[t] = coarse_[t];
        for (int64_t k = 0; k < count_; ++k) {
            for (int64_t x = row_ptr_[row_[k]]; x < row_ptr_[row_[k] + 1]; ++x)
                priced_[where_[x]] -= price_[k] * sign_[k] * weight_of_[x];
            constant_ += price_[k] * sign_[k] * side_of(k);
        }
        for (int64_t t = 0; t < n_; ++t) priced_turn_[t] = t;
        const int64_t* const priced = priced_;
        std::sort(priced_turn_, priced_turn_ + n_,
                  [priced](int64_t a, int64_t b) { return priced[a] != priced[b] ? priced[a] > priced[b] : a < b; });
    }
};

}  // namespace
}  // namespace couponry
