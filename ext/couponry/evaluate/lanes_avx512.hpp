// Vector steps of an evaluation, 16 candidates at a time.
#pragma once

#include "evaluate/close_lanes_avx512.hpp"
#include "evaluate/network.hpp"

namespace couponry {
namespace {

COUPONRY_INLINE __mmask16 first_lanes(int64_t n) noexcept {
    n = n > 0 ? n : 0;
    return static_cast<__mmask16>(_bzhi_u32(0xFFFF, static_cast<uint32_t>(n < LANES ? n : LANES)));
}

struct Vector {
    static constexpr int64_t WIDTH = 16;
    __m512i keys;

    static COUPONRY_INLINE Vector max(Vector a, Vector b) noexcept { return {_mm512_max_epi32(a.keys, b.keys)}; }
    static COUPONRY_INLINE Vector min(Vector a, Vector b) noexcept { return {_mm512_min_epi32(a.keys, b.keys)}; }
    static COUPONRY_INLINE Vector of(int32_t key) noexcept { return {_mm512_set1_epi32(key)}; }
    COUPONRY_INLINE void store(int32_t* to) const noexcept { _mm512_storeu_si512(to, keys); }

    // Transposed in two steps: four by four within 128 bits, and then these.
    template <bool ALL>
    static COUPONRY_INLINE void load(const int32_t* const* key, const int64_t* n, Vector* out) noexcept {
        const __m512i none = _mm512_set1_epi32(INT32_MIN);
        const auto row = [=](int t) {
            return ALL ? _mm512_loadu_si512(key[t]) : _mm512_mask_loadu_epi32(none, first_lanes(n[t]), key[t]);
        };
        __m512i four[4][4];
        for (int t = 0; t < 4; ++t) {
            const __m512i a = row(4 * t), b = row(4 * t + 1), c = row(4 * t + 2), d = row(4 * t + 3);
            const __m512i ab = _mm512_unpacklo_epi32(a, b), cd = _mm512_unpacklo_epi32(c, d);
            const __m512i last_ab = _mm512_unpackhi_epi32(a, b), last_cd = _mm512_unpackhi_epi32(c, d);
            four[0][t] = _mm512_unpacklo_epi64(ab, cd);
            four[1][t] = _mm512_unpackhi_epi64(ab, cd);
            four[2][t] = _mm512_unpacklo_epi64(last_ab, last_cd);
            four[3][t] = _mm512_unpackhi_epi64(last_ab, last_cd);
        }
        for (int j = 0; j < 4; ++j) {
            const __m512i even = _mm512_shuffle_i32x4(four[j][0], four[j][1], 0x88);
            const __m512i odd = _mm512_shuffle_i32x4(four[j][0], four[j][1], 0xDD);
            const __m512i later_even = _mm512_shuffle_i32x4(four[j][2], four[j][3], 0x88);
            const __m512i later_odd = _mm512_shuffle_i32x4(four[j][2], four[j][3], 0xDD);
            out[j] = {_mm512_shuffle_i32x4(even, later_even, 0x88)};
            out[j + 4] = {_mm512_shuffle_i32x4(odd, later_odd, 0x88)};
            out[j + 8] = {_mm512_shuffle_i32x4(even, later_even, 0xDD)};
            out[j + 12] = {_mm512_shuffle_i32x4(odd, later_odd, 0xDD)};
        }
    }
};

struct Lanes : CloseLanes {
    static constexpr int64_t WIDTH = Vector::WIDTH, MOST = Network<Vector>::MOST, LONG = 256, SHORT = LANES,
                             RANKED = 256;
    static COUPONRY_INLINE void spread(const uint64_t* bits, int64_t n, uint8_t* out) noexcept {
        for (uint64_t all = ~uint64_t{0}; n > 0; n -= 64, out += 64, ++bits)
            _mm512_mask_storeu_epi8(out, n < 64 ? (uint64_t{1} << n) - 1 : all, _mm512_maskz_set1_epi8(*bits, 1));
    }
    template <class Item, int ATTRIBUTES>
    static COUPONRY_INLINE void order_keys(const Candidates<Item>& row, int32_t* key) noexcept {
        int64_t j = 0;
        for (; j + LANES <= row.n; j += LANES) {
            prefetch(row, j);
            order_keys<Item, ATTRIBUTES>(row, j, 0xFFFF, row.item + j, key);
        }
        if (j == row.n) return;
        // items of the last lanes are copied: nothing is read past the end
        const __mmask16 live = first_lanes(row.n - j);
        alignas(64) Item item[LANES];
        store(item, load(row.item + j, live));
        order_keys<Item, ATTRIBUTES>(row, j, live, item, key);
    }

