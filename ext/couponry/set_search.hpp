// A customer's best choice under sets of its candidates: the exact search; see sets.py, function by function.
//
// Sets of candidates are bit masks in the order of choice. Compiled once per instruction set, so everything here has
// internal linkage.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "evaluate_steps.hpp"
#include "views.hpp"

namespace couponry {
namespace {

constexpr int64_t WORTH_NOTHING = -(int64_t{1} << 62);

// See `whole_values`: the power of two, and how many low bits are kept free.
struct Scale {
    int64_t shift, bits;
    double factor;

    static Scale of(double largest, int64_t n) noexcept {
        int64_t bits = 0;
        while (n >> bits > 0) ++bits;
        int exponent = 0;
        std::frexp(largest, &exponent);
        const int64_t wanted = 61 - 2 * bits - exponent;
        const int64_t shift = wanted < 900 ? wanted : 900;
        return {shift, bits, std::ldexp(1.0, static_cast<int>(shift))};
    }

    // The same for what a float32 can hold, from the bits of numbers: all powers of two are ordinary float64 then.
    static COUPONRY_INLINE Scale of_float(float largest, int64_t n) noexcept {
        int64_t bits = 0;
        while (n >> bits > 0) ++bits;
        const double wide = static_cast<double>(largest);
        int64_t word;
        std::memcpy(&word, &wide, sizeof word);
        const int64_t exponent = largest == 0.0f ? 0 : (word >> 52 & 0x7FF) - 1022;
        const int64_t shift = 61 - 2 * bits - exponent;
        const int64_t power = (shift + 1023) << 52;
        double factor;
        std::memcpy(&factor, &power, sizeof factor);
        return {shift, bits, factor};
    }

    COUPONRY_INLINE int64_t whole(double value) const noexcept {
        const int64_t w = static_cast<int64_t>(std::floor(value * factor + 0.5));
        if (value > 0.0) return static_cast<int64_t>(static_cast<uint64_t>(w > 1 ? w : 1) << bits);
        return static_cast<int64_t>(static_cast<uint64_t>(w) << bits) - 1;
    }

    COUPONRY_INLINE int64_t whole_of_positive(float value) const noexcept {
        const int64_t w = static_cast<int64_t>(static_cast<double>(value) * factor + 0.5);
        return static_cast<int64_t>(static_cast<uint64_t>(w > 1 ? w : 1) << bits);
    }

    // See `slack_in_units`.
    int64_t units(int64_t slack, int64_t unit) const noexcept {
        return static_cast<int64_t>(std::ceil(std::ldexp(static_cast<double>(slack),
                                                         static_cast<int>(-(shift + bits) - unit)))) + 1;
    }

    double value(int64_t whole) const noexcept {
        return std::ldexp(static_cast<double>(whole), static_cast<int>(-(shift + bits)));
    }
};

// What a search found. missed: -1 where nothing keeps the rules and the fates.
struct Found {
    int64_t missed, worth, most;
};

class SetSearch {
public:
    SetSearch() noexcept = default;
    ~SetSearch() { std::free(memory_); }
    SetSearch(const SetSearch&) = delete;
    SetSearch& operator=(const SetSearch&) = delete;

