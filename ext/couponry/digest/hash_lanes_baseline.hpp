// Sums of a block's hash, a word at a time.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"

namespace couponry {
namespace {

struct HashSum {
    static constexpr int64_t WIDTH = 1;
    uint64_t sum;

    static COUPONRY_INLINE HashSum zero() noexcept { return {0}; }

    COUPONRY_INLINE void add(const uint64_t* word, const uint64_t* key) noexcept {
        const uint32_t low = static_cast<uint32_t>(*word) + static_cast<uint32_t>(*key);
        const uint32_t high = static_cast<uint32_t>(*word >> 32) + static_cast<uint32_t>(*key >> 32);
        sum += static_cast<uint64_t>(low) * high;
    }

    COUPONRY_INLINE uint64_t total() const noexcept { return sum; }
};

}  // namespace
}  // namespace couponry
