// The noise channel: a number drawn for each candidate by hashing.
#pragma once

#include <cstdint>

#include "views.hpp"

namespace couponry {

// The SplitMix64 finaliser (Steele, Lea, Flood 2014).
COUPONRY_INLINE uint64_t scatter(uint64_t x) noexcept {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

template <class Item>
void noise_items(const Shard& shard, uint32_t seed, int64_t start, int64_t stop, uint16_t* out) noexcept {
    const Item* item = static_cast<const Item*>(shard.item);
    const int64_t first = shard.indptr[start];
    for (int64_t i = start; i < stop; ++i) {
        const uint64_t of_customer = scatter(static_cast<uint64_t>(shard.first + i) + (uint64_t{seed} << 32));
        for (int64_t e = shard.indptr[i]; e < shard.indptr[i + 1]; ++e)
            out[e - first] = static_cast<uint16_t>(scatter(of_customer ^ (item[e] * 0x9E3779B97F4A7C15u)) >> 48);
    }
}

// See `noise` in reference.py.
inline void noise(const Shard& shard, uint32_t seed, int64_t start, int64_t stop, uint16_t* out) noexcept {
    if (shard.item_bytes == 2)
        noise_items<uint16_t>(shard, seed, start, stop, out);
    else
        noise_items<uint32_t>(shard, seed, start, stop, out);
}

}  // namespace couponry
