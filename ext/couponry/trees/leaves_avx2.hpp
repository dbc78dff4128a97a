// The leaves that 64 rows may still reach, in eight vectors of 8.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "trees/score_trees.hpp"

namespace couponry {
namespace {

struct ReachableLeaves {
    __m256i bits[8];

    COUPONRY_INLINE ReachableLeaves() noexcept {
        for (__m256i& some : bits) some = _mm256_set1_epi32(-1);
    }

    COUPONRY_INLINE void keep(const float* value, float threshold, uint32_t mask) noexcept {
        const __m256 bar = _mm256_set1_ps(threshold);
        const __m256 dropped = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(~mask)));
        for (int v = 0; v < 8; ++v) {
            const __m256 above = _mm256_cmp_ps(_mm256_load_ps(value + 8 * v), bar, _CMP_GT_OQ);
            bits[v] = _mm256_andnot_si256(_mm256_castps_si256(_mm256_and_ps(above, dropped)), bits[v]);
        }
    }

    // Place of the lowest bit: the exponent of the number that it is alone, as a float; the highest makes it negative.
    static COUPONRY_INLINE __m256i first(__m256i set) noexcept {
        const __m256i some = _mm256_or_si256(set, _mm256_set1_epi32(INT32_MIN));
        const __m256i lowest = _mm256_and_si256(some, _mm256_sub_epi32(_mm256_setzero_si256(), some));
        const __m256i number = _mm256_castps_si256(_mm256_cvtepi32_ps(lowest));
        const __m256i exponent = _mm256_srli_epi32(_mm256_slli_epi32(number, 1), 24);
        return _mm256_sub_epi32(exponent, _mm256_set1_epi32(127));
    }

    static COUPONRY_INLINE void add(const double* leaf, __m128i at, double* total) noexcept {
        const __m256d all = _mm256_castsi256_pd(_mm256_set1_epi64x(-1));
        // with a mask: GCC's gather without one starts from a vector that it leaves undefined, and warns of it
        const __m256d value = _mm256_mask_i32gather_pd(_mm256_setzero_pd(), leaf, at, all, 8);
        _mm256_store_pd(total, _mm256_add_pd(_mm256_load_pd(total), value));
    }

    COUPONRY_INLINE void add_first(const double* leaf, double* total) const noexcept {
        for (int v = 0; v < 8; ++v) {
            const __m256i at = first(bits[v]);
            add(leaf, _mm256_castsi256_si128(at), total + 8 * v);
            add(leaf, _mm256_extracti128_si256(at, 1), total + 8 * v + 4);
        }
    }
};

}  // namespace
}  // namespace couponry
