// One pass over the customers: value the candidates, choose the best, add up what was chosen.
//
// Included once per instruction set, after the `Lanes` that it is written in. Everything has internal linkage.
// longer than most: one class, whose steps share the working memory of a few customers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "common/tie_break.hpp"
#include "dispatch/kernel_table.hpp"
#include "evaluate/break_ties.hpp"
#include "evaluate/constrained.hpp"
#include "evaluate/greedy.hpp"
#include "evaluate/selection.hpp"
#include "evaluate/steps.hpp"
#include "evaluate/tables.hpp"

namespace couponry {
namespace {

// A few customers at a time take each step together: their candidates are valued in one loop that need not know
// where rows end, and the chains of dependent instructions in the other steps overlap.
template <class Item, int ATTRIBUTES>
class Evaluation {
public:
    explicit Evaluation(const Pass& pass) noexcept
        : pass_(pass),
          first_(pass.shard.indptr[pass.start]),
          greedy_(pass),
          constrained_(pass),
          tables_(pass),
          same_bounds_(pass.rules.lower.size == 1 && pass.rules.upper.size == 1),
          bounds_(bounds_at(pass.start)),
          has_groups_(pass.rules.group.rows > 0),
          has_constraints_(pass.rules.constraint_ptr.size > 1),
          next_value_(values_before(first_)) {}

    int run() noexcept {
        if (greedy_.failed() || tables_.failed()) return NO_MEMORY;
        for (int64_t i = pass_.start; i < pass_.stop;) {
            const int64_t end = end_of_batch(i);
            const int64_t first_cell = of_customer(pass_.shard.segment, i) * pass_.items;
            const Candidates<Item> batch = candidates(i, end, first_cell);
            if (batch.n > INT32_MAX) return ROW_TOO_LONG;
            if (!scratch_.reserve(batch.n)) return NO_MEMORY;
            assert_below(batch.item, batch.n, pass_.items);
            COUPONRY_ASSERT(first_cell < pass_.segments * pass_.items);
            Lanes::template order_keys<Item, ATTRIBUTES>(batch, scratch_.key);
            if (next_value_ < pass_.shard.given_at.size) take_given_values(pass_.shard.indptr[i], batch.n);
            choose(i, end);
            assert_choice(i, end, false);
            if ((has_groups_ || has_constraints_) && !keep_rules(i, end)) return NO_MEMORY;
            assert_choice(i, end, true);
            if (pass_.chosen) write(i, end);
            tables_.add(batch, scratch_.given, given_, first_cell);
            i = end;
        }
        tables_.flush();
        return DONE;
    }

private:
    static constexpr int64_t WIDTH = Selection<Lanes>::WIDTH;
    static constexpr int64_t CONSTRAINTS_AHEAD = 512;  // as `prefetch` does for candidates

    const Pass& pass_;
    const int64_t first_;  // candidate
    Greedy<Item> greedy_;
    ConstrainedChoice<Item> constrained_;
    Tables<ATTRIBUTES> tables_;
    const bool same_bounds_;
    const Bounds bounds_;
    const bool has_groups_, has_constraints_;
    int64_t next_value_;  // of those that are given
    int64_t given_ = 0;   // coupons listed so far, of the customers worked on
    Selection<Lanes> selection_;
    Scratch scratch_;

    // How many values are given of candidates before one.
    int64_t values_before(int64_t candidate) const noexcept {
        const View<const int64_t> at = pass_.shard.given_at;
        return std::lower_bound(at.data, at.data + at.size, candidate) - at.data;
    }

    // Puts values that are given in the place of those that prices come to.
    void take_given_values(int64_t begin, int64_t n) noexcept {
        const Shard& shard = pass_.shard;
        for (; next_value_ < shard.given_at.size && shard.given_at[next_value_] < begin + n; ++next_value_) {
            const float value = shard.given_value[next_value_] + 0.0f;  // no negative zero
            uint32_t bits;
            std::memcpy(&bits, &value, sizeof bits);
            scratch_.key[shard.given_at[next_value_] - begin] = order_key(bits);
        }
    }

