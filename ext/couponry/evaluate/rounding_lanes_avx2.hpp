// Values are rounded 4 at a time; the operations and their order are those of `round_value`.
#pragma once

#include "evaluate/rounding.hpp"

namespace couponry {
namespace {

struct RoundingLanes {
    static constexpr int64_t WIDTH = 4;

    static COUPONRY_INLINE __m256d load(const float* values) noexcept { return _mm256_cvtps_pd(_mm_loadu_ps(values)); }
    static COUPONRY_INLINE __m256d load(const double* values) noexcept { return _mm256_loadu_pd(values); }
    static COUPONRY_INLINE __m256d size(__m256d x) noexcept { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), x); }

    template <class Item, class Value>
    static COUPONRY_INLINE void round(const Item* item, const Value* values, ItemRange* ranges, uint16_t* quantity,
                                      uint8_t* fine) noexcept {
        const __m256d r0 = _mm256_load_pd(&ranges[item[0]].low), r1 = _mm256_load_pd(&ranges[item[1]].low);
        const __m256d r2 = _mm256_load_pd(&ranges[item[2]].low), r3 = _mm256_load_pd(&ranges[item[3]].low);
        const __m256d a0 = _mm256_unpacklo_pd(r0, r1), a1 = _mm256_unpackhi_pd(r0, r1);
        const __m256d a2 = _mm256_unpacklo_pd(r2, r3), a3 = _mm256_unpackhi_pd(r2, r3);
        const __m256d low = _mm256_permute2f128_pd(a0, a2, 0x20), step = _mm256_permute2f128_pd(a1, a3, 0x20);
        const __m256d error = _mm256_permute2f128_pd(a0, a2, 0x31), fine_error = _mm256_permute2f128_pd(a1, a3, 0x31);

        const __m256d half = _mm256_set1_pd(0.5), whole = _mm256_set1_pd(256.0), none = _mm256_setzero_pd();
        const __m256d part = _mm256_set1_pd(1.0 / 256.0);  // exact, as is a product by it
        const __m256d v = load(values), has_range = _mm256_cmp_pd(step, none, _CMP_GT_OQ);
        const __m256d steps_up = _mm256_div_pd(_mm256_sub_pd(v, low), step);
        const __m256d at = _mm256_add_pd(_mm256_mul_pd(_mm256_add_pd(steps_up, half), whole), half);
        const __m256d is_up = _mm256_and_pd(has_range, _mm256_cmp_pd(at, none, _CMP_GT_OQ));
        const __m128i parts = _mm256_cvttpd_epi32(_mm256_and_pd(is_up, _mm256_min_pd(at, _mm256_set1_pd(16777215.0))));
        const __m128i units = _mm_srli_epi32(parts, 8);
        const __m256d steps =
            _mm256_and_pd(has_range, _mm256_sub_pd(_mm256_mul_pd(_mm256_cvtepi32_pd(parts), part), half));
        const __m256d scaled = _mm256_mul_pd(step, _mm256_cvtepi32_pd(units)), fine_scaled = _mm256_mul_pd(step, steps);
        const __m256d miss = size(_mm256_sub_pd(v, _mm256_add_pd(low, scaled)));
        const __m256d fine_miss = size(_mm256_sub_pd(v, _mm256_add_pd(low, fine_scaled)));

        const __m128i evens = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1);
        const __m128i fourths = _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(quantity), _mm_shuffle_epi8(units, evens));
        const int32_t bytes = _mm_cvtsi128_si32(_mm_shuffle_epi8(parts, fourths));
        std::memcpy(fine, &bytes, sizeof bytes);

        const __m256d wider =
            _mm256_or_pd(_mm256_cmp_pd(miss, error, _CMP_GT_OQ), _mm256_cmp_pd(fine_miss, fine_error, _CMP_GT_OQ));
        if (_mm256_movemask_pd(wider) == 0) return;
        double misses[WIDTH], fine_misses[WIDTH];
        _mm256_storeu_pd(misses, miss);
        _mm256_storeu_pd(fine_misses, fine_miss);
        for (int r = 0; r < WIDTH; ++r) ranges[item[r]].widen(misses[r], fine_misses[r]);
    }
};

}  // namespace
}  // namespace couponry
