// Values are rounded 8 at a time; the operations and their order are those of `round_value`.
#pragma once

#include "evaluate/rounding.hpp"

namespace couponry {
namespace {

struct RoundingLanes {
    static constexpr int64_t WIDTH = 8;

    static COUPONRY_INLINE __m512d load(const float* values) noexcept {
        return _mm512_cvtps_pd(_mm256_loadu_ps(values));
    }
    static COUPONRY_INLINE __m512d load(const double* values) noexcept { return _mm512_loadu_pd(values); }

    // The ranges of two items, one behind the other.
    static COUPONRY_INLINE __m512d both(const ItemRange& a, const ItemRange& b) noexcept {
        return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_load_pd(&a.low)), _mm256_load_pd(&b.low), 1);
    }

    template <class Item, class Value>
    static COUPONRY_INLINE void round(const Item* item, const Value* values, ItemRange* ranges, uint16_t* quantity,
                                      uint8_t* fine) noexcept {
        const __m512d r0 = both(ranges[item[0]], ranges[item[4]]), r1 = both(ranges[item[1]], ranges[item[5]]);
        const __m512d r2 = both(ranges[item[2]], ranges[item[6]]), r3 = both(ranges[item[3]], ranges[item[7]]);
        const __m512d a0 = _mm512_unpacklo_pd(r0, r1), a1 = _mm512_unpackhi_pd(r0, r1);
        const __m512d a2 = _mm512_unpacklo_pd(r2, r3), a3 = _mm512_unpackhi_pd(r2, r3);
        const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
        const __m512i second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
        const __m512d low = _mm512_permutex2var_pd(a0, first, a2), step = _mm512_permutex2var_pd(a1, first, a3);
        const __m512d error = _mm512_permutex2var_pd(a0, second, a2);
        const __m512d fine_error = _mm512_permutex2var_pd(a1, second, a3);

        const __m512d half = _mm512_set1_pd(0.5), whole = _mm512_set1_pd(256.0), none = _mm512_setzero_pd();
        const __m512d part = _mm512_set1_pd(1.0 / 256.0);  // exact, as is a product by it
        const __m512d v = load(values);
        const __mmask8 has_range = _mm512_cmp_pd_mask(step, none, _CMP_GT_OQ);
        const __m512d steps_up = _mm512_div_pd(_mm512_sub_pd(v, low), step);
        const __m512d at = _mm512_add_pd(_mm512_mul_pd(_mm512_add_pd(steps_up, half), whole), half);
        const __mmask8 is_up = _mm512_mask_cmp_pd_mask(has_range, at, none, _CMP_GT_OQ);
        const __m256i parts = _mm512_maskz_cvttpd_epi32(is_up, _mm512_min_pd(at, _mm512_set1_pd(16777215.0)));
        const __m256i units = _mm256_srli_epi32(parts, 8);
        const __m512d steps = _mm512_maskz_sub_pd(has_range, _mm512_mul_pd(_mm512_cvtepi32_pd(parts), part), half);
        const __m512d scaled = _mm512_mul_pd(step, _mm512_cvtepi32_pd(units)), fine_scaled = _mm512_mul_pd(step, steps);
        const __m512d miss = _mm512_abs_pd(_mm512_sub_pd(v, _mm512_add_pd(low, scaled)));
        const __m512d fine_miss = _mm512_abs_pd(_mm512_sub_pd(v, _mm512_add_pd(low, fine_scaled)));

        _mm_storeu_si128(reinterpret_cast<__m128i*>(quantity), _mm256_cvtepi32_epi16(units));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(fine), _mm256_cvtepi32_epi8(parts));

        const __mmask8 wider =
            _mm512_cmp_pd_mask(miss, error, _CMP_GT_OQ) | _mm512_cmp_pd_mask(fine_miss, fine_error, _CMP_GT_OQ);
        if (wider == 0) return;
        alignas(64) double misses[WIDTH], fine_misses[WIDTH];
        _mm512_storeu_pd(misses, miss);
        _mm512_storeu_pd(fine_misses, fine_miss);
        for (int r = 0; r < WIDTH; ++r) ranges[item[r]].widen(misses[r], fine_misses[r]);
    }
};

}  // namespace
}  // namespace couponry
