// A customer's rows, where they leave a choice of nothing alone: what a choice comes to in each.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/row_layout.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

class ChainRows {
public:
    static constexpr int64_t MOST = 16;

    // Takes rows over; false where they are too many, count groups, or ask for something in any case.
    bool take(Rows rows) noexcept {
        rows_ = rows.count();
        if (rows_ == 0) return true;
        Row row = rows.first();
        bool plain = true;
        for (int64_t r = 0; r < rows_ && r < MOST; ++r, row = row.next()) {
            row_[r] = row;
            plain &= !row.counts_groups() & (row.low() <= 0) & (row.high() >= 0);
        }
        return plain && rows_ <= MOST;
    }

    bool are_few() const noexcept { return rows_ <= MOST; }
    int64_t count() const noexcept { return rows_; }
    const Row& row(int64_t r) const noexcept { return row_[r]; }

    // Of rows that are taken, whether a choice breaks one.
    COUPONRY_INLINE bool is_broken(int64_t r, const uint64_t* picks) const noexcept {
        const int64_t sum = Lanes::sum_of(row_[r], picks);
        return sum < row_[r].low() || sum > row_[r].high();
    }

    // Adds the candidates of a row to some that may be given.
    void add_candidates(int64_t r, const uint64_t* open, uint64_t* some) const noexcept {
        for (int64_t x = 0; x < row_[r].entries(); ++x) {
            const int64_t j = row_[r].candidate(x);
            some[j / WORD] |= open[j / WORD] & uint64_t{1} << (j % WORD);
        }
    }

    // Adds candidates of a row that may help to keep it, ruled out or not.
    void add_needed(int64_t r, uint64_t* some) const noexcept {
        const Row& row = row_[r];
        for (int64_t x = 0; x < row.entries(); ++x) {
            const int64_t j = row.candidate(x), weight = row.weight(x);
            const bool helps = (row.low() > -NO_BOUND && weight > 0) || (row.high() < NO_BOUND && weight < 0);
            some[j / WORD] |= static_cast<uint64_t>(helps) << (j % WORD);
        }
    }

private:
    int64_t rows_ = 0;
    Row row_[MOST];
};

}  // namespace
}  // namespace couponry
