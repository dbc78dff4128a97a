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
    static constexpr int64_t MOST = 16;

    static constexpr int64_t MOST_WORDS = 5;  // of candidates

    // Takes rows over; false where they are too many, count groups, or ask for something in any case. some: those of
    // the candidates `open` whose place in the order of choice is told.
    bool take(Rows rows, const uint64_t* open, const uint64_t* some, const uint8_t* place, int64_t places) noexcept {
        rows_ = rows.count();
        are_masked_ = false;
        if (rows_ == 0 || rows_ > MOST) return rows_ == 0;
        apart_ = rows_ <= FEW ? FEW : MOST;
        std::memset(weight_, 0, static_cast<size_t>(places * apart_) * sizeof weight_[0]);
        Row row = rows.first();
        for (int64_t r = 0; r < rows_; ++r, row = row.next()) {
            low_[r] = row.low();
            high_[r] = row.high();
            if (row.counts_groups() || low_[r] > 0 || high_[r] < 0) return false;
            const uint64_t asks = low_[r] > -NO_BOUND, bounds = high_[r] < NO_BOUND;
            if (!asks && take_most(row, r, some, place)) continue;
            uint64_t inside = 0, needed = 0;
            int64_t others = 0;
            for (int64_t x = 0; x < row.entries(); ++x) {  // without a branch that cannot be foretold
                const int64_t j = row.candidate(x), weight = row.weight(x);
                const uint64_t may_help = (asks & (weight > 0)) | (bounds & (weight < 0));
                const uint64_t is_told = some[j / WORD] >> (j % WORD) & 1;
                const int64_t at = is_told ? place[j] : 64;
                weight_[at * apart_ + r] = weight;
                inside |= is_told << (at % 64);
                needed |= (may_help & is_told) << (at % 64);
                others += static_cast<int64_t>(may_help & ~is_told & (open[j / WORD] >> (j % WORD)));
            }
            inside_[r] = inside;
            needed_[r] = needed;
            others_[r] = others;
        }
        return true;
    }

    // Says which candidates of rows may be given, if there are no more rows than can be told of.
    bool mask(Rows rows, const uint64_t* open, int64_t words) noexcept {
        if (are_masked_ || rows_ == 0 || rows_ > MOST) return rows_ <= MOST;
        are_masked_ = true;
        Row row = rows.first();
        for (int64_t r = 0; r < rows_; ++r, row = row.next()) {
            for (int64_t w = 0; w < words; ++w) mask_[r][w] = 0;
            uint64_t word = 0;
            int64_t w = 0;
            for (int64_t x = 0; x < row.entries(); ++x) {
                const int64_t j = row.candidate(x);
                if (j / WORD != w) {  // which is rare: they are in order
                    mask_[r][w] |= word & open[w];
                    word = 0;
                    w = j / WORD;
                }
                word |= uint64_t{1} << (j % WORD);
            }
            mask_[r][w] |= word & open[w];
        }
        return true;
    }
    const uint64_t* mask_of(int64_t r) const noexcept { return mask_[r]; }

    int64_t count() const noexcept { return rows_; }
    int64_t low(int64_t r) const noexcept { return low_[r]; }
    int64_t high(int64_t r) const noexcept { return high_[r]; }
    int64_t weight(int64_t place, int64_t r) const noexcept { return weight_[place * apart_ + r]; }

    // Its candidates, and those that may help to keep it; how many others may, whose place is not told.
    uint64_t inside(int64_t r) const noexcept { return inside_[r]; }
    uint64_t needed(int64_t r) const noexcept { return needed_[r]; }
    int64_t others(int64_t r) const noexcept { return others_[r]; }

    // Candidates (OUT, zeros before) that may help to keep a row, ruled out or not.
    void find_needed(Rows rows, uint64_t* needed) const noexcept {
        Row row = rows.first();
        for (int64_t r = 0; r < rows_; ++r, row = row.next())
            for (int64_t x = 0; x < row.entries(); ++x) {
                const int64_t j = row.candidate(x);
                needed[j / WORD] |= static_cast<uint64_t>(may_help(r, row.weight(x))) << (j % WORD);
            }
    }

    // The first row that a choice breaks; -1: it keeps all.
    int64_t broken_by(uint64_t chosen) const noexcept {
        if (rows_ == 0) return -1;
        return rows_ <= FEW ? broken_of<FEW>(chosen) : broken_of<MOST>(chosen);
    }

private:
    static constexpr int64_t FEW = 8;  // rows of most customers

    template <int64_t ROWS>
    int64_t broken_of(uint64_t chosen) const noexcept {
        int64_t sum[ROWS] = {};
        for (; chosen; chosen &= chosen - 1) {
            const int64_t* const weight = weight_ + lowest_bit(chosen) * ROWS;
            for (int64_t r = 0; r < ROWS; ++r) sum[r] += weight[r];
        }
        for (int64_t r = 0; r < rows_; ++r)
            if (sum[r] < low_[r] || sum[r] > high_[r]) return r;
        return -1;
    }

    // The same of a row that asks for nothing, which no candidate helps to keep; false where one may.
    bool take_most(const Row& row, int64_t r, const uint64_t* some, const uint8_t* place) noexcept {
        uint64_t inside = 0;
        int64_t signs = 0;
        for (int64_t x = 0, entries = row.entries(); x < entries; ++x) {
            const int64_t j = row.candidate(x), weight = row.weight(x);
            const uint64_t is_told = some[j / WORD] >> (j % WORD) & 1;
            const int64_t at = is_told ? place[j] : 64;
            weight_[at * apart_ + r] = weight;
            inside |= is_told << (at % 64);
            signs |= weight;
        }
        inside_[r] = inside;
        needed_[r] = 0;
        others_[r] = 0;
        return signs >= 0;
    }

    bool may_help(int64_t r, int64_t weight) const noexcept {
        return (low_[r] > -NO_BOUND && weight > 0) || (high_[r] < NO_BOUND && weight < 0);
    }

    int64_t rows_ = 0, apart_ = FEW;  // from the weights of one place to those of the next
    bool are_masked_ = false;
    uint64_t mask_[MOST][MOST_WORDS];
    int64_t low_[MOST], high_[MOST];
    uint64_t inside_[MOST], needed_[MOST];
    int64_t others_[MOST];
    alignas(64) int64_t weight_[(64 + 1) * MOST];  // of each place, and of others
};

}  // namespace
}  // namespace couponry
