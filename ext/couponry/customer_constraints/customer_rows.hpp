// A customer's rows in the order of choice: what a choice comes to under them, and what they leave open; see
// reference/rows/customer_rows.py, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/row_layout.hpp"
#include "customer_constraints/search_bounds.hpp"

namespace couponry {
namespace {

class CustomerRows : public SearchBounds {
public:
    CustomerRows() noexcept = default;

    // Room for a customer's constraints and rows; false when there is no memory for it.
    bool load(const Constraints& constraints, int64_t n) noexcept {
        const int64_t rows = constraints.rows.count();
        const int64_t entries = rows == 0 ? 0 : constraints.rows.words() - 1 - Row::HEAD_WORDS * rows;
        return make_room(n, constraints.words, constraints.count, rows, entries);
    }

    // The same for so many rows, and entries of all of them.
    bool make_room(int64_t n, int64_t words, int64_t constraints, int64_t rows, int64_t entries) noexcept {
        rows_ = rows;
        return SearchBounds::make_room(n, words, constraints) && (rows == 0 || make_room_for_rows(n, entries));
    }

    // Takes constraints and rows over, in the order of choice.
    void arrange(const Constraints& constraints) noexcept {
        SearchBounds::arrange(constraints);
        if (rows_ == 0) return;
        Row row = constraints.rows.first();
        row_ptr_[0] = 0;
        for (int64_t r = 0; r < rows_; ++r, row = row.next()) {
            const int64_t entries = row.entries(), from = row_ptr_[r];
            counts_groups_[r] = row.counts_groups();
            low_[r] = row.low();
            high_[r] = row.high();
            for (int64_t x = 0; x < entries; ++x) {
                where_[from + x] = turn_[row.candidate(x)];
                weight_of_[from + x] = row.weight(x);
            }
            row_ptr_[r + 1] = from + entries;
        }
    }

protected:
    int64_t rows_ = 0;
    int64_t *counts_groups_ = nullptr, *low_ = nullptr, *high_ = nullptr, *row_ptr_ = nullptr, *where_ = nullptr,
            *weight_of_ = nullptr, *label_ = nullptr, *coarse_ = nullptr, *priced_ = nullptr, *priced_turn_ = nullptr;
    uint64_t *alike_ = nullptr, *inside_ = nullptr;

    struct Broken {
        int64_t row, sign;
    };

    // The first row that a choice breaks, -1 where it keeps all, and whether it comes to too much or too little.
    Broken broken_row(const uint64_t* chosen) noexcept {
        for (int64_t r = 0; r < rows_; ++r) {
            int64_t some = 0, total = 0;
            for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
                if (!test(chosen, where_[x])) continue;
                ++some;
                const int64_t w = weight_of_[x];
                if (!counts_groups_[r])
                    total += w;
                else if (w != NO_GROUP && !label_[w])
                    total += label_[w] = 1;
            }
            if (counts_groups_[r]) clear_labels(r);
            if (some > 0 && total > high_[r]) return {r, 1};
            if (some > 0 && total < low_[r]) return {r, -1};
        }
        return {-1, 0};
    }

    // Takes what rows leave no room for off the free candidates; false where no choice keeps them.
    bool close_rows(const uint64_t* mine, uint64_t* free) noexcept {
        bool closed = true;
        while (closed) {
            closed = false;
            for (int64_t r = 0; r < rows_; ++r)
                if (!(counts_groups_[r] ? close_groups(r, mine, free, closed) : close_linear(r, mine, free, closed)))
                    return false;
        }
        return true;
    }

