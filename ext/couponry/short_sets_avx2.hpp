// The sets of a customer of at most 32 candidates, eight in a vector.
#pragma once

#include "short_sets.hpp"

namespace couponry {
namespace {

class ShortSets {
public:
    static constexpr int64_t WIDTH = 16;

    COUPONRY_INLINE ShortSets(const int64_t* at, int64_t count) noexcept {
        for (int half = 0; half < 2; ++half) {
            const __m256i first = four(at + 8 * half, count - 8 * half);
            const __m256i second = four(at + 8 * half + 4, count - 8 * half - 4);
            mask_[half] = picked<0x88>(first, second);
            head_[half] = picked<0xDD>(first, second);
        }
    }

    COUPONRY_INLINE bool kept(uint32_t picks) const noexcept {
        __m256i wrong = _mm256_setzero_si256();
        for (int half = 0; half < 2; ++half) {
            const __m256i held = counts(_mm256_and_si256(mask_[half], _mm256_set1_epi32(static_cast<int32_t>(picks))));
            wrong = _mm256_or_si256(wrong, _mm256_cmpgt_epi32(held, caps(half)));
            wrong = _mm256_or_si256(wrong, _mm256_cmpgt_epi32(leasts(half), held));
        }
        return _mm256_testz_si256(wrong, wrong);
    }

    COUPONRY_INLINE bool ask() const noexcept {
        const __m256i least = _mm256_or_si256(leasts(0), leasts(1));
        return !_mm256_testz_si256(least, least);
    }

    COUPONRY_INLINE bool narrow(uint32_t candidates) noexcept {
        __m256i wrong = _mm256_setzero_si256(), room[2];
        crossing_ = 0;
        for (int half = 0; half < 2; ++half) {
            const __m256i cap = caps(half);
            const __m256i held =
                counts(_mm256_and_si256(mask_[half], _mm256_set1_epi32(static_cast<int32_t>(candidates))));
            const __m256i can_be_full = _mm256_cmpgt_epi32(held, cap);
            mask_[half] = _mm256_and_si256(mask_[half], can_be_full);
            // the bit of those that cross becomes a sign
            const __m256i sign = _mm256_and_si256(_mm256_slli_epi32(head_[half], 2), can_be_full);
            const __m256i crosses = _mm256_srai_epi32(sign, 31);
            crossing_ |= signs(sign) << (8 * half);
            const __m256i large = _mm256_cmpgt_epi32(cap, _mm256_set1_epi32(Rooms::LARGEST));
            const __m256i far = _mm256_cmpgt_epi32(held, _mm256_add_epi32(cap, _mm256_set1_epi32(Rooms::BEYOND)));
            wrong = _mm256_or_si256(wrong, _mm256_and_si256(large, can_be_full));
            wrong = _mm256_or_si256(wrong, _mm256_and_si256(far, crosses));
            room[half] = _mm256_and_si256(_mm256_sub_epi32(_mm256_set1_epi32(Rooms::LARGEST), cap), can_be_full);
        }
        // sixteen bytes, in order again, then two to a byte; those that are wrong may come out as anything
        const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(room[0], room[1]), 0xD8);
        const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        const __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(0x1001));
        rooms_ = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs)));
        return _mm256_testz_si256(wrong, wrong);
    }

    COUPONRY_INLINE uint64_t rooms() const noexcept { return rooms_; }
    COUPONRY_INLINE uint32_t crossing() const noexcept { return crossing_; }

    // The candidate's bit becomes a sign.
    COUPONRY_INLINE uint32_t with(int64_t j) const noexcept {
        const __m128i by = _mm_cvtsi32_si128(static_cast<int>(31 - j));
        return signs(_mm256_sll_epi32(mask_[0], by)) | signs(_mm256_sll_epi32(mask_[1], by)) << 8;
    }

private:
    __m256i mask_[2], head_[2];
    uint64_t rooms_ = 0;
    uint32_t crossing_ = 0;

    COUPONRY_INLINE __m256i caps(int half) const noexcept {
        return _mm256_and_si256(head_[half], _mm256_set1_epi32(ShortHead::BOUND));
    }
    COUPONRY_INLINE __m256i leasts(int half) const noexcept {
        return _mm256_and_si256(_mm256_srli_epi32(head_[half], ShortHead::LEAST_FROM),
                                _mm256_set1_epi32(ShortHead::BOUND));
    }

    static COUPONRY_INLINE uint32_t signs(__m256i lanes) noexcept {
        return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(lanes)));
    }

    // Up to four sets, then nothing.
    static COUPONRY_INLINE __m256i four(const int64_t* at, int64_t n) noexcept {
        const __m256i live = _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_set_epi64x(3, 2, 1, 0));
        return _mm256_maskload_epi64(reinterpret_cast<const long long*>(at), live);
    }

    // The lower or upper halves of eight numbers.
    template <int HALVES>
    static COUPONRY_INLINE __m256i picked(__m256i first, __m256i second) noexcept {
        const __m256 halves = _mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), HALVES);
        return _mm256_permute4x64_epi64(_mm256_castps_si256(halves), 0xD8);
    }

    static COUPONRY_INLINE __m256i counts(__m256i words) noexcept {
        const __m256i of_half =
            _mm256_broadcastsi128_si256(_mm_set_epi8(4, 3, 3, 2, 3, 2, 2, 1, 3, 2, 2, 1, 2, 1, 1, 0));
        const __m256i half = _mm256_set1_epi8(0x0F);
        const __m256i low = _mm256_shuffle_epi8(of_half, _mm256_and_si256(words, half));
        const __m256i high = _mm256_shuffle_epi8(of_half, _mm256_and_si256(_mm256_srli_epi32(words, 4), half));
        const __m256i twos = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), _mm256_set1_epi8(1));
        return _mm256_madd_epi16(twos, _mm256_set1_epi16(1));
    }
};

}  // namespace
}  // namespace couponry
