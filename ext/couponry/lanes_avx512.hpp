// Vector steps of an evaluation, 16 candidates at a time.
#pragma once

#include "evaluate_steps.hpp"
#include "network.hpp"

namespace couponry {
namespace {

struct Sixteen {
    __m512i keys;

    static COUPONRY_INLINE Sixteen load(const int32_t* from) noexcept { return {_mm512_loadu_si512(from)}; }
    static COUPONRY_INLINE Sixteen max(Sixteen a, Sixteen b) noexcept { return {_mm512_max_epi32(a.keys, b.keys)}; }
    static COUPONRY_INLINE Sixteen min(Sixteen a, Sixteen b) noexcept { return {_mm512_min_epi32(a.keys, b.keys)}; }

    COUPONRY_INLINE int32_t at(int64_t lane) const noexcept {
        const __m512i moved = _mm512_maskz_permutexvar_epi32(1, _mm512_set1_epi32(static_cast<int32_t>(lane)), keys);
        return _mm_cvtsi128_si32(_mm512_castsi512_si128(moved));
    }
    COUPONRY_INLINE Sixteen reversed() const noexcept {
        const __m512i order = _mm512_set_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        return {_mm512_maskz_permutexvar_epi32(0xFFFF, order, keys)};
    }
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange_1() const noexcept {
        return exchange<LARGER>(_mm512_shuffle_epi32(keys, _MM_PERM_CDAB));
    }
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange_2() const noexcept {
        return exchange<LARGER>(_mm512_shuffle_epi32(keys, _MM_PERM_BADC));
    }
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange_4() const noexcept {
        return exchange<LARGER>(_mm512_shuffle_i32x4(keys, keys, 0xB1));
    }
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange_8() const noexcept {
        return exchange<LARGER>(_mm512_shuffle_i32x4(keys, keys, 0x4E));
    }

private:
    template <int LARGER>
    COUPONRY_INLINE Sixteen exchange(__m512i partners) const noexcept {
        return {_mm512_mask_max_epi32(_mm512_min_epi32(keys, partners), LARGER, keys, partners)};
    }
};

struct Lanes : Steps {
    template <class Item, int CHANNELS>
    static COUPONRY_INLINE int64_t order_keys(const Row<Item>& row, int32_t* key) noexcept {
        const __m512i none = _mm512_set1_epi32(INT32_MIN);
        int64_t positive = 0;
        for (int64_t j = 0; j < row.n; j += LANES) {
            const __mmask16 live = first_lanes(row.n - j);
            prefetch(row, j);
            const __m512 value = _mm512_add_ps(values<Item, CHANNELS>(row, j, live), _mm512_setzero_ps());
            const __m512i bits = _mm512_castps_si512(value);
            const __m512i flip = _mm512_srli_epi32(_mm512_srai_epi32(bits, 31), 1);
            const __m512i keys = _mm512_mask_xor_epi32(none, live, bits, flip);  // order_key()
            _mm512_storeu_si512(key + j, keys);
            positive += count_bits(_mm512_cmpgt_epi32_mask(keys, _mm512_setzero_si512()));
        }
        return positive;
    }

    static COUPONRY_INLINE uint64_t at_least(const int32_t* key, int64_t n, int32_t bar) noexcept {
        const __m512i bars = _mm512_set1_epi32(bar);
        uint64_t word = 0;
        for (int64_t j = 0; j < n; j += LANES) {
            const __m512i keys = _mm512_loadu_si512(key + j);
            const uint64_t lanes = _mm512_mask_cmpge_epi32_mask(first_lanes(n - j), keys, bars);
            word |= lanes << j;
        }
        return word;
    }

    static COUPONRY_INLINE int32_t bar_for(const int32_t* key, int64_t n, int64_t m) noexcept {
        return m <= 32 ? Network<Sixteen>::largest(key, padded(n), m) : Steps::bar_for(key, n, m);
    }

private:
    static COUPONRY_INLINE __mmask16 first_lanes(int64_t n) noexcept {
        return static_cast<__mmask16>(n >= LANES ? 0xFFFF : (1u << n) - 1);
    }

    static COUPONRY_INLINE __m512i load(const uint16_t* from, __mmask16 live) noexcept {
        return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(live, from));
    }
    static COUPONRY_INLINE __m512i load(const uint32_t* from, __mmask16 live) noexcept {
        return _mm512_maskz_loadu_epi32(live, from);
    }

