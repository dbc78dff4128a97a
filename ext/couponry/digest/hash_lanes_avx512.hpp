// Sums of a block's hash, 8 words at a time.
#pragma once

#include "common/compiler.hpp"

namespace couponry {
namespace {

struct HashSum {
    static constexpr int64_t WIDTH = 8;
    __m512i sums;

    static COUPONRY_INLINE HashSum zero() noexcept { return {_mm512_setzero_si512()}; }

    COUPONRY_INLINE void add(const uint64_t* word, const uint64_t* key) noexcept {
        const __m512i mixed = _mm512_add_epi32(_mm512_loadu_si512(word), _mm512_loadu_si512(key));
        sums = _mm512_add_epi64(sums, _mm512_mul_epu32(mixed, _mm512_srli_epi64(mixed, 32)));
    }

    COUPONRY_INLINE uint64_t total() const noexcept {
        uint64_t parts[WIDTH], sum = 0;
        _mm512_storeu_si512(parts, sums);
        for (const uint64_t part : parts) sum += part;
        return sum;
    }
};

}  // namespace
}  // namespace couponry
