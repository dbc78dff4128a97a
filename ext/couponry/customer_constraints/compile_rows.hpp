// Rows of single customers; see reference/rows/compile_rows.py, function by function.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/row_layout.hpp"
#include "customer_constraints/compile.hpp"

namespace couponry {

// A requirement that the customer neither has met nor can meet: the rule, and the candidate that requires it.
struct Unmet {
    int64_t rule, candidate;
};

template <class Item>
class RowCompiler {
public:
    RowCompiler(const Item* item, const MeasureSpec& measures, const RequirementSpec& requirements)
        : item_(item),
          measures_(measures),
          requirements_(requirements),
          slot_(static_cast<size_t>(measures.sets), -1),
          place_(static_cast<size_t>(std::max<int64_t>(0, requirements.ptr.size - 1)), -1) {}

    bool any() const noexcept { return measures_.set.rows > 0 || requirements_.ptr.size > 1; }

    // Makes the rows of customer i; what is then in `words` is empty where there are none.
    void make(int64_t i, int64_t begin, int64_t n) {
        i_ = i;
        begin_ = begin;
        n_ = n;
        rows_ = 0;
        words.assign(1, 0);
        unmet.clear();
        add_measures();
        if (requirements_.ptr.size > 1) add_requirements();
        if (rows_ == 0)
            words.clear();
        else
            words[0] = Rows::first_word(rows_, static_cast<int64_t>(words.size()));
    }

    std::vector<int64_t> words;
    std::vector<Unmet> unmet;

private:
    struct Member {
        int64_t candidate, weight;
    };
    struct Interval {
        int64_t low, high;
    };

    const Item* item_;
    const MeasureSpec& measures_;
    const RequirementSpec& requirements_;
    std::vector<int64_t> slot_, place_, numbers_;
    std::vector<int32_t> met_, measure_of_;
    std::vector<std::vector<Member>> members_;
    int64_t i_ = 0, begin_ = 0, n_ = 0, rows_ = 0;

    int64_t item(int64_t j) const { return static_cast<int64_t>(item_[begin_ + j]); }

    void write_row(int64_t rule, int64_t counts_groups, Interval bounds, const std::vector<Member>& members) {
        words.push_back(Row::head(static_cast<int64_t>(members.size()), rule, counts_groups));
        words.push_back(bounds.low);
        words.push_back(bounds.high);
        for (const Member& member : members) words.push_back(Row::entry(member.candidate, member.weight));
        ++rows_;
    }

    // Sets in the order in which they are met, layer by layer, each with all of its candidates.
    void add_measures() {
        met_.clear();
        measure_of_.clear();
        for (int64_t layer = 0; layer < measures_.set.rows; ++layer) {
            const View<const int32_t> set = measures_.set.row(layer);
            const int32_t m = measures_.measure[layer];
            for (int64_t j = 0; j < n_; ++j) {
                const int32_t g = set[item(j)];
                if (g < 0) continue;
                int64_t& slot = slot_[static_cast<size_t>(g)];
                if (slot < 0) {
                    slot = static_cast<int64_t>(met_.size());
                    met_.push_back(g);
                    measure_of_.push_back(m);
                    if (members_.size() < met_.size()) members_.emplace_back();
                    members_[static_cast<size_t>(slot)].clear();
                }
                const int32_t from = measures_.candidate_row[m];
                const int64_t weight =
                    from >= 0 ? measures_.of_candidate.row(from)[begin_ + j] : measures_.of_item.row(m)[item(j)];
                members_[static_cast<size_t>(slot)].push_back({j, weight});
            }
        }
        for (size_t s = 0; s < met_.size(); ++s) {
            const int32_t g = met_[s], m = measure_of_[s];
            slot_[static_cast<size_t>(g)] = -1;
            std::vector<Member>& members = members_[s];
            std::sort(members.begin(), members.end(),
                      [](const Member& a, const Member& b) { return a.candidate < b.candidate; });
            const bool counts = measures_.counts_groups[m];
            Interval bounds{of_customer(measures_.low.row(m), i_), of_customer(measures_.high.row(m), i_)};
            bounds = counts ? number_groups(g, members, bounds) : less_held(g, members, bounds);
            if (members.empty()) continue;
            if (bounds.low > bounds.high) bounds = {NO_BOUND, NO_BOUND};
            write_row(measures_.rule[m], counts, bounds, members);
        }
    }