    static COUPONRY_INLINE uint64_t at_least(const int32_t* key, int64_t n, int32_t bar) noexcept {
        const __m512i bars = _mm512_set1_epi32(bar);
        uint64_t word = 0;
        for (int64_t j = 0; j < n; j += LANES) word |= uint64_t{reaching(key + j, n - j, bars)} << j;
        return word;
    }

    static COUPONRY_INLINE int64_t count(const int32_t* key, int64_t n, int32_t bar) noexcept {
        const __m512i bars = _mm512_set1_epi32(bar);
        int64_t count = 0;
        for (int64_t j = 0; j < n; j += LANES) count += count_bits(reaching(key + j, n - j, bars));
        return count;
    }

    static COUPONRY_INLINE void collect(const int32_t* key, int64_t n, int32_t low, int32_t high,
                                        int32_t* out) noexcept {
        const __m512i lows = _mm512_set1_epi32(low), highs = _mm512_set1_epi32(high);
        for (int64_t j = 0; j < n; j += LANES) {
            const __m512i keys = _mm512_loadu_si512(key + j);
            const __mmask16 over = _mm512_mask_cmpge_epi32_mask(first_lanes(n - j), keys, lows);
            const __mmask16 kept = _mm512_mask_cmple_epi32_mask(over, keys, highs);
            _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(kept, keys));
            out += count_bits(kept);
        }
    }

    static COUPONRY_INLINE void count_3(const int32_t* key, int64_t n, const int32_t* bar, int64_t* out) noexcept {
        const __m512i one = _mm512_set1_epi32(1);
        const __m512i bars[3] = {_mm512_set1_epi32(bar[0]), _mm512_set1_epi32(bar[1]), _mm512_set1_epi32(bar[2])};
        __m512i counts[3] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
        for (int64_t j = 0; j < n; j += LANES) {
            const __mmask16 live = first_lanes(n - j);
            const __m512i keys = _mm512_loadu_si512(key + j);
            for (int b = 0; b < 3; ++b) {
                const __mmask16 over = _mm512_mask_cmpge_epi32_mask(live, keys, bars[b]);
                counts[b] = _mm512_mask_add_epi32(counts[b], over, counts[b], one);
            }
        }
        for (int b = 0; b < 3; ++b) out[b] = _mm512_reduce_add_epi32(counts[b]);
    }

    static COUPONRY_INLINE int32_t largest(const int32_t* key, int64_t n) noexcept {
        const __m512i none = _mm512_set1_epi32(INT32_MIN);
        __m512i best = none;
        for (int64_t j = 0; j < n; j += LANES)
            best = _mm512_max_epi32(best, _mm512_mask_loadu_epi32(none, first_lanes(n - j), key + j));
        return _mm512_reduce_max_epi32(best);
    }

    static COUPONRY_INLINE void ranks(const int32_t* key, int64_t n, int32_t* rank) noexcept {
        if (n <= LANES) return ranks_of_16(key, n, rank);
        for (int64_t t = 0; t < n; t += 2 * LANES) ranks_of_32(key, n, key + t, rank + t);
    }