    // Room for a customer's sets; false when there is no memory for it.
    bool load(const Sets& sets, int64_t n) noexcept {
        n_ = n;
        words_ = sets.words;
        sets_ = sets.count;
        const int64_t needed = 4 * n + 8 * sets_ + 2 * sets_ * words_ + (n + 13) * words_;
        if (needed > capacity_) {
            std::free(memory_);
            capacity_ = 2 * needed;
            memory_ = static_cast<int64_t*>(std::malloc(static_cast<size_t>(capacity_) * sizeof(int64_t)));
            if (!memory_) {
                capacity_ = 0;
                return false;
            }
        }
        int64_t* at = memory_;
        const auto some = [&](int64_t count) { return at += count, at - count; };
        const auto bits = [&](int64_t count) { return reinterpret_cast<uint64_t*>(some(count)); };
        value = some(n);
        turn_ = some(n);
        taken_ = some(n);
        other_value_ = some(n);
        cap_ = some(sets_);
        least_ = some(sets_);
        weight_ = some(sets_);
        crosses_ = some(sets_);
        room_ = some(sets_);
        need_ = some(sets_);
        left_ = some(sets_);
        apart_ = some(sets_);
        mask_ = bits(sets_ * words_);
        other_mask_ = bits(sets_ * words_);
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

    // Takes the sets over, in the order of choice.
    void arrange(const Sets& sets) noexcept {
        const int64_t* const place = turn_;
        asking_ = false;
        nesting_ = 0;
        std::memset(mask_, 0, static_cast<size_t>(sets_ * words_) * sizeof(uint64_t));
        for (int64_t s = 0; s < sets_; ++s) {
            cap_[s] = sets.cap(s);
            least_[s] = sets.least(s);
            weight_[s] = sets.weight(s);
            crosses_[s] = sets.crosses(s);
            asking_ = asking_ || least_[s] > 0;
            if (nesting_ == s && !crosses_[s] && cap_[s] > 0) ++nesting_;  // sets that nest are listed first
            uint64_t* mask = mask_ + s * words_;
            for (int64_t w = 0; w < words_; ++w)
                for (uint64_t word = sets.word(s, w); word; word &= word - 1) {
                    const int64_t t = place[64 * w + lowest_bit(word)];
                    mask[t / 64] |= uint64_t{1} << (t % 64);
                }
        }
    }

    int64_t* value = nullptr;        // IN: in the order of choice
    uint64_t* picks = nullptr;       // OUT: in the order of choice
    uint64_t* forced_in = nullptr;   // IN
    uint64_t* forced_out = nullptr;  // IN

    // See `best_choice`. tried: whether the choice under the sets that nest is known to break some other.
    Found best_choice(int64_t lower, int64_t upper, int64_t nodes, bool tried) noexcept {
        return words_ == 1 ? search<1>(lower, upper, nodes, tried) : search<0>(lower, upper, nodes, tried);
    }

private:
    int64_t n_ = 0, words_ = 1, sets_ = 0, capacity_ = 0;
    int64_t* memory_ = nullptr;
    bool asking_ = false;
    int64_t nesting_ = 0;     // sets that nest, and perhaps some that never bind
    uint64_t positive_ = 0;  // candidates that are worth something, of the first word
    int64_t *turn_, *taken_, *other_value_, *cap_, *least_, *weight_, *crosses_, *room_, *need_, *left_, *apart_;
    uint64_t *mask_, *other_mask_, *free_, *start_, *fixed_, *some_, *avail_, *marked_, *best_, *spare_,
        *mine_, *before_;
    int64_t lower_ = 0, upper_ = 0;

    template <int W>
    COUPONRY_INLINE int64_t words() const noexcept {
        return W ? W : words_;
    }

    static COUPONRY_INLINE bool test(const uint64_t* bits, int64_t t) noexcept { return bits[t / 64] >> (t % 64) & 1; }
    static COUPONRY_INLINE void set(uint64_t* bits, int64_t t) noexcept { bits[t / 64] |= uint64_t{1} << (t % 64); }
    static COUPONRY_INLINE void clear(uint64_t* bits, int64_t t) noexcept {
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

    // The first candidate of a set, -1: it is empty.
    template <int W>
    COUPONRY_INLINE int64_t first(const uint64_t* bits) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w)
            if (bits[w]) return 64 * w + lowest_bit(bits[w]);
        return -1;
    }

    template <int W>
    void take(const uint64_t* mask, int64_t t, int64_t by) noexcept {
        for (int64_t s = 0; s < sets_; ++s) {
            const int64_t member = static_cast<int64_t>(test(mask + s * words<W>(), t)) * by;
            room_[s] -= member;
            need_[s] -= member;
        }
    }

    template <int W>
    void close_full(const uint64_t* mask, uint64_t* free, int64_t given) const noexcept {
        for (int64_t s = 0; s < sets_; ++s)
            if (room_[s] <= 0) remove<W>(free, mask + s * words<W>());
        if (given >= upper_) none<W>(free);
    }

    int64_t missed_by(int64_t given) const noexcept {
        int64_t missed = given < lower_ ? lower_ - given : 0;
        if (asking_)
            for (int64_t s = 0; s < sets_; ++s)
                if (need_[s] > 0) missed += need_[s] * weight_[s];
        return missed;
    }

    template <int W>
    void find_apart(const uint64_t* mask) noexcept {
        none<W>(marked_);
        for (int64_t s = 0; s < sets_; ++s) {
            apart_[s] = least_[s] > 0 && common<W>(marked_, mask + s * words<W>()) == 0;
            if (apart_[s])
                for (int64_t w = 0; w < words<W>(); ++w) marked_[w] |= mask[s * words<W>() + w];
        }
    }

