// Parts of a customer's candidates, each made a customer of its own; see reference/parts/find_parts.py.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "customer_constraints/constraint_search.hpp"

namespace couponry {
namespace {

class CustomerParts : public ConstraintSearch {
public:
    CustomerParts() noexcept = default;

    // Room for a customer's constraints, rows and parts; false when there is no memory for it.
    bool load(const Constraints& constraints, int64_t n) noexcept {
        return ConstraintSearch::load(constraints, n) && make_room_for_parts();
    }

protected:
    static constexpr int64_t MOST_PARTS = 16, NOWHERE = -1;

    ConstraintSearch part_[MOST_PARTS];
    int64_t parts_ = 0;
    int64_t* of_candidate_;                               // its part, or NOWHERE: it is left out in any case
    int64_t* place_;                                      // candidates, part by part
    int64_t part_ptr_[MOST_PARTS + 1];                    // of place_
    uint64_t *single_, *inside_of_;                       // candidates of no part, and of each
    uint64_t *cheap_, *dear_, *now_, *most_;              // choices
    int64_t* worths_;                                     // of candidates
    int64_t *worth_at_, *best_at_, *ways_to_, *size_of_;  // by part and number of coupons

    // Whether there are several parts, or one and other candidates, and not too many; takes them apart.
    bool find_parts() noexcept {
        copy<0>(closed_, forced_out);
        for (int64_t s = 0; s < constraints_; ++s)
            for (int64_t w = 0; w < words_ && cap_[s] <= 0; ++w) closed_[w] |= mask_[s * words_ + w];
        joined_ = 0;
        for (int64_t s = 0; s < constraints_; ++s) {
            const uint64_t* const mask = mask_ + s * words_;
            int64_t size = 0;
            for (int64_t w = 0; w < words_; ++w) size += count_bits(mask[w] & ~closed_[w]);
            of_constraint_[s] = cap_[s] < size ? lowest_open(mask) : NOWHERE;
            if (cap_[s] < size) join(mask);
        }
        for (int64_t r = 0; r < rows_; ++r) {
            none<0>(now_);
            for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) set(now_, where_[x]);
            of_row_[r] = lowest_open(now_);
            if (of_row_[r] >= 0) join(now_);
        }
        return number_parts() && take_apart();
    }

private:
    static constexpr int64_t SINGLE = -2;

    GrowingMemory parts_memory_;
    int64_t joined_ = 0;  // sets of candidates that constraints and rows join
    int64_t *where_in_, *number_, *of_constraint_, *of_row_;
    uint64_t *closed_, *joined_sets_;

    bool make_room_for_parts() noexcept {
        constexpr int64_t GAP = GrowingMemory::GAP;
        const int64_t sizes = (1 + MOST_PARTS) * (n_ + 1);
        const int64_t needed = 5 * n_ + constraints_ + rows_ + (7 + n_ + MOST_PARTS) * words_ + 4 * sizes + 19 * GAP;
        if (!parts_memory_.reserve(needed)) return false;
        const auto some = [this](int64_t count) { return parts_memory_.some(count); };
        const auto bits = [this](int64_t count) { return parts_memory_.bits(count); };
        of_candidate_ = some(n_);
        where_in_ = some(n_);
        place_ = some(n_);
        number_ = some(n_);
        worths_ = some(n_);
        of_constraint_ = some(constraints_);
        of_row_ = some(rows_);
        single_ = bits(words_);
        inside_of_ = bits(MOST_PARTS * words_);
        cheap_ = bits(words_);
        dear_ = bits(words_);
        now_ = bits(words_);
        most_ = bits(words_);
        closed_ = bits(words_);
        joined_sets_ = bits((n_ + 1) * words_);
        worth_at_ = some(sizes);
        best_at_ = some(sizes);
        ways_to_ = some(sizes);
        size_of_ = some(sizes);
        return true;
    }

    // The first candidate of a set that is not closed; NOWHERE: there is none.
    int64_t lowest_open(const uint64_t* some) const noexcept {
        for (int64_t w = 0; w < words_; ++w)
            if (some[w] & ~closed_[w]) return 64 * w + lowest_bit(some[w] & ~closed_[w]);
        return NOWHERE;
    }

    // Joins what is not closed of a set, some of which is not, with all that shares something with it.
    void join(const uint64_t* some) noexcept {
        uint64_t* const fresh = joined_sets_ + joined_ * words_;
        for (int64_t w = 0; w < words_; ++w) fresh[w] = some[w] & ~closed_[w];
        int64_t apart = 0;  // sets so far that share nothing with it
        for (int64_t k = 0; k < joined_; ++k) {
            uint64_t* const other = joined_sets_ + k * words_;
            uint64_t shared = 0;
            for (int64_t w = 0; w < words_; ++w) shared |= other[w] & some[w];
            if (shared) {
                for (int64_t w = 0; w < words_; ++w) fresh[w] |= other[w];
            } else if (apart++ != k) {
                copy<0>(joined_sets_ + (apart - 1) * words_, other);
            }
        }
        if (apart != joined_) copy<0>(joined_sets_ + apart * words_, fresh);
        joined_ = apart + 1;
    }