    // Each against all others, turning them round by up to half.
    static COUPONRY_INLINE bool distinct(const int32_t* group, int64_t n) noexcept {
        const __m512i none = _mm512_set_epi32(-16, -15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1);
        const __m512i groups = _mm512_mask_loadu_epi32(none, first_lanes(n), group);
        const __m512i all = _mm512_mask_mov_epi32(groups, _mm512_movepi32_mask(groups), none);
        const unsigned same = same_turned<1>(all) | same_turned<2>(all) | same_turned<3>(all) | same_turned<4>(all) |
                              same_turned<5>(all) | same_turned<6>(all) | same_turned<7>(all) | same_turned<8>(all);
        return same == 0;
    }

    static COUPONRY_INLINE int64_t take(const int32_t* key, int64_t n, int32_t bar, int64_t from, int32_t* out,
                                        uint64_t& picks) noexcept {
        const __m512i bars = _mm512_set1_epi32(bar);
        const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        __m512i number = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(from)), lane);
        uint64_t word = 0;
        int64_t count = 0;
        for (int64_t j = 0; j < n; j += LANES) {
            const __mmask16 lanes = reaching(key + j, n - j, bars);
            _mm512_storeu_si512(out + count, _mm512_maskz_compress_epi32(lanes, number));
            count += count_bits(lanes);
            word |= uint64_t{lanes} << j;
            number = _mm512_add_epi32(number, _mm512_set1_epi32(LANES));
        }
        picks = word;
        return count;
    }

    static COUPONRY_INLINE bool keeps_short(const int64_t* constraints, int64_t count, uint32_t picks) noexcept {
        const __m512i first = up_to_8(constraints, count), second = up_to_8(constraints + 8, count - 8);
        const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
        const __m512i bound = _mm512_set1_epi32(ShortHead::BOUND_MASK);
        const __m512i mask = _mm512_permutex2var_epi32(first, even, second);
        const __m512i head = _mm512_permutex2var_epi32(first, _mm512_add_epi32(even, _mm512_set1_epi32(1)), second);
        const __m512i held = counts(_mm512_and_si512(mask, _mm512_set1_epi32(static_cast<int32_t>(picks))));
        const unsigned over = _mm512_cmpgt_epi32_mask(held, _mm512_and_si512(head, bound));
        const unsigned under =
            _mm512_cmplt_epi32_mask(held, _mm512_and_si512(_mm512_srli_epi32(head, ShortHead::LEAST_FROM), bound));
        return (over | under) == 0;
    }

    // Of up to 16 constraints those that ask for a minimum or that the candidates can make too full, then nothing (OUT,
    // 16, and eight more may be written). Returns how many.
    static COUPONRY_INLINE int64_t narrowed(const int64_t* constraints, int64_t count, uint32_t candidates,
                                            int64_t* out) noexcept {
        _mm512_storeu_si512(out + 8, _mm512_setzero_si512());
        int64_t kept = 0;
        for (int64_t s = 0; s < 16; s += 8) {
            const __m512i some = up_to_8(constraints + s, count - s);
            const __m512i held = counts(_mm512_and_si512(some, _mm512_set1_epi64(candidates)));
            const __m512i cap =
                _mm512_and_si512(_mm512_srli_epi64(some, SHORT_HEAD_FROM), _mm512_set1_epi64(ShortHead::BOUND_MASK));
            const unsigned over = _mm512_cmpgt_epi64_mask(held, cap);
            const __mmask8 these = static_cast<__mmask8>(
                over | _mm512_test_epi64_mask(some, _mm512_set1_epi64(ShortHead::BOUND_MASK
                                                                      << (SHORT_HEAD_FROM + ShortHead::LEAST_FROM))));
            _mm512_storeu_si512(out + kept, _mm512_maskz_compress_epi64(these, some));
            kept += count_bits(these);
        }
        return kept;
    }

    static COUPONRY_INLINE int64_t list(uint64_t word, int64_t n, int64_t from, int32_t* out) noexcept {
        const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        __m512i number = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(from)), lane);
        int64_t count = 0;
        for (int64_t j = 0; j < n; j += LANES, word >>= LANES) {
            const __mmask16 lanes = static_cast<__mmask16>(word);
            _mm512_storeu_si512(out + count, _mm512_maskz_compress_epi32(lanes, number));
            count += count_bits(lanes);
            number = _mm512_add_epi32(number, _mm512_set1_epi32(LANES));
        }
        return count;
    }

    static COUPONRY_INLINE int64_t take_best(const int32_t* key, int64_t n, int32_t least, int64_t from, int32_t* out,
                                             uint64_t& picks) noexcept {
        const __mmask16 live = static_cast<__mmask16>(_bzhi_u32(0xFFFF, static_cast<uint32_t>(n)));
        const __m512i keys = _mm512_mask_loadu_epi32(_mm512_set1_epi32(least), live, key);
        __m512i best = _mm512_max_epi32(keys, _mm512_set1_epi32(least));
        best = _mm512_max_epi32(best, _mm512_shuffle_i32x4(best, best, 0x4E));
        best = _mm512_max_epi32(best, _mm512_shuffle_i32x4(best, best, 0xB1));
        best = _mm512_max_epi32(best, _mm512_shuffle_epi32(best, _MM_PERM_BADC));
        best = _mm512_max_epi32(best, _mm512_shuffle_epi32(best, _MM_PERM_CDAB));
        const uint32_t reached = _mm512_mask_cmpge_epi32_mask(live, keys, best);
        out[0] = static_cast<int32_t>(from) + static_cast<int32_t>(_tzcnt_u32(reached));
        picks = reached;
        return count_bits(reached);
    }

    static COUPONRY_INLINE Ends ends(const int32_t* key, const uint64_t* picks, int64_t n) noexcept {
        __m512i least = _mm512_set1_epi32(INT32_MAX), most = _mm512_set1_epi32(INT32_MIN);
        for (int64_t j = 0; j < n; j += LANES) {
            const __mmask16 live = first_lanes(n - j), in = picked(picks, j);
            const __m512i keys = _mm512_loadu_si512(key + j);
            least = _mm512_mask_min_epi32(least, in, least, keys);
            most = _mm512_mask_max_epi32(most, live & ~in, most, keys);
        }
        return {_mm512_reduce_min_epi32(least), _mm512_reduce_max_epi32(most)};
    }

    template <class Item>
    static COUPONRY_INLINE bool any_close(const int32_t* key, const uint64_t* picks, const Item* item, int64_t n,
                                          float least, float most, const float* bars, int32_t cells) noexcept {
        const __m512 leasts = _mm512_set1_ps(least), mosts = _mm512_set1_ps(most);
        const __m512i further = _mm512_set1_epi32(cells);
        __mmask16 found = 0;  // looked at now and then alone: a guess whether there is one is often wrong
        for (int64_t j = 0; j < n; j += LANES) {
            const __mmask16 live = first_lanes(n - j), in = picked(picks, j);
            const __m512i keys = _mm512_loadu_si512(key + j), items = load(item + j, live);
            const __m512i flip = _mm512_srli_epi32(_mm512_srai_epi32(keys, 31), 1);
            const __m512 value = _mm512_castsi512_ps(_mm512_xor_si512(keys, flip));  // value_of()
            const __m512 loss = _mm512_mask_sub_ps(_mm512_sub_ps(leasts, value), in, value, mosts);
            const __m512i cell = _mm512_mask_add_epi32(items, static_cast<__mmask16>(~in), items, further);
            const __m512 bar = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), live, cell, bars, sizeof(float));
            found |= _mm512_mask_cmp_ps_mask(live, loss, bar, _CMP_LE_OQ);
            if (j % WORD == WORD - LANES && found) return true;
        }
        return found != 0;
    }

    static COUPONRY_INLINE void bars(const Shortlist* lists, int32_t* bars) noexcept {
        Network<Vector>::bars(lists, bars);
    }

