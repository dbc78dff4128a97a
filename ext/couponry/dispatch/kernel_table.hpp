// The kernels that exist once per instruction set, and the table that one of them is called through.
#pragma once

#include <cstdint>

#include "common/views.hpp"
#include "evaluate/rounding.hpp"

namespace couponry {

// Everything that one evaluation is given; see `evaluate` in reference/evaluate.py.
struct Pass {
    Shard shard;
    Rules rules;
    const float* price;  // (1 + C, S, K)
    int64_t segments, items;
    uint32_t seed;
    int64_t start, stop;
    int64_t* usage;   // (1 + C, S, K), added to
    uint8_t* chosen;  // of the candidates of these customers, or null when nobody asks
    int64_t unit;
    Cut* cut;  // added to
};

// Everything that `mark_free` is given; see the reference.
struct Marking {
    Shard shard;
    Rules rules;
    const float* price;  // (1 + C, S, K)
    int64_t segments, items;
    const uint8_t* chosen;   // of the candidates of these customers
    const float* threshold;  // (levels, 2, S, K)
    int64_t levels;
    int64_t start, stop;
    uint8_t* is_free;  // of these customers
};

struct KernelTable {
    const char* name;
    bool (*runs_here)() noexcept;
    int (*evaluate)(const Pass&) noexcept;
    int (*mark_free)(const Marking&) noexcept;
    void (*noise)(const Shard&, uint32_t seed, int64_t start, int64_t stop, uint16_t* out) noexcept;
    void (*hash_blocks)(const uint64_t*, int64_t blocks, const uint64_t* key, int64_t size, uint64_t* out) noexcept;
    uint64_t (*sum_bytes)(const uint8_t*, int64_t) noexcept;
    void (*round_values)(const Rounding&, ItemRange*) noexcept;
};

extern const KernelTable kernels_baseline;
#if COUPONRY_X86
extern const KernelTable kernels_avx2;
extern const KernelTable kernels_avx512;
#endif

}  // namespace couponry
