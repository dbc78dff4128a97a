// A customer's rows, in the order of choice of its best candidates: what a choice among these comes to.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/row_layout.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

class ChainRows {
public:
    static constexpr int64_t MOST = 8;

    // Takes rows over; false where they are too many, count groups, or ask for something in any case. some: those of
    // the candidates `open` whose place in the order of choice is told.
    bool take(Rows rows, const uint64_t* open, const uint64_t* some, const uint8_t* place, int64_t places) noexcept {
        rows_ = rows.count();
        if (rows_ > MOST) return false;
        if (rows_ > 0) std::memset(weight_, 0, static_cast<size_t>(places) * sizeof weight_[0]);
        Row row = rows_ > 0 ? rows.first() : Row{nullptr};
        for (int64_t r = 0; r < rows_; ++r, row = row.next()) {
            low_[r] = row.low();
            high_[r] = row.high();
            inside_[r] = needed_[r] = 0;
            others_[r] = false;
            if (row.counts_groups() || low_[r] > 0 || high_[r] < 0) return false;
            for (int64_t x = 0; x < row.entries(); ++x) {
                const int64_t j = row.candidate(x), weight = row.weight(x);
                const bool needed = (weight > 0 && low_[r] > -NO_BOUND) || (weight < 0 && high_[r] < NO_BOUND);
                if (some[j / WORD] >> (j % WORD) & 1) {
                    weight_[place[j]][r] = weight;
                    inside_[r] |= uint64_t{1} << place[j];
                    needed_[r] |= static_cast<uint64_t>(needed) << place[j];
                } else if (needed) {
                    others_[r] = others_[r] || (open[j / WORD] >> (j % WORD) & 1);
                }
            }
        }
        for (int64_t r = rows_; r < MOST; ++r) low_[r] = high_[r] = 0;
        return true;
    }

    int64_t count() const noexcept { return rows_; }
    int64_t low(int64_t r) const noexcept { return low_[r]; }
    int64_t high(int64_t r) const noexcept { return high_[r]; }
    int64_t weight(int64_t place, int64_t r) const noexcept { return weight_[place][r]; }

    // Its candidates, and those that may help to keep it; whether others may, whose place is not told.
    uint64_t inside(int64_t r) const noexcept { return inside_[r]; }
    uint64_t needed(int64_t r) const noexcept { return needed_[r]; }
    bool has_others(int64_t r) const noexcept { return others_[r]; }

    // The first row that a choice breaks; -1: it keeps all.
    int64_t broken_by(uint64_t chosen) const noexcept {
        if (rows_ == 0) return -1;
        int64_t sum[MOST] = {};
        for (; chosen; chosen &= chosen - 1) {
            const int64_t* const weight = weight_[lowest_bit(chosen)];
            for (int64_t r = 0; r < MOST; ++r) sum[r] += weight[r];
        }
        for (int64_t r = 0; r < rows_; ++r)
            if (sum[r] < low_[r] || sum[r] > high_[r]) return r;
        return -1;
    }

private:
    int64_t rows_ = 0;
    int64_t low_[MOST], high_[MOST];
    uint64_t inside_[MOST], needed_[MOST];
    bool others_[MOST];
    alignas(64) int64_t weight_[64][MOST];  // of each place
};

}  // namespace
}  // namespace couponry
