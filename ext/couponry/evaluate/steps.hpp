// Steps of an evaluation in plain loops, for every instruction set; vector lanes replace some of them.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/bits.hpp"
#include "common/preference.hpp"
#include "common/scratch.hpp"
#include "common/set_layout.hpp"
#include "common/views.hpp"
#include "evaluate/row_steps.hpp"

namespace couponry {
namespace {

// How prices lie in memory: one plane per attribute as the caller has them, or all prices of an item side by side.
constexpr int PLANES = -1;  // else the number of attributes

// Numbers per item where prices lie side by side.
constexpr int64_t price_width(int attributes) noexcept { return attributes == 0 ? 1 : attributes == 1 ? 2 : 4; }

// Consecutive candidates of one segment, and its prices.
template <class Item>
struct Candidates {
    const Item* item;
    const uint16_t* quantity;
    int64_t quantity_stride;  // to the next attribute
    int64_t attributes;
    const float* price;
    int64_t price_stride;  // to the next attribute, where prices lie in planes
    int64_t n;
};

// How many coupons a customer is given: at least and at most, 0 <= lower <= upper.
struct Bounds {
    int64_t lower, upper;

    COUPONRY_INLINE static Bounds of(int64_t lower, int64_t upper) noexcept {
        upper = upper > 0 ? upper : 0;
        lower = lower > 0 ? lower : 0;
        return {lower < upper ? lower : upper, upper};
    }

    // The bar that keys must reach, from a function that tells the m-th largest key (INT32_MIN: there are fewer).
    // Positive keys reach it, unless there are too many or too few of them.
    template <class Ranked>
    COUPONRY_INLINE int32_t bar(Ranked ranked) const noexcept {
        const int32_t most = upper > 0 ? ranked(upper) : INT32_MAX;
        int32_t least = lower > 0 ? ranked(lower) : 1;
        least = least < 1 ? least : 1;
        return most > least ? most : least;
    }

