// A customer's best candidates, in the order of choice and along intervals.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"
#include "customer_constraints/whole_values.hpp"
#include "evaluate/chain_constraints.hpp"
#include "evaluate/chain_flow.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

// Of a few words of bits those below each one.
struct BitsBelow {
    static constexpr int64_t WORDS = ChainConstraints::MOST_TURNS / WORD;

    uint64_t words[WORD * WORDS + 1][WORDS] = {};

    constexpr BitsBelow() {
        for (int64_t n = 1; n <= WORD * WORDS; ++n) {
            for (int64_t w = 0; w < WORDS; ++w) words[n][w] = words[n - 1][w];
            words[n][(n - 1) / WORD] |= uint64_t{1} << ((n - 1) % WORD);
        }
    }
};

constexpr BitsBelow BELOW;

class ChainOrder {
protected:
    static constexpr int64_t MOST_WORDS = ChainConstraints::MOST_WORDS, MOST_CANDIDATES = ChainFlow::MOST;

    const Constraints* constraints_ = nullptr;
    const int32_t* key_ = nullptr;
    ChainConstraints chain_;
    int64_t upper_, words_;
    Scale scale_;
    uint64_t positive_[MOST_WORDS];       // candidates that have a place
    int64_t count_, listed_;              // candidates in order, and all that are worth something
    int64_t added_;                       // behind those in order
    int64_t worth_[MOST_CANDIDATES + 1];  // in the order of choice
    int16_t at_[MOST_CANDIDATES];         // which candidate it is
    uint8_t rank_[64 * MOST_WORDS];       // of a candidate
    int64_t chained_;
    uint8_t begin_[MOST_CANDIDATES], end_[MOST_CANDIDATES];  // intervals of each in the order of choice
    int32_t link_[MOST_CANDIDATES];  // begin, end and rank of each that is in an interval, 10, 10 and 8 bits
    uint64_t loose_;                 // a bit for each place in the order of choice

    // Whether the best candidates that are worth something have an order, and constraints are intervals along them.
    bool put_into_order(const Constraints& constraints, const int32_t* key, int64_t n, int64_t upper) noexcept {
        constraints_ = &constraints;
        key_ = key;
        upper_ = upper;
        words_ = constraints.words;
        return chain_.look_at(constraints, n) && collect(key, n) && chain_.place() && list_chain();
    }

    static int64_t begin_of(int32_t link) noexcept { return link >> 18; }
    static int64_t end_of(int32_t link) noexcept { return link >> 8 & 0x3FF; }
    static int64_t rank_of(int32_t link) noexcept { return link & 0xFF; }

    uint64_t places_of(const uint64_t* some) const noexcept {
        uint64_t places = 0;
        for (int64_t w = 0; w < words_; ++w)
            for (uint64_t word = some[w] & positive_[w]; word; word &= word - 1)
                places |= uint64_t{1} << rank_[WORD * w + lowest_bit(word)];
        return places;
    }

    // Takes over which candidate is at a place behind those in order.
    void put_behind(int64_t place) noexcept {
        const int64_t j = at_[place];
        const float value = value_of(key_[j]);
        worth_[place] = value > 0.0f ? scale_.whole_of_positive(value) : scale_.whole(value);
        rank_[j] = static_cast<uint8_t>(place);
        positive_[j / WORD] |= uint64_t{1} << (j % WORD);
        begin_[place] = static_cast<uint8_t>(chain_.begin(j));
        end_[place] = static_cast<uint8_t>(chain_.end(j));
        if (end_[place] > 0) loose_ &= ~(uint64_t{1} << place);
    }

    // A bit for each candidate (OUT) that is chosen.
    void put_picks(uint64_t chosen, uint64_t* picks) const noexcept {
        for (int64_t w = 0; w < words_; ++w) picks[w] = 0;
        for (; chosen; chosen &= chosen - 1) {
            const auto j = static_cast<uint64_t>(at_[lowest_bit(chosen)]);
            picks[j / WORD] |= uint64_t{1} << (j % WORD);
        }
    }

    // See `greedy_rank` there: how many candidates are better than the one that is too many of a greedy choice.
    int64_t greedy_rank() const noexcept {
        uint64_t taken = 0, picks[MOST_WORDS];
        const int64_t rank = chain_.turns() <= 2 * WORD ? greedy_in_intervals<2>(taken) : greedy_in_intervals<3>(taken);
        put_picks(taken, picks);
        return chain_.other_broken_by(picks) < 0 ? rank : greedy_under_all();
    }

    // The same without constraints that are no intervals; OUT: the places of what is taken before.
    template <int WORDS>
    int64_t greedy_in_intervals(uint64_t& taken) const noexcept {
        uint64_t some[WORDS],
            full[WORDS];  // a bit for each interval: whether one more fills it, and whether it is full
        for (int w = 0; w < WORDS; ++w) {
            some[w] = chain_.units() == 1 ? ~uint64_t{0} : 0;
            full[w] = 0;
        }
        int64_t given = 0;
        for (int64_t r = 0; r < count_; ++r) {  // without a branch that cannot be foretold
            uint64_t its[WORDS], conflicts = 0;
            for (int w = 0; w < WORDS; ++w) {
                its[w] = BELOW.words[end_[r]][w] & ~BELOW.words[begin_[r]][w];
                conflicts |= its[w] & full[w];
            }
            const uint64_t fits = conflicts == 0, all = 0 - fits;
            if (given + static_cast<int64_t>(fits) > upper_) return r;
            given += static_cast<int64_t>(fits);
            taken |= fits << r;
            for (int w = 0; w < WORDS; ++w) {
                full[w] |= some[w] & its[w] & all;
                some[w] |= its[w] & all;
            }
        }
        return count_;
    }

