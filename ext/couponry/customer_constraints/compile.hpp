// For which customers rules need more than a greedy choice, and what they come to for each of these.
#pragma once

#include <cstdint>

#include "common/views.hpp"

namespace couponry {

// Rules about sums and numbers of groups, and what requires something else; see `MeasureSpec` and `RequirementSpec` in
// rules_contract.py.
struct MeasureSpec {
    Table<const int32_t> set;
    int64_t sets;
    View<const int32_t> measure, rule;
    View<const uint8_t> counts_groups;
    Table<const int64_t> low, high, of_item, of_candidate;
    View<const int32_t> candidate_row;
    View<const int64_t> held_ptr;
    Table<const int64_t> held;
};

struct RequirementSpec {
    View<const int64_t> ptr;
    View<const int32_t> rule, scope;
    Table<const uint8_t> inside;
    View<const int64_t> item_ptr;
    View<const int32_t> item;
    View<const int64_t> met_ptr;
    View<const int32_t> met;
};

// See rules_contract.py.
constexpr uint8_t MANDATORY = 1, BEFORE_MANDATORY = 2;

// See `RuleSpec` in rules_contract.py.
struct RuleSpec {
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
    MeasureSpec measures;
    RequirementSpec requirements;
};

// See `compile_constraints` in reference/customer_constraints.py, which returns what is here in `done` (OUT).
int compile_constraints(View<const int64_t> indptr, const void* item, int64_t item_bytes, const RuleSpec& spec,
                        int64_t start, int64_t stop, int64_t* ptr, int64_t* constraints, int64_t room,
                        int64_t* done) noexcept;

}  // namespace couponry