    // The first candidate whose decision bears on a row that is broken; -1: none.
    int64_t candidate_to_decide(const Broken& broken, const uint64_t* chosen, const uint64_t* mine,
                                const uint64_t* free) noexcept {
        const int64_t r = broken.row, sign = broken.sign;
        if (counts_groups_[r])
            for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x)
                if (weight_of_[x] != NO_GROUP && test(sign > 0 ? mine : chosen, where_[x])) label_[weight_of_[x]] = 1;
        int64_t pick = n_, other = n_;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t t = where_[x];
            int64_t w = weight_of_[x];
            if (counts_groups_[r]) w = !(w == NO_GROUP || label_[w]);
            if (w == 0) continue;
            const bool is_picked = test(chosen, t), adds = (w > 0) == (sign > 0);
            if (is_picked && !test(mine, t) && adds)
                pick = t < pick ? t : pick;
            else if (test(free, t) && !is_picked && !adds)
                other = t < other ? t : other;
        }
        if (counts_groups_[r]) clear_labels(r);
        const int64_t first = sign < 0 ? other : pick, second = sign < 0 ? pick : other;
        return first < n_ ? first : (second < n_ ? second : -1);
    }

    // Unsets bits of candidates that rows have more room for than for candidate t.
    void no_better_under(int64_t r, int64_t t, uint64_t* alike) noexcept {
        for (int64_t w = 0; w < words_; ++w) inside_[w] = 0;
        bool has_t = false;
        int64_t mine = 0;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            set(inside_, where_[x]);
            if (where_[x] == t) {
                has_t = true;
                mine = weight_of_[x];
            }
        }
        for (int64_t w = 0; w < words_; ++w) alike[w] &= has_t ? inside_[w] : ~inside_[w];
        if (!has_t) return;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t theirs = weight_of_[x];
            const bool worse = counts_groups_[r] ? theirs == mine
                                                 : (theirs >= mine || high_[r] >= NO_BOUND) &&
                                                       (theirs <= mine || low_[r] <= -NO_BOUND);
            if (!worse) clear(alike, where_[x]);
        }
    }

    void clear_labels(int64_t r) noexcept {
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x)
            if (weight_of_[x] != NO_GROUP) label_[weight_of_[x]] = 0;
    }

private:
    GrowingMemory row_memory_;

    bool make_room_for_rows(int64_t n, int64_t entries) noexcept {
        constexpr int64_t GAP = GrowingMemory::GAP;
        const int64_t needed = 4 * rows_ + 1 + 2 * entries + 4 * n + 2 * words_ + 12 * GAP;
        if (!row_memory_.reserve(needed)) return false;
        const auto some = [this](int64_t count) { return row_memory_.some(count); };
        counts_groups_ = some(rows_);
        low_ = some(rows_);
        high_ = some(rows_);
        row_ptr_ = some(rows_ + 1);
        where_ = some(entries);
        weight_of_ = some(entries);
        label_ = some(n);
        coarse_ = some(n);
        priced_ = some(n);
        priced_turn_ = some(n);
        alike_ = reinterpret_cast<uint64_t*>(some(words_));
        inside_ = reinterpret_cast<uint64_t*>(some(words_));
        std::memset(label_, 0, static_cast<size_t>(n) * sizeof(int64_t));
        return true;
    }

    bool close_linear(int64_t r, const uint64_t* mine, uint64_t* free, bool& closed) noexcept {
        int64_t some = 0, given = 0, least = 0, most = 0;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t t = where_[x], w = weight_of_[x];
            if (test(mine, t)) {
                ++some;
                given += w;
            } else if (test(free, t)) {
                least += w < 0 ? w : 0;
                most += w > 0 ? w : 0;
            }
        }
        const int64_t low = low_[r], high = high_[r];
        if (some > 0 && (given + least > high || given + most < low)) return false;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t t = where_[x], w = weight_of_[x];
            if (!test(free, t)) continue;
            if (given + least + (w > 0 ? w : 0) > high || given + most + (w < 0 ? w : 0) < low) {
                clear(free, t);
                closed = true;
            }
        }
        return true;
    }

    bool close_groups(int64_t r, const uint64_t* mine, uint64_t* free, bool& closed) noexcept {
        int64_t some = 0, given = 0, possible = 0;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            if (!test(mine, where_[x])) continue;
            ++some;
            const int64_t g = weight_of_[x];
            if (g == NO_GROUP || label_[g]) continue;
            label_[g] = 2;
            ++given;
            ++possible;
        }
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            const int64_t g = weight_of_[x];
            if (g == NO_GROUP || label_[g] || !test(free, where_[x])) continue;
            label_[g] = 1;
            ++possible;
        }
        const bool keeps = some == 0 || (given <= high_[r] && possible >= low_[r]);
        if (keeps)
            for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
                const int64_t t = where_[x], g = weight_of_[x];
                const bool too_many = g != NO_GROUP && label_[g] < 2 && given >= high_[r];
                if (test(free, t) && (too_many || possible < low_[r] || given > high_[r])) {
                    clear(free, t);
                    closed = true;
                }
            }
        clear_labels(r);
        return keeps;
    }
};

}  // namespace
}  // namespace couponry
