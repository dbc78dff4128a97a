// The leaves that 64 rows may still reach, in four vectors of 16.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "trees/score_trees.hpp"

namespace couponry {
namespace {

struct ReachableLeaves {
    __m512i bits[4];

    COUPONRY_INLINE ReachableLeaves() noexcept {
        for (__m512i& some : bits) some = _mm512_set1_epi32(-1);
    }

    COUPONRY_INLINE void keep(const float* value, float threshold, uint32_t mask) noexcept {
        const __m512 bar = _mm512_set1_ps(threshold);
        const __m512i kept = _mm512_set1_epi32(static_cast<int>(mask));
        for (int v = 0; v < 4; ++v) {
            const __mmask16 above = _mm512_cmp_ps_mask(_mm512_load_ps(value + 16 * v), bar, _CMP_GT_OQ);
            bits[v] = _mm512_mask_and_epi32(bits[v], above, bits[v], kept);
        }
    }

    // Place of the lowest bit: the exponent of the number that it is alone, as a float.
    static COUPONRY_INLINE __m512i first(__m512i set) noexcept {
        const __m512i some = _mm512_or_si512(set, _mm512_set1_epi32(INT32_MIN));
        const __m512i lowest = _mm512_and_si512(some, _mm512_sub_epi32(_mm512_setzero_si512(), some));
        const __m512i number = _mm512_castps_si512(_mm512_cvtepu32_ps(lowest));
        return _mm512_sub_epi32(_mm512_srli_epi32(number, 23), _mm512_set1_epi32(127));
    }

    // The values of all leaves, in registers.
    struct Values {
        __m512d part[4];

        COUPONRY_INLINE explicit Values(const double* leaf) noexcept {
            for (int v = 0; v < 4; ++v) part[v] = _mm512_loadu_pd(leaf + 8 * v);
        }

        COUPONRY_INLINE void add(__m256i at, double* total) const noexcept {
            const __m512i place = _mm512_cvtepu32_epi64(at);
            const __m512d low = _mm512_permutex2var_pd(part[0], place, part[1]);
            const __m512d high = _mm512_permutex2var_pd(part[2], place, part[3]);
            const __mmask8 is_high = _mm512_test_epi64_mask(place, _mm512_set1_epi64(LEAVES / 2));
            const __m512d value = _mm512_mask_blend_pd(is_high, low, high);
            _mm512_store_pd(total, _mm512_add_pd(_mm512_load_pd(total), value));
        }
    };

    COUPONRY_INLINE void add_first(const double* leaf, double* total) const noexcept {
        const Values values(leaf);
        for (int v = 0; v < 4; ++v) {
            const __m512i at = first(bits[v]);
            values.add(_mm512_castsi512_si256(at), total + 16 * v);
            values.add(_mm512_extracti64x4_epi64(at, 1), total + 16 * v + 8);
        }
    }
};

}  // namespace
}  // namespace couponry
