// The order in which constraints are intervals, of a customer whose candidates fit a word; see
// reference/intervals/find_intervals.py.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/bits.hpp"

namespace couponry {
namespace {

// Those of some constraints, a bit for each, that no other one of them contains; window: the candidates of each.
inline uint64_t without_contained(const uint64_t* window, uint64_t left) noexcept {
    uint64_t contained = 0;
    for (uint64_t word = left; word; word &= word - 1) {  // without a branch that cannot be foretold
        const int64_t a = lowest_bit(word);
        uint64_t inside = 0;
        for (uint64_t others = left; others; others &= others - 1) {
            const int64_t b = lowest_bit(others);
            inside |= static_cast<uint64_t>(((window[a] & ~window[b]) == 0) & ((window[b] != window[a]) | (b < a)));
        }
        contained |= inside << a;
    }
    return left & ~contained;
}

// What is left and shares most with constraint `at`; -1: nothing does.
inline int64_t next_to(const uint64_t* window, uint64_t left, int64_t at) noexcept {
    int64_t most = 0;  // shared, and below it which, so that the first one is the largest
    for (; left; left &= left - 1) {
        const int64_t s = lowest_bit(left), shared = int64_t{count_bits(window[at] & window[s])} << 6 | (63 - s);
        most = shared > most ? shared : most;
    }
    return most < 64 ? -1 : 63 - (most & 63);
}

// Constraints one after the other (OUT), and how many there are: from where nothing is left to go on to. One from which
// the way leads to others, but not back, has no place.
inline int64_t order_of(const uint64_t* window, uint64_t left, uint8_t* order) noexcept {
    int64_t number = 0;
    for (uint64_t starts = left; starts; starts &= starts - 1) {
        int64_t at = lowest_bit(starts);
        if (!(left >> at & 1)) continue;
        uint64_t unseen = left;
        for (int64_t then = at; then >= 0; then = next_to(window, unseen, at)) {
            at = then;
            unseen &= ~(uint64_t{1} << at);
        }
        for (; at >= 0; at = next_to(window, left, at)) {
            order[number++] = static_cast<uint8_t>(at);
            left &= ~(uint64_t{1} << at);
        }
    }
    return number;
}

}  // namespace
}  // namespace couponry
