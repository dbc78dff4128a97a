// How many coupons of each group one customer holds, rule by rule.
#pragma once

#include <vector>

#include "views.hpp"

namespace couponry {

template <class Item>
class GroupCounts {
public:
    explicit GroupCounts(const Shard& shard, const Rules& rules)
        : rules_(rules), item_(shard.items<Item>()), count_(static_cast<size_t>(rules.group.rows * rules.groups)) {}

    void add(int64_t e, int32_t by) noexcept {
        for (int64_t rule = 0; rule < rules_.group.rows; ++rule) {
            const int32_t g = group(rule, e);
            if (g >= 0) count(rule, g) += by;
        }
    }

    // Whether candidate `into` fits once candidate `leaving` (-1: none) is gone.
    bool has_room(int64_t customer, int64_t into, int64_t leaving) const noexcept {
        for (int64_t rule = 0; rule < rules_.group.rows; ++rule) {
            const int32_t g = group(rule, into);
            if (g < 0 || (leaving >= 0 && group(rule, leaving) == g)) continue;
            if (count(rule, g) >= rules_.cap_of(rule, customer)) return false;
        }
        return true;
    }

private:
    int32_t group(int64_t rule, int64_t e) const noexcept { return rules_.group.row(rule)[item_[e]]; }
    int32_t& count(int64_t rule, int32_t g) noexcept { return count_[static_cast<size_t>(rule * rules_.groups + g)]; }
    int32_t count(int64_t rule, int32_t g) const noexcept {
        return count_[static_cast<size_t>(rule * rules_.groups + g)];
    }

    const Rules& rules_;
    View<const Item> item_;
    std::vector<int32_t> count_;
};

}  // namespace couponry
