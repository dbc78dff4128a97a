// Vector steps of an evaluation, 8 candidates at a time.
#pragma once

#include "common/set_bits.hpp"
#include "evaluate/network.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

// The first of eight keys, all of which may be read, then INT32_MIN.
COUPONRY_INLINE __m256i first(const int32_t* key, int64_t n) noexcept {
    const __m256i live =
        _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
    const __m256i keys = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(key));
    return _mm256_blendv_epi8(_mm256_set1_epi32(INT32_MIN), keys, live);
}

struct Vector {
    static constexpr int64_t WIDTH = 8;
    __m256i keys;

    static COUPONRY_INLINE Vector max(Vector a, Vector b) noexcept { return {_mm256_max_epi32(a.keys, b.keys)}; }
    static COUPONRY_INLINE Vector min(Vector a, Vector b) noexcept { return {_mm256_min_epi32(a.keys, b.keys)}; }
    COUPONRY_INLINE void store(int32_t* to) const noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), keys);
    }

    static COUPONRY_INLINE Vector of(int32_t key) noexcept { return {_mm256_set1_epi32(key)}; }

    template <bool ALL>
    static COUPONRY_INLINE void load(const int32_t* const* key, const int64_t* n, Vector* out) noexcept {
        load_8<ALL>(key, n, 0, out);
        load_8<ALL>(key, n, 8, out + 8);
    }

private:
    // Transposed: four by four within 128 bits, and then these.
    template <bool ALL>
    static COUPONRY_INLINE void load_8(const int32_t* const* key, const int64_t* n, int64_t from,
                                       Vector* out) noexcept {
        __m256i four[4][2];
        for (int t = 0; t < 2; ++t) {
            const auto row = [=](int i) {
                const int32_t* keys = key[4 * t + i] + from;
                return ALL ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(keys))
                           : first(keys, n[4 * t + i] - from);
            };
            const __m256i a = row(0), b = row(1), c = row(2), d = row(3);
            const __m256i ab = _mm256_unpacklo_epi32(a, b), cd = _mm256_unpacklo_epi32(c, d);
            const __m256i last_ab = _mm256_unpackhi_epi32(a, b), last_cd = _mm256_unpackhi_epi32(c, d);
            four[0][t] = _mm256_unpacklo_epi64(ab, cd);
            four[1][t] = _mm256_unpackhi_epi64(ab, cd);
            four[2][t] = _mm256_unpacklo_epi64(last_ab, last_cd);
            four[3][t] = _mm256_unpackhi_epi64(last_ab, last_cd);
        }
        for (int j = 0; j < 4; ++j) {
            out[j] = {_mm256_permute2x128_si256(four[j][0], four[j][1], 0x20)};
            out[j + 4] = {_mm256_permute2x128_si256(four[j][0], four[j][1], 0x31)};
        }
    }
};

struct Lanes : Steps {
    static constexpr int64_t WIDTH = Vector::WIDTH, MOST = Network<Vector>::MOST, LONG = 256, SHORT = 16, RANKED = 256;

    template <class Item, int ATTRIBUTES>
    static COUPONRY_INLINE void order_keys(const Candidates<Item>& row, int32_t* key) noexcept {
        int64_t j = 0;
        if constexpr (ATTRIBUTES >= 1 && ATTRIBUTES <= 3)
            for (; j + 8 <= row.n; j += 8) {
                prefetch(row, j);
                const __m256 value = _mm256_add_ps(values<Item, ATTRIBUTES>(row, j), _mm256_setzero_ps());
                const __m256i bits = _mm256_castps_si256(value);
                const __m256i flip = _mm256_srli_epi32(_mm256_srai_epi32(bits, 31), 1);
                store(key + j, _mm256_xor_si256(bits, flip));  // order_key()
            }
        Steps::order_keys<Item, ATTRIBUTES>(row, key, j);
    }

