// The best choice of a customer whose rules fall apart into parts, each by itself at a price on coupons; see
// reference/parts/, function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "customer_constraints/customer_parts.hpp"

namespace couponry {
namespace {

class SearchByParts : public CustomerParts {
public:
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
    static constexpr int64_t MOST_PRICES = 24;

    int64_t listed_ = 0;  // of worths_

    int64_t worth_of(const uint64_t* chosen) const noexcept {
        int64_t total = 0;
        for (int64_t w = 0; w < words_; ++w)
            for (uint64_t word = chosen[w]; word; word &= word - 1) total += value[64 * w + lowest_bit(word)];
        return total;
    }

    // Whether the best choice (OUT in now_) is found part by part.
    bool choose_by_parts(int64_t nodes) noexcept {
        if (upper_ < lower_) return false;
        int64_t bits = 0, most = value[0], low = 0;
        while (n_ >> bits > 0) ++bits;
        for (int64_t t = 1; t < n_; ++t) most = value[t] > most ? value[t] : most;
        int64_t high = floor_to(most, bits) + 1;  // at which nothing is worth anything
        if (!choose_at(high, nodes, true)) return false;
        copy<0>(dear_, now_);
        list_worths();
        bool is_known = false;  // whether cheap_ is a choice at a lower price
        int64_t rank = greedy_rank();
        int64_t price = price_at(rank, low, high, bits);
        if (price < 0) price = 0;
        for (int64_t step = 0; step < MOST_PRICES; ++step) {
            if (!choose_at(price, nodes, !is_known)) return false;
            const int64_t given = count<0>(now_);
            if (price == 0 && given <= upper_) return given >= lower_;
            if (given == upper_) return true;
            if (given > upper_) {
                copy<0>(cheap_, now_);
                low = price;
                is_known = true;
            } else {
                copy<0>(dear_, now_);
                high = price;
            }
            rank += upper_ - given + floor_to(upper_ - given, 1) / 2;
            price = price_at(rank, low, high, bits);
            if (price >= 0) continue;
            if (!is_known) {
                price = 0;
                continue;
            }
            if (count<0>(dear_) >= upper_) {
                copy<0>(now_, dear_);
                return count<0>(dear_) == upper_;
            }
            price = price_between(low, high, bits, step % 2 ? upper_ : -1);
            if (price >= 0) continue;
            if (fill_up()) return true;
            break;
        }
        if (!choose_at(0, nodes, true)) return false;
        copy<0>(most_, now_);
        return choose_by_sizes(nodes);
    }

    // What candidates are worth that are not left out in any case, and worth something, the largest first.
    void list_worths() noexcept {
        listed_ = 0;
        for (int64_t t = 0; t < n_; ++t)
            if (of_candidate_[t] != NOWHERE && value[t] > 0) worths_[listed_++] = value[t];
    }

    // How many of these are before the first one that is too many of a greedy choice under all caps.
    int64_t greedy_rank() noexcept {
        for (int64_t s = 0; s < constraints_; ++s) left_[s] = cap_[s];
        int64_t listed = 0, given = 0;
        for (int64_t t = 0; t < n_; ++t) {
            if (of_candidate_[t] == NOWHERE || value[t] <= 0) continue;
            bool fits = true;
            for (int64_t s = 0; s < constraints_; ++s) fits &= left_[s] > 0 || !test(mask_ + s * words_, t);
            if (fits) {
                if (given >= upper_) break;
                ++given;
                for (int64_t s = 0; s < constraints_; ++s) left_[s] -= test(mask_ + s * words_, t);
            }
            ++listed;
        }
        return listed;
    }

    // A price at which there are about so many coupons, just above a value; -1: there is none between two others.
    int64_t price_at(int64_t rank, int64_t low, int64_t high, int64_t bits) const noexcept {
        if (rank < 0 || rank >= listed_) return -1;
        const int64_t price = floor_to(worths_[rank], bits) + 1;
        return low < price && price < high ? price : -1;
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
