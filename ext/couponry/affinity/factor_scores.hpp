// Scores by factors: the offers of a word, whose factors stay in the cache, for some customers after each other.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "affinity/best_offers.hpp"
#include "affinity/words.hpp"

namespace couponry {
namespace {

class FactorScores {
public:
    FactorScores(const Choice& choice, const Room& memory) noexcept : work(choice), room(memory) {}

    // Scores of a customer, which may be written to; customers ascend.
    COUPONRY_INLINE float* of(int64_t i) noexcept {
        if (i >= end) add_up(i);
        COUPONRY_ASSERT(begin <= i && i < end);
        return room.by_factors + (i - begin) * WORD * room.words;
    }

private:
    static constexpr int SIDE_BY_SIDE = 4;  // customers, for whose sums there are registers

    void add_up(int64_t i) noexcept {
        begin = i;
        end = i + room.at_a_time < work.stop ? i + room.at_a_time : work.stop;
        for (int64_t w = 0; w < room.words; ++w) {
            int64_t c = begin;
            for (; c + SIDE_BY_SIDE <= end; c += SIDE_BY_SIDE) add_word<SIDE_BY_SIDE>(w, c);
            for (; c < end; ++c) add_word<1>(w, c);
        }
    }

    template <int N>
    COUPONRY_INLINE void add_word(int64_t w, int64_t c) noexcept {
        const int64_t factors = work.factors.offer.rows, row = WORD * room.words;
        Lanes::add_products<N>(room.start + WORD * w, room.panels + WORD * w * factors,
                               work.factors.customer.row(c).data, factors,
                               room.by_factors + (c - begin) * row + WORD * w, row);
    }

    const Choice& work;
    const Room& room;
    int64_t begin = 0, end = 0;
};

}  // namespace
}  // namespace couponry