    // Numbers joined sets by their first candidates.
    bool number_parts() noexcept {
        parts_ = joined_;
        if (parts_ < 1 || parts_ > MOST_PARTS) return false;
        copy<0>(single_, closed_);
        for (int64_t t = 0; t < n_; ++t) of_candidate_[t] = test(closed_, t) ? NOWHERE : SINGLE;
        int64_t number[MOST_PARTS];
        for (int64_t k = 0; k < parts_; ++k) {
            const int64_t first = first_of(joined_sets_ + k * words_);
            number[k] = 0;
            for (int64_t other = 0; other < parts_; ++other)
                number[k] += first_of(joined_sets_ + other * words_) < first;
        }
        for (int64_t k = 0; k < parts_; ++k) {
            uint64_t* const inside = inside_of_ + number[k] * words_;
            for (int64_t w = 0; w < words_; ++w) {
                inside[w] = joined_sets_[k * words_ + w];
                single_[w] |= inside[w];
                for (uint64_t word = inside[w]; word; word &= word - 1)
                    of_candidate_[64 * w + lowest_bit(word)] = number[k];
            }
        }
        for (int64_t s = 0; s < constraints_; ++s)
            if (of_constraint_[s] >= 0) of_constraint_[s] = of_candidate_[of_constraint_[s]];
        for (int64_t r = 0; r < rows_; ++r)
            if (of_row_[r] >= 0) of_row_[r] = of_candidate_[of_row_[r]];
        bool singles = false;
        for (int64_t w = 0; w < words_; ++w) {
            const int64_t left = n_ - 64 * w;
            single_[w] = ~single_[w] & (left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1);
            singles = singles || single_[w] != 0;
        }
        return parts_ > 1 || singles;
    }

    static int64_t first_of(const uint64_t* some) noexcept {
        int64_t w = 0;
        while (some[w] == 0) ++w;
        return 64 * w + lowest_bit(some[w]);
    }

    // Makes a customer of each part; false when there is no memory for it.
    bool take_apart() noexcept {
        int64_t at = 0;
        for (int64_t p = 0; p < parts_; ++p) {
            part_ptr_[p] = at;
            for (int64_t w = 0; w < words_; ++w)
                for (uint64_t word = inside_of_[p * words_ + w]; word; word &= word - 1) {
                    const int64_t t = 64 * w + lowest_bit(word);
                    where_in_[t] = at - part_ptr_[p];
                    place_[at++] = t;
                }
            part_ptr_[p + 1] = at;
            if (!take_part(part_[p], p)) return false;
        }
        return true;
    }

    bool take_part(ConstraintSearch& part, int64_t p) noexcept {
        const int64_t m = part_ptr_[p + 1] - part_ptr_[p];
        int64_t inner = 0, rows = 0, entries = 0;
        for (int64_t s = 0; s < constraints_; ++s) inner += of_constraint_[s] == p;
        for (int64_t r = 0; r < rows_; ++r) {
            if (of_row_[r] != p) continue;
            ++rows;
            entries += row_ptr_[r + 1] - row_ptr_[r];
        }
        if (!part.make_room(m, (m + 63) / 64, inner, rows, entries)) return false;
        part.asking_ = false;
        part.laminar_ = 0;
        int64_t at = 0;
        for (int64_t s = 0; s < constraints_; ++s)
            if (of_constraint_[s] == p) take_constraint(part, p, s, at++);
        at = 0;
        for (int64_t r = 0; r < rows_; ++r)
            if (of_row_[r] == p) take_row(part, p, r, at++);
        for (int64_t w = 0; w < part.words_; ++w) part.forced_in[w] = part.forced_out[w] = 0;
        for (int64_t k = 0; k < m; ++k)
            if (test(forced_in, place_[part_ptr_[p] + k])) part.set(part.forced_in, k);
        return true;
    }

    void take_constraint(ConstraintSearch& part, int64_t p, int64_t s, int64_t at) noexcept {
        part.cap_[at] = cap_[s];
        part.least_[at] = least_[s];
        part.weight_[at] = weight_[s];
        part.crosses_[at] = crosses_[s];
        if (part.laminar_ == at && !crosses_[s] && cap_[s] > 0) ++part.laminar_;
        uint64_t* const mask = part.mask_ + at * part.words_;
        for (int64_t w = 0; w < part.words_; ++w) mask[w] = 0;
        for (int64_t w = 0, at_bit = 0; w < words_; ++w) {
            const uint64_t inside = inside_of_[p * words_ + w], bits = compressed(mask_[s * words_ + w], inside);
            if (inside == 0) continue;
            mask[at_bit / 64] |= bits << (at_bit % 64);
            if (at_bit % 64 + count_bits(inside) > 64) mask[at_bit / 64 + 1] |= bits >> (64 - at_bit % 64);
            at_bit += count_bits(inside);
        }
    }

    // Groups are numbered anew.
    void take_row(ConstraintSearch& part, int64_t p, int64_t r, int64_t at) noexcept {
        part.counts_groups_[at] = counts_groups_[r];
        part.low_[at] = low_[r];
        part.high_[at] = high_[r];
        if (at == 0) part.row_ptr_[0] = 0;
        if (counts_groups_[r])
            for (int64_t t = 0; t < n_; ++t) number_[t] = NO_GROUP;
        int64_t to = part.row_ptr_[at], groups = 0;
        for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x) {
            if (of_candidate_[where_[x]] != p) continue;
            int64_t weight = weight_of_[x];
            if (counts_groups_[r] && weight != NO_GROUP) {
                if (number_[weight] == NO_GROUP) number_[weight] = groups++;
                weight = number_[weight];
            }
            part.where_[to] = where_in_[where_[x]];
            part.weight_of_[to++] = weight;
        }
        part.row_ptr_[at + 1] = to;
    }
};

}  // namespace
}  // namespace couponry
