// How a customer's cardinality constraints are laid out in 64-bit words; the twin of set_layout.py.
//
// A constraint bounds how many of a set of the customer's own candidates may be given: at least `least`, at most `cap`.
// Customers of at most SHORT candidates have one word a constraint: a bit for each candidate, and above them the head.
// Others have a word for the head, and then as many words of 64 bits as their candidates take.
//
// A customer may have rows before its constraints; see row_layout.hpp.
//
// From its lowest bit on the head holds cap, least, the number of the rule (16 bits), whether the candidates are
// mandatory (1 bit) and whether the constraint crosses one of the laminar family (1 bit). Where it is not short its
// turn follows (13 bits); where it is, one bit that says whether the upper 5 of the rule's number are its turn.
#pragma once

#include <cstdint>

#include "common/row_layout.hpp"
#include "common/views.hpp"

namespace couponry {

// What a mandatory candidate that is not given weighs, in coupons missing from a minimum: more than all others
// together.
constexpr int64_t MANDATORY_WEIGHT = int64_t{1} << 20;

// Bits of a head: the two layouts differ in the width of the bounds, and in where the head begins.
template <int BOUND_BITS>
struct HeadLayout {
    static constexpr int64_t BOUND_MASK = (int64_t{1} << BOUND_BITS) - 1;
    static constexpr int LEAST_FROM = BOUND_BITS;
    static constexpr int RULE_FROM = 2 * BOUND_BITS;
    static constexpr int MANDATORY_FROM = RULE_FROM + 16;
    static constexpr int CROSSES_FROM = MANDATORY_FROM + 1;
    static constexpr int TURN_FROM = CROSSES_FROM + 1;
    static constexpr int64_t TURN_MASK = (int64_t{1} << 13) - 1;

    static int64_t pack(int64_t cap, int64_t least, int64_t rule, int64_t mandatory, int64_t crosses) noexcept {
        return cap | least << LEAST_FROM | rule << RULE_FROM | mandatory << MANDATORY_FROM | crosses << CROSSES_FROM;
    }
};

using ShortHead = HeadLayout<6>;  // bounds of at most SHORT candidates
constexpr int SHORT_RULE_BITS = 11;
constexpr int64_t MOST_SHORT_TURNS = 31;  // above the number of the rule, which is smaller than 2^SHORT_RULE_BITS then
using LongHead = HeadLayout<16>;
constexpr int SHORT_HEAD_FROM = 32;  // the bit of a short constraint's word from which its head begins

// The constraints of one customer's candidates.
struct Constraints {
    static constexpr int64_t SHORT = 32;  // candidates that fit one word, head included

    const int64_t* at;
    int64_t count, words;  // words to a constraint's candidates
    bool is_short;
    Rows rows{nullptr};

    // Whether the customer's choice is told by rows and constraints.
    COUPONRY_INLINE bool any() const noexcept { return count > 0 || rows.at; }

    COUPONRY_INLINE static int64_t words_each(int64_t n) noexcept { return n <= SHORT ? 1 : 1 + (n + 63) / 64; }

    // Of customer i, who has n candidates; none where the laminar groups tell all.
    COUPONRY_INLINE static Constraints of(const Rules& rules, int64_t i, int64_t n) noexcept {
        const int64_t words = (n + 63) / 64;
        const bool is_short = n <= SHORT;
        if (rules.constraint_ptr.size <= 1) return {nullptr, 0, words, is_short};
        const int64_t begin = rules.constraint_ptr[i], all = rules.constraint_ptr[i + 1] - begin;
        const Rows rows = Rows::of(rules.constraints.data + begin, all);
        const int64_t numbers = all - rows.words();
        return {rules.constraints.data + begin + rows.words(), is_short ? numbers : numbers / (1 + words), words,
                is_short, rows};
    }

    COUPONRY_INLINE int64_t cap(int64_t s) const noexcept {
        return is_short ? at[s] >> SHORT_HEAD_FROM & ShortHead::BOUND_MASK : head(s) & LongHead::BOUND_MASK;
    }
    COUPONRY_INLINE int64_t least(int64_t s) const noexcept {
        return is_short ? at[s] >> (SHORT_HEAD_FROM + ShortHead::LEAST_FROM) & ShortHead::BOUND_MASK
                        : head(s) >> LongHead::LEAST_FROM & LongHead::BOUND_MASK;
    }
    COUPONRY_INLINE int64_t weight(int64_t s) const noexcept {
        return (is_short ? at[s] >> (SHORT_HEAD_FROM + ShortHead::MANDATORY_FROM)
                         : head(s) >> LongHead::MANDATORY_FROM) &
                       1
                   ? MANDATORY_WEIGHT
                   : 1;
    }
    COUPONRY_INLINE bool crosses(int64_t s) const noexcept {
        return (is_short ? at[s] >> (SHORT_HEAD_FROM + ShortHead::CROSSES_FROM) : head(s) >> LongHead::CROSSES_FROM) &
               1;
    }
    COUPONRY_INLINE uint64_t word(int64_t s, int64_t w) const noexcept {
        return static_cast<uint64_t>(is_short ? at[s] & 0xFFFFFFFF : at[s * (1 + words) + 1 + w]);
    }
    COUPONRY_INLINE bool has(int64_t s, int64_t j) const noexcept { return word(s, j / 64) >> (j % 64) & 1; }

    // Its place among constraints that are intervals, from 1 on; 0: it has none.
    COUPONRY_INLINE int64_t turn(int64_t s) const noexcept {
        if (!is_short) return head(s) >> LongHead::TURN_FROM & LongHead::TURN_MASK;
        const int64_t its = at[s] >> (SHORT_HEAD_FROM + ShortHead::RULE_FROM + SHORT_RULE_BITS) & MOST_SHORT_TURNS;
        return its & (0 - (at[s] >> (SHORT_HEAD_FROM + ShortHead::TURN_FROM) & 1));
    }

private:
    COUPONRY_INLINE int64_t head(int64_t s) const noexcept { return at[s * (1 + words)]; }
};

}  // namespace couponry
