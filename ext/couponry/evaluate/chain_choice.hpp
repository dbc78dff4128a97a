// The best choice of a customer whose constraints are intervals, as rolling windows of a household's members are, at a
// price on coupons: `best_choice` of reference/parts/choose_by_parts.py, without putting anything else into order.
//
// The turns of constraints, found when rules are compiled, say where each candidate is among them. At each price the
// same choice is found as there, by dynamic programming in place of a flow. Where anything is tied, a choice breaks
// some other rule, or the price is not found, all is left to the search.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"
#include "customer_constraints/whole_values.hpp"
#include "evaluate/chain_flow.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

class ChainChoice {
public:
    // Whether the best choice is found; the picks are OUT then.
    bool choose(const Constraints& constraints, const int32_t* key, int64_t n, int64_t upper,
                uint64_t* picks) noexcept {
        if (constraints.is_short || constraints.words > MOST_WORDS || upper < 1) return false;
        constraints_ = &constraints;
        upper_ = upper;
        words_ = constraints.words;
        return look_at_constraints() && collect(key, n) && place_on_chain() && choose_by_price() &&
               keeps_others(now_, picks);
    }

private:
    static constexpr int64_t MOST_WORDS = 5, MOST_CANDIDATES = ChainFlow::MOST, MOST_TURNS = 192, MOST_OTHERS = 64;
    static constexpr int64_t MOST_PRICES = 24, AHEAD = 24;  // candidates beyond those that are given

    const Constraints* constraints_;
    int64_t upper_, words_, turns_, others_, units_, bits_;
    int16_t turn_[MOST_TURNS], other_[MOST_OTHERS];  // which constraint it is
    uint64_t open_[MOST_WORDS], positive_[MOST_WORDS];
    int64_t count_, listed_;              // candidates in order, and all that are worth something
    int64_t worth_[MOST_CANDIDATES + 1];  // in the order of choice
    int16_t at_[MOST_CANDIDATES];         // which candidate it is
    uint8_t rank_[64 * MOST_WORDS];       // of a candidate
    int64_t chained_;
    uint32_t chain_[MOST_CANDIDATES];  // begin, end and rank of each that is in an interval, 10, 10 and 8 bits
    uint64_t loose_, now_;             // a bit for each place in the order of choice
    int64_t usual_ = 1;                // about the least key that is looked at
    ChainFlow flow_;

    static int64_t begin_of(uint32_t link) noexcept { return link >> 18; }
    static int64_t end_of(uint32_t link) noexcept { return link >> 8 & 0x3FF; }
    static int64_t rank_of(uint32_t link) noexcept { return link & 0xFF; }

    bool look_at_constraints() noexcept {
        const Constraints& all = *constraints_;
        if (all.count > MOST_TURNS) return false;
        for (int64_t w = 0; w < words_; ++w) open_[w] = ~uint64_t{0};
        for (int64_t t = 0; t < MOST_TURNS && t < all.count; ++t) turn_[t] = -1;
        turns_ = others_ = units_ = 0;
        for (int64_t s = 0; s < all.count; ++s) {
            const int64_t cap = all.cap(s), turn = all.turn(s);
            if (all.least(s) > 0) return false;
            if (cap == 0) {
                for (int64_t w = 0; w < words_; ++w) open_[w] &= ~all.word(s, w);
            } else if (turn > 0) {
                if (turn > all.count || turn_[turn - 1] >= 0 || (units_ > 0 && cap != units_)) return false;
                units_ = cap;
                turn_[turn - 1] = static_cast<int16_t>(s);
                turns_ = turn > turns_ ? turn : turns_;
            } else {
                if (others_ == MOST_OTHERS) return false;
                other_[others_++] = static_cast<int16_t>(s);
            }
        }
        return units_ == 1 || units_ == 2;
    }

