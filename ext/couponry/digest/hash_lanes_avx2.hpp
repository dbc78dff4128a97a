// Sums of a block's hash, 4 words at a time.
#pragma once

#include "common/compiler.hpp"

namespace couponry {
namespace {

struct HashSum {
    static constexpr int64_t WIDTH = 4;
    __m256i sums;

    static COUPONRY_INLINE HashSum zero() noexcept { return {_mm256_setzero_si256()}; }

    COUPONRY_INLINE void add(const uint64_t* word, const uint64_t* key) noexcept {
        const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(word));
        const __m256i keys = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(key));
        const __m256i mixed = _mm256_add_epi32(words, keys);
        sums = _mm256_add_epi64(sums, _mm256_mul_epu32(mixed, _mm256_srli_epi64(mixed, 32)));
    }

    COUPONRY_INLINE uint64_t total() const noexcept {
        uint64_t parts[WIDTH];
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(parts), sums);
        return parts[0] + parts[1] + parts[2] + parts[3];
    }
};

}  // namespace
}  // namespace couponry
