// Windows over candidates: where 64 candidates are among them, and which comes after which.
#pragma once

#include "evaluate/subset_lanes_avx512.hpp"

namespace couponry {
namespace {

struct WindowLanes : SubsetLanes {
    static COUPONRY_INLINE uint64_t intervals(const int64_t* words, int64_t apart, const int16_t* turn, int64_t turns,
                                              uint64_t some, uint8_t* begin, uint8_t* end) noexcept {
        const __m512i one = _mm512_set1_epi8(1);
        __m512i begins = _mm512_setzero_si512(), ends = begins, number = begins;
        uint64_t before = 0, gone = 0, again = 0;
        for (int64_t t = 0; t < turns; ++t, number = _mm512_add_epi8(number, one)) {
            const uint64_t now = static_cast<uint64_t>(words[turn[t] * apart]) & some;
            if (now == before) continue;  // as long as windows are of candidates in other words
            const uint64_t fresh = now & ~before, ended = before & ~now;
            again |= fresh & gone;
            gone |= ended;
            before = now;
            begins = _mm512_mask_mov_epi8(begins, fresh, number);
            ends = _mm512_mask_mov_epi8(ends, ended, number);
        }
        _mm512_storeu_si512(begin, begins);
        _mm512_storeu_si512(end, _mm512_mask_mov_epi8(ends, before, number));
        return again;
    }

protected:
    // Bits set in each lane: looked up for half bytes, and added up.
    static COUPONRY_INLINE __m512i counts(__m512i words) noexcept {
        const __m512i of_half = _mm512_broadcast_i32x4(_mm_set_epi8(4, 3, 3, 2, 3, 2, 2, 1, 3, 2, 2, 1, 2, 1, 1, 0));
        const __m512i half = _mm512_set1_epi8(0x0F);
        const __m512i low = _mm512_shuffle_epi8(of_half, _mm512_and_si512(words, half));
        const __m512i high = _mm512_shuffle_epi8(of_half, _mm512_and_si512(_mm512_srli_epi32(words, 4), half));
        const __m512i twos = _mm512_maddubs_epi16(_mm512_add_epi8(low, high), _mm512_set1_epi8(1));
        return _mm512_madd_epi16(twos, _mm512_set1_epi16(1));
    }
};

}  // namespace
}  // namespace couponry