    // How many coupons are given where more keys than these reach the bar.
    COUPONRY_INLINE int64_t most_at(int32_t bar) const noexcept { return bar > 0 ? upper : lower; }
};

COUPONRY_INLINE float value_of(int32_t key) noexcept {
    const int32_t bits = order_key(static_cast<uint32_t>(key));  // it undoes itself
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// The largest of some values without their signs.
COUPONRY_INLINE float largest_value(const int32_t* key, int64_t n) noexcept {
    int32_t largest = 0;
    for (int64_t j = 0; j < n; ++j) {
        const int32_t size = order_key(static_cast<uint32_t>(key[j])) & INT32_MAX;
        largest = size > largest ? size : largest;
    }
    return value_of(largest);
}

// Candidates are read once and in order, some cache lines ahead: the processor's own prefetching stops at each
// page, and the work between two lines hides only part of what follows.
template <class Item>
COUPONRY_INLINE void prefetch(const Candidates<Item>& row, int64_t j) noexcept {
    constexpr int64_t AHEAD = 1024;
    prefetch_ahead(row.item, j + AHEAD);
    for (int64_t c = 0; c < row.attributes; ++c) prefetch_ahead(row.quantity, c * row.quantity_stride + j + AHEAD);
}

COUPONRY_INLINE float either(int32_t first, float a, float b) noexcept {
    int32_t a_bits, b_bits;
    std::memcpy(&a_bits, &a, sizeof a);
    std::memcpy(&b_bits, &b, sizeof b);
    const int32_t bits = (a_bits & first) | (b_bits & ~first);
    float out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
}

// Keys of the ends of a choice: the least that is chosen (INT32_MAX: none is), and the most that is not (INT32_MIN).
struct Ends {
    int32_t least, most;
};

// Where an item is in a set of items by their last bits: words of 16 bits, so that one vector looks up 32 items.
constexpr int64_t OPEN_WORDS = 128, OPEN_BITS = 16;
constexpr int64_t open_word(int64_t item) noexcept { return item / OPEN_BITS % OPEN_WORDS; }
constexpr int64_t open_bit(int64_t item) noexcept { return item % OPEN_BITS; }

COUPONRY_INLINE uint32_t is_picked(const uint64_t* picks, int64_t j) noexcept {
    return static_cast<uint32_t>(picks[j / WORD] >> (j % WORD)) & 1;
}

// One customer's share of what is worked on at a time.
struct CustomerSlice {
    int64_t i;     // customer, counted within the shard
    int64_t from;  // first candidate, counted within the batch
    int64_t n;
    uint64_t* picks;
    int32_t* first;  // where its coupons are listed from
};

// Keys in whose order a customer's bar lies, and how many of them are wanted.
struct Shortlist {
    const int32_t* key;
    int64_t n;
    Bounds bounds;
};

// A customer whose plain choice breaks some constraint.
struct Violated {
    Constraints constraints;
    const int32_t* key;
    int64_t n, upper;
    uint64_t* picks;
};

struct Steps : RowSteps {
    static constexpr int64_t WIDTH = 1;  // customers whose bars are found together
    static constexpr int64_t MOST = 32;  // coupons a customer, for bars(), and candidates:
    static constexpr int64_t LONG = 32;
    static constexpr int64_t RANKED = 64;  // candidates that are put into order by ranks()
    static constexpr int64_t SHORT = 0;    // candidates for take_best(), in lanes that have it

    // Writes the first n bits of some words as bytes, 0 or 1.
    static COUPONRY_INLINE void spread(const uint64_t* bits, int64_t n, uint8_t* out) noexcept {
        couponry::spread(bits, n, out);
    }

    // Where 64 candidates are among sets of some of them, one after the other: each set is a word `apart` from the one
    // before it in number; set numbers come in turn. OUT: in which turns each candidate is, begin <= t < end, end being
    // 0 for those in none, and begin too; and those that are in turns that do not follow each other.
    static COUPONRY_INLINE uint64_t intervals(const int64_t* words, int64_t apart, const int16_t* turn, int64_t turns,
                                              uint64_t some, uint8_t* begin, uint8_t* end) noexcept {
        uint64_t before = 0, gone = 0, again = 0;
        std::memset(begin, 0, WORD);
        std::memset(end, 0, WORD);
        for (int64_t t = 0; t <= turns; ++t) {
            const uint64_t now = t < turns ? static_cast<uint64_t>(words[turn[t] * apart]) & some : 0;
            const uint64_t fresh = now & ~before, ended = before & ~now;
            again |= fresh & gone;
            gone |= ended;
            before = now;
            for (uint64_t word = fresh; word; word &= word - 1) begin[lowest_bit(word)] = static_cast<uint8_t>(t);
            for (uint64_t word = ended; word; word &= word - 1) end[lowest_bit(word)] = static_cast<uint8_t>(t);
        }
        return again;
    }

    // Order keys of the candidates from the j-th on.
    template <class Item, int ATTRIBUTES>
    static COUPONRY_INLINE void order_keys(const Candidates<Item>& row, int32_t* key, int64_t j = 0) noexcept {
        const int64_t attributes = ATTRIBUTES == PLANES ? row.attributes : ATTRIBUTES;
        const int64_t next_price = ATTRIBUTES == PLANES ? row.price_stride : 1;
        const int64_t next_item = ATTRIBUTES == PLANES ? 1 : price_width(ATTRIBUTES);
        for (; j < row.n; ++j) {
            const float* price = row.price + row.item[j] * next_item;
            float value = price[0];
            for (int64_t c = 0; c < attributes; ++c) {
                const float quantity = static_cast<float>(row.quantity[c * row.quantity_stride + j]);
                const float product = price[(1 + c) * next_price] * quantity;
                value = value + product;
            }
            value = value + 0.0f;  // no negative zero
            uint32_t bits;
            std::memcpy(&bits, &value, sizeof bits);
            key[j] = order_key(bits);
        }
    }

    // Bit set of the keys (at most 64) that are at least `bar`.
    static COUPONRY_INLINE uint64_t at_least(const int32_t* key, int64_t n, int32_t bar) noexcept {
        uint64_t word = 0;
        for (int64_t j = 0; j < n; ++j) word |= static_cast<uint64_t>(key[j] >= bar) << j;
        return word;
    }

    // How many keys are at least `bar`.
    static COUPONRY_INLINE int64_t count(const int32_t* key, int64_t n, int32_t bar) noexcept {
        int32_t count = 0;
        for (int64_t j = 0; j < n; ++j) count += key[j] >= bar;
        return count;
    }

    // The keys from low to high, in any order; there is room for LANES more.
    static COUPONRY_INLINE void collect(const int32_t* key, int64_t n, int32_t low, int32_t high,
                                        int32_t* out) noexcept {
        for (int64_t j = 0; j < n; ++j) {
            *out = key[j];
            out += key[j] >= low && key[j] <= high;
        }
    }

    // How many keys are at least each of three bars.
    static COUPONRY_INLINE void count_3(const int32_t* key, int64_t n, const int32_t* bar, int64_t* out) noexcept {
        for (int b = 0; b < 3; ++b) out[b] = count(key, n, bar[b]);
    }

    // The largest key; INT32_MIN: there is none.
    static COUPONRY_INLINE int32_t largest(const int32_t* key, int64_t n) noexcept {
        int32_t best = INT32_MIN;
        for (int64_t j = 0; j < n; ++j) best = key[j] > best ? key[j] : best;
        return best;
    }

    // How many of a few keys are larger than each of them (OUT); there is room up to the next multiple of LANES.
    static COUPONRY_INLINE void ranks(const int32_t* key, int64_t n, int32_t* rank) noexcept {
        for (int64_t t = 0; t < n; ++t) rank[t] = 0;
        for (int64_t j = 0; j < n; ++j)
            for (int64_t t = 0; t < n; ++t) rank[t] += key[j] > key[t];
    }

    // Whether no two of a few groups, at most LANES, are the same; negative ones are none.
    static COUPONRY_INLINE bool distinct(const int32_t* group, int64_t n) noexcept {
        bool same = false;
        for (int64_t t = 1; t < n; ++t)
            for (int64_t s = 0; s < t; ++s) same |= group[s] == group[t] && group[s] >= 0;
        return !same;
    }

    // The keys (at most 64) that are at least `bar`: their numbers, counted from `from` (OUT, a vector more may be
    // written), and their bit set (OUT). Returns how many.
    static COUPONRY_INLINE int64_t take(const int32_t* key, int64_t n, int32_t bar, int64_t from, int32_t* out,
                                        uint64_t& picks) noexcept {
        picks = at_least(key, n, bar);
        return list(picks, n, from, out);
    }

    // Whether picks among at most 32 candidates keep up to 16 constraints, minimums included.
    static COUPONRY_INLINE bool keeps_short(const int64_t* constraints, int64_t count, uint32_t picks) noexcept {
        bool kept = true;
        for (int64_t s = 0; s < count; ++s) {
            const int64_t held = count_bits(static_cast<uint32_t>(constraints[s]) & picks);
            kept &= (held <= (constraints[s] >> SHORT_HEAD_FROM & ShortHead::BOUND_MASK)) &
                    (held >= (constraints[s] >> (SHORT_HEAD_FROM + ShortHead::LEAST_FROM) & ShortHead::BOUND_MASK));
        }
        return kept;
    }

    // The numbers of the bits set among n, counted from `from` (OUT, a vector more may be written). Returns how many.
    static COUPONRY_INLINE int64_t list(uint64_t word, int64_t, int64_t from, int32_t* out) noexcept {
        int64_t count = 0;
        for (; word; word &= word - 1) out[count++] = static_cast<int32_t>(from + lowest_bit(word));
        return count;
    }

    // The same for the largest keys alone, if they are at least so large; of their numbers the first.
    static COUPONRY_INLINE int64_t take_best(const int32_t*, int64_t, int32_t, int64_t, int32_t*, uint64_t&) noexcept {
        return 0;
    }

    static COUPONRY_INLINE Ends ends(const int32_t* key, const uint64_t* picks, int64_t n) noexcept {
        int32_t least = INT32_MAX, most = INT32_MIN;
        for (int64_t j = 0; j < n; ++j) {
            const int32_t held = -static_cast<int32_t>(is_picked(picks, j));  // all bits or none
            const int32_t in = (key[j] & held) | (INT32_MAX & ~held);
            const int32_t out = (key[j] & ~held) | (INT32_MIN & held);
            least = in < least ? in : least;
            most = out > most ? out : most;
        }
        return {least, most};
    }

    // Bytes (at most 64) that are 0 or 1 as bits.
    static COUPONRY_INLINE uint64_t bits_of(const uint8_t* flags, int64_t n) noexcept {
        uint64_t bits = 0;
        int64_t j = 0;
        for (; j + 8 <= n; j += 8) {
            uint64_t eight;
            std::memcpy(&eight, flags + j, sizeof eight);
            // each byte's lowest bit, side by side in the highest byte
            bits |= ((eight & 0x0101010101010101u) * 0x0102040810204080u >> 56) << j;
        }
        for (; j < n; ++j) bits |= static_cast<uint64_t>(flags[j] & 1) << j;
        return bits;
    }

    // Whether any of n items, or another one with the same last bits, is in a set: of those picked in the first, of the
    // others in the second one, OPEN_WORDS further on.
    template <class Item>
    static COUPONRY_INLINE bool any_open(const Item* item, int64_t n, const uint64_t* picks,
                                         const uint16_t* open) noexcept {
        uint32_t found = 0;
        for (int64_t j = 0; j < n; ++j) {
            const uint16_t* words = open + (is_picked(picks, j) ? 0 : OPEN_WORDS);
            found |= static_cast<uint32_t>(words[open_word(item[j])]) >> open_bit(item[j]);
        }
        return found & 1;
    }

    // Whether any candidate loses no more than its item's bar by leaving, where `most` comes instead, or by coming,
    // where `least` leaves. bars: of leaving, and `cells` further on of coming.
    template <class Item>
    static COUPONRY_INLINE bool any_close(const int32_t* key, const uint64_t* picks, const Item* item, int64_t n,
                                          float least, float most, const float* bars, int32_t cells) noexcept {
        for (int64_t j = 0; j < n; ++j) {
            const int32_t held = -static_cast<int32_t>(is_picked(picks, j));  // all bits or none
            const float value = value_of(key[j]);
            const float loss = either(held, value - most, least - value);
            if (loss <= bars[static_cast<int32_t>(item[j]) + (cells & ~held)]) return true;
        }
        return false;
    }

    // Bit set of those of at most 64 candidates that lose no more than their item's bar by leaving, where `most` comes
    // instead, or by coming, where `least` leaves.
    template <class Item>
    static COUPONRY_INLINE uint64_t close(const int32_t* key, uint64_t picks, const Item* item, int64_t n, float least,
                                          float most, const float* bar) noexcept {
        uint64_t word = 0;
        for (int64_t j = 0; j < n; ++j) {
            const float value = value_of(key[j]);
            const float loss = either(-static_cast<int32_t>(picks >> j & 1), value - most, least - value);
            word |= static_cast<uint64_t>(loss <= bar[item[j]]) << j;
        }
        return word;
    }

    // OUT: the bars of WIDTH customers who have at most LONG candidates and are given at most MOST coupons.
    static COUPONRY_INLINE void bars(const Shortlist* list, int32_t* bar) noexcept {
        *bar = list->bounds.bar(
            [=](int64_t m) { return m == 1 ? largest(list->key, list->n) : ranked(list->key, list->n, m); });
    }

    // A bar that exactly m of a few keys reach, or else the m-th largest itself; INT32_MIN: there are fewer.
    static COUPONRY_INLINE int32_t ranked(const int32_t* key, int64_t n, int64_t m) noexcept {
        int64_t low = INT32_MIN;                // reached by more than m, if any bar is
        int64_t high = int64_t{INT32_MAX} + 1;  // reached by fewer
        while (m <= n && high - low > 1) {
            const int64_t middle = low + (high - low) / 2;
            const int64_t reached = count(key, n, static_cast<int32_t>(middle));
            if (reached == m) return static_cast<int32_t>(middle);
            (reached > m ? low : high) = middle;
        }
        return static_cast<int32_t>(low);
    }
};

}  // namespace
}  // namespace couponry
