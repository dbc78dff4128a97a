// Two nested families that constraints fall into; see reference/families/find_families.py.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "customer_constraints/interval_search.hpp"

namespace couponry {
namespace {

class FamilyOrder : public IntervalSearch {
public:
    bool load(const Constraints& constraints, int64_t n) noexcept {
        return IntervalSearch::load(constraints, n) && make_room_for_families();
    }
    bool make_room(int64_t n, int64_t words, int64_t constraints, int64_t rows, int64_t entries) noexcept {
        return IntervalSearch::make_room(n, words, constraints, rows, entries) && make_room_for_families();
    }

protected:
    static constexpr int64_t MOST_CANDIDATES = 1024, MOST_CONSTRAINTS = 512;
    static constexpr int64_t ASIDE = -1;

    int64_t first_ = 0, number_ = 0;  // how many constraints are of the first family, and of both
    int64_t* order_ = nullptr;        // of the first family from the outside inwards, then of the second outwards
    int64_t* around_ = nullptr;       // the next constraint of the same family around each; ASIDE: none
    int64_t* innermost_[2] = {};      // of each family, of those that a candidate is in; ASIDE: none

    // Whether there are two families.
    template <int W>
    bool find_families() noexcept {
        if (n_ > MOST_CANDIDATES || constraints_ > MOST_CONSTRAINTS) return false;
        for (int64_t s = 0; s < constraints_; ++s) {
            for (int64_t w = 0; w < words<W>(); ++w)
                inside_[s * words<W>() + w] = mask_[s * words<W>() + w] & start_[w];
            size_[s] = count<W>(inside_ + s * words<W>());
            family_[s] = ASIDE;
        }
        if (!part_in_two<W>()) return false;
        number_ = 0;
        for (int64_t side = 0; side < 2; ++side) {
            const int64_t from = number_;
            for (int64_t s = 0; s < constraints_; ++s)
                if (family_[s] == side) order_inwards(s, from);
            for (int64_t t = 0; t < n_; ++t) innermost_[side][t] = ASIDE;
            for (int64_t k = from; k < number_; ++k) enter<W>(side, order_[k]);
            if (side == 0) first_ = number_;
        }
        for (int64_t a = first_, b = number_ - 1; a < b; ++a, --b) {
            const int64_t other = order_[a];
            order_[a] = order_[b];
            order_[b] = other;
        }
        return true;
    }

private:
    GrowingMemory family_memory_;
    uint64_t* inside_ = nullptr;  // free candidates of each constraint
    int64_t *size_ = nullptr, *family_ = nullptr, *waiting_ = nullptr;

    bool make_room_for_families() noexcept {
        if (!family_memory_.reserve(5 * constraints_ + constraints_ * words_ + 2 * n_ + 8 * GrowingMemory::GAP))
            return false;
        inside_ = family_memory_.bits(constraints_ * words_);
        for (int64_t** array : {&size_, &family_, &waiting_, &order_, &around_})
            *array = family_memory_.some(constraints_);
        for (int64_t*& array : innermost_) array = family_memory_.some(n_);
        return true;
    }

    bool may_bind(int64_t s) const noexcept { return size_[s] > residual_[s] || (size_[s] > 0 && need_[s] > 0); }

    // Gives each constraint that may bind its family, a graph's two colours; false where there are none.
    template <int W>
    bool part_in_two() noexcept {
        for (int64_t begin = 0; begin < constraints_; ++begin) {
            if (family_[begin] != ASIDE || !may_bind(begin)) continue;
            family_[begin] = 0;
            int64_t last = 0;
            waiting_[last++] = begin;
            while (last > 0) {
                const int64_t s = waiting_[--last];
                for (int64_t other = 0; other < constraints_; ++other) {
                    if (!may_bind(other)) continue;
                    const int64_t both = common<W>(inside_ + s * words<W>(), inside_ + other * words<W>());
                    if (both == 0 || both == size_[s] || both == size_[other]) continue;
                    if (family_[other] == ASIDE) {
                        family_[other] = 1 - family_[s];
                        waiting_[last++] = other;
                    } else if (family_[other] == family_[s]) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    // Puts a constraint among those of its family: the largest first, and of those that are the same the first one.
    void order_inwards(int64_t s, int64_t from) noexcept {
        int64_t place = number_++;
        for (; place > from && size_[s] > size_[order_[place - 1]]; --place) order_[place] = order_[place - 1];
        order_[place] = s;
    }

    template <int W>
    void enter(int64_t side, int64_t s) noexcept {
        for (int64_t w = 0; w < words<W>(); ++w)
            for (uint64_t word = inside_[s * words<W>() + w]; word; word &= word - 1) {
                const int64_t t = 64 * w + lowest_bit(word);
                around_[s] = innermost_[side][t];
                innermost_[side][t] = s;
            }
    }
};

}  // namespace
}  // namespace couponry
