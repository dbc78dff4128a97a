// The best choice of a customer whose rules fall apart into parts, each by itself at a price on coupons; see
// reference/parts/, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "customer_constraints/constraint_search.hpp"

namespace couponry {
namespace {

class SearchByParts : public ConstraintSearch {
public:
    SearchByParts() noexcept = default;
    ~SearchByParts() { std::free(parts_memory_); }

    // Room for a customer's constraints, rows and parts; false when there is no memory for it.
    bool load(const Constraints& constraints, int64_t n) noexcept {
        return ConstraintSearch::load(constraints, n) && make_room_for_parts();
    }

    // See `best_choice`. tried: whether the choice under the laminar family is known to break some other.
    Found best_choice(int64_t lower, int64_t upper, int64_t nodes, bool tried) noexcept {
        Found found;
        if (!begin(lower, upper, tried, found)) {
            if (!asking_ && find_parts() && choose_by_parts(nodes)) {
                copy<0>(picks, now_);
                const int64_t worth = worth_of(picks);
                found = {0, worth, worth};
            } else {
                found = finish(nodes);
            }
        }
        assert_found(found);
        return found;
    }

private:
    static constexpr int64_t MOST_PARTS = 16, MOST_PRICES = 24;
    static constexpr int64_t NOWHERE = -1, SINGLE = -2;

    ConstraintSearch part_[MOST_PARTS];
    int64_t parts_ = 0, parts_capacity_ = 0;
    int64_t* parts_memory_ = nullptr;
    int64_t *root_, *of_candidate_, *where_in_, *place_, *number_, *of_constraint_, *of_row_;
    int64_t part_ptr_[MOST_PARTS + 1];  // of place_, the candidates of each part
    uint64_t *single_, *inside_of_, *cheap_, *dear_, *now_, *most_, *closed_;
    int64_t *worth_at_, *best_at_, *ways_to_, *size_of_;  // by part and number of coupons