    static COUPONRY_INLINE uint64_t at_least(const int32_t* key, int64_t n, int32_t bar) noexcept {
        const __m256i bars = _mm256_set1_epi32(bar);
        uint64_t less = 0;
        for (int64_t j = 0; j < n; j += 8) less |= lanes_greater(bars, load(key + j)) << j;
        return ~less & first_bits(n);
    }

    static COUPONRY_INLINE int64_t count(const int32_t* key, int64_t n, int32_t bar) noexcept {
        const __m256i bars = _mm256_set1_epi32(bar);
        __m256i less = _mm256_setzero_si256();  // -1 for each key
        int64_t j = 0;
        for (; j + 8 <= n; j += 8) less = _mm256_add_epi32(less, _mm256_cmpgt_epi32(bars, load(key + j)));
        const int64_t last = count_bits(~lanes_greater(bars, load(key + j)) & first_bits(n - j));
        return j + sum(less) + last;
    }

    static COUPONRY_INLINE void collect(const int32_t* key, int64_t n, int32_t low, int32_t high,
                                        int32_t* out) noexcept {
        const __m256i lows = _mm256_set1_epi32(low), highs = _mm256_set1_epi32(high);
        for (int64_t j = 0; j < n; j += 8) {
            const __m256i keys = load(key + j);
            const uint64_t outside = lanes_greater(lows, keys) | lanes_greater(keys, highs);
            const uint64_t kept = ~outside & first_bits(n - j < 8 ? n - j : 8);
            const __m256i order = numbers(kept);
            store(out, _mm256_permutevar8x32_epi32(keys, order));
            out += count_bits(kept);
        }
    }

