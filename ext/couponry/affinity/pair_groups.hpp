// A customer's pairs by group and by how long ago they were bought, and what each group comes to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace couponry {

constexpr int64_t MOST_HALF_LIVES = 2;  // at which purchases of groups are summed

struct PairOfGroup {
    int64_t key;  // the group, and how long ago
    int64_t pair;
};

// Of a customer and group.
struct Cell {
    int64_t times, items;
    int32_t first, last;
    double bought[MOST_HALF_LIVES];
};

constexpr size_t FEW_PAIRS = 48;  // that are put into order one by one

inline void sort(std::vector<PairOfGroup>& order) {
    if (order.size() > FEW_PAIRS) {
        std::sort(order.begin(), order.end(),
                  [](const PairOfGroup& one, const PairOfGroup& other) { return one.key < other.key; });
        return;
    }
    for (size_t r = 1; r < order.size(); ++r) {
        const PairOfGroup now = order[r];
        size_t to = r;
        for (; to && order[to - 1].key > now.key; --to) order[to] = order[to - 1];
        order[to] = now;
    }
}

// A customer's pairs in one grouping.
struct Grouped {
    std::vector<PairOfGroup> order;
    std::vector<int32_t> cell, newer;  // of each pair
    std::vector<Cell> cells;
};

}  // namespace couponry