    // Customers from the i-th on that fit the scratch, all of one segment, and as many at a time as vectors have lanes;
    // or one who does not fit.
    COUPONRY_INLINE int64_t end_of_batch(int64_t i) const noexcept {
        const Shard& shard = pass_.shard;
        const int64_t most = pass_.stop - i < Scratch::CUSTOMERS ? pass_.stop : i + Scratch::CUSTOMERS;
        const int64_t last = shard.indptr[i] + Scratch::SMALL;
        int64_t end = i + 1;
        if (shard.segment.size == 1) {
            while (end < most && shard.indptr[end + 1] <= last) ++end;
        } else {
            const uint16_t segment = shard.segment[i];
            while (end < most && shard.indptr[end + 1] <= last && shard.segment[end] == segment) ++end;
        }
        return end - i > WIDTH ? end - (end - i) % WIDTH : end;
    }

    COUPONRY_INLINE Candidates<Item> candidates(int64_t i, int64_t end, int64_t first_cell) const noexcept {
        const Shard& shard = pass_.shard;
        const int64_t begin = shard.indptr[i];
        const int64_t attributes = ATTRIBUTES == PLANES ? shard.quantity.rows : ATTRIBUTES;
        return {static_cast<const Item*>(shard.item) + begin,
                attributes > 0 ? shard.quantity.data + begin : nullptr,
                shard.quantity.columns,
                attributes,
                tables_.prices_of(first_cell),
                pass_.segments * pass_.items,
                shard.indptr[end] - begin};
    }

    template <class Step>
    COUPONRY_INLINE void for_each(int64_t i, int64_t end, Step step) noexcept {
        const int64_t* indptr = pass_.shard.indptr.data;
        const int64_t begin = indptr[i];
        uint64_t* picks = scratch_.picks;
        int32_t* first = scratch_.first;
        for (; i < end; ++i) {
            const int64_t n = indptr[i + 1] - indptr[i];
            step(CustomerSlice{i, indptr[i] - begin, n, picks, first++});
            picks += static_cast<uint64_t>(n + WORD - 1) / WORD;
        }
    }

    COUPONRY_INLINE Bounds bounds_of(int64_t i) const noexcept { return same_bounds_ ? bounds_ : bounds_at(i); }

    Bounds bounds_at(int64_t i) const noexcept {
        return Bounds::of(of_customer(pass_.rules.lower, i), of_customer(pass_.rules.upper, i));
    }

    // Picks the best candidates of all customers, and lists them.
    void choose(int64_t i, int64_t end) noexcept {
        given_ = 0;
        if (same_bounds_ && bounds_.upper == 1) {
            choose_one(i, end, bounds_.lower == 1 ? INT32_MIN : 1);
            return;
        }
        CustomerSlice group[WIDTH];
        int64_t customers = 0;
        for_each(i, end, [&](const CustomerSlice& slice) {
            selection_.put(customers, key_of(slice), slice.n, bounds_of(slice.i));
            group[customers] = slice;
            if (++customers < WIDTH) return;
            cut(group, WIDTH);
            customers = 0;
        });
        if (customers > 0) cut(group, customers);
    }

    // The same for one coupon each, whose key is at least so large.
    void choose_one(int64_t i, int64_t end, int32_t least) noexcept {
        int64_t given = 0;
        for_each(i, end, [&](const CustomerSlice& slice) {
            const int32_t* key = key_of(slice);
            if (slice.n > Lanes::SHORT) {
                given_ = given;
                const int32_t best = Lanes::largest(key, slice.n);
                cut(slice, best > least ? best : least, 1);
                given = given_;
                return;
            }
            int32_t* const listed = scratch_.given + given;
            int64_t count = Lanes::take_best(key, slice.n, least, slice.from, listed, *slice.picks);
            if (count > 1) {
                break_tie(slice, key, items_of(slice), key[listed[0] - slice.from], 1, hash_of(slice), scratch_);
                count = list(slice, listed);
            }
            *slice.first = static_cast<int32_t>(given);
            given += count;
        });
        given_ = given;
    }

