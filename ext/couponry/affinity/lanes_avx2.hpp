// Steps of the choice of offers on 64 scores at a time, in eight vectors of 8.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "affinity/words.hpp"
#include "common/set_bits.hpp"

namespace couponry {
namespace {

struct Lanes {
    static constexpr int64_t WIDTH = 8;
    static constexpr bool PICKS_BITS = false;  // without a loop over them

    template <int VECTORS = 8, class Test>
    static COUPONRY_INLINE uint64_t each(const float* score, Test test) noexcept {
        uint64_t found = 0;
        for (int v = 0; v < VECTORS; ++v)
            found |= uint64_t{static_cast<uint32_t>(_mm256_movemask_ps(test(_mm256_loadu_ps(score + 8 * v))))}
                     << (8 * v);
        return found;
    }

    static COUPONRY_INLINE uint64_t larger(const float* score, float than) noexcept {
        const __m256 bar = _mm256_set1_ps(than);
        return each(score, [=](__m256 s) { return _mm256_cmp_ps(s, bar, _CMP_GT_OQ); });
    }

    static COUPONRY_INLINE uint64_t reaching(const float* score, float least) noexcept {
        const __m256 bar = _mm256_set1_ps(least);
        return each(score, [=](__m256 s) { return _mm256_cmp_ps(s, bar, _CMP_GE_OQ); });
    }

    // The same of the first half of the scores.
    static COUPONRY_INLINE uint64_t reaching_of_half(const float* score, float least) noexcept {
        const __m256 bar = _mm256_set1_ps(least);
        return each<4>(score, [=](__m256 s) { return _mm256_cmp_ps(s, bar, _CMP_GE_OQ); });
    }

    static COUPONRY_INLINE uint64_t linked(const float* score) noexcept {
        const __m256i none = _mm256_set1_epi32(NOT_LINKED);
        return ~each(score,
                     [=](__m256 s) { return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_castps_si256(s), none)); });
    }

    struct Hands {
        __m256 best[8];

        COUPONRY_INLINE explicit Hands(float least) noexcept {
            for (__m256& some : best) some = _mm256_set1_ps(least);
        }

        COUPONRY_INLINE void deal(const float* score) noexcept {
            for (int v = 0; v < 8; ++v) best[v] = _mm256_max_ps(_mm256_loadu_ps(score + 8 * v), best[v]);
        }

        COUPONRY_INLINE void deal(const float* score, const uint64_t& mask) noexcept {
            const __m256i bit = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
            for (int v = 0; v < 8; ++v) {
                const __m256i part = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(mask >> (8 * v) & 255)), bit);
                const __m256 live = _mm256_castsi256_ps(_mm256_cmpeq_epi32(part, bit));
                best[v] = _mm256_blendv_ps(best[v], _mm256_max_ps(_mm256_loadu_ps(score + 8 * v), best[v]), live);
            }
        }

        COUPONRY_INLINE void store(float* to) const noexcept {
            for (int v = 0; v < 8; ++v) _mm256_storeu_ps(to + 8 * v, best[v]);
        }
    };

    static COUPONRY_INLINE float largest(const float* score, int64_t n) noexcept {
        __m256 found = _mm256_loadu_ps(score);
        for (int64_t k = 8; k < n; k += 8) found = _mm256_max_ps(found, _mm256_loadu_ps(score + k));
        __m128 half = _mm_max_ps(_mm256_castps256_ps128(found), _mm256_extractf128_ps(found, 1));
        half = _mm_max_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
    }

    // Two vectors at a time, for which there are registers.
    template <int N>
    static COUPONRY_INLINE void add_products(const float* start, const float* panel, const float* customer,
                                             int64_t factors, float* score, int64_t room) noexcept {
        for (int part = 0; part < WORD; part += 16) {
            __m256 sum[N][2];
            for (int n = 0; n < N; ++n)
                for (int v = 0; v < 2; ++v) sum[n][v] = _mm256_loadu_ps(start + part + 8 * v);
            for (int64_t f = 0; f < factors; ++f)
                for (int n = 0; n < N; ++n) {
                    const __m256 one = _mm256_set1_ps(customer[n * factors + f]);
                    for (int v = 0; v < 2; ++v) {
                        const __m256 other = _mm256_loadu_ps(panel + WORD * f + part + 8 * v);
                        sum[n][v] = _mm256_add_ps(sum[n][v], _mm256_mul_ps(one, other));
                    }
                }
            for (int n = 0; n < N; ++n)
                for (int v = 0; v < 2; ++v) _mm256_storeu_ps(score + n * room + part + 8 * v, sum[n][v]);
        }
    }

    static COUPONRY_INLINE void fill(float* score, float value) noexcept {
        for (int v = 0; v < 8; ++v) _mm256_storeu_ps(score + 8 * v, _mm256_set1_ps(value));
    }

    static COUPONRY_INLINE __m256i set_bits(uint32_t byte) noexcept {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(SET_BITS.numbers[byte])));
    }

    static COUPONRY_INLINE int64_t pack(const void* from, uint64_t mask, void* to) noexcept {
        const int32_t* const each = static_cast<const int32_t*>(from);
        int32_t* next = static_cast<int32_t*>(to);
        for (int v = 0; v < 8; ++v) {
            const uint32_t part = mask >> (8 * v) & 255;
            const __m256i eight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(each + 8 * v));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(next), _mm256_permutevar8x32_epi32(eight, set_bits(part)));
            next += count_bits(part);
        }
        return next - static_cast<int32_t*>(to);
    }

    static COUPONRY_INLINE void places(uint64_t mask, int32_t first, int32_t* to) noexcept {
        for (int v = 0; v < 8; ++v) {
            const uint32_t part = mask >> (8 * v) & 255;
            const __m256i place = _mm256_add_epi32(set_bits(part), _mm256_set1_epi32(first + 8 * v));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), place);
            to += count_bits(part);
        }
    }

    // Those bits that are in a mask, side by side; and bits side by side at the places of those in a mask.
    static COUPONRY_INLINE uint64_t picked(uint64_t bits, uint64_t mask) noexcept { return picked_bits(bits, mask); }
    static COUPONRY_INLINE uint64_t spread(uint64_t bits, uint64_t mask) noexcept { return spread_bits(bits, mask); }

    // 64 roles: 1 of those in the one set, 2 of those in the other, else 0.
    static COUPONRY_INLINE void put_roles(uint64_t ones, uint64_t twos, uint8_t* to) noexcept {
        for (int j = 0; j < WORD; ++j) to[j] = static_cast<uint8_t>((ones >> j & 1) | (twos >> j & 1) << 1);
    }
};

}  // namespace
}  // namespace couponry
