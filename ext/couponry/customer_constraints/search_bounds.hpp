// What the search for a customer's best choice works on, and what bounds each of its branches.
//
// Sets of candidates are bit masks in the order of choice. Function by function the twin of reference/search_bounds.py.
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/bits.hpp"
#include "common/set_layout.hpp"
#include "customer_constraints/growing_memory.hpp"

namespace couponry {
namespace {

constexpr int64_t WORTH_NOTHING = -(int64_t{1} << 62);

class SearchBounds {
public:
    SearchBounds() noexcept = default;
    SearchBounds(const SearchBounds&) = delete;
    SearchBounds& operator=(const SearchBounds&) = delete;

    // Room for so many candidates, words of them, and constraints; false when there is no memory for it.
    bool make_room(int64_t n, int64_t words, int64_t constraints) noexcept {
        n_ = n;
        words_ = words;
        constraints_ = constraints;
        constexpr int64_t GAP = GrowingMemory::GAP;
        const int64_t needed = 4 * n + 8 * constraints_ + 2 * constraints_ * words_ + (n + 13) * words_ + 27 * GAP;
        if (!memory_.reserve(needed)) return false;
        const auto some = [this](int64_t count) { return memory_.some(count); };
        const auto bits = [this](int64_t count) { return memory_.bits(count); };
        value = some(n);
        turn_ = some(n);
        taken_ = some(n);
        other_value_ = some(n);
        cap_ = some(constraints_);
        least_ = some(constraints_);
        weight_ = some(constraints_);
        crosses_ = some(constraints_);
        residual_ = some(constraints_);
        need_ = some(constraints_);
        left_ = some(constraints_);
        disjoint_ = some(constraints_);
        mask_ = bits(constraints_ * words_);
        other_mask_ = bits(constraints_ * words_);
        picks = bits(words_);
        forced_in = bits(words_);
        forced_out = bits(words_);
        free_ = bits(words_);
        start_ = bits(words_);
        fixed_ = bits(words_);
        some_ = bits(words_);
        avail_ = bits(words_);
        marked_ = bits(words_);
        best_ = bits(words_);
        spare_ = bits(words_);
        mine_ = bits(words_);
        before_ = bits((n + 1) * words_);
        return true;
    }

    // IN: where each candidate comes in the order of choice.
    int64_t* place() noexcept { return turn_; }

    // Takes the constraints over, in the order of choice.
    void arrange(const Constraints& constraints) noexcept {
        const int64_t* const place = turn_;
        asking_ = false;
        laminar_ = 0;
        std::memset(mask_, 0, static_cast<size_t>(constraints_ * words_) * sizeof(uint64_t));
        for (int64_t s = 0; s < constraints_; ++s) {
            cap_[s] = constraints.cap(s);
            least_[s] = constraints.least(s);
            weight_[s] = constraints.weight(s);
            crosses_[s] = constraints.crosses(s);
            asking_ = asking_ || least_[s] > 0;
            if (laminar_ == s && !crosses_[s] && cap_[s] > 0) ++laminar_;  // the laminar family is listed first
            uint64_t* mask = mask_ + s * words_;
            for (int64_t w = 0; w < words_; ++w)
                for (uint64_t word = constraints.word(s, w); word; word &= word - 1) {
                    COUPONRY_ASSERT(64 * w + lowest_bit(word) < n_);
                    const int64_t t = place[64 * w + lowest_bit(word)];
                    COUPONRY_ASSERT(0 <= t && t < n_);
                    mask[t / 64] |= uint64_t{1} << (t % 64);
                }
        }
    }

    int64_t* value = nullptr;        // IN: in the order of choice
    uint64_t* picks = nullptr;       // OUT: in the order of choice
    uint64_t* forced_in = nullptr;   // IN
    uint64_t* forced_out = nullptr;  // IN

protected:
    int64_t n_ = 0, words_ = 1, constraints_ = 0;
    GrowingMemory memory_;
    bool asking_ = false;
    int64_t laminar_ = 0;    // the laminar family, and perhaps some that never bind
    uint64_t positive_ = 0;  // candidates that are worth something, of the first word
    int64_t *turn_, *taken_, *other_value_, *cap_, *least_, *weight_, *crosses_, *residual_, *need_, *left_, *disjoint_;
    uint64_t *mask_, *other_mask_, *free_, *start_, *fixed_, *some_, *avail_, *marked_, *best_, *spare_, *mine_,
        *before_;
    int64_t lower_ = 0, upper_ = 0;