    COUPONRY_INLINE void cut(const CustomerSlice* group, int64_t customers) noexcept {
        int32_t bars[WIDTH];
        selection_.bars(customers, bars);
        for (int64_t t = 0; t < customers; ++t) cut(group[t], bars[t], bounds_of(group[t].i).most_at(bars[t]));
    }

    // Picks and lists what reaches the bar, at most m.
    COUPONRY_INLINE void cut(const CustomerSlice& slice, int32_t bar, int64_t m) noexcept {
        const int32_t* key = key_of(slice);
        int32_t* const listed = scratch_.given + given_;
        int64_t count = 0;
        for (int64_t from = 0; from < slice.n; from += WORD)
            count += Lanes::take(key + from, left(slice, from), bar, slice.from + from, listed + count,
                                 slice.picks[from / WORD]);
        if (count > m) {
            break_tie(slice, key, items_of(slice), bar, m, hash_of(slice), scratch_);
            count = list(slice, listed);
        }
        *slice.first = static_cast<int32_t>(given_);
        given_ += count;
    }

    // Chooses anew for customers whose best candidates break the rules, and lists what all have. False when there is no
    // memory to search with.
    bool keep_rules(int64_t i, int64_t end) noexcept {
        scratch_.first[end - i] = static_cast<int32_t>(given_);
        const Item* item = static_cast<const Item*>(pass_.shard.item) + pass_.shard.indptr[i];
        bool breaks[Scratch::CUSTOMERS] = {};
        if (has_groups_) look_for_breaks(item, i, end, breaks);
        CustomerSlice again[Scratch::CUSTOMERS];
        int64_t broken = 0;
        for_each(i, end, [&](const CustomerSlice& slice) {
            again[broken] = slice;
            const Constraints constraints = Constraints::of(pass_.rules, slice.i, slice.n);
            prefetch_ahead(constraints.at, CONSTRAINTS_AHEAD);
            broken +=
                constraints.any() ? !ConstrainedChoice<Item>::keeps(constraints, slice.picks) : breaks[slice.i - i];
        });
        if (broken == 0) return true;
        for (int64_t b = 0; b < broken; ++b) {
            const CustomerSlice& slice = again[b];
            const Constraints constraints = Constraints::of(pass_.rules, slice.i, slice.n);
            if (!constraints.any())
                greedy_.choose(items_of(slice), slice.n, key_of(slice), scratch_.ranked, bounds_of(slice.i), slice.i,
                               hash_of(slice), slice.picks);
            else if (!constrained_.choose(constraints, items_of(slice), slice.n, key_of(slice), scratch_.ranked,
                                          slice.i, slice.picks))
                return false;
        }
        if (!constrained_.finish(scratch_.ranked)) return false;
        given_ = 0;
        for_each(i, end, [&](const CustomerSlice& slice) {
            *slice.first = static_cast<int32_t>(given_);
            given_ += list(slice, scratch_.given + given_);
        });
        return true;
    }

    // That nobody is given more than the bounds and, where rules are kept, the caps allow; and that exactly the picks
    // are listed, in order.
    void assert_choice([[maybe_unused]] int64_t i, [[maybe_unused]] int64_t end,
                       [[maybe_unused]] bool rules_are_kept) noexcept {
#ifdef COUPONRY_ASSERTIONS
        const int64_t n = pass_.shard.indptr[end] - pass_.shard.indptr[i];
        int64_t listed = 0;
        for_each(i, end, [&](const CustomerSlice& slice) {
            int64_t given = 0;
            for (int64_t from = 0; from < slice.n; from += WORD)
                for (uint64_t word = slice.picks[from / WORD]; word; word &= word - 1, ++given) {
                    COUPONRY_ASSERT(from + lowest_bit(word) < slice.n);
                    COUPONRY_ASSERT(scratch_.given[listed + given] == slice.from + from + lowest_bit(word));
                }
            COUPONRY_ASSERT(given <= bounds_of(slice.i).upper);
            if (rules_are_kept) assert_caps(slice, scratch_.given + listed, given);
            listed += given;
        });
        COUPONRY_ASSERT(listed == given_ && given_ <= n);
#endif
    }

#ifdef COUPONRY_ASSERTIONS
    void assert_caps(const CustomerSlice& slice, const int32_t* given, int64_t count) const noexcept {
        const Constraints constraints = Constraints::of(pass_.rules, slice.i, slice.n);
        for (int64_t s = 0; s < constraints.count; ++s) {
            int64_t held = 0;
            for (int64_t t = 0; t < count; ++t) held += constraints.has(s, given[t] - slice.from);
            COUPONRY_ASSERT(held <= constraints.cap(s));
        }
        const Item* item = items_of(slice) - slice.from;
        COUPONRY_ASSERT(!constraints.rows.at || count == 0 || constraints.rows.kept_by(slice.picks));
        for (int64_t rule = 0; !constraints.any() && count <= WORD && rule < pass_.rules.group.rows; ++rule)
            for (int64_t t = 0; t < count; ++t) {
                const int32_t g = pass_.rules.group.row(rule)[item[given[t]]];
                int64_t held = 0;
                for (int64_t u = 0; u < count; ++u) held += pass_.rules.group.row(rule)[item[given[u]]] == g;
                COUPONRY_ASSERT(g < 0 || held <= pass_.rules.cap_of(rule, slice.i));
            }
    }
#endif

