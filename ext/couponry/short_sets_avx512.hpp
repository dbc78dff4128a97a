// The sets of a customer of at most 32 candidates, sixteen in a vector.
#pragma once

#include "short_sets.hpp"

namespace couponry {
namespace {

class ShortSets {
public:
    static constexpr int64_t WIDTH = 16;

    COUPONRY_INLINE ShortSets(const int64_t* at, int64_t count) noexcept {
        const auto lanes = [](int64_t n) { return static_cast<__mmask8>(_bzhi_u32(0xFF, static_cast<uint32_t>(n > 0 ? n : 0))); };
        const __m512i first = _mm512_maskz_loadu_epi64(lanes(count < 8 ? count : 8), at);
        const __m512i second = _mm512_maskz_loadu_epi64(lanes(count < WIDTH ? count - 8 : 8), at + 8);
        const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
        mask_ = _mm512_permutex2var_epi32(first, even, second);
        head_ = _mm512_permutex2var_epi32(first, _mm512_add_epi32(even, _mm512_set1_epi32(1)), second);
    }

    COUPONRY_INLINE bool kept(uint32_t picks) const noexcept {
        const __m512i held = counts(_mm512_and_si512(mask_, _mm512_set1_epi32(static_cast<int32_t>(picks))));
        const unsigned over = _mm512_cmpgt_epi32_mask(held, caps()), under = _mm512_cmplt_epi32_mask(held, leasts());
        return (over | under) == 0;
    }

    COUPONRY_INLINE bool ask() const noexcept { return _mm512_test_epi32_mask(leasts(), leasts()) != 0; }

    COUPONRY_INLINE bool narrow(uint32_t candidates) noexcept {
        const __m512i cap = caps();
        const __m512i held = counts(_mm512_and_si512(mask_, _mm512_set1_epi32(static_cast<int32_t>(candidates))));
        const __mmask16 can_be_full = _mm512_cmpgt_epi32_mask(held, cap);
        mask_ = _mm512_maskz_mov_epi32(can_be_full, mask_);
        const __mmask16 crosses =
            _mm512_mask_test_epi32_mask(can_be_full, head_, _mm512_set1_epi32(ShortHead::CROSSES));
        crossing_ = crosses;
        const unsigned large = _mm512_mask_cmpgt_epi32_mask(can_be_full, cap, _mm512_set1_epi32(Rooms::LARGEST));
        const unsigned far = _mm512_mask_cmpgt_epi32_mask(
            crosses, held, _mm512_add_epi32(cap, _mm512_set1_epi32(Rooms::BEYOND)));
        const __m512i rooms = _mm512_maskz_sub_epi32(can_be_full, _mm512_set1_epi32(Rooms::LARGEST), cap);
        const __m128i pairs = _mm_maddubs_epi16(_mm512_cvtepi32_epi8(rooms), _mm_set1_epi16(0x1001));
        rooms_ = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs)));
        return (large | far) == 0;
    }

    COUPONRY_INLINE uint64_t rooms() const noexcept { return rooms_; }
    COUPONRY_INLINE uint32_t crossing() const noexcept { return crossing_; }

    COUPONRY_INLINE uint32_t with(int64_t j) const noexcept {
        return _mm512_test_epi32_mask(mask_, _mm512_set1_epi32(static_cast<int32_t>(uint32_t{1} << j)));
    }

private:
    __m512i mask_, head_;
    uint64_t rooms_ = 0;
    uint32_t crossing_ = 0;

    COUPONRY_INLINE __m512i caps() const noexcept { return _mm512_and_si512(head_, _mm512_set1_epi32(ShortHead::BOUND)); }
    COUPONRY_INLINE __m512i leasts() const noexcept {
        return _mm512_and_si512(_mm512_srli_epi32(head_, ShortHead::LEAST_FROM), _mm512_set1_epi32(ShortHead::BOUND));
    }

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
