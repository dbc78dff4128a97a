// For which customers rules need more than a greedy choice, and what they come to for each of these.
#pragma once

#include <cstdint>

#include "views.hpp"

namespace couponry {

// See `Agreed` in contract.py.
struct Agreed {
    Table<const int32_t> group;
    int64_t groups;
    View<const int32_t> rule;
    View<const uint8_t> plain;
    Table<const int32_t> cap, least;
    View<const int32_t> upper;
    View<const int64_t> held_ptr;
    Table<const int32_t> held;
    View<const int64_t> had_ptr;
    View<const int32_t> had;
    View<const int64_t> conflict_ptr;
    View<const int32_t> conflict, conflict_rule;
    View<const uint8_t> mandatory;
    int64_t mandatory_rule;
};

// See `tangle` in tangle.py. sets: null to have their lengths alone.
int tangle(View<const int64_t> indptr, const void* item, int64_t item_bytes, const Agreed& agreed, int64_t start,
           int64_t stop, int64_t* ptr, int64_t* sets) noexcept;

}  // namespace couponry