    template <int W>
    COUPONRY_INLINE int64_t words() const noexcept {
        return W ? W : words_;
    }

    // Not static, for the assertions.
    COUPONRY_INLINE bool test(const uint64_t* bits, int64_t t) const noexcept {
        COUPONRY_ASSERT(0 <= t && t < n_);
        return bits[t / 64] >> (t % 64) & 1;
    }
    COUPONRY_INLINE void set(uint64_t* bits, int64_t t) const noexcept {
        COUPONRY_ASSERT(0 <= t && t < n_);
        bits[t / 64] |= uint64_t{1} << (t % 64);
    }
    COUPONRY_INLINE void clear(uint64_t* bits, int64_t t) const noexcept {
        COUPONRY_ASSERT(0 <= t && t < n_);
        bits[t / 64] &= ~(uint64_t{1} << (t % 64));
    }

    template <int W>
    COUPONRY_INLINE void copy(uint64_t* to, const uint64_t* from) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w) to[w] = from[w];
    }

    template <int W>
    COUPONRY_INLINE void none(uint64_t* bits) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w) bits[w] = 0;
    }

    template <int W>
    COUPONRY_INLINE void remove(uint64_t* bits, const uint64_t* gone) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w) bits[w] &= ~gone[w];
    }

    template <int W>
    COUPONRY_INLINE int64_t count(const uint64_t* bits) const noexcept {
        int64_t total = 0;
        for (int64_t w = 0; w < words<W>(); ++w) total += count_bits(bits[w]);
        return total;
    }

    template <int W>
    COUPONRY_INLINE int64_t common(const uint64_t* a, const uint64_t* b) const noexcept {
        int64_t total = 0;
        for (int64_t w = 0; w < words<W>(); ++w) total += count_bits(a[w] & b[w]);
        return total;
    }

    // Calls `act` for each bit set, the lowest first.
    template <int W, class Act>
    COUPONRY_INLINE void each(const uint64_t* bits, const Act& act) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w)
            for (uint64_t word = bits[w]; word; word &= word - 1) act(64 * w + lowest_bit(word));
    }

    // The same for bits set in both.
    template <int W, class Act>
    COUPONRY_INLINE void each_of_both(const uint64_t* a, const uint64_t* b, const Act& act) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w)
            for (uint64_t word = a[w] & b[w]; word; word &= word - 1) act(64 * w + lowest_bit(word));
    }

    // The lowest bit set; -1: there is none.
    template <int W>
    COUPONRY_INLINE int64_t first(const uint64_t* bits) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w)
            if (bits[w]) return 64 * w + lowest_bit(bits[w]);
        return -1;
    }

    template <int W>
    void take(const uint64_t* mask, int64_t t, int64_t by) noexcept {
        for (int64_t s = 0; s < constraints_; ++s) {
            const int64_t member = static_cast<int64_t>(test(mask + s * words<W>(), t)) * by;
            residual_[s] -= member;
            need_[s] -= member;
        }
    }

    template <int W>
    void close_full(const uint64_t* mask, uint64_t* free, int64_t given) const noexcept {
        for (int64_t s = 0; s < constraints_; ++s)
            if (residual_[s] <= 0) remove<W>(free, mask + s * words<W>());
        if (given >= upper_) none<W>(free);
    }

    int64_t shortfall_of(int64_t given) const noexcept {
        int64_t shortfall = given < lower_ ? lower_ - given : 0;
        if (asking_)
            for (int64_t s = 0; s < constraints_; ++s)
                if (need_[s] > 0) shortfall += need_[s] * weight_[s];
        return shortfall;
    }

    template <int W>
    void find_disjoint(const uint64_t* mask) noexcept {
        none<W>(marked_);
        for (int64_t s = 0; s < constraints_; ++s) {
            disjoint_[s] = least_[s] > 0 && common<W>(marked_, mask + s * words<W>()) == 0;
            if (disjoint_[s])
                for (int64_t w = 0; w < words<W>(); ++w) marked_[w] |= mask[s * words<W>() + w];
        }
    }

    // The first few candidates of a word.
    static COUPONRY_INLINE uint64_t lowest(uint64_t word, int64_t few) noexcept {
        uint64_t rest = word;
        for (; few > 0 && rest; --few) rest &= rest - 1;
        return word ^ rest;
    }

    // `walk` for candidates in one word: the first ones, less what is too many of each constraint, inner ones first,
    // and again with those that come instead.
    int64_t walk_word(uint64_t avail, int64_t given, int64_t least, uint64_t* into) const noexcept {
        uint64_t taken;
        while (true) {
            int64_t wanted = count_bits(avail & positive_);
            if (wanted < least - given) wanted = least - given;
            if (wanted > upper_ - given) wanted = upper_ - given;
            taken = lowest(avail, wanted);
            uint64_t gone = 0;
            for (int64_t s = 0; s < laminar_; ++s) {
                const uint64_t theirs = taken & mask_[s];
                if (count_bits(theirs) <= residual_[s]) continue;
                const uint64_t excess = theirs ^ lowest(theirs, residual_[s]);
                taken ^= excess;
                gone |= excess;
            }
            if (!gone) break;
            avail &= ~gone;
        }
        int64_t total = 0;
        for (uint64_t word = taken; word; word &= word - 1) total += value[lowest_bit(word)];
        if (into) *into |= taken;
        return total;
    }

    // What is picked is set in `into`, where that is not null.
    template <int W>
    int64_t walk(const uint64_t* free, int64_t given, int64_t least, uint64_t* into) noexcept {
        if (W == 1) return walk_word(*free, given, least, into);
        copy<W>(avail_, free);
        for (int64_t s = 0; s < constraints_; ++s) left_[s] = residual_[s];
        int64_t total = 0;
        for (int64_t t; (t = first<W>(avail_)) >= 0;) {
            if (given >= upper_ || (value[t] < 0 && given >= least)) break;
            clear(avail_, t);
            for (int64_t s = 0; s < constraints_; ++s) {
                const uint64_t* mask = mask_ + s * words<W>();
                if (crosses_[s] || !test(mask, t)) continue;
                if (--left_[s] <= 0) remove<W>(avail_, mask);
            }
            ++given;
            total += value[t];
            if (into) set(into, t);
        }
        return total;
    }

    struct Least {
        int64_t shortfall, sure;
    };

    template <int W>
    Least least_shortfall(const uint64_t* mask, const uint64_t* free, int64_t given) const noexcept {
        if (!asking_ && given >= lower_) return {0, 0};
        const int64_t there = count<W>(free), open = upper_ - given;
        const int64_t slots = open < there ? open : there;
        int64_t sure = lower_ - given - slots > 0 ? lower_ - given - slots : 0;
        int64_t asked = 0, lightest = MANDATORY_WEIGHT;
        for (int64_t s = 0; s < constraints_; ++s) {
            if (need_[s] <= 0) continue;
            const int64_t have = common<W>(free, mask + s * words<W>());
            if (need_[s] > have) sure += weight_[s] * (need_[s] - have);
            if (!disjoint_[s]) continue;
            asked += need_[s] < have ? need_[s] : have;
            lightest = weight_[s] < lightest ? weight_[s] : lightest;
        }
        return {sure + (asked > slots ? asked - slots : 0) * lightest, sure};
    }

    template <int W>
    int64_t most_worth(const uint64_t* free, int64_t given, int64_t goal, int64_t sure) noexcept {
        if (!asking_ && lower_ <= given) return walk<W>(free, given, lower_ - (goal - sure), nullptr);
        const int64_t spare = goal - sure, there = count<W>(free), open = upper_ - given;
        const int64_t slots = open < there ? open : there;
        const int64_t out_of_reach = lower_ - given - slots > 0 ? lower_ - given - slots : 0;
        const int64_t least = lower_ - out_of_reach - spare;
        const int64_t most = walk<W>(free, given, least, nullptr);
        none<W>(marked_);
        int64_t forced = 0, total = 0;
        for (int64_t s = 0; s < constraints_; ++s) {
            if (need_[s] <= 0 || !disjoint_[s]) continue;
            for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = free[w] & mask_[s * words<W>() + w];
            const int64_t have = count<W>(spare_);
            int64_t asked = (need_[s] < have ? need_[s] : have) - spare / weight_[s];
            for (int64_t t; asked > 0 && (t = first<W>(spare_)) >= 0; --asked) {
                clear(spare_, t);
                set(marked_, t);
                total += value[t];
                ++forced;
            }
        }
        if (forced == 0) return most;
        if (forced > slots) return WORTH_NOTHING;
        for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = free[w] & ~marked_[w];
        for (int64_t t; (t = first<W>(spare_)) >= 0; ++forced) {
            if (forced >= slots || (value[t] < 0 && given + forced >= least)) break;
            clear(spare_, t);
            total += value[t];
        }
        return most < total ? most : total;
    }
};

}  // namespace
}  // namespace couponry