    // Reduced values, before negative zeros are removed. Lanes that are not live hold anything.
    template <class Item, int CHANNELS>
    static COUPONRY_INLINE __m512 values(const Row<Item>& row, int64_t j, __mmask16 live) noexcept {
        if constexpr (CHANNELS == PLANES || CHANNELS == 0) {
            const int64_t channels = CHANNELS == PLANES ? row.channels : 0;
            const __m512i item = load(row.item + j, live);
            __m512 value = gather(row.price, item);
            for (int64_t c = 0; c < channels; ++c)
                value = plus(value, gather(row.price + (1 + c) * row.price_stride, item), row, c, j, live);
            return value;
        } else {
            // Narrow loads of neighbouring prices are about twice as fast as a gather per price.
            const Item* item = row.item + j;
            Item tail[LANES];
            if (live != 0xFFFF) item = copied(item, live, tail);
            if constexpr (CHANNELS == 1) {
                const float* price = row.price;
                const __m512 a = lanes(pairs(price, item), pairs(price, item + 4), pairs(price, item + 8),
                                       pairs(price, item + 12));
                const __m512 b = lanes(pairs(price, item + 2), pairs(price, item + 6), pairs(price, item + 10),
                                       pairs(price, item + 14));
                return plus(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xDD), row, 0, j, live);
            } else {
                // transposed four by four
                const __m512 a = fours(row.price, item), b = fours(row.price, item + 1);
                const __m512 c = fours(row.price, item + 2), d = fours(row.price, item + 3);
                const __m512 ab = _mm512_unpacklo_ps(a, b), cd = _mm512_unpacklo_ps(c, d);
                const __m512 last_ab = _mm512_unpackhi_ps(a, b), last_cd = _mm512_unpackhi_ps(c, d);
                __m512 value = _mm512_shuffle_ps(ab, cd, 0x44);
                value = plus(value, _mm512_shuffle_ps(ab, cd, 0xEE), row, 0, j, live);
                return plus(value, _mm512_shuffle_ps(last_ab, last_cd, 0x44), row, 1, j, live);
            }
        }
    }

    static COUPONRY_INLINE __m512 gather(const float* price, __m512i item) noexcept {
        return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), 0xFFFF, item, price, sizeof(float));
    }

    // value + price * quantity of channel c, contracted by no one
    template <class Item>
    static COUPONRY_INLINE __m512 plus(__m512 value, __m512 price, const Row<Item>& row, int64_t c, int64_t j,
                                       __mmask16 live) noexcept {
        const __m512i quantity = load(row.quantity + c * row.quantity_stride + j, live);
        return _mm512_add_ps(value, _mm512_mul_ps(price, _mm512_cvtepi32_ps(quantity)));
    }

    // The pairs of prices of two items.
    template <class Item>
    static COUPONRY_INLINE __m128 pairs(const float* price, const Item* item) noexcept {
        const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(price + int64_t{item[0]} * 2));
        const auto* second = reinterpret_cast<const __m64*>(price + int64_t{item[1]} * 2);
        return _mm_loadh_pi(_mm_castsi128_ps(first), second);
    }

    // The four prices of items 0, 4, 8 and 12.
    template <class Item>
    static COUPONRY_INLINE __m512 fours(const float* price, const Item* item) noexcept {
        return lanes(_mm_loadu_ps(price + int64_t{item[0]} * 4), _mm_loadu_ps(price + int64_t{item[4]} * 4),
                     _mm_loadu_ps(price + int64_t{item[8]} * 4), _mm_loadu_ps(price + int64_t{item[12]} * 4));
    }

    static COUPONRY_INLINE __m512 lanes(__m128 a, __m128 b, __m128 c, __m128 d) noexcept {
        const __m256 low = _mm256_insertf128_ps(_mm256_castps128_ps256(a), b, 1);
        const __m256 high = _mm256_insertf128_ps(_mm256_castps128_ps256(c), d, 1);
        return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
    }

    // Items of the live lanes, and zeros: nothing is read past the row's end.
    static COUPONRY_INLINE const uint16_t* copied(const uint16_t* from, __mmask16 live, uint16_t* to) noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_maskz_loadu_epi16(live, from));
        return to;
    }
    static COUPONRY_INLINE const uint32_t* copied(const uint32_t* from, __mmask16 live, uint32_t* to) noexcept {
        _mm512_storeu_si512(to, _mm512_maskz_loadu_epi32(live, from));
        return to;
    }
};

}  // namespace
}  // namespace couponry
