// What one customer holds, as its rows see it: which changes they allow.
#pragma once

#include <vector>

#include "common/row_layout.hpp"

namespace couponry {

class HeldRows {
public:
    // What follows is about a customer of so many candidates, who holds nothing yet.
    void start(const Rows& rows, int64_t n) {
        rows_ = rows;
        n_ = n;
        held_.assign(static_cast<size_t>((n + 63) / 64), 0);
        is_counted_ = false;
    }

    // The customer's j-th candidate comes, or goes if it was there.
    void add(int64_t j) noexcept {
        held_[static_cast<size_t>(j / 64)] ^= uint64_t{1} << (j % 64);
        if (!is_counted_) return;
        const int64_t comes = holds(j);
        for (const Entry* its = first(j); its->row != NONE; ++its) {
            Held& row = row_[static_cast<size_t>(its->row)];
            row.some += comes ? 1 : -1;
            row.total += comes ? its->weight : -its->weight;
        }
    }

    // See `rows_allow` in reference/rows/customer_rows.py; begin: where the customer's candidates begin.
    bool allow(int64_t begin, int64_t into, int64_t leaving) {
        if (!is_counted_) count();
        const int64_t comes = into < 0 ? n_ : into - begin, goes = leaving < 0 ? n_ : leaving - begin;
        for (const Row& row : of_groups_)
            if (!allows(row, comes, goes)) return false;
        const Entry *in = first(comes), *out = first(goes);
        while (in->row != NONE || out->row != NONE) {  // rows of either, in their order
            const int32_t r = in->row < out->row ? in->row : out->row;
            const Held& row = row_[static_cast<size_t>(r)];
            int64_t some = row.some, total = row.total;
            if (in->row == r) {
                ++some;
                total += in++->weight;
            }
            if (out->row == r) {
                --some;
                total -= out++->weight;
            }
            if (some != 0 && (total < row.low || total > row.high)) return false;
        }
        return true;
    }

private:
    static constexpr int32_t NONE = INT32_MAX;

    // A row that sums coefficients: its bounds, and what is held of it.
    struct Held {
        int64_t low, high, some, total;
    };

    // A candidate's coefficient in a row.
    struct Entry {
        int64_t weight;
        int32_t row;
    };

    Rows rows_{nullptr};
    int64_t n_ = 0;
    std::vector<uint64_t> held_;  // a bit for each candidate
    bool is_counted_ = false;     // whether what follows is about what is held now
    std::vector<Held> row_;
    std::vector<int32_t> ptr_;    // where each candidate's entries begin
    std::vector<int32_t> next_;   // where the next one of each goes
    std::vector<Entry> entry_;    // by candidate, then by row; behind each candidate's own, one of no row
    std::vector<Row> of_groups_;  // rows that count groups

    bool holds(int64_t j) const noexcept { return held_[static_cast<size_t>(j / 64)] >> (j % 64) & 1; }

    bool has(int64_t j, int64_t comes, int64_t goes) const noexcept { return j != goes && (j == comes || holds(j)); }

    // A candidate's entries; of the one behind the last, which stands for none, there are none.
    const Entry* first(int64_t j) const noexcept { return entry_.data() + ptr_[static_cast<size_t>(j)]; }

    // Lists rows by candidate, and sums what is held of each.
    void count() {
        is_counted_ = true;
        row_.clear();
        of_groups_.clear();
        ptr_.assign(static_cast<size_t>(n_ + 2), 1);
        ptr_[0] = 0;
        Row row = rows_.first();
        for (int64_t r = rows_.count(); r > 0; --r, row = row.next()) {
            if (row.counts_groups()) continue;
            for (int64_t x = 0; x < row.entries(); ++x) ++ptr_[static_cast<size_t>(row.candidate(x) + 1)];
        }
        for (size_t j = 1; j < ptr_.size(); ++j) ptr_[j] += ptr_[j - 1];
        entry_.assign(static_cast<size_t>(ptr_.back()), {0, NONE});
        next_ = ptr_;
        row = rows_.first();
        for (int64_t r = rows_.count(); r > 0; --r, row = row.next()) {
            if (row.counts_groups())
                of_groups_.push_back(row);
            else
                take(row);
        }
    }

    void take(const Row& row) {
        Held its{row.low(), row.high(), 0, 0};
        for (int64_t x = 0; x < row.entries(); ++x) {
            const int64_t j = row.candidate(x), weight = row.weight(x), held = holds(j);
            entry_[static_cast<size_t>(next_[static_cast<size_t>(j)]++)] = {weight, static_cast<int32_t>(row_.size())};
            its.some += held;
            its.total += weight & (0 - held);
        }
        row_.push_back(its);
    }

    // The same for a row that counts groups.
    bool allows(const Row& row, int64_t comes, int64_t goes) const noexcept {
        const int64_t entries = row.entries();
        int64_t some = 0, total = 0;
        bool touched = false;
        for (int64_t x = 0; x < entries; ++x) {
            const int64_t j = row.candidate(x);
            touched = touched || j == comes || j == goes;
            if (!has(j, comes, goes)) continue;
            ++some;
            bool fresh = row.weight(x) != NO_GROUP;
            for (int64_t y = 0; y < x && fresh; ++y)
                fresh = row.weight(y) != row.weight(x) || !has(row.candidate(y), comes, goes);
            total += fresh;
        }
        return !touched || some == 0 || (row.low() <= total && total <= row.high());
    }
};

}  // namespace couponry
