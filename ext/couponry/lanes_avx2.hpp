// Vector steps of an evaluation, 8 candidates at a time.
#pragma once

#include "evaluate_steps.hpp"
#include "network.hpp"

namespace couponry {
namespace {

struct Sixteen {
    __m256i low, high;  // lanes 0 to 7 and 8 to 15

    static COUPONRY_INLINE Sixteen load(const int32_t* from) noexcept {
        const auto* halves = reinterpret_cast<const __m256i*>(from);
        return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
    }
    static COUPONRY_INLINE Sixteen max(Sixteen a, Sixteen b) noexcept {
        return {_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)};
    }
    static COUPONRY_INLINE Sixteen min(Sixteen a, Sixteen b) noexcept {
        return {_mm256_min_epi32(a.low, b.low), _mm256_min_epi32(a.high, b.high)};
    }

    COUPONRY_INLINE int32_t at(int64_t lane) const noexcept {
        const __m256i half = lane < 8 ? low : high;
        const __m256i order = _mm256_set1_epi32(static_cast<int32_t>(lane));  // taken modulo 8
        return _mm_cvtsi128_si32(_mm256_castsi256_si128(_mm256_permutevar8x32_epi32(half, order)));
    }
    COUPONRY_INLINE Sixteen reversed() const noexcept {
        const __m256i order = _mm256_set_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return {_mm256_permutevar8x32_epi32(high, order), _mm256_permutevar8x32_epi32(low, order)};
    }
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange_1() const noexcept {
        return exchange<LARGER>({_mm256_shuffle_epi32(low, 0xB1), _mm256_shuffle_epi32(high, 0xB1)});
    }
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange_2() const noexcept {
        return exchange<LARGER>({_mm256_shuffle_epi32(low, 0x4E), _mm256_shuffle_epi32(high, 0x4E)});
    }
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange_4() const noexcept {
        return exchange<LARGER>({_mm256_permute4x64_epi64(low, 0x4E), _mm256_permute4x64_epi64(high, 0x4E)});
    }
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange_8() const noexcept {
        static_assert(LARGER == 0x00FF, "the lower half keeps the larger keys");
        return {_mm256_max_epi32(low, high), _mm256_min_epi32(low, high)};
    }

private:
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange(Sixteen partners) const noexcept {
        const Sixteen more = max(*this, partners), less = min(*this, partners);
        return {_mm256_blend_epi32(less.low, more.low, LARGER & 0xFF),
                _mm256_blend_epi32(less.high, more.high, LARGER >> 8)};
    }
};

struct Lanes : Steps {
    template <class Item, int CHANNELS>
    static COUPONRY_INLINE int64_t order_keys(const Row<Item>& row, int32_t* key) noexcept {
        if constexpr (CHANNELS == PLANES || CHANNELS == 0) return Steps::order_keys<Item, CHANNELS>(row, key);
        int64_t positive = 0, j = 0;
        for (; j + 8 <= row.n; j += 8) {
            prefetch(row, j);
            const __m256 value = _mm256_add_ps(values<Item, CHANNELS>(row, j), _mm256_setzero_ps());
            const __m256i bits = _mm256_castps_si256(value);
            const __m256i flip = _mm256_srli_epi32(_mm256_srai_epi32(bits, 31), 1);
            const __m256i keys = _mm256_xor_si256(bits, flip);  // order_key()
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(key + j), keys);
            positive += count_bits(lanes_greater(keys, _mm256_setzero_si256()));
        }
        return positive + Steps::order_keys<Item, CHANNELS>(row, key, j);
    }

    static COUPONRY_INLINE uint64_t at_least(const int32_t* key, int64_t n, int32_t bar) noexcept {
        const __m256i bars = _mm256_set1_epi32(bar);
        uint64_t less = 0;
        for (int64_t j = 0; j < n; j += 8) {
            const __m256i keys = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(key + j));
            less |= lanes_greater(bars, keys) << j;
        }
        return ~less & (n < WORD ? (uint64_t{1} << n) - 1 : ~uint64_t{0});
    }

    static COUPONRY_INLINE int32_t bar_for(const int32_t* key, int64_t n, int64_t m) noexcept {
        return m <= 32 ? Network<Sixteen>::largest(key, padded(n), m) : Steps::bar_for(key, n, m);
    }

private:
    static COUPONRY_INLINE uint64_t lanes_greater(__m256i a, __m256i b) noexcept {
        return static_cast<uint64_t>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b))));
    }

    // Reduced values, before negative zeros are removed. Narrow loads of neighbouring prices are about twice as
    // fast as a gather per price.
    template <class Item, int CHANNELS>
    static COUPONRY_INLINE __m256 values(const Row<Item>& row, int64_t j) noexcept {
        const Item* item = row.item + j;
        if constexpr (CHANNELS == 1) {
            const __m256 a = lanes(pairs(row.price, item), pairs(row.price, item + 4));
            const __m256 b = lanes(pairs(row.price, item + 2), pairs(row.price, item + 6));
            return plus(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xDD), row, 0, j);
        } else {
            // transposed four by four
            const __m256 a = fours(row.price, item), b = fours(row.price, item + 1);
            const __m256 c = fours(row.price, item + 2), d = fours(row.price, item + 3);
            const __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);
            const __m256 last_ab = _mm256_unpackhi_ps(a, b), last_cd = _mm256_unpackhi_ps(c, d);
            __m256 value = _mm256_shuffle_ps(ab, cd, 0x44);
            value = plus(value, _mm256_shuffle_ps(ab, cd, 0xEE), row, 0, j);
            return plus(value, _mm256_shuffle_ps(last_ab, last_cd, 0x44), row, 1, j);
        }
    }

    // value + price * quantity of channel c, contracted by no one
    template <class Item>
    static COUPONRY_INLINE __m256 plus(__m256 value, __m256 price, const Row<Item>& row, int64_t c,
                                       int64_t j) noexcept {
        const uint16_t* quantity = row.quantity + c * row.quantity_stride + j;
        const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(quantity)));
        return _mm256_add_ps(value, _mm256_mul_ps(price, _mm256_cvtepi32_ps(wide)));
    }

    // The pairs of prices of two items.
    template <class Item>
    static COUPONRY_INLINE __m128 pairs(const float* price, const Item* item) noexcept {
        const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(price + int64_t{item[0]} * 2));
        const auto* second = reinterpret_cast<const __m64*>(price + int64_t{item[1]} * 2);
        return _mm_loadh_pi(_mm_castsi128_ps(first), second);
    }

    // The four prices of items 0 and 4.
    template <class Item>
    static COUPONRY_INLINE __m256 fours(const float* price, const Item* item) noexcept {
        return lanes(_mm_loadu_ps(price + int64_t{item[0]} * 4), _mm_loadu_ps(price + int64_t{item[4]} * 4));
    }

    static COUPONRY_INLINE __m256 lanes(__m128 low, __m128 high) noexcept {
        return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
    }
};

}  // namespace
}  // namespace couponry
