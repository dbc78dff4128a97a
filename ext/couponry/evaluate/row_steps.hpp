// Rows and constraints beside sets of a customer's candidates: what a choice comes to in a row, and who meets whom.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"
#include "evaluate/subset_list.hpp"

namespace couponry {
namespace {

// Where bits of a constraint's head are, from the lowest one of its first word on.
struct HeadBits {
    int cap_from, least_from, turn_from;
    int64_t bound, turn;     // bits that they take
    uint64_t says_its_turn;  // one of these is set where there is a turn

    static HeadBits of(bool is_short) noexcept {
        if (!is_short)
            return {0,           LongHead::LEAST_FROM, LongHead::TURN_FROM, LongHead::BOUND_MASK, LongHead::TURN_MASK,
                    ~uint64_t{0}};
        return {SHORT_HEAD_FROM,
                SHORT_HEAD_FROM + ShortHead::LEAST_FROM,
                SHORT_HEAD_FROM + ShortHead::RULE_FROM + SHORT_RULE_BITS,
                ShortHead::BOUND_MASK,
                MOST_SHORT_TURNS,
                uint64_t{1} << (SHORT_HEAD_FROM + ShortHead::TURN_FROM)};
    }
};

// What the heads of constraints say together.
struct TurnHeads {
    static constexpr int64_t MOST = 192;

    int64_t asked = 0, number = 0, most = 0;  // minimums, all bits; turns, and the largest one
    int64_t caps_or = 0, caps_and = ~int64_t{0};
    uint64_t none[MOST / 64] = {};  // constraints without a turn, a bit for each
    int16_t turn[MOST + 8];         // of each constraint, 0: none
};

struct RowSteps : SubsetSteps {
    static constexpr int64_t SET_WORDS = 8;  // that sets of candidates have room for, of which some are read

    // What the candidates chosen come to in a row.
    static COUPONRY_INLINE int64_t sum_of(const Row& row, const uint64_t* chosen) noexcept {
        int64_t sum = 0;
        for (int64_t x = 0, entries = row.entries(); x < entries; ++x)
            sum += row.weight(x) & (0 - static_cast<int64_t>(is_in(chosen, row.candidate(x))));
        return sum;
    }

    // Which sets have candidates of a row, a bit for each: 1 the one, 2 the other.
    static COUPONRY_INLINE unsigned sets_of(const Row& row, const uint64_t* one, const uint64_t* other) noexcept {
        uint64_t in_one = 0, in_other = 0;
        for (int64_t x = 0, entries = row.entries(); x < entries; ++x) {
            in_one |= is_in(one, row.candidate(x));
            in_other |= is_in(other, row.candidate(x));
        }
        return static_cast<unsigned>(in_one | in_other << 1);
    }

    // Constraints with candidates in two sets, a bit for each of up to 8: each has so many words of candidates, and the
    // next one begins so many words `apart`.
    static COUPONRY_INLINE unsigned meet_both(const int64_t* first, int64_t apart, int64_t count, int64_t words,
                                              const uint64_t* one, const uint64_t* other) noexcept {
        unsigned found = 0;
        for (int64_t s = 0; s < count; ++s) {
            uint64_t in_one = 0, in_other = 0;
            for (int64_t w = 0; w < words; ++w) {
                in_one |= static_cast<uint64_t>(first[s * apart + w]) & one[w];
                in_other |= static_cast<uint64_t>(first[s * apart + w]) & other[w];
            }
            found |= static_cast<unsigned>(in_one != 0 && in_other != 0) << s;
        }
        return found;
    }

    // Reads the heads of so many constraints, each of which begins so many words `apart` from the one before.
    static COUPONRY_INLINE void read_heads(const int64_t* at, int64_t apart, int64_t count, const HeadBits& bits,
                                           TurnHeads& heads) noexcept {
        for (int64_t s = 0; s < count; ++s) {
            const auto head = static_cast<uint64_t>(at[s * apart]);
            const int64_t cap = static_cast<int64_t>(head >> bits.cap_from) & bits.bound;
            int64_t turn = static_cast<int64_t>(head >> bits.turn_from) & bits.turn;
            if (!(head & bits.says_its_turn) || turn > count) turn = 0;
            heads.turn[s] = static_cast<int16_t>(turn);
            heads.asked |= static_cast<int64_t>(head >> bits.least_from) & bits.bound;
            heads.none[s / 64] |= static_cast<uint64_t>(turn == 0) << (s % 64);
            if (turn == 0) continue;
            ++heads.number;
            heads.most = turn > heads.most ? turn : heads.most;
            heads.caps_or |= cap;
            heads.caps_and &= cap;
        }
    }

    // Keys of some of 64 candidates, a bit for each, and which of the customer's they are; how many. Places beyond them
    // are written, too.
    static COUPONRY_INLINE int64_t list_keys(const int32_t* key, uint64_t some, int64_t first, int32_t* few,
                                             int16_t* at) noexcept {
        int64_t count = 0;
        for (; some; some &= some - 1, ++count) {
            const int64_t j = lowest_bit(some);
            few[count] = key[j];
            at[count] = static_cast<int16_t>(first + j);
        }
        return count;
    }

    // How many of up to 64 ends in ascending order are at most as large as each of as many begins.
    static COUPONRY_INLINE void count_ends(const uint8_t* end, const uint8_t* begin, int64_t m,
                                           int16_t* ended) noexcept {
        for (int64_t i = 0, k = 0; i < m; ++i) {
            while (k < m && end[k] <= begin[i]) ++k;
            ended[i] = static_cast<int16_t>(k);
        }
    }

private:
    static COUPONRY_INLINE uint64_t is_in(const uint64_t* set, int64_t j) noexcept {
        return set[j / 64] >> (j % 64) & 1;
    }
};

}  // namespace
}  // namespace couponry
