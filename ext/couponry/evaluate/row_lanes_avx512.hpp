// Rows and constraints beside sets of a customer's candidates, eight entries at a time; see row_steps.hpp.
#pragma once

#include "evaluate/steps.hpp"

namespace couponry {
namespace {

struct RowLanes : Steps {
    static COUPONRY_INLINE int64_t sum_of(const Row& row, const uint64_t* chosen) noexcept {
        const __m512i set = _mm512_loadu_si512(chosen);
        __m512i sum = _mm512_setzero_si512();
        for (int64_t x = 0, entries = row.entries(); x < entries; x += 8) {
            const __m512i words = _mm512_maskz_loadu_epi64(lanes(entries - x), row.at + Row::HEAD_WORDS + x);
            const __mmask8 picked = are_in(set, words) & lanes(entries - x);
            sum = _mm512_mask_add_epi64(sum, picked, sum, _mm512_srai_epi64(words, 16));
        }
        return _mm512_reduce_add_epi64(sum);
    }

    static COUPONRY_INLINE unsigned sets_of(const Row& row, const uint64_t* one, const uint64_t* other) noexcept {
        const __m512i first = _mm512_loadu_si512(one), second = _mm512_loadu_si512(other);
        unsigned in_first = 0, in_second = 0;
        for (int64_t x = 0, entries = row.entries(); x < entries; x += 8) {
            const __mmask8 there = lanes(entries - x);
            const __m512i words = _mm512_maskz_loadu_epi64(there, row.at + Row::HEAD_WORDS + x);
            in_first |= are_in(first, words) & there;
            in_second |= are_in(second, words) & there;
        }
        return static_cast<unsigned>(in_first != 0) | static_cast<unsigned>(in_second != 0) << 1;
    }

    static COUPONRY_INLINE unsigned meet_both(const int64_t* first, int64_t apart, int64_t count, int64_t words,
                                              const uint64_t* one, const uint64_t* other) noexcept {
        const __mmask8 there = lanes(count);
        const __m512i number = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), none = _mm512_setzero_si512();
        const __m512i at = _mm512_mullo_epi64(number, _mm512_set1_epi64(apart));
        __m512i in_one = none, in_other = none;
        for (int64_t w = 0; w < words; ++w) {
            const __m512i its = _mm512_mask_i64gather_epi64(none, there, at, first + w, 8);
            in_one = _mm512_or_si512(in_one, _mm512_and_si512(its, _mm512_set1_epi64(static_cast<int64_t>(one[w]))));
            in_other =
                _mm512_or_si512(in_other, _mm512_and_si512(its, _mm512_set1_epi64(static_cast<int64_t>(other[w]))));
        }
        return _mm512_test_epi64_mask(in_one, in_one) & _mm512_test_epi64_mask(in_other, in_other);
    }

    static COUPONRY_INLINE void read_heads(const int64_t* at, int64_t apart, int64_t count, const HeadBits& bits,
                                           TurnHeads& heads) noexcept {
        const __m512i number = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), none = _mm512_setzero_si512();
        const __m512i place = _mm512_mullo_epi64(number, _mm512_set1_epi64(apart));
        const __m512i bound = _mm512_set1_epi64(bits.bound), last = _mm512_set1_epi64(count);
        __m512i asked = none, most = none, caps_or = none, caps_and = _mm512_set1_epi64(-1);
        for (int64_t s = 0; s < count; s += 8) {
            const __mmask8 there = lanes(count - s);
            const __m512i head = _mm512_mask_i64gather_epi64(none, there, place, at + s * apart, 8);
            const __m512i cap = _mm512_and_si512(shifted(head, bits.cap_from), bound);
            __mmask8 has = _mm512_test_epi64_mask(head, _mm512_set1_epi64(static_cast<int64_t>(bits.says_its_turn)));
            __m512i turn = _mm512_and_si512(shifted(head, bits.turn_from), _mm512_set1_epi64(bits.turn));
            has = _mm512_mask_cmple_epi64_mask(_mm512_mask_test_epi64_mask(has, turn, turn), turn, last);
            turn = _mm512_maskz_mov_epi64(has, turn);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(heads.turn + s), _mm512_cvtepi64_epi16(turn));
            asked = _mm512_or_si512(asked, _mm512_and_si512(shifted(head, bits.least_from), bound));
            most = _mm512_max_epi64(most, turn);
            caps_or = _mm512_mask_or_epi64(caps_or, has, caps_or, cap);
            caps_and = _mm512_mask_and_epi64(caps_and, has, caps_and, cap);
            heads.number += count_bits(has);
            heads.none[s / 64] |= static_cast<uint64_t>(there & ~has) << (s % 64);
        }
        heads.asked = _mm512_reduce_or_epi64(asked);
        heads.most = _mm512_reduce_max_epi64(most);
        heads.caps_or = _mm512_reduce_or_epi64(caps_or);
        heads.caps_and = _mm512_reduce_and_epi64(caps_and);
    }

    static COUPONRY_INLINE int64_t list_keys(const int32_t* key, uint64_t some, int64_t first, int32_t* few,
                                             int16_t* at) noexcept {
        const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        int64_t count = 0;
        for (int64_t j = 0; j < 64 && some >> j; j += 16) {
            const auto its = static_cast<__mmask16>(some >> j);
            const __m512i number = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(first + j)), lane);
            _mm512_storeu_si512(few + count, _mm512_maskz_compress_epi32(its, _mm512_maskz_loadu_epi32(its, key + j)));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + count),
                                _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(its, number)));
            count += count_bits(its);
        }
        return count;
    }

    static COUPONRY_INLINE void count_ends(const uint8_t* end, const uint8_t* begin, int64_t m,
                                           int16_t* ended) noexcept {
        const __m512i ends = _mm512_loadu_si512(end);
        const __mmask64 there = m < 64 ? (uint64_t{1} << m) - 1 : ~uint64_t{0};
        for (int64_t i = 0; i < m; ++i) {
            const __m512i its = _mm512_set1_epi8(static_cast<char>(begin[i]));
            ended[i] = static_cast<int16_t>(count_bits(_mm512_mask_cmple_epu8_mask(there, ends, its)));
        }
    }

private:
    static COUPONRY_INLINE __m512i shifted(__m512i words, int by) noexcept {
        return _mm512_srl_epi64(words, _mm_cvtsi32_si128(by));
    }

    static COUPONRY_INLINE __mmask8 lanes(int64_t left) noexcept {
        return static_cast<__mmask8>(left >= 8 ? 0xFF : (1 << left) - 1);
    }

    // Whether the candidates that words are about are in a set of up to 512.
    static COUPONRY_INLINE __mmask8 are_in(__m512i set, __m512i words) noexcept {
        const __m512i j = _mm512_and_si512(words, _mm512_set1_epi64(0xFFFF));
        const __m512i word = _mm512_permutexvar_epi64(_mm512_srli_epi64(j, 6), set);
        const __m512i bit = _mm512_srlv_epi64(word, _mm512_and_si512(j, _mm512_set1_epi64(63)));
        return _mm512_test_epi64_mask(bit, _mm512_set1_epi64(1));
    }
};

}  // namespace
}  // namespace couponry
