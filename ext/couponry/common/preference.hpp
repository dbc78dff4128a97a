// The exact order of a customer's candidates: larger value, then smaller hash, then position.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"

namespace couponry {

// Float32 values as integers in the same order; positive if and only if the value is.
COUPONRY_INLINE int32_t order_key(uint32_t float_bits) noexcept {
    const int32_t bits = static_cast<int32_t>(float_bits);
    return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}

struct Ranked {
    uint64_t rank;  // value reversed in the upper half, hash in the lower: ascending is the order of choice
    uint64_t at;    // position of the candidate in its customer's row

    COUPONRY_INLINE static Ranked of(int32_t key, uint32_t hash, int64_t at) noexcept {
        const uint64_t reversed = 0x7FFFFFFFu - static_cast<uint32_t>(key);
        return {reversed << 32 | hash, static_cast<uint64_t>(at)};
    }
};

void sort_ranked(Ranked* candidates, int64_t n) noexcept;

// Moves the first `keep` in order (in any order among themselves) to the front.
void keep_first(Ranked* candidates, int64_t n, int64_t keep) noexcept;

}  // namespace couponry
