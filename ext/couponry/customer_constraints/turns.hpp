// Turns of a customer's constraints that are intervals; see reference/parts/turns.py, function by function.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/bits.hpp"
#include "common/row_layout.hpp"
#include "common/set_layout.hpp"
#include "customer_constraints/interval_order.hpp"

namespace couponry {

// A constraint as it will be listed.
struct ListedSet {
    int64_t cap, least, rule;
    bool crosses;
    const uint64_t* bits;
};

class TurnFinder {
public:
    // OUT: the turn of each constraint, 0 where it has none.
    void find(const std::vector<ListedSet>& sets, Rows rows, int64_t n, std::vector<int64_t>& turn) {
        sets_ = &sets;
        n_ = n;
        words_ = (n + 63) / 64;
        turn.assign(sets.size(), 0);
        const int64_t most = cap_of_crossing();
        if (most == 0) return;
        find_closed();
        if (n <= Constraints::SHORT) return find_short(most, turn);
        if (!are_parts_small(rows)) return;
        list_windows(most);
        order_windows();
        if (static_cast<int64_t>(order_.size()) > LongHead::TURN_MASK || !come_one_after_the_other()) return;
        for (size_t k = 0; k < order_.size(); ++k) turn[order_[k]] = static_cast<int64_t>(k) + 1;
    }

private:
    static constexpr int64_t MOST_PARTS = 16, MOST_CANDIDATES = 62, MOST_CONSTRAINTS = 64;
    static constexpr int64_t FEWEST = 4;  // that cross others, of a short customer

    const std::vector<ListedSet>* sets_ = nullptr;
    int64_t n_ = 0, words_ = 0;
    std::vector<uint64_t> closed_, joined_, fresh_, open_;
    std::vector<int64_t> constraints_of_;  // of joined sets
    std::vector<size_t> left_, order_;
    size_t places_ = 0;  // words with a bit for each that is left
    std::vector<uint64_t> holders_, sharing_, there_, unseen_;

    // The cap that all constraints have which cross the laminar family; 0: they have several, or something is asked
    // for.
    int64_t cap_of_crossing() const {
        int64_t most = 0;
        for (const ListedSet& set : *sets_) {
            if (set.least > 0) return 0;
            if (!set.crosses) continue;
            if (most > 0 && set.cap != most) return 0;
            most = set.cap;
        }
        return most;
    }

    void find_closed() {
        closed_.assign(static_cast<size_t>(words_), 0);
        for (const ListedSet& set : *sets_)
            for (int64_t w = 0; w < words_ && set.cap <= 0; ++w) closed_[static_cast<size_t>(w)] |= set.bits[w];
    }

    // The same for a customer whose candidates fit a word.
    void find_short(int64_t most, std::vector<int64_t>& turn) const {
        const size_t count = sets_->size();
        if (count > MOST_CONSTRAINTS) return;
        uint64_t window[MOST_CONSTRAINTS], left = 0;
        int64_t crossing = 0;
        for (size_t s = 0; s < count; ++s) {
            const ListedSet& set = (*sets_)[s];
            if (set.rule >> SHORT_RULE_BITS) return;
            crossing += set.crosses;
            window[s] = set.bits[0] & ~closed_[0];
            if (set.cap == most && count_bits(window[s]) > most) left |= uint64_t{1} << s;
        }
        if (crossing < FEWEST) return;
        uint8_t order[MOST_CONSTRAINTS];
        const int64_t number = order_of(window, without_contained(window, left), order);
        if (number > MOST_SHORT_TURNS) return;
        uint64_t gone = 0, before = 0;
        for (int64_t k = 0; k < number; ++k) {
            const uint64_t now = window[order[k]];
            if (now & ~before & gone) return;
            gone |= before & ~now;
            before = now;
        }
        for (int64_t k = 0; k < number; ++k) turn[order[k]] = k + 1;
    }

    int64_t size_of(const uint64_t* bits) const {
        int64_t size = 0;
        for (size_t w = 0; w < closed_.size(); ++w) size += count_bits(bits[w] & ~closed_[w]);
        return size;
    }

    // Open candidates of the a-th of the sets that are left.
    const uint64_t* open(size_t a) const { return open_.data() + a * closed_.size(); }

    int64_t shared(size_t a, size_t b) const {
        int64_t size = 0;
        for (size_t w = 0; w < closed_.size(); ++w) {
            const uint64_t both = open(a)[w] & open(b)[w];
            if (both) size += count_bits(both);
        }
        return size;
    }

    // Whether a set's open candidates are all in another one.
    bool contains(size_t other, size_t s) const {
        uint64_t only = 0;
        for (size_t w = 0; w < closed_.size(); ++w) only |= open(s)[w] & ~open(other)[w];
        return only == 0;
    }

    // Whether `find_parts` takes the customer apart, and each part has few candidates and constraints.
    bool are_parts_small(Rows rows) {
        joined_.clear();
        constraints_of_.clear();
        for (const ListedSet& set : *sets_)
            if (set.cap < size_of(set.bits)) join(set.bits, 1);
        std::vector<uint64_t> inside;
        Row row = rows.at ? rows.first() : Row{nullptr};
        for (int64_t r = rows.count(); r > 0; --r, row = row.next()) {
            inside.assign(static_cast<size_t>(words_), 0);
            for (int64_t x = 0; x < row.entries(); ++x)
                inside[static_cast<size_t>(row.candidate(x) / 64)] |= uint64_t{1} << (row.candidate(x) % 64);
            if (size_of(inside.data()) > 0) join(inside.data(), 0);
        }
        const int64_t parts = static_cast<int64_t>(constraints_of_.size());
        if (parts < 1 || parts > MOST_PARTS) return false;
        int64_t bounded = 0;
        for (int64_t p = 0; p < parts; ++p) {
            const int64_t size = size_of(joined_.data() + p * words_);
            if (size > MOST_CANDIDATES || constraints_of_[static_cast<size_t>(p)] > MOST_CONSTRAINTS) return false;
            bounded += size;
        }
        return parts > 1 || bounded + size_of_closed() < n_;
    }