    // Puts the best candidates that are worth something into the order of choice.
    bool collect(const int32_t* key, int64_t n) noexcept {
        listed_ = reaching(key, n, 1);
        if (listed_ == 0) return false;
        if (listed_ > MOST_CANDIDATES && !reach_few(key, n)) return false;
        alignas(64) int32_t few[MOST_CANDIDATES + 2 * LANES];
        alignas(64) int32_t before[MOST_CANDIDATES + 2 * LANES];
        int16_t at[MOST_CANDIDATES];
        count_ = 0;
        for (int64_t w = 0; w < words_; ++w)
            for (uint64_t word = positive_[w]; word; word &= word - 1) {
                const int64_t j = WORD * w + lowest_bit(word);
                few[count_] = key[j];
                at[count_++] = static_cast<int16_t>(j);
            }
        Lanes::ranks(few, count_, before);
        const Scale scale = Scale::of_float(largest_value(key, n), n);
        bits_ = scale.bits;
        uint64_t taken = 0;
        for (int64_t k = 0; k < count_; ++k) {
            COUPONRY_ASSERT(0 <= before[k] && before[k] < count_);
            taken |= uint64_t{1} << before[k];
            at_[before[k]] = at[k];
            rank_[at[k]] = static_cast<uint8_t>(before[k]);
            worth_[before[k]] = scale.whole_of_positive(value_of(few[k]));
        }
        worth_[count_] = 0;
        return count_bits(taken) == count_;  // else some are tied
    }

