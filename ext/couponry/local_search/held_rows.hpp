// What one customer holds, as its rows see it: which changes they allow.
#pragma once

#include <vector>

#include "common/row_layout.hpp"

namespace couponry {

class HeldRows {
public:
    // What follows is about a customer of so many words of candidates, who holds nothing yet.
    void start(const Rows& rows, int64_t words) {
        rows_ = rows;
        held_.assign(static_cast<size_t>(words), 0);
    }

    // The customer's j-th candidate comes, or goes if it was there.
    void add(int64_t j) noexcept { held_[static_cast<size_t>(j / 64)] ^= uint64_t{1} << (j % 64); }

    // See `rows_allow` in reference/rows/customer_rows.py; begin: where the customer's candidates begin.
    bool allow(int64_t begin, int64_t into, int64_t leaving) const noexcept {
        const int64_t comes = into < 0 ? -1 : into - begin, goes = leaving < 0 ? -1 : leaving - begin;
        Row row = rows_.first();
        for (int64_t r = rows_.count(); r > 0; --r, row = row.next())
            if (!allows(row, comes, goes)) return false;
        return true;
    }

private:
    Rows rows_{nullptr};
    std::vector<uint64_t> held_;  // a bit for each candidate

    bool has(int64_t j, int64_t comes, int64_t goes) const noexcept {
        return j != goes && (j == comes || (held_[static_cast<size_t>(j / 64)] >> (j % 64) & 1));
    }

    bool allows(const Row& row, int64_t comes, int64_t goes) const noexcept {
        const int64_t entries = row.entries();
        int64_t some = 0, total = 0;
        bool touched = false;
        for (int64_t x = 0; x < entries; ++x) {
            const int64_t j = row.candidate(x);
            touched = touched || j == comes || j == goes;
            if (!has(j, comes, goes)) continue;
            ++some;
            if (!row.counts_groups()) {
                total += row.weight(x);
                continue;
            }
            bool fresh = row.weight(x) != NO_GROUP;
            for (int64_t y = 0; y < x && fresh; ++y)
                fresh = row.weight(y) != row.weight(x) || !has(row.candidate(y), comes, goes);
            total += fresh;
        }
        return !touched || some == 0 || (row.low() <= total && total <= row.high());
    }
};

}  // namespace couponry