private:
    static COUPONRY_INLINE __m512i up_to_8(const int64_t* from, int64_t n) noexcept {
        return _mm512_maskz_loadu_epi64(static_cast<__mmask8>(first_lanes(n)), from);
    }

    // Keys beyond the last get any rank.
    static COUPONRY_INLINE void ranks_of_16(const int32_t* key, int64_t n, int32_t* rank) noexcept {
        const __m512i one = _mm512_set1_epi32(1), keys = _mm512_loadu_si512(key);
        __m512i before = _mm512_setzero_si512();
        for (int64_t j = 0; j < n; ++j)
            before =
                _mm512_mask_add_epi32(before, _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(key[j]), keys), before, one);
        _mm512_storeu_si512(rank, before);
    }

    static COUPONRY_INLINE void ranks_of_32(const int32_t* key, int64_t n, const int32_t* of, int32_t* rank) noexcept {
        const __m512i one = _mm512_set1_epi32(1);
        const __m512i first = _mm512_loadu_si512(of), second = _mm512_loadu_si512(of + LANES);
        __m512i before_first = _mm512_setzero_si512(), before_second = _mm512_setzero_si512();
        for (int64_t j = 0; j < n; ++j) {
            const __m512i one_key = _mm512_set1_epi32(key[j]);
            const __mmask16 larger = _mm512_cmpgt_epi32_mask(one_key, first);
            const __mmask16 also = _mm512_cmpgt_epi32_mask(one_key, second);
            before_first = _mm512_mask_add_epi32(before_first, larger, before_first, one);
            before_second = _mm512_mask_add_epi32(before_second, also, before_second, one);
        }
        _mm512_storeu_si512(rank, before_first);
        _mm512_storeu_si512(rank + LANES, before_second);
    }

    template <int BY>
    static COUPONRY_INLINE unsigned same_turned(__m512i all) noexcept {
        return _mm512_cmpeq_epi32_mask(all, _mm512_alignr_epi32(all, all, BY));
    }

    // Bits of LANES candidates, the first of which is a multiple of LANES; none beyond the last one.
    static COUPONRY_INLINE __mmask16 picked(const uint64_t* picks, int64_t j) noexcept {
        return static_cast<__mmask16>(picks[j / WORD] >> (j % WORD));
    }

    static COUPONRY_INLINE __mmask16 reaching(const int32_t* key, int64_t n, __m512i bars) noexcept {
        return _mm512_mask_cmpge_epi32_mask(first_lanes(n), _mm512_loadu_si512(key), bars);
    }

    // Order keys of the live candidates from the j-th on, whose items are given; the other lanes get anything.
    template <class Item, int ATTRIBUTES>
    static COUPONRY_INLINE void order_keys(const Candidates<Item>& row, int64_t j, __mmask16 live, const Item* item,
                                           int32_t* key) noexcept {
        const __m512 value = _mm512_add_ps(values<Item, ATTRIBUTES>(row, j, live, item), _mm512_setzero_ps());
        const __m512i bits = _mm512_castps_si512(value);
        const __m512i flip = _mm512_srli_epi32(_mm512_srai_epi32(bits, 31), 1);
        _mm512_storeu_si512(key + j, _mm512_xor_si512(bits, flip));  // order_key()
    }

    static COUPONRY_INLINE __m512i load(const uint16_t* from, __mmask16 live) noexcept {
        return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(live, from));
    }
    static COUPONRY_INLINE __m512i load(const uint32_t* from, __mmask16 live) noexcept {
        return _mm512_maskz_loadu_epi32(live, from);
    }

    static COUPONRY_INLINE void store(uint16_t* to, __m512i item) noexcept {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(item));
    }
    static COUPONRY_INLINE void store(uint32_t* to, __m512i item) noexcept { _mm512_store_si512(to, item); }

    // Reduced values, before negative zeros are removed.
    template <class Item, int ATTRIBUTES>
    static COUPONRY_INLINE __m512 values(const Candidates<Item>& row, int64_t j, __mmask16 live,
                                         const Item* item) noexcept {
        if constexpr (ATTRIBUTES == PLANES || ATTRIBUTES == 0) {
            const int64_t attributes = ATTRIBUTES == PLANES ? row.attributes : 0;
            const __m512i items = load(item, 0xFFFF);
            __m512 value = gather(row.price, items);
            for (int64_t c = 0; c < attributes; ++c)
                value = plus(value, gather(row.price + (1 + c) * row.price_stride, items), row, c, j, live);
            return value;
        } else if constexpr (ATTRIBUTES == 1) {
            const __m512 a = pairs(row.price, item), b = pairs(row.price, item + 2);
            return plus(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xDD), row, 0, j, live);
        } else {
            // transposed four by four
            const __m512 a = fours(row.price, item), b = fours(row.price, item + 1);
            const __m512 c = fours(row.price, item + 2), d = fours(row.price, item + 3);
            const __m512 ab = _mm512_unpacklo_ps(a, b), cd = _mm512_unpacklo_ps(c, d);
            const __m512 last_ab = _mm512_unpackhi_ps(a, b), last_cd = _mm512_unpackhi_ps(c, d);
            __m512 value = _mm512_shuffle_ps(ab, cd, 0x44);
            value = plus(value, _mm512_shuffle_ps(ab, cd, 0xEE), row, 0, j, live);
            value = plus(value, _mm512_shuffle_ps(last_ab, last_cd, 0x44), row, 1, j, live);
            if constexpr (ATTRIBUTES == 2) return value;
            return plus(value, _mm512_shuffle_ps(last_ab, last_cd, 0xEE), row, 2, j, live);
        }
    }

    static COUPONRY_INLINE __m512 gather(const float* price, __m512i item) noexcept {
        return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), 0xFFFF, item, price, sizeof(float));
    }

    // value + price * quantity of attribute c, contracted by no one
    template <class Item>
    static COUPONRY_INLINE __m512 plus(__m512 value, __m512 price, const Candidates<Item>& row, int64_t c, int64_t j,
                                       __mmask16 live) noexcept {
        const __m512i quantity = load(row.quantity + c * row.quantity_stride + j, live);
        return _mm512_add_ps(value, _mm512_mul_ps(price, _mm512_cvtepi32_ps(quantity)));
    }

    // Narrow loads of neighbouring prices are about twice as fast as a gather per price; broadcasts into some lanes
    // leave the shuffling units alone.

    // The pairs of prices of items 0, 1, 4, 5, 8, 9, 12 and 13.
    template <class Item>
    static COUPONRY_INLINE __m512 pairs(const float* price, const Item* item) noexcept {
        const auto pair = [=](int at) {
            return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(price + int64_t{item[at]} * 2));
        };
        __m512i out = _mm512_zextsi128_si512(pair(0));
        out = _mm512_mask_broadcastq_epi64(out, 0x02, pair(1));
        out = _mm512_mask_broadcastq_epi64(out, 0x04, pair(4));
        out = _mm512_mask_broadcastq_epi64(out, 0x08, pair(5));
        out = _mm512_mask_broadcastq_epi64(out, 0x10, pair(8));
        out = _mm512_mask_broadcastq_epi64(out, 0x20, pair(9));
        out = _mm512_mask_broadcastq_epi64(out, 0x40, pair(12));
        return _mm512_castsi512_ps(_mm512_mask_broadcastq_epi64(out, 0x80, pair(13)));
    }

    // The four prices of items 0, 4, 8 and 12.
    template <class Item>
    static COUPONRY_INLINE __m512 fours(const float* price, const Item* item) noexcept {
        const auto four = [=](int at) { return _mm_loadu_ps(price + int64_t{item[at]} * 4); };
        __m512 out = _mm512_zextps128_ps512(four(0));
        out = _mm512_mask_broadcast_f32x4(out, 0x00F0, four(4));
        out = _mm512_mask_broadcast_f32x4(out, 0x0F00, four(8));
        return _mm512_mask_broadcast_f32x4(out, 0xF000, four(12));
    }
};

}  // namespace
}  // namespace couponry
