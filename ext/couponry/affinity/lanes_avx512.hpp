// Steps of the choice of offers on 64 scores at a time, in four vectors of 16.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "affinity/words.hpp"

namespace couponry {
namespace {

struct Lanes {
    static constexpr int64_t WIDTH = 16;
    static constexpr bool PICKS_BITS = true;  // without a loop over them

    template <class Test>
    static COUPONRY_INLINE uint64_t each(const float* score, Test test) noexcept {
        const __mmask32 low = _mm512_kunpackw(test(_mm512_loadu_ps(score + 16)), test(_mm512_loadu_ps(score)));
        const __mmask32 high = _mm512_kunpackw(test(_mm512_loadu_ps(score + 48)), test(_mm512_loadu_ps(score + 32)));
        return _mm512_kunpackd(high, low);
    }

    static COUPONRY_INLINE uint64_t larger(const float* score, float than) noexcept {
        const __m512 bar = _mm512_set1_ps(than);
        return each(score, [=](__m512 s) { return _mm512_cmp_ps_mask(s, bar, _CMP_GT_OQ); });
    }

    static COUPONRY_INLINE uint64_t reaching(const float* score, float least) noexcept {
        const __m512 bar = _mm512_set1_ps(least);
        return each(score, [=](__m512 s) { return _mm512_cmp_ps_mask(s, bar, _CMP_GE_OQ); });
    }

    // The same of the first half of the scores.
    static COUPONRY_INLINE uint64_t reaching_of_half(const float* score, float least) noexcept {
        const __m512 bar = _mm512_set1_ps(least);
        const __mmask16 low = _mm512_cmp_ps_mask(_mm512_loadu_ps(score), bar, _CMP_GE_OQ);
        return _mm512_kunpackw(_mm512_cmp_ps_mask(_mm512_loadu_ps(score + 16), bar, _CMP_GE_OQ), low);
    }

    static COUPONRY_INLINE uint64_t linked(const float* score) noexcept {
        const __m512i none = _mm512_set1_epi32(NOT_LINKED);
        return each(score, [=](__m512 s) { return _mm512_cmpneq_epi32_mask(_mm512_castps_si512(s), none); });
    }

    // The largest of many scores in each of 64 hands.
    struct Hands {
        __m512 best[4];

        COUPONRY_INLINE explicit Hands(float least) noexcept {
            for (__m512& some : best) some = _mm512_set1_ps(least);
        }

        COUPONRY_INLINE void deal(const float* score) noexcept {
            for (int v = 0; v < 4; ++v) best[v] = _mm512_max_ps(_mm512_loadu_ps(score + 16 * v), best[v]);
        }

        COUPONRY_INLINE void deal(const float* score, const uint64_t& mask) noexcept {
            for (int v = 0; v < 4; ++v) {
                uint16_t part;
                std::memcpy(&part, reinterpret_cast<const char*>(&mask) + 2 * v, sizeof part);
                best[v] = _mm512_mask_max_ps(best[v], part, best[v], _mm512_loadu_ps(score + 16 * v));
            }
        }

        COUPONRY_INLINE void store(float* to) const noexcept {
            for (int v = 0; v < 4; ++v) _mm512_storeu_ps(to + 16 * v, best[v]);
        }
    };

    static COUPONRY_INLINE float largest(const float* score, int64_t n) noexcept {
        __m512 found = _mm512_loadu_ps(score);
        for (int64_t k = 16; k < n; k += 16) found = _mm512_max_ps(found, _mm512_loadu_ps(score + k));
        return _mm512_reduce_max_ps(found);
    }

    // Scores of 64 offers for N customers: what they start from, and one product and one sum after the other.
    template <int N>
    static COUPONRY_INLINE void add_products(const float* start, const float* panel, const float* customer,
                                             int64_t factors, float* score, int64_t room) noexcept {
        __m512 sum[N][4];
        for (int n = 0; n < N; ++n)
            for (int v = 0; v < 4; ++v) sum[n][v] = _mm512_loadu_ps(start + 16 * v);
        for (int64_t f = 0; f < factors; ++f, panel += WORD)
            for (int n = 0; n < N; ++n) {
                const __m512 one = _mm512_set1_ps(customer[n * factors + f]);
                for (int v = 0; v < 4; ++v)
                    sum[n][v] = _mm512_add_ps(sum[n][v], _mm512_mul_ps(one, _mm512_loadu_ps(panel + 16 * v)));
            }
        for (int n = 0; n < N; ++n)
            for (int v = 0; v < 4; ++v) _mm512_storeu_ps(score + n * room + 16 * v, sum[n][v]);
    }

    static COUPONRY_INLINE void fill(float* score, float value) noexcept {
        for (int v = 0; v < 4; ++v) _mm512_storeu_ps(score + 16 * v, _mm512_set1_ps(value));
    }

    static COUPONRY_INLINE int64_t pack(const void* from, uint64_t mask, void* to) noexcept {
        const int32_t* const each = static_cast<const int32_t*>(from);
        int32_t* next = static_cast<int32_t*>(to);
        for (int v = 0; v < 4; ++v) {  // into registers first: into memory is slow on some processors
            const __mmask16 part = static_cast<__mmask16>(mask >> (16 * v));
            _mm512_storeu_si512(next, _mm512_maskz_compress_epi32(part, _mm512_loadu_si512(each + 16 * v)));
            next += count_bits(part);
        }
        return next - static_cast<int32_t*>(to);
    }

    static COUPONRY_INLINE void places(uint64_t mask, int32_t first, int32_t* to) noexcept {
        const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        for (int v = 0; v < 4; ++v) {
            const __mmask16 part = static_cast<__mmask16>(mask >> (16 * v));
            const __m512i place = _mm512_add_epi32(lane, _mm512_set1_epi32(first + 16 * v));
            _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(part, place));
            to += count_bits(part);
        }
    }

    // Those bits that are in a mask, side by side; and bits side by side at the places of those in a mask.
    static COUPONRY_INLINE uint64_t picked(uint64_t bits, uint64_t mask) noexcept { return _pext_u64(bits, mask); }
    static COUPONRY_INLINE uint64_t spread(uint64_t bits, uint64_t mask) noexcept { return _pdep_u64(bits, mask); }

    // 64 roles: 1 of those in the one set, 2 of those in the other, else 0.
    static COUPONRY_INLINE void put_roles(uint64_t ones, uint64_t twos, uint8_t* to) noexcept {
        const __m512i one = _mm512_maskz_set1_epi8(ones, 1);
        _mm512_storeu_si512(to, _mm512_mask_set1_epi8(one, twos, 2));
    }
};

}  // namespace
}  // namespace couponry
