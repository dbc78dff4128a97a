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
    static constexpr int64_t MOST_PARTS = 16;

    ConstraintSearch part_[MOST_PARTS];
    int64_t parts_ = 0;
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
        for (int64_t t = 0; t < n_; ++t) {
            root_[t] = t;
            of_candidate_[t] = test(closed_, t) ? NOWHERE : SINGLE;
        }
        for (int64_t s = 0; s < constraints_; ++s) {
            const uint64_t* const mask = mask_ + s * words_;
            int64_t size = 0, first = NOWHERE;
            for (int64_t w = 0; w < words_; ++w) size += count_bits(mask[w] & ~closed_[w]);
            if (cap_[s] < size)
                for (int64_t w = 0; w < words_; ++w)
                    for (uint64_t word = mask[w] & ~closed_[w]; word; word &= word - 1)
                        join(first, 64 * w + lowest_bit(word));
            of_constraint_[s] = first;
        }
        for (int64_t r = 0; r < rows_; ++r) {
            int64_t first = NOWHERE;
            for (int64_t x = row_ptr_[r]; x < row_ptr_[r + 1]; ++x)
                if (!test(closed_, where_[x])) join(first, where_[x]);
            of_row_[r] = first;
        }
        return number_parts() && take_apart();
    }

private:
    static constexpr int64_t NOWHERE = -1, SINGLE = -2;

    GrowingMemory parts_memory_;
    int64_t *root_, *of_candidate_, *where_in_, *number_, *of_constraint_, *of_row_;
    uint64_t* closed_;

    bool make_room_for_parts() noexcept {
        constexpr int64_t GAP = GrowingMemory::GAP;
        const int64_t sizes = (1 + MOST_PARTS) * (n_ + 1);
        const int64_t needed = 6 * n_ + constraints_ + rows_ + (6 + MOST_PARTS) * words_ + 4 * sizes + 19 * GAP;
        if (!parts_memory_.reserve(needed)) return false;
        const auto some = [this](int64_t count) { return parts_memory_.some(count); };
        const auto bits = [this](int64_t count) { return parts_memory_.bits(count); };
        root_ = some(n_);
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
        worth_at_ = some(sizes);
        best_at_ = some(sizes);
        ways_to_ = some(sizes);
        size_of_ = some(sizes);
        return true;
    }

    int64_t root_of(int64_t t) const noexcept {
        while (root_[t] != t) t = root_[t];
        return t;
    }

    // Joins candidate t with the first one of a set, -1: it is the first.
    void join(int64_t& first, int64_t t) noexcept {
        of_candidate_[t] = 0;  // in some part
        if (first < 0) {
            first = t;
            return;
        }
        const int64_t a = root_of(first), b = root_of(t);
        if (a < b)
            root_[b] = a;
        else
            root_[a] = b;
    }

    bool number_parts() noexcept {
        parts_ = 0;
        bool singles = false;
        for (int64_t w = 0; w < words_; ++w) single_[w] = 0;
        for (int64_t t = 0; t < n_; ++t) {
            if (of_candidate_[t] == NOWHERE) continue;
            if (of_candidate_[t] == SINGLE) {
                set(single_, t);
                singles = true;
                continue;
            }
            const int64_t first = root_of(t);
            of_candidate_[t] = first == t ? parts_++ : of_candidate_[first];
        }
        for (int64_t s = 0; s < constraints_; ++s)
            if (of_constraint_[s] >= 0) of_constraint_[s] = of_candidate_[of_constraint_[s]];
        for (int64_t r = 0; r < rows_; ++r)
            if (of_row_[r] >= 0) of_row_[r] = of_candidate_[of_row_[r]];
        return 1 <= parts_ && parts_ <= MOST_PARTS && (parts_ > 1 || singles);
    }

    // Makes a customer of each part; false when there is no memory for it.
    bool take_apart() noexcept {
        int64_t at = 0;
        for (int64_t p = 0; p < parts_; ++p) {
            part_ptr_[p] = at;
            uint64_t* const inside = inside_of_ + p * words_;
            for (int64_t w = 0; w < words_; ++w) inside[w] = 0;
            for (int64_t t = 0; t < n_; ++t) {
                if (of_candidate_[t] != p) continue;
                set(inside, t);
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
        for (int64_t w = 0; w < words_; ++w)
            for (uint64_t word = mask_[s * words_ + w] & inside_of_[p * words_ + w]; word; word &= word - 1)
                part.set(mask, where_in_[64 * w + lowest_bit(word)]);
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
