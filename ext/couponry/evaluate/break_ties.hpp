// Which of tied candidates are given: those with the smallest hashes.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/tie_break.hpp"
#include "evaluate/selection.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

// Candidates of a customer from the given one on that belong to one word of the bit set.
COUPONRY_INLINE int64_t left(const CustomerSlice& slice, int64_t from) noexcept {
    return slice.n - from < WORD ? slice.n - from : WORD;
}

// What remains to be told apart: candidates of the same item.
template <class Item>
void break_tie_by_position(const CustomerSlice& slice, const int32_t* key, const Item* item, int32_t bar,
                           int64_t missing, uint32_t hash, Scratch& scratch) noexcept {
    int64_t tied = 0;
    for (int64_t j = 0; j < slice.n; ++j) {
        slice.picks[j / WORD] &= ~(uint64_t{key[j] <= bar} << (j % WORD));
        if (key[j] == bar) scratch.ranked[tied++] = Ranked::of(bar, tie_hash(hash, item[j]), j);
    }
    keep_first(scratch.ranked, tied, missing);
    for (int64_t t = 0; t < missing && t < tied; ++t) {
        const uint64_t j = scratch.ranked[t].at;
        slice.picks[j / WORD] |= uint64_t{1} << (j % WORD);
    }
}

// Of the candidates at the bar, those with the smallest hashes complete the m best.
template <class Item>
void break_tie(const CustomerSlice& slice, const int32_t* key, const Item* item, int32_t bar, int64_t m, uint32_t hash,
               Scratch& scratch) noexcept {
    int32_t* second = scratch.second;
    int32_t above = 0;
    for (int64_t j = 0; j < slice.n; ++j) {
        const uint32_t reversed = 0x7FFFFFFFu - tie_hash(hash, item[j]);
        second[j] = key[j] == bar ? static_cast<int32_t>(reversed) : INT32_MIN;
        above += key[j] > bar;
    }
    const int64_t missing = m - above;
    int32_t second_bars[Selection<Lanes>::WIDTH];
    Selection<Lanes> selection;
    selection.put(0, second, slice.n, {missing, missing});
    selection.bars(1, second_bars);
    int64_t reached = 0;
    for (int64_t from = 0; from < slice.n; from += WORD) {
        const int64_t n = left(slice, from);
        const uint64_t over = bar < INT32_MAX ? Lanes::at_least(key + from, n, bar + 1) : 0;
        const uint64_t first = Lanes::at_least(second + from, n, second_bars[0]);
        slice.picks[from / WORD] = over | first;
        reached += count_bits(over | first);
    }
    if (reached != m) break_tie_by_position(slice, key, item, bar, missing, hash, scratch);
}

}  // namespace
}  // namespace couponry
