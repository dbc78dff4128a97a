// The best offers of each customer and role; see `best` in affinity_reference.py.
#pragma once

#include <cstdint>

#include "views.hpp"

namespace couponry {

struct Bought {
    View<const int64_t> indptr;
    View<const uint32_t> item;
    View<const float> weight, own_weight;
};

struct Links {
    View<const int64_t> ptr;
    View<const int32_t> offer;
    View<const float> value;
};

struct Kinds {
    View<const int32_t> item, offer;
};

struct Eligible {
    View<const int64_t> ptr;
    View<const int32_t> offer;
};

struct Chosen {
    View<int32_t> count;
    Table<int32_t> offer;
    Table<uint8_t> role;
    Table<float> score;
};

struct Choice {
    Bought bought;
    Links similar, own;
    Kinds kinds;
    int64_t most_kinds;  // one more than the largest kind
    View<const float> prior;
    Eligible eligible;
    View<const int32_t> quota;
    float above;
    int64_t start, stop;
    Chosen chosen;
};

int best(const Choice&) noexcept;

}  // namespace couponry
