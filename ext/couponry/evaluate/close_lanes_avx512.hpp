// Which of a customer's candidates are close to another decision, 16 candidates at a time.
#pragma once

#include "evaluate/open_lanes_avx512.hpp"

namespace couponry {
namespace {

struct CloseLanes : OpenLanes {
    template <class Item>
    static COUPONRY_INLINE uint64_t close(const int32_t* key, uint64_t picks, const Item* item, int64_t n, float least,
                                          float most, const float* bar) noexcept {
        const __m512 leasts = _mm512_set1_ps(least), mosts = _mm512_set1_ps(most);
        uint64_t word = 0;
        for (int64_t j = 0; j < n; j += LANES) {
            const __mmask16 live =
                static_cast<__mmask16>(_bzhi_u32(0xFFFF, static_cast<uint32_t>(n - j < LANES ? n - j : LANES)));
            const __m512i keys = _mm512_loadu_si512(key + j), items = wide(item + j, live);
            const __m512i flip = _mm512_srli_epi32(_mm512_srai_epi32(keys, 31), 1);
            const __m512 value = _mm512_castsi512_ps(_mm512_xor_si512(keys, flip));  // value_of()
            const __m512 loss =
                _mm512_mask_sub_ps(_mm512_sub_ps(leasts, value), static_cast<__mmask16>(picks >> j), value, mosts);
            const __m512 bars = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), live, items, bar, sizeof(float));
            word |= uint64_t{_mm512_mask_cmp_ps_mask(live, loss, bars, _CMP_LE_OQ)} << j;
        }
        return word;
    }

private:
    static COUPONRY_INLINE __m512i wide(const uint16_t* item, __mmask16 live) noexcept {
        return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(live, item));
    }
    static COUPONRY_INLINE __m512i wide(const uint32_t* item, __mmask16 live) noexcept {
        return _mm512_maskz_loadu_epi32(live, item);
    }
};

}  // namespace
}  // namespace couponry