    static COUPONRY_INLINE void count_3(const int32_t* key, int64_t n, const int32_t* bar, int64_t* out) noexcept {
        const __m256i bars[3] = {_mm256_set1_epi32(bar[0]), _mm256_set1_epi32(bar[1]), _mm256_set1_epi32(bar[2])};
        __m256i less[3] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};  // -1 for each key
        int64_t j = 0;
        for (; j + 8 <= n; j += 8)
            for (int b = 0; b < 3; ++b) less[b] = _mm256_add_epi32(less[b], _mm256_cmpgt_epi32(bars[b], load(key + j)));
        const uint64_t live = first_bits(n - j);
        for (int b = 0; b < 3; ++b)
            out[b] = j + sum(less[b]) + count_bits(~lanes_greater(bars[b], load(key + j)) & live);
    }

    static COUPONRY_INLINE int32_t largest(const int32_t* key, int64_t n) noexcept {
        __m256i best = _mm256_set1_epi32(INT32_MIN);
        for (int64_t j = 0; j < n; j += 16)  // two at a time: most short rows take one turn
            best = _mm256_max_epi32(best, _mm256_max_epi32(first(key + j, n - j), first(key + j + 8, n - j - 8)));
        return largest_of(best);
    }

    static COUPONRY_INLINE void ranks(const int32_t* key, int64_t n, int32_t* rank) noexcept {
        for (int64_t t = 0; t < n; t += 16) {
            const __m256i first = load(key + t), second = load(key + t + 8);
            __m256i before_first = _mm256_setzero_si256(), before_second = _mm256_setzero_si256();  // -1 for each key
            for (int64_t j = 0; j < n; ++j) {
                const __m256i one_key = _mm256_set1_epi32(key[j]);
                before_first = _mm256_add_epi32(before_first, _mm256_cmpgt_epi32(one_key, first));
                before_second = _mm256_add_epi32(before_second, _mm256_cmpgt_epi32(one_key, second));
            }
            store(rank + t, _mm256_abs_epi32(before_first));
            store(rank + t + 8, _mm256_abs_epi32(before_second));
        }
    }

    // Each against all others: turning one half round by up to half, and all the way against the other.
    static COUPONRY_INLINE bool distinct(const int32_t* group, int64_t n) noexcept {
        const __m256i slice = _mm256_set_epi32(0, 7, 6, 5, 4, 3, 2, 1);
        const __m256i a = groups(group, n, 0), b = groups(group, n, 8);
        __m256i turned_a = a, turned_b = b;
        __m256i same = _mm256_cmpeq_epi32(a, b);
        for (int by = 1; by < 8; ++by) {
            turned_b = _mm256_permutevar8x32_epi32(turned_b, slice);
            same = _mm256_or_si256(same, _mm256_cmpeq_epi32(a, turned_b));
            if (by > 4) continue;
            turned_a = _mm256_permutevar8x32_epi32(turned_a, slice);
            same = _mm256_or_si256(same, _mm256_cmpeq_epi32(a, turned_a));
            same = _mm256_or_si256(same, _mm256_cmpeq_epi32(b, turned_b));
        }
        return _mm256_testz_si256(same, same);
    }

    static COUPONRY_INLINE int64_t take(const int32_t* key, int64_t n, int32_t bar, int64_t from, int32_t* out,
                                        uint64_t& picks) noexcept {
        const __m256i bars = _mm256_set1_epi32(bar);
        const __m256i eight = _mm256_set1_epi32(8);
        uint64_t word = 0;
        int64_t count = 0;
        for (int64_t j = 0; j < n; j += 16) {  // two at a time: most short rows take one turn
            const uint64_t less = lanes_greater(bars, load(key + j)) | lanes_greater(bars, load(key + j + 8)) << 8;
            const uint64_t kept = _bzhi_u64(~less & 0xFFFF, static_cast<uint32_t>(n - j));
            const __m256i number = _mm256_set1_epi32(static_cast<int32_t>(from + j));
            const int64_t some = count_bits(kept & 0xFF);
            store(out + count, _mm256_add_epi32(numbers(kept & 0xFF), number));
            store(out + count + some, _mm256_add_epi32(numbers(kept >> 8), _mm256_add_epi32(number, eight)));
            count += count_bits(kept);
            word |= kept << j;
        }
        picks = word;
        return count;
    }

    static COUPONRY_INLINE bool keeps_short(const int64_t* constraints, int64_t count, uint32_t picks) noexcept {
        const __m256i bound = _mm256_set1_epi32(ShortHead::BOUND_MASK);
        __m256i wrong = _mm256_setzero_si256();
        for (int64_t s = 0; s < 16; s += 8) {
            const __m256i first = up_to_4(constraints + s, count - s),
                          second = up_to_4(constraints + s + 4, count - s - 4);
            const __m256i mask = halves<0x88>(first, second), head = halves<0xDD>(first, second);
            const __m256i held = counts(_mm256_and_si256(mask, _mm256_set1_epi32(static_cast<int32_t>(picks))));
            const __m256i cap = _mm256_and_si256(head, bound);
            const __m256i least = _mm256_and_si256(_mm256_srli_epi32(head, ShortHead::LEAST_FROM), bound);
            wrong = _mm256_or_si256(wrong, _mm256_cmpgt_epi32(held, cap));
            wrong = _mm256_or_si256(wrong, _mm256_cmpgt_epi32(least, held));
        }
        return _mm256_testz_si256(wrong, wrong);
    }

    // Of up to 16 constraints those that ask for a minimum or that the candidates can make too full, then nothing (OUT,
    // 16, and eight more may be written). Returns how many.
    static COUPONRY_INLINE int64_t narrowed(const int64_t* constraints, int64_t count, uint32_t candidates,
                                            int64_t* out) noexcept {
        const __m256i bound = _mm256_set1_epi64x(ShortHead::BOUND_MASK), none = _mm256_setzero_si256();
        for (int64_t s = 0; s < 16; s += 4) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + s), none);
        int64_t kept = 0;
        for (int64_t s = 0; s < 16; s += 4) {
            const __m256i some = up_to_4(constraints + s, count - s);
            const __m256i held = counts(_mm256_and_si256(some, _mm256_set1_epi64x(candidates)));
            const __m256i over =
                _mm256_cmpgt_epi64(held, _mm256_and_si256(_mm256_srli_epi64(some, SHORT_HEAD_FROM), bound));
            const __m256i asks = _mm256_cmpgt_epi64(
                _mm256_and_si256(_mm256_srli_epi64(some, SHORT_HEAD_FROM + ShortHead::LEAST_FROM), bound), none);
            const __m256i either = _mm256_or_si256(over, asks);
            const uint64_t these = static_cast<uint64_t>(_mm256_movemask_pd(_mm256_castsi256_pd(either)));
            const __m256i moved = _mm256_permutevar8x32_epi32(some, numbers(twice(these)));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + kept), moved);
            kept += count_bits(these);
        }
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + kept), none);
        return kept;
    }

    static COUPONRY_INLINE int64_t list(uint64_t word, int64_t n, int64_t from, int32_t* out) noexcept {
        int64_t count = 0;
        for (int64_t j = 0; j < n; j += 8, word >>= 8) {
            store(out + count,
                  _mm256_add_epi32(numbers(word & 0xFF), _mm256_set1_epi32(static_cast<int32_t>(from + j))));
            count += count_bits(word & 0xFF);
        }
        return count;
    }

    static COUPONRY_INLINE int64_t take_best(const int32_t* key, int64_t n, int32_t least, int64_t from, int32_t* out,
                                             uint64_t& picks) noexcept {
        const __m256i a = first(key, n), b = first(key + 8, n - 8);
        __m256i best = _mm256_max_epi32(_mm256_max_epi32(a, b), _mm256_set1_epi32(least));
        best = _mm256_max_epi32(best, _mm256_permute2x128_si256(best, best, 0x01));
        best = _mm256_max_epi32(best, _mm256_shuffle_epi32(best, 0x4E));
        best = _mm256_max_epi32(best, _mm256_shuffle_epi32(best, 0xB1));
        const uint64_t less = lanes_greater(best, a) | lanes_greater(best, b) << 8;
        const uint64_t reached = _bzhi_u64(~less & 0xFFFF, static_cast<uint32_t>(n));
        out[0] = static_cast<int32_t>(from) + static_cast<int32_t>(_tzcnt_u64(reached));
        picks = reached;
        return count_bits(reached);
    }

    static COUPONRY_INLINE Ends ends(const int32_t* key, const uint64_t* picks, int64_t n) noexcept {
        const __m256i bit = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
        __m256i least = _mm256_set1_epi32(INT32_MAX), most = _mm256_set1_epi32(INT32_MIN);
        const __m256i any_least = least, any_most = most;
        for (int64_t j = 0; j < n; j += 8) {
            const auto word = static_cast<int32_t>(picks[j / WORD] >> (j % WORD) & 0xFF);
            const __m256i in = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(word), bit), bit);
            const __m256i keys = first(key + j, n - j);
            least = _mm256_min_epi32(least, _mm256_blendv_epi8(any_least, keys, in));
            most = _mm256_max_epi32(most, _mm256_blendv_epi8(keys, any_most, in));
        }
        // the least of all is the complement of the most of complements
        const __m256i all = _mm256_set1_epi32(-1);
        return {~largest_of(_mm256_xor_si256(least, all)), largest_of(most)};
    }

    static COUPONRY_INLINE void bars(const Shortlist* lists, int32_t* bars) noexcept {
        Network<Vector>::bars(lists, bars);
    }