    bool make_room_for_parts() noexcept {
        constexpr int64_t GAP = GUARD / static_cast<int64_t>(sizeof(int64_t));
        const int64_t sizes = (1 + MOST_PARTS) * (n_ + 1);
        const int64_t needed = 5 * n_ + constraints_ + rows_ + (6 + MOST_PARTS) * words_ + 4 * sizes + 18 * GAP;
        if (needed > parts_capacity_) {
            std::free(parts_memory_);
            parts_capacity_ = 2 * needed;
            parts_memory_ = static_cast<int64_t*>(std::malloc(static_cast<size_t>(parts_capacity_) * sizeof(int64_t)));
            if (!parts_memory_) {
                parts_capacity_ = 0;
                return false;
            }
        }
        take_guards_away(parts_memory_, static_cast<size_t>(parts_capacity_) * sizeof(int64_t));
        int64_t* at = parts_memory_;
        const auto some = [&](int64_t count) {
            int64_t* const array = at;
            guard(at += count);
            at += GAP;
            return array;
        };
        const auto bits = [&](int64_t count) { return reinterpret_cast<uint64_t*>(some(count)); };
        root_ = some(n_);
        of_candidate_ = some(n_);
        where_in_ = some(n_);
        place_ = some(n_);
        number_ = some(n_);
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

    int64_t worth_of(const uint64_t* chosen) const noexcept {
        int64_t total = 0;
        for (int64_t w = 0; w < words_; ++w)
            for (uint64_t word = chosen[w]; word; word &= word - 1) total += value[64 * w + lowest_bit(word)];
        return total;
    }

    // Whether the best choice (OUT in now_) is found part by part.
    bool choose_by_parts(int64_t nodes) noexcept {
        if (!choose_at(0, nodes, true)) return false;
        if (count<0>(now_) <= upper_) return count<0>(now_) >= lower_;
        if (upper_ < lower_) return false;
        copy<0>(cheap_, now_);
        copy<0>(most_, now_);
        int64_t bits = 0, most = value[0], low = 0;
        while (n_ >> bits > 0) ++bits;
        for (int64_t t = 1; t < n_; ++t) most = value[t] > most ? value[t] : most;
        int64_t high = floor_to(most, bits) + 1;  // at which nothing is worth anything
        if (!choose_at(high, nodes, true)) return false;
        copy<0>(dear_, now_);
        if (count<0>(dear_) >= upper_) return count<0>(dear_) == upper_;
        for (int64_t step = 0; step < MOST_PRICES; ++step) {
            const int64_t price = price_between(low, high, bits, step % 2 ? upper_ : -1);
            if (price < 0) {
                if (fill_up()) return true;
                break;
            }
            if (!choose_at(price, nodes, false)) return false;
            const int64_t given = count<0>(now_);
            if (given == upper_) return true;
            if (given > upper_) {
                copy<0>(cheap_, now_);
                low = price;
            } else {
                copy<0>(dear_, now_);
                high = price;
            }
        }
        return choose_by_sizes(nodes);
    }

    // The multiple of 2^bits that is no more than a number.
    static int64_t floor_to(int64_t number, int64_t bits) noexcept {
        return number - (number & ((int64_t{1} << bits) - 1));
    }

    // A price at which both choices are worth about the same, or there are about as many coupons as wanted (-1:
    // whatever), just above a value; -1: there is none between.
    int64_t price_between(int64_t low, int64_t high, int64_t bits, int64_t wanted) const noexcept {
        const int64_t apart = count<0>(cheap_) - count<0>(dear_), gained = worth_of(cheap_) - worth_of(dear_);
        const int64_t even = wanted < 0 ? gained / apart - (gained % apart < 0)  // as Python divides, rounding down
                                        : low + (high - low) / apart * (count<0>(cheap_) - wanted);
        const int64_t step = int64_t{1} << bits;
        int64_t price = floor_to(even, bits) + 1;
        if (price <= low)
            price = floor_to(low, bits) + 1 + (low > 0 ? step : 0);
        else if (price >= high)
            price = high - step;
        return low < price && price < high ? price : -1;
    }

    // The best choices of all parts at a price on coupons, OUT in now_; false where a search was cut off, or none is
    // possible. anew: what cheap_ and dear_ have in common says nothing.
    bool choose_at(int64_t price, int64_t nodes, bool anew) noexcept {
        for (int64_t w = 0; w < words_; ++w) {
            now_[w] = single_[w] & forced_in[w];
            for (uint64_t word = single_[w] & ~forced_in[w]; word; word &= word - 1)
                if (value[64 * w + lowest_bit(word)] - price > 0) now_[w] |= word & (~word + 1);
        }
        for (int64_t p = 0; p < parts_; ++p) {
            const uint64_t* const inside = inside_of_ + p * words_;
            bool same = !anew;
            for (int64_t w = 0; w < words_ && same; ++w) same = ((cheap_[w] ^ dear_[w]) & inside[w]) == 0;
            if (same) {
                for (int64_t w = 0; w < words_; ++w) now_[w] |= cheap_[w] & inside[w];
                continue;
            }
            ConstraintSearch& part = part_[p];
            const int64_t* const place = place_ + part_ptr_[p];
            for (int64_t k = 0; k < part.n_; ++k) part.value[k] = value[place[k]] - price;
            const Found found = part.search_choice(0, part.n_, nodes, false);
            if (found.shortfall < 0 || found.most > found.worth) return false;
            for (int64_t k = 0; k < part.n_; ++k)
                if (part.test(part.picks, k)) set(now_, place[k]);
        }
        return true;
    }

    // Whether choices at neighbouring prices differ in candidates of no part: then as many of these as there is room
    // for make the choice at the higher price the best one, OUT in now_.
    bool fill_up() noexcept {
        copy<0>(now_, dear_);
        int64_t left = upper_ - count<0>(dear_);
        for (int64_t w = 0; w < words_; ++w) {
            const uint64_t differ = cheap_[w] ^ dear_[w];
            if (differ & ~single_[w]) return false;
            const uint64_t filled = lowest(differ, left);
            now_[w] |= filled;
            left -= count_bits(filled);
        }
        return left == 0;
    }

    // Whether one choice of sizes of parts is better than all others, and uses all coupons; OUT in now_. See
    // reference/parts/choose_by_sizes.py.
    bool choose_by_sizes(int64_t nodes) noexcept {
        const int64_t width = upper_ + 1;
        for (int64_t at = 0; at < (1 + parts_) * width; ++at) {
            worth_at_[at] = best_at_[at] = WORTH_NOTHING;
            ways_to_[at] = 0;
        }
        for (int64_t p = 0; p < parts_; ++p)
            if (!find_worths(p, nodes)) return false;
        best_at_[0] = 0;
        ways_to_[0] = 1;
        for (int64_t p = 0; p < parts_; ++p) add_sizes(worth_at_ + p * width, p * width, (p + 1) * width);
        int64_t j = best_size(best_at_ + parts_ * width, ways_to_ + parts_ * width);
        if (j < 0) return false;
        take_singles(upper_ - j);
        for (int64_t p = parts_ - 1; p >= 0; --p) {
            const int64_t k = size_of_[(p + 1) * width + j];
            ConstraintSearch& part = part_[p];
            part.search_choice(0, k, nodes, false);
            for (int64_t t = 0; t < part.n_; ++t)
                if (part.test(part.picks, t)) set(now_, place_[part_ptr_[p] + t]);
            j -= k;
        }
        return true;
    }

    // What a part is worth with so many coupons, where more are worth more; false where a search was cut off.
    bool find_worths(int64_t p, int64_t nodes) noexcept {
        ConstraintSearch& part = part_[p];
        int64_t size = 0, last = WORTH_NOTHING;
        for (int64_t t = 0; t < part.n_; ++t) {
            const int64_t own = place_[part_ptr_[p] + t];
            part.value[t] = value[own];
            size += test(most_, own);
        }
        size = size < upper_ ? size : upper_;
        for (int64_t k = 0; k <= size; ++k) {
            const Found found = part.search_choice(0, k, nodes, false);
            if (found.shortfall < 0) continue;
            if (found.most > found.worth) return false;
            if (found.worth > last) last = worth_at_[p * (upper_ + 1) + k] = found.worth;
        }
        return true;
    }

    // Adds a part to those from `from` on in the tables; OUT from `to` on.
    void add_sizes(const int64_t* worth, int64_t from, int64_t to) noexcept {
        for (int64_t j = 0; j <= upper_; ++j)
            for (int64_t k = 0; k <= upper_ - j; ++k) {
                if (ways_to_[from + j] == 0 || worth[k] == WORTH_NOTHING) continue;
                const int64_t total = best_at_[from + j] + worth[k], at = to + j + k;
                if (ways_to_[at] == 0 || total > best_at_[at]) {
                    best_at_[at] = total;
                    ways_to_[at] = ways_to_[from + j];
                    size_of_[at] = k;
                } else if (total == best_at_[at]) {
                    ways_to_[at] = 2;
                }
            }
    }

    // How many coupons all parts have in the best choice; -1: others are as good, or there is room left.
    int64_t best_size(const int64_t* best, const int64_t* ways) const noexcept {
        int64_t found = WORTH_NOTHING, at = -1;
        bool unique = false;
        for (int64_t j = 0; j <= upper_; ++j) {
            if (ways[j] == 0) continue;
            int64_t room = upper_ - j, total = best[j];
            for (int64_t t = 0; t < n_; ++t)
                if (test(single_, t) && test(forced_in, t)) {
                    --room;
                    total += value[t];
                }
            if (room < 0) continue;
            for (int64_t t = 0; t < n_; ++t)
                if (test(single_, t) && !test(forced_in, t) && value[t] > 0 && room > 0) {
                    --room;
                    total += value[t];
                }
            if (at < 0 || total > found) {
                found = total;
                at = j;
                unique = ways[j] == 1 && room == 0;
            } else if (total == found) {
                unique = false;
            }
        }
        return unique ? at : -1;
    }

    void take_singles(int64_t room) noexcept {
        for (int64_t w = 0; w < words_; ++w) now_[w] = single_[w] & forced_in[w];
        room -= count<0>(now_);
        for (int64_t t = 0; t < n_; ++t)
            if (test(single_, t) && !test(forced_in, t) && value[t] > 0 && room > 0) {
                set(now_, t);
                --room;
            }
    }
};

}  // namespace
}  // namespace couponry
