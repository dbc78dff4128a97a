// A customer's pairs by group, what each group comes to, and how many of its pairs were bought later than another.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "affinity/pair_features.hpp"
#include "affinity/words.hpp"

namespace couponry {

constexpr int64_t MOST_HALF_LIVES = 2;  // at which purchases of groups are summed
constexpr int64_t FEW_PAIRS = 64;       // of which groups are summed for each pair anew

struct PairOfGroup {
    int64_t key;  // the group, and how long ago
    int64_t pair;
};

// Of a customer and group.
struct Cell {
    int64_t times = 0, items = 0;
    int32_t first = INT32_MAX, last = INT32_MIN;
    double bought[MOST_HALF_LIVES] = {};
};

// The pairs of one customer after the other in one grouping.
class PairGroups {
public:
    PairGroups(const PairReadings& readings, const View<const int32_t>& half_life) noexcept
        : in_(readings),
          half_life_(half_life) {}

    // `decayed` has the decayed purchases of each pair, at every half-life, until the next customer begins.
    void begin(const View<const int32_t>& of_item, int64_t begin, int64_t end, const double* decayed) {
        begin_ = begin, count_ = end - begin, decayed_ = decayed;
        group_.resize(count_);
        for (int64_t d = 0; d < count_; ++d) group_[d] = of_item[in_.item[begin_ + d]];
        if (count_ > FEW_PAIRS) sum_all();
    }

    // What the group of a pair comes to, and how many of its pairs were bought later: looked up, or, of few pairs,
    // summed anew: most groups have one or two.
    Cell cell_of(int64_t p, int32_t& newer) const noexcept {
        const int64_t own = p - begin_;
        if (count_ > FEW_PAIRS) {
            newer = newer_[own];
            return cells_[cell_[own]];
        }
        Cell found;
        uint64_t alike = 0;
        for (int64_t d = 0; d < count_; ++d) alike |= uint64_t{group_[d] == group_[own]} << d;
        newer = 0;
        for (; alike; alike &= alike - 1) {
            const int other = lowest_bit(alike);
            add(other, found);
            newer += in_.pairs.last[begin_ + other] > in_.pairs.last[p];
        }
        return found;
    }

private:
    COUPONRY_INLINE void add(int64_t d, Cell& to) const noexcept {
        const int64_t p = begin_ + d;
        to.times += in_.pairs.times[p];
        ++to.items;
        to.first = std::min(to.first, in_.pairs.first[p]);
        to.last = std::max(to.last, in_.pairs.last[p]);
        for (int64_t w = 0; w < half_life_.size; ++w) to.bought[w] += decayed_[d * in_.factor.columns + half_life_[w]];
    }

    void sum_all() {
        order_.resize(count_), cell_.resize(count_), newer_.resize(count_);
        for (int64_t d = 0; d < count_; ++d)
            order_[d] = {int64_t{group_[d]} << 32 | (in_.until - in_.pairs.last[begin_ + d]), d};
        std::sort(order_.begin(), order_.end(),
                  [](const PairOfGroup& one, const PairOfGroup& other) { return one.key < other.key; });
        int32_t cell = 0, latest = 0, same = 0;
        for (int32_t r = 0; r < count_; ++r) {
            const int64_t key = order_[r].key, last = order_[r ? r - 1 : 0].key;
            if (key != last) same = r;
            if (key >> 32 != last >> 32) ++cell, latest = r;
            cell_[order_[r].pair] = cell;
            newer_[order_[r].pair] = same - latest;
        }
        cells_.assign(cell + 1, Cell{});
        for (int64_t d = 0; d < count_; ++d) add(d, cells_[cell_[d]]);
    }

    const PairReadings& in_;
    View<const int32_t> half_life_;
    int64_t begin_ = 0, count_ = 0;
    const double* decayed_ = nullptr;
    std::vector<int32_t> group_;  // of each pair
    // of more than FEW_PAIRS: in order, and of each pair
    std::vector<PairOfGroup> order_;
    std::vector<int32_t> cell_, newer_;
    std::vector<Cell> cells_;
};

}  // namespace couponry