private:
    static COUPONRY_INLINE __m256i up_to_4(const int64_t* from, int64_t n) noexcept {
        const __m256i live = _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_set_epi64x(3, 2, 1, 0));
        return _mm256_maskload_epi64(reinterpret_cast<const long long*>(from), live);
    }

    // Four bits, each of them twice.
    static COUPONRY_INLINE uint64_t twice(uint64_t bits) noexcept {
        const uint64_t apart = (bits & 1) | (bits & 2) << 1 | (bits & 4) << 2 | (bits & 8) << 3;
        return apart | apart << 1;
    }

    // The lower (0x88) or upper (0xDD) halves of eight numbers, in any order.
    template <int WHICH>
    static COUPONRY_INLINE __m256i halves(__m256i first, __m256i second) noexcept {
        return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), WHICH));
    }

    // Bits set in each lane: looked up for half bytes, and added up.
    static COUPONRY_INLINE __m256i counts(__m256i words) noexcept {
        const __m256i of_half =
            _mm256_broadcastsi128_si256(_mm_set_epi8(4, 3, 3, 2, 3, 2, 2, 1, 3, 2, 2, 1, 2, 1, 1, 0));
        const __m256i half = _mm256_set1_epi8(0x0F);
        const __m256i low = _mm256_shuffle_epi8(of_half, _mm256_and_si256(words, half));
        const __m256i high = _mm256_shuffle_epi8(of_half, _mm256_and_si256(_mm256_srli_epi32(words, 4), half));
        const __m256i twos = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), _mm256_set1_epi8(1));
        return _mm256_madd_epi16(twos, _mm256_set1_epi16(1));
    }

    // Eight groups, with a negative number of its own in place of each that there is not.
    static COUPONRY_INLINE __m256i groups(const int32_t* group, int64_t n, int64_t from) noexcept {
        const __m256i lane = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
        const __m256i number = _mm256_add_epi32(lane, _mm256_set1_epi32(static_cast<int32_t>(from)));
        const __m256i loaded = load(group + from);
        const __m256i there = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)), number);
        const __m256i some = _mm256_andnot_si256(_mm256_srai_epi32(loaded, 31), there);
        return _mm256_blendv_epi8(_mm256_xor_si256(number, _mm256_set1_epi32(-1)), loaded, some);
    }

    static COUPONRY_INLINE int32_t largest_of(__m256i eight) noexcept {
        __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
        four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
        return _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
    }

    // The numbers of the bits set among eight, then zeros.
    static COUPONRY_INLINE __m256i numbers(uint64_t bits) noexcept {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(SET_BITS.numbers[bits])));
    }

    static COUPONRY_INLINE __m256i load(const int32_t* from) noexcept {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    }

    static COUPONRY_INLINE void store(int32_t* to, __m256i keys) noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), keys);
    }

    static COUPONRY_INLINE uint64_t lanes_greater(__m256i a, __m256i b) noexcept {
        return static_cast<uint64_t>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b))));
    }

    static COUPONRY_INLINE uint64_t first_bits(int64_t n) noexcept {
        return n < WORD ? (uint64_t{1} << n) - 1 : ~uint64_t{0};
    }

    static COUPONRY_INLINE int64_t sum(__m256i eight) noexcept {
        __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
        four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
        return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
    }

    // Reduced values, before negative zeros are removed. Narrow loads of neighbouring prices are about twice as
    // fast as a gather per price.
    template <class Item, int ATTRIBUTES>
    static COUPONRY_INLINE __m256 values(const Candidates<Item>& row, int64_t j) noexcept {
        const Item* item = row.item + j;
        if constexpr (ATTRIBUTES == 1) {
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
            value = plus(value, _mm256_shuffle_ps(last_ab, last_cd, 0x44), row, 1, j);
            if constexpr (ATTRIBUTES == 2) return value;
            return plus(value, _mm256_shuffle_ps(last_ab, last_cd, 0xEE), row, 2, j);
        }
    }

    // value + price * quantity of attribute c, contracted by no one
    template <class Item>
    static COUPONRY_INLINE __m256 plus(__m256 value, __m256 price, const Candidates<Item>& row, int64_t c,
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
