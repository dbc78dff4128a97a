// Windows over candidates: where 64 candidates are among them, and which comes after which.
#pragma once

#include "evaluate/steps.hpp"

namespace couponry {
namespace {

struct WindowLanes : Steps {
    static COUPONRY_INLINE uint64_t intervals(const int64_t* words, int64_t apart, const int16_t* turn, int64_t turns,
                                              uint64_t some, uint8_t* begin, uint8_t* end) noexcept {
        const __m512i one = _mm512_set1_epi8(1);
        __m512i begins = _mm512_setzero_si512(), ends = begins, number = begins;
        uint64_t before = 0, gone = 0, again = 0;
        for (int64_t t = 0; t < turns; ++t) {
            const uint64_t now = static_cast<uint64_t>(words[turn[t] * apart]) & some;
            const uint64_t fresh = now & ~before, ended = before & ~now;
            again |= fresh & gone;
            gone |= ended;
            before = now;
            begins = _mm512_mask_mov_epi8(begins, fresh, number);
            ends = _mm512_mask_mov_epi8(ends, ended, number);
            number = _mm512_add_epi8(number, one);
        }
        _mm512_storeu_si512(begin, begins);
        _mm512_storeu_si512(end, _mm512_mask_mov_epi8(ends, before, number));
        return again;
    }

    static COUPONRY_INLINE int64_t order_of_windows(const uint64_t* window, int64_t count, int64_t units,
                                                    uint8_t* order) noexcept {
        if (count > 16) return Steps::order_of_windows(window, count, units, order);
        const __m512i all = up_to_16(window, count);
        const uint32_t left = without_contained(
            all, _mm512_cmpgt_epi32_mask(counts(all), _mm512_set1_epi32(static_cast<int32_t>(units))));
        Apart apart;
        for (uint32_t some = left; some; some &= some - 1) apart.put(lowest_bit(some), all, left);
        return in_turn(
            left, [&](uint64_t unseen, int64_t at) { return apart.next_to(at, static_cast<uint32_t>(unseen)); }, order);
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

private:
    // How many candidates each of 16 windows shares with each other one, less than NONE and counted down from it.
    struct Apart {
        static constexpr uint32_t NONE = 64;

        __m256i of[16];

        COUPONRY_INLINE void put(int64_t t, __m512i all, uint32_t left) noexcept {
            const __m512i shared = counts(_mm512_and_si512(all, lane_of(all, t)));
            const __m512i apart = _mm512_mask_sub_epi32(_mm512_set1_epi32(0xFFFF), static_cast<__mmask16>(left),
                                                        _mm512_set1_epi32(int32_t{NONE}), shared);
            of[t] = _mm512_cvtepi32_epi16(apart);
        }

        // What is unseen and shares most with a window, the first one of these; -1: nothing does.
        COUPONRY_INLINE int64_t next_to(int64_t at, uint32_t unseen) const noexcept {
            const __m256i some = _mm256_or_si256(of[at], _mm256_movm_epi16(static_cast<__mmask16>(~unseen)));
            const uint32_t first = least(_mm256_castsi256_si128(some));
            const uint32_t last = least(_mm256_extracti128_si256(some, 1)) + 8;
            const uint32_t found = first < last ? first : last;
            return found >> 4 < NONE ? static_cast<int64_t>(found & 15) : -1;
        }

        // The least of eight numbers, and in the lowest four bits which it is.
        static COUPONRY_INLINE uint32_t least(__m128i some) noexcept {
            const uint32_t found = static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_minpos_epu16(some)));
            return (found & 0xFFFF) << 4 | found >> 16;
        }
    };

    static COUPONRY_INLINE __m512i lane_of(__m512i all, int64_t t) noexcept {
        return _mm512_permutexvar_epi32(_mm512_set1_epi32(static_cast<int32_t>(t)), all);
    }

    static COUPONRY_INLINE __m512i up_to_16(const uint64_t* window, int64_t count) noexcept {
        const uint32_t live = _bzhi_u32(0xFFFF, static_cast<uint32_t>(count));
        const __m512i first = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(live), window);
        const __m512i last = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(live >> 8), window + 8);
        return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(first)), _mm512_cvtepi64_epi32(last), 1);
    }

    // See `without_contained` of interval_order.hpp.
    static COUPONRY_INLINE uint32_t without_contained(__m512i all, uint32_t left) noexcept {
        uint32_t contained = 0;
        for (uint32_t some = left; some; some &= some - 1) {
            const int64_t b = lowest_bit(some);
            const __m512i other = lane_of(all, b);
            const uint32_t inside = _mm512_cmpeq_epi32_mask(_mm512_and_si512(all, other), all);
            contained |= inside & (_mm512_cmpneq_epi32_mask(all, other) | (~uint32_t{1} << b));
        }
        return left & ~contained;
    }
};

}  // namespace
}  // namespace couponry