    bool has_constraints(int64_t i) const noexcept {
        return has_constraints_ && pass_.rules.constraint_ptr[i + 1] > pass_.rules.constraint_ptr[i];
    }

    // Says of customers without constraints whether their best candidates break the rules (OUT, false before).
    void look_for_breaks(const Item* item, int64_t i, int64_t end, bool* breaks) noexcept {
        for (int64_t from = i; from < end;) {
            int64_t to = from;
            while (to < end && !has_constraints(to)) ++to;
            if (to > from)
                greedy_.look_for_breaks(item, scratch_.given, scratch_.first + (from - i), from, to - from,
                                        scratch_.second, breaks + (from - i));
            from = to + 1;
        }
    }

    // Where a customer's picks are in the batch; returns how many.
    static int64_t list(const CustomerSlice& slice, int32_t* out) noexcept {
        int64_t count = 0;
        for (int64_t from = 0; from < slice.n; from += WORD)
            count += Lanes::list(slice.picks[from / WORD], left(slice, from), slice.from + from, out + count);
        return count;
    }

    // Zeros, and ones where a candidate is picked, a byte each.
    void write(int64_t i, int64_t end) noexcept {
        uint8_t* chosen = pass_.chosen + (pass_.shard.indptr[i] - first_);
        for_each(i, end, [&](const CustomerSlice& slice) { Lanes::spread(slice.picks, slice.n, chosen + slice.from); });
    }

    COUPONRY_INLINE const int32_t* key_of(const CustomerSlice& slice) const noexcept {
        return scratch_.key + slice.from;
    }

    COUPONRY_INLINE const Item* items_of(const CustomerSlice& slice) const noexcept {
        return static_cast<const Item*>(pass_.shard.item) + pass_.shard.indptr[slice.i];
    }

    uint32_t hash_of(const CustomerSlice& slice) const noexcept {
        return customer_hash(pass_.seed, pass_.shard.number_of(slice.i));
    }
};

// A long call repays laying out its tables anew.
template <class Item>
int evaluate_items(const Pass& pass) noexcept {
    const Shard& shard = pass.shard;
    const int64_t candidates = pass.start < pass.stop ? shard.indptr[pass.stop] - shard.indptr[pass.start] : 0;
    switch (is_long(candidates, pass.segments * pass.items) ? shard.quantity.rows : PLANES) {
        case 0: return Evaluation<Item, 0>(pass).run();
        case 1: return Evaluation<Item, 1>(pass).run();
        case 2: return Evaluation<Item, 2>(pass).run();
        case 3: return Evaluation<Item, 3>(pass).run();
        default: return Evaluation<Item, PLANES>(pass).run();
    }
}

int evaluate(const Pass& pass) noexcept {
    return pass.shard.item_bytes == 2 ? evaluate_items<uint16_t>(pass) : evaluate_items<uint32_t>(pass);
}

}  // namespace
}  // namespace couponry