    // The first few candidates of a word.
    static COUPONRY_INLINE uint64_t lowest(uint64_t word, int64_t few) noexcept {
        uint64_t rest = word;
        for (; few > 0 && rest; --few) rest &= rest - 1;
        return word ^ rest;
    }

    // `walk` for candidates in one word: the first ones, less what is too many of each set, inner sets first, and again
    // with those that come instead.
    int64_t walk_word(uint64_t avail, int64_t given, int64_t least, uint64_t* into) const noexcept {
        uint64_t taken;
        while (true) {
            int64_t wanted = count_bits(avail & positive_);
            if (wanted < least - given) wanted = least - given;
            if (wanted > upper_ - given) wanted = upper_ - given;
            taken = lowest(avail, wanted);
            uint64_t gone = 0;
            for (int64_t s = 0; s < nesting_; ++s) {
                const uint64_t theirs = taken & mask_[s];
                if (count_bits(theirs) <= room_[s]) continue;
                const uint64_t excess = theirs ^ lowest(theirs, room_[s]);
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
        for (int64_t s = 0; s < sets_; ++s) left_[s] = room_[s];
        int64_t total = 0;
        for (int64_t t; (t = first<W>(avail_)) >= 0;) {
            if (given >= upper_ || (value[t] < 0 && given >= least)) break;
            clear(avail_, t);
            for (int64_t s = 0; s < sets_; ++s) {
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
        int64_t missed, sure;
    };

    template <int W>
    Least least_missed(const uint64_t* mask, const uint64_t* free, int64_t given) const noexcept {
        if (!asking_ && given >= lower_) return {0, 0};
        const int64_t there = count<W>(free), open = upper_ - given;
        const int64_t slots = open < there ? open : there;
        int64_t sure = lower_ - given - slots > 0 ? lower_ - given - slots : 0;
        int64_t asked = 0, lightest = int64_t{1} << 20;
        for (int64_t s = 0; s < sets_; ++s) {
            if (need_[s] <= 0) continue;
            const int64_t have = common<W>(free, mask + s * words<W>());
            if (need_[s] > have) sure += weight_[s] * (need_[s] - have);
            if (!apart_[s]) continue;
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
        for (int64_t s = 0; s < sets_; ++s) {
            if (!apart_[s] || need_[s] <= 0) continue;
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

    struct Explored {
        int64_t missed, worth, nodes;
    };

    // The best choice is added to best_ (OUT); free_ is used up.
    template <int W>
    Explored explore(const int64_t* worth_of, const uint64_t* mask, int64_t given, int64_t total, int64_t goal,
                     int64_t least_worth, int64_t nodes) noexcept {
        if (asking_) find_apart<W>(mask);
        none<W>(best_);
        int64_t depth = 0, missed = -1, worth = least_worth - 1;
        bool fresh = true;
        while (true) {
            if (--nodes < 0) break;
            if (fresh) {
                const int64_t now = missed_by(given);
                const bool better = goal < 0 ? missed < 0 || now < missed : now == goal && total > worth;
                if (better) {
                    missed = now;
                    worth = total;
                    none<W>(best_);
                    for (int64_t d = 0; d < depth; ++d) set(best_, taken_[d]);
                }
            }
            const Least least = least_missed<W>(mask, free_, given);
            bool hopeless;
            if (goal < 0)
                hopeless = least.missed >= missed;
            else
                hopeless = least.missed > goal || total + most_worth<W>(free_, given, goal, least.sure) <= worth;
            int64_t t = hopeless ? -1 : first<W>(free_);
            if (t >= 0) {
                taken_[depth] = t;
                copy<W>(before_ + depth * words<W>(), free_);
                ++depth;
                take<W>(mask, t, 1);
                ++given;
                total += worth_of[t];
                clear(free_, t);
                close_full<W>(mask, free_, given);
                fresh = true;
                continue;
            }
            if (depth == 0) break;
            --depth;
            t = taken_[depth];
            take<W>(mask, t, -1);
            --given;
            total -= worth_of[t];
            copy<W>(free_, before_ + depth * words<W>());
            clear(free_, t);
            fresh = false;
        }
        while (depth > 0) take<W>(mask, taken_[--depth], -1);
        return {missed, worth, nodes};
    }

    template <int W>
    Found search(int64_t lower, int64_t upper, int64_t nodes, bool tried) noexcept {
        lower_ = lower;
        upper_ = upper;
        positive_ = 0;
        for (int64_t t = 0; t < n_ && t < 64 && value[t] > 0; ++t) positive_ |= uint64_t{1} << t;
        for (int64_t s = 0; s < sets_; ++s) {
            room_[s] = cap_[s];
            need_[s] = least_[s];
        }
        int64_t given = 0, total = 0;
        none<W>(picks);
        for (int64_t w = 0; w < words<W>(); ++w) {
            const int64_t left = n_ - 64 * w;
            start_[w] = (left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1) & ~forced_in[w] & ~forced_out[w];
            for (uint64_t word = forced_in[w]; word; word &= word - 1) {
                const int64_t t = 64 * w + lowest_bit(word);
                for (int64_t s = 0; s < sets_; ++s)
                    if (room_[s] <= 0 && test(mask_ + s * words<W>(), t)) return {-1, 0, 0};
                if (given >= upper_) return {-1, 0, 0};
                take<W>(mask_, t, 1);
                set(picks, t);
                ++given;
                total += value[t];
            }
        }
        close_full<W>(mask_, start_, given);
        copy<W>(fixed_, picks);
        if (!tried) {
            const int64_t worth = total + walk<W>(start_, given, lower_, picks);
            bool kept = true;
            for (int64_t s = 0; s < sets_; ++s) {
                const int64_t held = common<W>(picks, mask_ + s * words<W>());
                kept = kept && held <= cap_[s] && held >= least_[s];
            }
            if (kept) {
                const int64_t missing = lower_ - count<W>(picks);
                return {missing > 0 ? missing : 0, worth, worth};
            }
        }
        copy<W>(picks, fixed_);
        if (!asking_) {
            const Explored found = branch<W>(given, total, nodes);
            if (found.missed < 0) {
                const int64_t worth = complete<W>(given, total);
                const int64_t missing = lower_ - count<W>(picks);
                return cut_off<W>(given, total, missing > 0 ? missing : 0, worth);
            }
            for (int64_t w = 0; w < words<W>(); ++w) picks[w] |= best_[w];
            if (found.nodes < 0) return cut_off<W>(given, total, found.missed, found.worth);
            return {found.missed, found.worth, found.worth};
        }
        const Explored least = miss_least<W>(given, total, nodes);
        const int64_t goal = least.missed;
        int64_t worth = complete<W>(given, least.worth);
        if (least.nodes < 0) return cut_off<W>(given, total, goal, worth);
        copy<W>(free_, start_);
        if (lower_ == 0)
            for (int64_t t = 0; t < n_; ++t)
                if (value[t] < 0 && gain_of<W>(t) == 0) clear(free_, t);
        const Explored found = explore<W>(value, mask_, given, total, goal, worth, least.nodes);
        if (found.missed >= 0) {
            for (int64_t w = 0; w < words<W>(); ++w) picks[w] = fixed_[w] | best_[w];
            worth = found.worth;
        }
        if (found.nodes < 0) return cut_off<W>(given, total, goal, worth);
        return {goal, worth, worth};
    }

    // Whether a choice comes before another one in the order of choice.
    template <int W>
    COUPONRY_INLINE bool comes_first(const uint64_t* a, const uint64_t* b) const noexcept {
        for (int64_t w = 0; w < words<W>(); ++w)
            if (a[w] != b[w]) return a[w] >> lowest_bit(a[w] ^ b[w]) & 1;
        return false;
    }

    // The best choice is added to best_ (OUT).
    template <int W>
    Explored branch(int64_t given, int64_t total, int64_t nodes) noexcept {
        copy<W>(free_, start_);
        none<W>(best_);
        none<W>(mine_);
        int64_t depth = 0, missed = -1, worth = total;
        while (true) {
            if (--nodes < 0) break;
            none<W>(marked_);
            const int64_t now = total + walk<W>(free_, given, lower_, marked_);
            const int64_t missing = lower_ - given - count<W>(marked_), lacks = missing > 0 ? missing : 0;
            bool better = missed < 0 || lacks < missed;
            if (!better && lacks == missed && now >= worth) {
                for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = marked_[w] | mine_[w];
                better = now > worth || comes_first<W>(spare_, best_);
            }
            int64_t full = -1;
            if (better) {
                for (int64_t s = 0; s < sets_ && full < 0; ++s)
                    if (crosses_[s] && common<W>(marked_, mask_ + s * words<W>()) > room_[s]) full = s;
                if (full < 0) {
                    missed = lacks;
                    worth = now;
                    for (int64_t w = 0; w < words<W>(); ++w) best_[w] = marked_[w] | mine_[w];
                }
            }
            if (full >= 0) {
                for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = marked_[w] & mask_[full * words<W>() + w];
                const int64_t t = first<W>(spare_);
                taken_[depth] = t;
                copy<W>(before_ + depth * words<W>(), free_);
                ++depth;
                take<W>(mask_, t, 1);
                ++given;
                total += value[t];
                set(mine_, t);
                clear(free_, t);
                close_full<W>(mask_, free_, given);
                continue;
            }
            if (depth == 0) break;
            --depth;
            const int64_t t = taken_[depth];
            take<W>(mask_, t, -1);
            --given;
            total -= value[t];
            clear(mine_, t);
            copy<W>(free_, before_ + depth * words<W>());
            clear(free_, t);
        }
        while (depth > 0) take<W>(mask_, taken_[--depth], -1);
        return {missed, worth, nodes};
    }

    template <int W>
    Found cut_off(int64_t given, int64_t total, int64_t goal, int64_t worth) noexcept {
        const int64_t most = total + walk<W>(start_, given, 0, nullptr);
        return {goal, worth, most > worth ? most : worth};
    }

    // How much less is missed with a candidate.
    template <int W>
    int64_t gain_of(int64_t t) const noexcept {
        int64_t gain = 0;
        if (asking_)
            for (int64_t s = 0; s < sets_; ++s)
                if (least_[s] > 0 && test(mask_ + s * words<W>(), t)) gain += weight_[s];
        return gain;
    }

    // The least that is missed, by what helps most first; the picks are a choice that misses no more.
    template <int W>
    Explored miss_least(int64_t given, int64_t total, int64_t nodes) noexcept {
        for (int64_t t = 0; t < n_; ++t) {  // a stable sort: most help no set, or one
            const int64_t gain = gain_of<W>(t);
            other_value_[t] = gain;
            int64_t at = t;
            for (; at > 0 && other_value_[turn_[at - 1]] < gain; --at) turn_[at] = turn_[at - 1];
            turn_[at] = t;
        }
        none<W>(free_);
        std::memset(other_mask_, 0, static_cast<size_t>(sets_ * words<W>()) * sizeof(uint64_t));
        for (int64_t at = 0; at < n_; ++at) {
            const int64_t t = turn_[at];
            if (test(start_, t) && (lower_ > 0 || other_value_[t] > 0)) set(free_, at);
            for (int64_t s = 0; s < sets_; ++s)
                if (test(mask_ + s * words<W>(), t)) set(other_mask_ + s * words<W>(), at);
        }
        for (int64_t at = 0; at < n_; ++at) other_value_[at] = value[turn_[at]];
        const Explored found = explore<W>(other_value_, other_mask_, given, total, -1, WORTH_NOTHING, nodes);
        for (int64_t at = 0; at < n_; ++at)
            if (test(best_, at)) set(picks, turn_[at]);
        return found;
    }

    // Adds to the picks, worth so much, what is worth something and fits.
    template <int W>
    int64_t complete(int64_t given, int64_t worth) noexcept {
        for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = picks[w] & ~fixed_[w];
        given += count<W>(spare_);
        for (int64_t s = 0; s < sets_; ++s) left_[s] = room_[s] - common<W>(spare_, mask_ + s * words<W>());
        for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = start_[w] & ~picks[w];
        for (int64_t t; given < upper_ && (t = first<W>(spare_)) >= 0;) {
            clear(spare_, t);
            bool fits = value[t] > 0;
            for (int64_t s = 0; s < sets_; ++s) fits = fits && (left_[s] > 0 || !test(mask_ + s * words<W>(), t));
            if (!fits) continue;
            set(picks, t);
            ++given;
            worth += value[t];
            for (int64_t s = 0; s < sets_; ++s) left_[s] -= test(mask_ + s * words<W>(), t);
        }
        return worth;
    }
};

}  // namespace
}  // namespace couponry
