// How a customer's rows, linear constraints and counts of groups, are laid out in 64-bit words; the twin of
// row_layout.py.
//
// Rows stand before a customer's cardinality constraints. Their first word has its highest bit set, says in bits 0-31
// how many words all rows take, itself included, and in bits 32-47 how many rows there are. Each row is a word (bits
// 0-15 its candidates, 16-31 the number of the rule, bit 32 whether it counts groups), its least and most, and a word
// for each candidate: bits 0-15 which of the customer's, bits 16-63 its coefficient or group, signed.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"
#include "common/debug.hpp"

namespace couponry {

constexpr int64_t MOST_COEFFICIENT = int64_t{1} << 44;
constexpr int64_t NO_BOUND = int64_t{1} << 61;  // a bound that never binds
constexpr int64_t NO_GROUP = -1;

// One row.
struct Row {
    static constexpr int64_t HEAD_WORDS = 3;

    const int64_t* at;

    COUPONRY_INLINE int64_t entries() const noexcept { return at[0] & 0xFFFF; }
    COUPONRY_INLINE bool counts_groups() const noexcept { return at[0] >> 32 & 1; }
    COUPONRY_INLINE int64_t low() const noexcept { return at[1]; }
    COUPONRY_INLINE int64_t high() const noexcept { return at[2]; }
    // Of its x-th entry: which candidate, and its coefficient or group.
    COUPONRY_INLINE int64_t candidate(int64_t x) const noexcept { return at[HEAD_WORDS + x] & 0xFFFF; }
    COUPONRY_INLINE int64_t weight(int64_t x) const noexcept { return at[HEAD_WORDS + x] >> 16; }
    COUPONRY_INLINE Row next() const noexcept { return {at + HEAD_WORDS + entries()}; }

    static int64_t head(int64_t entries, int64_t rule, int64_t counts_groups) noexcept {
        return entries | rule << 16 | counts_groups << 32;
    }
    static int64_t entry(int64_t j, int64_t weight) noexcept {
        return static_cast<int64_t>(static_cast<uint64_t>(weight) << 16) | j;
    }
};

// The rows of one customer.
struct Rows {
    const int64_t* at;  // null: there are none

    // Of a customer whose words begin there.
    COUPONRY_INLINE static Rows of(const int64_t* words, int64_t count) noexcept {
        return {count > 0 && words[0] < 0 ? words : nullptr};
    }
    COUPONRY_INLINE int64_t words() const noexcept { return at ? at[0] & 0xFFFFFFFF : 0; }
    COUPONRY_INLINE int64_t count() const noexcept { return at ? at[0] >> 32 & 0xFFFF : 0; }
    COUPONRY_INLINE Row first() const noexcept { return {at + 1}; }

    static int64_t first_word(int64_t rows, int64_t words) noexcept {
        return static_cast<int64_t>(uint64_t{1} << 63) | rows << 32 | words;
    }

    // Whether picks, a bit for each candidate, keep all rows.
    bool kept_by(const uint64_t* picks) const noexcept {
        Row row = first();
        for (int64_t r = count(); r > 0; --r, row = row.next())
            if (!keeps(row, picks)) return false;
        return true;
    }

    // Whether picks keep one row.
    static bool keeps(const Row& row, const uint64_t* picks) noexcept {
        const int64_t entries = row.entries();
        int64_t some = 0, total = 0;
        for (int64_t x = 0; x < entries; ++x) {
            const int64_t picked = has(picks, row.candidate(x));
            some += picked;
            if (!row.counts_groups()) {
                total += row.weight(x) & (0 - picked);
                continue;
            }
            bool fresh = picked && row.weight(x) != NO_GROUP;
            for (int64_t y = 0; y < x && fresh; ++y)
                fresh = row.weight(y) != row.weight(x) || !has(picks, row.candidate(y));
            total += fresh;
        }
        return some == 0 || (row.low() <= total && total <= row.high());
    }

private:
    static bool has(const uint64_t* picks, int64_t j) noexcept { return picks[j / 64] >> (j % 64) & 1; }
};

}  // namespace couponry
