// Steps of an evaluation in plain loops, for every instruction set; vector lanes replace some of them.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "preference.hpp"
#include "scratch.hpp"

namespace couponry {
namespace {

// How prices lie in memory: one plane per channel as the caller has them, or all prices of an item side by side.
constexpr int PLANES = -1;  // else the number of channels

// Numbers per item where prices lie side by side.
constexpr int64_t price_width(int channels) noexcept { return channels == 0 ? 1 : channels == 1 ? 2 : 4; }

// One customer's candidates, and the prices of its segment.
template <class Item>
struct Row {
    const Item* item;
    const uint16_t* quantity;
    int64_t quantity_stride;  // to the next channel
    int64_t channels;
    const float* price;
    int64_t price_stride;  // to the next channel, where prices lie in planes
    int64_t n;
};

COUPONRY_INLINE int64_t padded(int64_t n) noexcept { return (n + LANES - 1) / LANES * LANES; }

COUPONRY_INLINE int count_bits(uint64_t word) noexcept {
#if defined(__GNUC__)
    return __builtin_popcountll(word);
#else
    int count = 0;
    for (; word; word &= word - 1) ++count;
    return count;
#endif
}

COUPONRY_INLINE int lowest_bit(uint64_t word) noexcept {
#if defined(__GNUC__)
    return __builtin_ctzll(word);
#else
    int at = 0;
    for (; !(word >> at & 1); ++at) {}
    return at;
#endif
}

// Candidates are read once and in order, some cache lines ahead: the processor's own prefetching stops at each
// page, and the work between two lines hides only part of what follows.
template <class Item>
COUPONRY_INLINE void prefetch(const Row<Item>& row, int64_t j) noexcept {
    constexpr int64_t AHEAD = 1024;
    COUPONRY_PREFETCH(row.item + j + AHEAD);
    for (int64_t c = 0; c < row.channels; ++c) COUPONRY_PREFETCH(row.quantity + c * row.quantity_stride + j + AHEAD);
}

struct Steps {
    // Order keys of the candidates from the j-th on, then padding; returns how many of them are positive.
    template <class Item, int CHANNELS>
    static COUPONRY_INLINE int64_t order_keys(const Row<Item>& row, int32_t* key, int64_t j = 0) noexcept {
        const int64_t channels = CHANNELS == PLANES ? row.channels : CHANNELS;
        const int64_t next_price = CHANNELS == PLANES ? row.price_stride : 1;
        const int64_t next_item = CHANNELS == PLANES ? 1 : price_width(CHANNELS);
        int64_t positive = 0;
        for (; j < row.n; ++j) {
            const float* price = row.price + row.item[j] * next_item;
            float value = price[0];
            for (int64_t c = 0; c < channels; ++c) {
                const float quantity = static_cast<float>(row.quantity[c * row.quantity_stride + j]);
                const float product = price[(1 + c) * next_price] * quantity;
                value = value + product;
            }
            value = value + 0.0f;  // no negative zero
            uint32_t bits;
            std::memcpy(&bits, &value, sizeof bits);
            key[j] = order_key(bits);
            positive += key[j] > 0;
        }
        for (const int64_t end = padded(row.n); j < end; ++j) key[j] = INT32_MIN;
        return positive;
    }

    // Bit set of the keys (at most 64) that are at least `bar`.
    static COUPONRY_INLINE uint64_t at_least(const int32_t* key, int64_t n, int32_t bar) noexcept {
        uint64_t word = 0;
        for (int64_t j = 0; j < n; ++j) word |= static_cast<uint64_t>(key[j] >= bar) << j;
        return word;
    }

    static COUPONRY_INLINE int64_t count_above(const int32_t* key, int64_t n, int32_t bar) noexcept {
        int32_t count = 0;
        for (int64_t j = 0; j < padded(n); ++j) count += key[j] > bar;
        return count;
    }

    // A bar that exactly m keys reach, or else the m-th largest key itself: then the cut-off is tied.
    static COUPONRY_INLINE int32_t bar_for(const int32_t* key, int64_t n, int64_t m) noexcept {
        int64_t low = INT32_MIN;                // reached by m or more
        int64_t high = int64_t{INT32_MAX} + 1;  // reached by fewer than m
        while (high - low > 1) {
            const int64_t middle = low + (high - low) / 2;
            const int64_t count = count_above(key, n, static_cast<int32_t>(middle - 1));
            if (count == m) return static_cast<int32_t>(middle);
            (count > m ? low : high) = middle;
        }
        return static_cast<int32_t>(low);
    }
};

}  // namespace
}  // namespace couponry
