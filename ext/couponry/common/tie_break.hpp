// What is drawn by hashing: the order of equally good candidates of one customer (a hash of seed, customer and item,
// smallest first), and customers' levels.
#pragma once

#include <cstdint>

#include "common/bits.hpp"
#include "common/compiler.hpp"

namespace couponry {

// The lowbias32 finaliser of C. Wellons' hash prospector.
COUPONRY_INLINE uint32_t scramble(uint32_t x) noexcept {
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ (x >> 16);
}

// The part of the hash that a customer's candidates share.
COUPONRY_INLINE uint32_t customer_hash(uint32_t seed, int64_t customer) noexcept {
    const uint64_t bits = static_cast<uint64_t>(customer);
    const uint32_t low = scramble(seed ^ static_cast<uint32_t>(bits));
    return scramble(low ^ static_cast<uint32_t>(bits >> 32));
}

// See `level_of` in reference/preference.py.
COUPONRY_INLINE int64_t level_of(int64_t customer, int64_t levels) noexcept {
    const uint64_t number = static_cast<uint64_t>(customer);
    const uint32_t bits = scramble(static_cast<uint32_t>(number) ^ scramble(static_cast<uint32_t>(number >> 32)));
    const int64_t zeros = bits ? lowest_bit(bits) : levels;
    return zeros < levels ? zeros : levels - 1;
}

COUPONRY_INLINE uint32_t tie_hash(uint32_t of_customer, uint32_t item) noexcept {
    return scramble(of_customer ^ (item * 0x9E3779B9u));
}

}  // namespace couponry
