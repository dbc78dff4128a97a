// How many coupons of each group, or under each cardinality constraint, one customer holds, and which changes the rules
// allow.
#pragma once

#include <vector>

#include "common/set_layout.hpp"
#include "common/views.hpp"
#include "local_search/held_rows.hpp"

namespace couponry {

template <class Item>
class GroupCounts {
public:
    explicit GroupCounts(const Shard& shard, const Rules& rules)
        : shard_(shard),
          rules_(rules),
          item_(shard.items<Item>()),
          count_(static_cast<size_t>(rules.groups)) {}

    // What follows is about customer i, who holds nothing yet. Whoever is added is taken back before the next start.
    void start(int64_t i) {
        begin_ = shard_.indptr[i];
        const int64_t n = shard_.indptr[i + 1] - begin_;
        constraints_ = Constraints::of(rules_, i, n);
        if (!constraints_.any()) return;
        held_.assign(static_cast<size_t>(constraints_.count), 0);
        if (constraints_.rows.at) rows_.start(constraints_.rows, n);
    }

    bool by_constraints() const noexcept { return constraints_.any(); }
    const Constraints& constraints() const noexcept { return constraints_; }

    void add(int64_t e, int32_t by) noexcept {
        for (int64_t s = 0; s < constraints_.count; ++s)
            if (constraints_.has(s, e - begin_)) held_[static_cast<size_t>(s)] += by;
        COUPONRY_ASSERT(e >= begin_);
        if (constraints_.rows.at) rows_.add(e - begin_);
        if (constraints_.any()) return;
        for (int64_t rule = 0; rule < rules_.group.rows; ++rule) {
            const int32_t g = group(rule, e);
            if (g >= 0) count_[static_cast<size_t>(g)] += by;
        }
    }

    // See `fits` in reference/rules.py.
    bool fits(int64_t customer, int64_t into, int64_t leaving) {
        if (constraints_.any()) return may_change(into, leaving) && rows_stay(into, leaving);
        if (into < 0) return true;
        for (int64_t rule = 0; rule < rules_.group.rows; ++rule) {
            const int32_t g = group(rule, into);
            if (g < 0 || (leaving >= 0 && group(rule, leaving) == g)) continue;
            if (count_[static_cast<size_t>(g)] >= rules_.cap_of(rule, customer)) return false;
        }
        return true;
    }

    // See `rows_stay` in reference/rules.py.
    bool rows_stay(int64_t into, int64_t leaving) {
        return !constraints_.rows.at || rows_.allow(begin_, into, leaving);
    }

private:
    int32_t group(int64_t rule, int64_t e) const noexcept { return rules_.group.row(rule)[item_[e]]; }

    // See `may_change` in reference/rules.py.
    bool may_change(int64_t into, int64_t leaving) const noexcept {
        int64_t change = 0;
        for (int64_t s = 0; s < constraints_.count; ++s) {
            const bool comes = into >= 0 && constraints_.has(s, into - begin_);
            const bool goes = leaving >= 0 && constraints_.has(s, leaving - begin_);
            if (comes == goes) continue;
            const int64_t held = held_[static_cast<size_t>(s)], least = constraints_.least(s);
            if (comes && held >= constraints_.cap(s)) return false;
            if (comes && held < least) change -= constraints_.weight(s);
            if (goes && held <= least) change += constraints_.weight(s);
        }
        return change <= 0;
    }

    const Shard& shard_;
    const Rules& rules_;
    View<const Item> item_;
    std::vector<int32_t> count_, held_;
    HeldRows rows_;
    Constraints constraints_{nullptr, 0, 0, false};
    int64_t begin_ = 0;
};

}  // namespace couponry