    // How many candidates that may be given have a key from a bar on, which are OUT in positive_.
    COUPONRY_INLINE int64_t reaching(const int32_t* key, int64_t n, int64_t bar) noexcept {
        int64_t count = 0;
        for (int64_t w = 0; w < words_; ++w) {
            const int64_t left = n - WORD * w < WORD ? n - WORD * w : WORD;
            positive_[w] = Lanes::at_least(key + WORD * w, left, static_cast<int32_t>(bar)) & open_[w];
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

    // Finds which intervals candidates are in; false where these are none.
    bool place_on_chain() noexcept {
        uint64_t before[MOST_WORDS] = {}, gone[MOST_WORDS] = {};
        uint16_t begin[MOST_CANDIDATES];
        chained_ = 0;
        uint64_t chained = 0;
        for (int64_t t = 0; t <= turns_; ++t) {
            const int64_t s = t < turns_ ? turn_[t] : -1;
            for (int64_t w = 0; w < words_; ++w) {
                const uint64_t now = s < 0 ? 0 : constraints_->word(s, w) & positive_[w];
                const uint64_t fresh = now & ~before[w], ended = before[w] & ~now;
                if (fresh & gone[w]) return false;
                gone[w] |= ended;
                before[w] = now;
                for (uint64_t word = fresh; word; word &= word - 1)
                    begin[rank_[WORD * w + lowest_bit(word)]] = static_cast<uint16_t>(t);
                for (uint64_t word = ended; word; word &= word - 1) {
                    const int64_t r = rank_[WORD * w + lowest_bit(word)];
                    chained |= uint64_t{1} << r;
                    insert(static_cast<uint32_t>(begin[r] << 18 | t << 8 | r));
                }
            }
        }
        loose_ = ~chained;
        for (int64_t x = 1; x < chained_; ++x)
            if (end_of(chain_[x]) < end_of(chain_[x - 1])) return false;
        return true;
    }

    void insert(uint32_t link) noexcept {
        int64_t x = chained_++;
        for (; x > 0 && chain_[x - 1] > link; --x) chain_[x] = chain_[x - 1];
        chain_[x] = link;
    }

    // See `choose_by_parts` and `price_between` there; false where it is not found at a price.
    bool choose_by_price() noexcept {
        uint64_t cheap = 0, dear = 0;
        int64_t low = 0, high = worth_[0] + 1, rank = upper_ + upper_ / 3;
        bool is_known = false;  // whether cheap is a choice at the lower price
        int64_t price = price_at(rank, low, high);
        if (price == BEYOND) return false;
        if (price < 0) price = 0;
        for (int64_t step = 0; step < MOST_PRICES; ++step) {
            if (!choose_at(price)) return false;
            const int64_t given = count_bits(now_);
            if (given == upper_ || (price == 0 && given < upper_)) return true;
            if (given > upper_) {
                cheap = now_;
                low = price;
                is_known = true;
            } else {
                dear = now_;
                high = price;
            }
            rank += upper_ - given + half(upper_ - given);
            price = price_at(rank, low, high);
            if (price == BEYOND) return false;
            if (price >= 0) continue;
            if (!is_known) {
                price = 0;
                continue;
            }
            price = price_between(cheap, dear, low, high, step % 2 ? upper_ : -1);
            if (price < 0) return false;
        }
        return false;
    }

    static constexpr int64_t BEYOND = -2;  // a price at which candidates count that are not looked at

    static int64_t half(int64_t number) noexcept { return (number - (number & 1)) / 2; }

    int64_t price_at(int64_t rank, int64_t low, int64_t high) const noexcept {
        if (rank < 0 || rank >= listed_) return -1;
        if (rank >= count_) return BEYOND;
        const int64_t price = worth_[rank] + 1;
        return low < price && price < high ? price : -1;
    }

    // The multiple of 2^bits that is no more than a number.
    int64_t floor_to(int64_t number) const noexcept { return number - (number & ((int64_t{1} << bits_) - 1)); }

    int64_t worth_of(uint64_t chosen) const noexcept {
        int64_t total = 0;
        for (; chosen; chosen &= chosen - 1) total += worth_[lowest_bit(chosen)];
        return total;
    }

    int64_t price_between(uint64_t cheap, uint64_t dear, int64_t low, int64_t high, int64_t wanted) const noexcept {
        const int64_t apart = count_bits(cheap) - count_bits(dear), gained = worth_of(cheap) - worth_of(dear);
        const int64_t even = wanted < 0 ? gained / apart - (gained % apart < 0)  // as Python divides, rounding down
                                        : low + (high - low) / apart * (count_bits(cheap) - wanted);
        const int64_t step = int64_t{1} << bits_;
        int64_t price = floor_to(even) + 1;
        if (price <= low)
            price = floor_to(low) + 1 + (low > 0 ? step : 0);
        else if (price >= high)
            price = high - step;
        return low < price && price < high ? price : -1;
    }

    // The best choice at a price, OUT in now_; false where it is not found.
    bool choose_at(int64_t price) noexcept {
        if (price == 0 && listed_ > count_) return false;
        int64_t dearer = 0;  // that are worth more than the price
        while (worth_[dearer] > price) ++dearer;
        const uint64_t mask = dearer == 64 ? ~uint64_t{0} : (uint64_t{1} << dearer) - 1;
        now_ = loose_ & mask;
        flow_.clear();
        for (int64_t x = 0; x < chained_; ++x) {
            const int64_t r = rank_of(chain_[x]);
            flow_.put(r < dearer, r, worth_[r] - price, begin_of(chain_[x]), end_of(chain_[x]));
        }
        uint64_t picks[MOST_WORDS];
        return flow_.choose(units_, now_) && keeps_others(now_, picks);
    }

    // Whether a choice keeps all that is no interval; picks (OUT): a bit for each candidate.
    bool keeps_others(uint64_t chosen, uint64_t* picks) const noexcept {
        for (int64_t w = 0; w < words_; ++w) picks[w] = 0;
        for (; chosen; chosen &= chosen - 1) {
            const int64_t j = at_[lowest_bit(chosen)];
            picks[j / WORD] |= uint64_t{1} << (j % WORD);
        }
        for (int64_t o = 0; o < others_; ++o) {
            int64_t held = 0;
            for (int64_t w = 0; w < words_; ++w) held += count_bits(picks[w] & constraints_->word(other_[o], w));
            if (held > constraints_->cap(other_[o])) return false;
        }
        return !constraints_->rows.at || constraints_->rows.kept_by(picks);
    }
};

}  // namespace
}  // namespace couponry
