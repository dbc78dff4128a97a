// Whether any of some items is in a set of them, which four vectors hold: 32 items at a time; and flags as bits.
#pragma once

#include "evaluate/window_lanes_avx512.hpp"

namespace couponry {
namespace {

struct OpenLanes : WindowLanes {
    static COUPONRY_INLINE uint64_t bits_of(const uint8_t* flags, int64_t n) noexcept {
        const __mmask64 live = _bzhi_u64(~uint64_t{0}, static_cast<uint32_t>(n));
        return _mm512_test_epi8_mask(_mm512_maskz_loadu_epi8(live, flags), _mm512_set1_epi8(1));
    }

    template <class Item>
    static COUPONRY_INLINE bool any_open(const Item* item, int64_t n, const uint64_t* picks,
                                         const uint16_t* open) noexcept {
        const __m512i last = _mm512_set1_epi16(15);
        __mmask32 found = 0;
        for (int64_t j = 0; j < n; j += 32) {
            const __mmask32 live = _bzhi_u32(~0u, static_cast<uint32_t>(n - j < 32 ? n - j : 32));
            const __mmask32 in = static_cast<__mmask32>(picks[j / WORD] >> (j % WORD));
            const __m512i items = last_bits(item + j, live);
            const __m512i word = _mm512_mask_mov_epi16(words_of(items, open + OPEN_WORDS), in, words_of(items, open));
            const __m512i bit = _mm512_srlv_epi16(word, _mm512_and_si512(items, last));
            found |= _mm512_mask_test_epi16_mask(live, bit, _mm512_set1_epi16(1));
        }
        return found != 0;
    }

private:
    // The words of a set that 32 items are in.
    static COUPONRY_INLINE __m512i words_of(__m512i items, const uint16_t* open) noexcept {
        const __m512i at = _mm512_srli_epi16(items, 4);  // of which six bits count
        return _mm512_mask_mov_epi16(
            _mm512_permutex2var_epi16(_mm512_loadu_si512(open), at, _mm512_loadu_si512(open + 32)),
            _mm512_test_epi16_mask(items, _mm512_set1_epi16(16 * OPEN_WORDS / 2)),
            _mm512_permutex2var_epi16(_mm512_loadu_si512(open + 64), at, _mm512_loadu_si512(open + 96)));
    }
    static COUPONRY_INLINE __m512i last_bits(const uint16_t* item, __mmask32 live) noexcept {
        return _mm512_maskz_loadu_epi16(live, item);
    }
    static COUPONRY_INLINE __m512i last_bits(const uint32_t* item, __mmask32 live) noexcept {
        const __m512i first = _mm512_maskz_loadu_epi32(static_cast<__mmask16>(live), item);
        const __m512i second = _mm512_maskz_loadu_epi32(static_cast<__mmask16>(live >> 16), item + 16);
        const __m512i narrow = _mm512_castsi256_si512(_mm512_cvtepi32_epi16(first));
        return _mm512_inserti64x4(narrow, _mm512_cvtepi32_epi16(second), 1);
    }
};

}  // namespace
}  // namespace couponry