    // Calls visit(amount or group) for what the customer has had of a set.
    template <class Visit>
    void for_each_held(int64_t g, Visit visit) const {
        if (measures_.held_ptr.size <= 1) return;
        for (int64_t h = measures_.held_ptr[i_]; h < measures_.held_ptr[i_ + 1]; ++h)
            if (measures_.held.row(0)[h] == g) visit(measures_.held.row(1)[h]);
    }

    // Numbers the groups of a set anew; none of it is left where the row can never be broken.
    Interval number_groups(int64_t g, std::vector<Member>& members, Interval bounds) {
        numbers_.clear();
        const auto place_of = [&](int64_t label) {
            return std::find(numbers_.begin(), numbers_.end(), label) - numbers_.begin();
        };
        for_each_held(g, [&](int64_t label) {
            if (place_of(label) == static_cast<int64_t>(numbers_.size())) numbers_.push_back(label);
        });
        const int64_t held = static_cast<int64_t>(numbers_.size());
        bool all = true;
        for (Member& member : members) {
            const int64_t at = member.weight < 0 ? -1 : place_of(member.weight);
            if (at == static_cast<int64_t>(numbers_.size())) numbers_.push_back(member.weight);
            member.weight = at < held ? NO_GROUP : at - held;
            all = all && member.weight != NO_GROUP;
        }
        const int64_t groups = static_cast<int64_t>(numbers_.size()) - held;
        const int64_t low = std::max<int64_t>(0, std::min(bounds.low - held, groups));
        const int64_t high = std::max<int64_t>(0, bounds.high - held);
        if ((low == 0 || (low == 1 && all)) && high >= groups) members.clear();
        return {low, high};
    }

    static int64_t shifted(int64_t bound, int64_t by) { return std::clamp(bound - by, -NO_BOUND, NO_BOUND); }

    // What weighs nothing is dropped where nothing given is within the bounds; all of it, where the row can never be
    // broken.
    Interval less_held(int64_t g, std::vector<Member>& members, Interval bounds) {
        int64_t held = 0;
        for_each_held(g, [&](int64_t amount) { held += amount; });
        const int64_t low = bounds.low > -NO_BOUND ? shifted(bounds.low, held) : bounds.low;
        const int64_t high = bounds.high < NO_BOUND ? shifted(bounds.high, held) : bounds.high;
        int64_t least = 0, most = 0, smallest = NO_BOUND, largest = -NO_BOUND;
        for (const Member& member : members) {
            least += std::min<int64_t>(member.weight, 0);
            most += std::max<int64_t>(member.weight, 0);
            smallest = std::min(smallest, member.weight);
            largest = std::max(largest, member.weight);
        }
        if ((least < 0 ? least : smallest) >= low && (most > 0 ? most : largest) <= high)
            members.clear();
        else if (low <= 0 && high >= 0)
            members.erase(
                std::remove_if(members.begin(), members.end(), [](const Member& member) { return member.weight == 0; }),
                members.end());
        return {low, high};
    }

    // Whether a requirement is not about the customer, or its history meets it.
    bool is_met(int64_t r) const {
        if (!of_customer(requirements_.inside.row(requirements_.scope[r]), i_)) return true;
        if (requirements_.met_ptr.size <= 1) return false;
        for (int64_t h = requirements_.met_ptr[i_]; h < requirements_.met_ptr[i_ + 1]; ++h)
            if (requirements_.met[h] == r) return true;
        return false;
    }

    void add_requirements() {
        for (int64_t j = 0; j < n_; ++j) place_[static_cast<size_t>(item(j))] = j;
        std::vector<Member> members;
        for (int64_t j = 0; j < n_; ++j)
            for (int64_t r = requirements_.ptr[item(j)]; r < requirements_.ptr[item(j) + 1]; ++r) {
                if (is_met(r)) continue;
                members.assign(1, {j, -1});
                for (int64_t x = requirements_.item_ptr[r]; x < requirements_.item_ptr[r + 1]; ++x) {
                    const int64_t at = place_[static_cast<size_t>(requirements_.item[x])];
                    if (at >= 0) members.push_back({at, 1});
                }
                if (members.size() > 1)
                    write_row(requirements_.rule[r], 0, {0, NO_BOUND}, members);
                else
                    unmet.push_back({requirements_.rule[r], j});
            }
        for (int64_t j = 0; j < n_; ++j) place_[static_cast<size_t>(item(j))] = -1;
    }
};

}  // namespace couponry