    int64_t size_of_closed() const {
        int64_t size = 0;
        for (const uint64_t closed : closed_) size += count_bits(closed);
        return size;
    }

    void join(const uint64_t* bits, int64_t constraints) {
        const size_t words = closed_.size();
        fresh_.assign(bits, bits + words);
        for (size_t w = 0; w < words; ++w) fresh_[w] &= ~closed_[w];
        size_t apart = 0;
        for (size_t k = 0; k < constraints_of_.size(); ++k) {
            uint64_t* const other = joined_.data() + k * words;
            uint64_t both = 0;
            for (size_t w = 0; w < words; ++w) both |= other[w] & bits[w];
            if (both) {
                for (size_t w = 0; w < words; ++w) fresh_[w] |= other[w];
                constraints += constraints_of_[k];
            } else {
                std::copy(other, other + words, joined_.data() + apart * words);
                constraints_of_[apart++] = constraints_of_[k];
            }
        }
        joined_.resize(apart * words);
        constraints_of_.resize(apart);
        joined_.insert(joined_.end(), fresh_.begin(), fresh_.end());
        constraints_of_.push_back(constraints);
    }

    // Constraints of that cap which may bind, and which no other one contains.
    void list_windows(int64_t most) {
        const size_t words = closed_.size();
        left_.clear();
        open_.clear();
        for (size_t s = 0; s < sets_->size(); ++s) {
            const ListedSet& set = (*sets_)[s];
            if (set.cap != most || size_of(set.bits) <= most) continue;
            left_.push_back(s);
            for (size_t w = 0; w < words; ++w) open_.push_back(set.bits[w] & ~closed_[w]);
        }
        find_sharing();
        for (size_t a = 0; a < left_.size(); ++a)
            if (is_contained(a)) take(there_, a);
    }

    // Which of those left share candidates with each of them; all are there.
    void find_sharing() {
        const size_t count = left_.size();
        places_ = (count + 63) / 64;
        holders_.assign(static_cast<size_t>(n_) * places_, 0);
        for (size_t a = 0; a < count; ++a)
            for_each_open(a, [&](size_t t) { holders_[t * places_ + a / 64] |= uint64_t{1} << (a % 64); });
        sharing_.assign(count * places_, 0);
        for (size_t a = 0; a < count; ++a)
            for_each_open(a, [&](size_t t) {
                for (size_t p = 0; p < places_; ++p) sharing_[a * places_ + p] |= holders_[t * places_ + p];
            });
        there_.assign(places_, ~uint64_t{0});
        if (count % 64) there_.back() = (uint64_t{1} << (count % 64)) - 1;
    }

    template <class Visit>
    void for_each_open(size_t a, Visit visit) const {
        for (size_t w = 0; w < closed_.size(); ++w)
            for (uint64_t left = open(a)[w]; left; left &= left - 1)
                visit(64 * w + static_cast<size_t>(lowest_bit(left)));
    }

    bool is_contained(size_t a) const {
        size_t w = 0;
        while (open(a)[w] == 0) ++w;
        const uint64_t* const with_first = holders_.data() + (64 * w + lowest_bit(open(a)[w])) * places_;
        for (size_t p = 0; p < places_; ++p)
            for (uint64_t left = with_first[p] & there_[p]; left; left &= left - 1) {
                const size_t b = 64 * p + static_cast<size_t>(lowest_bit(left));
                if (a != b && contains(b, a) && (b < a || !contains(a, b))) return true;
            }
        return false;
    }

    // By places among those that are left.
    void order_windows() {
        order_.clear();
        for (size_t s = 0; s < left_.size(); ++s) {
            if (!(there_[s / 64] >> (s % 64) & 1)) continue;
            unseen_ = there_;
            size_t at = s;
            for (size_t then = at; then != NONE; then = next_to(unseen_, at)) {
                at = then;
                take(unseen_, at);
            }
            for (; at != NONE; at = next_to(there_, at)) {
                order_.push_back(left_[at]);
                take(there_, at);
            }
        }
    }

    static constexpr size_t NONE = ~size_t{0};

    static void take(std::vector<uint64_t>& there, size_t at) { there[at / 64] &= ~(uint64_t{1} << (at % 64)); }

    size_t next_to(const std::vector<uint64_t>& there, size_t at) const {
        int64_t most = 0;
        size_t found = NONE;
        for (size_t p = 0; p < places_; ++p)
            for (uint64_t left = sharing_[at * places_ + p] & there[p]; left; left &= left - 1) {
                const size_t s = 64 * p + static_cast<size_t>(lowest_bit(left));
                const int64_t both = shared(at, s);
                if (both <= most) continue;
                most = both;
                found = s;
            }
        return found;
    }

    // Whether each candidate is in some that come one after the other.
    bool come_one_after_the_other() const {
        for (size_t w = 0; w < closed_.size(); ++w) {
            uint64_t gone = closed_[w], before = 0;
            for (size_t s : order_) {
                const uint64_t now = (*sets_)[s].bits[w] & ~closed_[w];
                if (now & ~before & gone) return false;
                gone |= before & ~now;
                before = now;
            }
        }
        return true;
    }
};

}  // namespace couponry
