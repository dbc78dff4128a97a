// Which of one customer's candidates may come in place of which of those that are chosen, under constraints that ask
// for nothing: a swap is out where a full constraint has the one that comes and not the one that goes.
#pragma once

#include <vector>

#include "common/bits.hpp"
#include "common/set_layout.hpp"
#include "local_search/swap_order.hpp"

namespace couponry {

class SetSwaps {
public:
    static constexpr size_t MOST_CHOSEN = 64;

    // Finds the swaps of a customer; false where constraints ask for something, or too much is chosen.
    bool find(const Constraints& constraints, const SwapOrder& order) {
        const size_t chosen = order.leaving().size(), others = order.coming().size();
        if (chosen > MOST_CHOSEN) return false;
        may_leave_.assign(others, chosen == 64 ? ~uint64_t{0} : (uint64_t{1} << chosen) - 1);
        may_just_come_.assign(others, 1);
        for (int64_t s = 0; s < constraints.count; ++s) {
            if (constraints.least(s) > 0) return false;
            int64_t held = 0;
            for (int64_t w = 0; w < constraints.words; ++w) held += count_bits(constraints.word(s, w) & order.picks(w));
            if (held >= constraints.cap(s)) fill(constraints, s, order);
        }
        return true;
    }

    // A bit for each of those that are chosen, in their order, in whose place the k-th of the others may come.
    uint64_t may_leave(size_t k) const noexcept { return may_leave_[k]; }

    // Whether it may come where nothing leaves.
    bool may_just_come(size_t k) const noexcept { return may_just_come_[k] != 0; }

private:
    std::vector<uint64_t> may_leave_;
    std::vector<uint8_t> may_just_come_;

    // Takes over that a constraint is full.
    void fill(const Constraints& constraints, int64_t s, const SwapOrder& order) noexcept {
        uint64_t inside = 0;
        for (int64_t w = 0; w < constraints.words; ++w)
            for (uint64_t word = constraints.word(s, w) & order.picks(w); word; word &= word - 1)
                inside |= uint64_t{1} << order.place_of_first(w, word);
        for (int64_t w = 0; w < constraints.words; ++w)
            for (uint64_t word = constraints.word(s, w) & ~order.picks(w); word; word &= word - 1) {
                const size_t k = order.place_of_first(w, word);
                may_leave_[k] &= inside;
                may_just_come_[k] = 0;
            }
    }
};

}  // namespace couponry
