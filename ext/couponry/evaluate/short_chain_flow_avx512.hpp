// The best choices along chains of intervals, of eight customers at once: what `ChainFlow` finds for each of them.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/debug.hpp"
#include "common/set_layout.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

// Candidates of sixteen customers, each in the order of its intervals.
struct ChainLanes {
    static constexpr int64_t WIDTH = 16, MOST = Constraints::SHORT;

    alignas(64) int32_t size[WIDTH];          // candidates of each
    alignas(64) int32_t links[MOST * WIDTH];  // then minus begin, end and candidate, 12, 10 and 8 bits
    alignas(64) int32_t apart[MOST * WIDTH];  // how many before each one share no interval with it
    int64_t least[MOST];                      // the least of these of all customers

    // Finds what is told of candidates from their links; returns lanes in which ends are not in the order of begins.
    uint64_t find_apart(int64_t longest) noexcept {
        const __m512i sizes = _mm512_load_si512(size), bits = _mm512_set1_epi32(0x3FF);
        __m512i ends[MOST], before = _mm512_setzero_si512();
        __mmask16 falls = 0;
        int64_t from = 0;
        for (int64_t i = 0; i < longest; ++i) {
            const __m512i its = _mm512_set1_epi32(static_cast<int32_t>(i));
            const __mmask16 there = _mm512_cmpgt_epi32_mask(sizes, its);
            const __m512i link = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_load_si512(links + i * WIDTH));
            const __m512i begin = _mm512_srai_epi32(link, 18);
            ends[i] = _mm512_and_si512(_mm512_srai_epi32(link, 8), bits);
            falls |= _mm512_mask_cmplt_epi32_mask(there, ends[i], before);
            before = ends[i];
            __m512i k = _mm512_set1_epi32(static_cast<int32_t>(from));
            for (int64_t x = from; x < i; ++x)
                k = _mm512_mask_add_epi32(k, _mm512_cmple_epi32_mask(ends[x], begin), k, _mm512_set1_epi32(1));
            k = _mm512_mask_mov_epi32(its, there, k);
            _mm512_store_si512(apart + i * WIDTH, k);
            least[i] = from = _mm512_reduce_min_epi32(k);
        }
        return falls;
    }
};

class ShortChainFlow {
public:
    // OUT: the best choices of the first or second eight customers, as bits of candidates. Returns lanes in which some
    // other choice may be worth the same.
    unsigned choose(int64_t half, int64_t longest, uint32_t has_two, const ChainLanes& order, const int64_t* worth,
                    int64_t* chosen) noexcept {
        order_ = &order;
        from_ = 8 * half;
        two_ = static_cast<__mmask8>(has_two >> from_);
        sizes_ = wide(order.size);
        const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
        const __m512i own = _mm512_slli_epi64(lane, 5);  // where worths of each begin
        const __m512i candidate = _mm512_set1_epi64(0xFF);
        _mm512_store_si512(best_, _mm512_setzero_si512());
        _mm512_store_si512(last_, _mm512_set1_epi64(-1));
        tied_ = 0;
        for (int64_t i = 0; i < longest; ++i) {
            const __m512i link = _mm512_sub_epi64(_mm512_setzero_si512(), wide(order.links + i * ChainLanes::WIDTH));
            const __m512i j = _mm512_and_si512(link, candidate);
            const __mmask8 there = _mm512_cmpgt_epi64_mask(sizes_, _mm512_set1_epi64(i));
            const __m512i its =
                _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), there, _mm512_add_epi64(own, j), worth, 8);
            _mm512_store_si512(bit_ + 8 * i, _mm512_sllv_epi64(_mm512_set1_epi64(1), j));
            add(i, its, there);
        }
        go_back(longest, chosen);
        return tied_;
    }