    int64_t greedy_under_all() const noexcept {
        uint64_t picks[MOST_WORDS] = {};
        int64_t given = 0;
        for (int64_t r = 0; r < count_; ++r) {
            uint64_t& word = picks[at_[r] / WORD];
            const uint64_t bit = uint64_t{1} << (at_[r] % WORD);
            word |= bit;
            if (!chain_.keeps_caps(picks))
                word ^= bit;
            else if (given++ == upper_)
                return r;
        }
        return count_;
    }

private:
    static constexpr int64_t AHEAD = 24;  // candidates beyond those that are given

    int64_t usual_ = 1;  // about the least key that is looked at

    // Puts the best candidates that are worth something into the order of choice.
    bool collect(const int32_t* key, int64_t n) noexcept {
        listed_ = reaching(key, n, 1);
        if (listed_ == 0) return false;
        if (listed_ > MOST_CANDIDATES && !reach_few(key, n)) return false;
        alignas(64) int32_t few[MOST_CANDIDATES + 2 * LANES];
        alignas(64) int32_t before[MOST_CANDIDATES + 2 * LANES];
        int16_t at[MOST_CANDIDATES + LANES];
        count_ = 0;
        for (int64_t w = 0; w < words_; ++w)
            count_ += Lanes::list_keys(key + WORD * w, positive_[w], WORD * w, few + count_, at + count_);
        scale_ = Scale::of_float(largest_value(key, n), n);
        added_ = 0;
        if (constraints_->is_short) {  // whose choice is at no price: any order will do
            for (int64_t k = 0; k < count_; ++k) {
                at_[k] = at[k];
                worth_[k] = scale_.whole_of_positive(value_of(few[k]));
            }
            worth_[count_] = 0;
            return true;
        }
        Lanes::ranks(few, count_, before);
        int64_t worth[MOST_CANDIDATES];
        for (int64_t k = 0; k < count_; ++k) worth[k] = scale_.whole_of_positive(value_of(few[k]));
        uint64_t taken = 0;
        for (int64_t k = 0; k < count_; ++k) {
            COUPONRY_ASSERT(0 <= before[k] && before[k] < count_);
            taken |= uint64_t{1} << before[k];
            at_[before[k]] = at[k];
            rank_[at[k]] = static_cast<uint8_t>(before[k]);
            worth_[before[k]] = worth[k];
        }
        worth_[count_] = 0;
        return count_bits(taken) == count_;  // else some are tied
    }

    // How many candidates that may be given have a key from a bar on, which are OUT in positive_.
    COUPONRY_INLINE int64_t reaching(const int32_t* key, int64_t n, int64_t bar) noexcept {
        int64_t count = 0;
        for (int64_t w = 0; w < words_; ++w) {
            const int64_t left = n - WORD * w < WORD ? n - WORD * w : WORD;
            positive_[w] = Lanes::at_least(key + WORD * w, left, static_cast<int32_t>(bar)) & chain_.open()[w];
            count += count_bits(positive_[w]);
        }
        return count;
    }

    // Finds a bar that few reach, and more than are given.
    bool reach_few(const int32_t* key, int64_t n) noexcept {
        const int64_t least = upper_ + AHEAD < MOST_CANDIDATES - 16 ? upper_ + AHEAD : MOST_CANDIDATES - 16;
        int64_t low = 1, high = int64_t{INT32_MAX} + 1;
        for (int64_t bar = usual_; high - low > 1; bar = low + (high - low) / 2) {
            if (bar <= low || bar >= high) continue;
            const int64_t count = reaching(key, n, bar);
            if (least <= count && count <= MOST_CANDIDATES) {
                usual_ = bar;
                return true;
            }
            (count > MOST_CANDIDATES ? low : high) = bar;
        }
        return false;
    }

    // Puts candidates that are in intervals into their order; false where ends are not in the order of begins.
    bool list_chain() noexcept {
        alignas(64) int32_t few[MOST_CANDIDATES + 2 * LANES];
        alignas(64) int32_t before[MOST_CANDIDATES + 2 * LANES];
        chained_ = 0;
        loose_ = ~uint64_t{0};
        for (int64_t r = 0; r < count_; ++r) {
            const int64_t begin = chain_.begin(at_[r]), end = chain_.end(at_[r]);
            few[chained_] = -static_cast<int32_t>(begin << 18 | end << 8 | r);
            begin_[r] = static_cast<uint8_t>(begin);
            end_[r] = static_cast<uint8_t>(end);
            loose_ ^= static_cast<uint64_t>(end > 0) << r;
            chained_ += end > 0;
        }
        Lanes::ranks(few, chained_, before);
        for (int64_t x = 0; x < chained_; ++x) link_[before[x]] = -few[x];
        bool rises = true;
        for (int64_t x = 1; x < chained_; ++x) rises &= end_of(link_[x - 1]) <= end_of(link_[x]);
        return rises;
    }
};

}  // namespace
}  // namespace couponry