private:
    static constexpr int64_t MOST = ChainLanes::MOST;

    const ChainLanes* order_ = nullptr;
    int64_t from_ = 0;
    __mmask8 two_ = 0, tied_ = 0;
    __m512i sizes_;
    // Of eight lanes each: with candidate i as the last one, and those before it below c, in row i at i - c.
    alignas(64) int64_t most_[MOST * (MOST + 1) / 2 * 8];  // the most that is worth
    alignas(64) int32_t by_[MOST * MOST * 8];   // and the one before it, that shares an interval; -1: there is none
    alignas(64) int64_t best_[(MOST + 1) * 8];  // of the first so many, and the last one; -1: none
    alignas(64) int64_t last_[(MOST + 1) * 8];
    alignas(64) int64_t bit_[MOST * 8];  // of each candidate

    __m512i wide(const int32_t* sixteen) const noexcept {
        return _mm512_cvtepi32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(sixteen + from_)));
    }

    static __m512i lanes() noexcept { return _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0); }

    // See `ChainFlow::choose_two`.
    COUPONRY_INLINE void add(int64_t i, __m512i own, __mmask8 there) noexcept {
        const __m512i k = wide(order_->apart + i * ChainLanes::WIDTH), at = _mm512_slli_epi64(k, 3);
        const __m512i column = _mm512_sub_epi64(lanes(), at);
        const __mmask8 two = two_ & there;
        int64_t* const row = most_ + i * (i + 1) / 2 * 8;
        int32_t* const by = by_ + i * MOST * 8;
        __m512i most = _mm512_add_epi64(own, _mm512_i64gather_epi64(_mm512_add_epi64(at, lanes()), best_, 8));
        __m512i before = _mm512_set1_epi64(-1);
        const int64_t from = order_->least[i];
        for (int64_t j = from;; ++j) {
            _mm512_store_si512(row + (i - j) * 8, most);
            _mm256_store_si256(reinterpret_cast<__m256i*>(by + (i - j) * 8), _mm512_cvtepi64_epi32(before));
            if (j == i) break;
            const __m512i its = _mm512_set1_epi64(j);
            const __mmask8 shares = _mm512_mask_cmple_epi64_mask(two, k, its);
            const int64_t* const rows = most_ + (j * (j + 1) / 2 + j) * 8;
            const __m512i with =
                _mm512_add_epi64(own, _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), shares, column, rows, 8));
            tied_ |= _mm512_mask_cmpeq_epi64_mask(shares, with, most);
            const __mmask8 more = _mm512_mask_cmpgt_epi64_mask(shares, with, most);
            most = _mm512_mask_mov_epi64(most, more, with);
            before = _mm512_mask_mov_epi64(before, more, its);
        }
        const __m512i without = _mm512_load_si512(best_ + 8 * i);
        const __mmask8 more = _mm512_mask_cmpgt_epi64_mask(there, most, without);
        tied_ |= _mm512_mask_cmpeq_epi64_mask(there, most, without);
        _mm512_store_si512(best_ + 8 * (i + 1), _mm512_mask_mov_epi64(without, more, most));
        const __m512i last = _mm512_load_si512(last_ + 8 * i);
        _mm512_store_si512(last_ + 8 * (i + 1), _mm512_mask_mov_epi64(last, more, _mm512_set1_epi64(i)));
    }

    // Puts together which candidates are chosen.
    COUPONRY_INLINE void go_back(int64_t longest, int64_t* chosen) noexcept {
        const __m512i none = _mm512_set1_epi64(-1);
        __m512i at = _mm512_load_si512(last_ + 8 * longest), below = at, bits = _mm512_setzero_si512();
        for (__mmask8 left = _mm512_cmpgt_epi64_mask(at, none); left; left = _mm512_cmpgt_epi64_mask(at, none)) {
            const __m512i cell = _mm512_add_epi64(_mm512_slli_epi64(at, 3), lanes());
            bits = _mm512_or_si512(bits, _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), left, cell, bit_, 8));
            const __m512i place = _mm512_add_epi64(_mm512_slli_epi64(at, 4), lanes());
            const __m512i k = _mm512_cvtepi32_epi64(
                _mm512_mask_i64gather_epi32(_mm256_setzero_si256(), left, place, order_->apart + from_, 4));
            const __m512i number = _mm512_add_epi64(_mm512_slli_epi64(at, 5), _mm512_sub_epi64(at, below));
            const __m512i entry = _mm512_add_epi64(_mm512_slli_epi64(number, 3), lanes());
            const __m512i before =
                _mm512_cvtepi32_epi64(_mm512_mask_i64gather_epi32(_mm256_set1_epi32(-1), left, entry, by_, 4));
            const __mmask8 shares = _mm512_mask_cmpgt_epi64_mask(left, before, none);
            const __m512i apart =
                _mm512_mask_i64gather_epi64(none, static_cast<__mmask8>(left & ~shares),
                                            _mm512_add_epi64(_mm512_slli_epi64(k, 3), lanes()), last_, 8);
            at = _mm512_mask_mov_epi64(apart, shares, before);
            below = _mm512_mask_mov_epi64(apart, shares, k);
        }
        _mm512_store_si512(chosen, bits);
    }
};

}  // namespace
}  // namespace couponry
