// The kernels that exist once per instruction set, and the table that one of them is called through.
#pragma once

#include <cstdint>

#include "common/views.hpp"
#include "evaluate/rounding.hpp"
#include "evaluate/undecided.hpp"

namespace couponry {

// What `fix_choices` is given, and fills; see reference/fix_choices.py.
struct Fixing {
    Shard shard;
    Rules rules;
    const float* price;  // (1 + C, S, K)
    int64_t segments, items, start, stop;
    const uint8_t* bits;     // a bit for each candidate of these customers: whether it is chosen
    const float* threshold;  // (levels, 2, S, K)
    int64_t levels;
    const uint8_t* fine;  // of the candidates of these customers, attribute by attribute
    int64_t attributes, fine_stride;
    int64_t* usage;       // (1 + C, S, K), subtracted from
    int64_t* fine_usage;  // (A, S, K), added to
    uint8_t* is_free;     // of these customers
    uint8_t* chosen;      // of the candidates of these customers: a byte for each of those of free ones
};

// Everything that one evaluation is given; see `evaluate` in reference/evaluate.py.
struct Pass {
    Shard shard;
    Rules rules;
    const float* price;  // (1 + C, S, K)
    int64_t segments, items;
    uint32_t seed;
    int64_t start, stop;
    int64_t* usage;   // (1 + C, S, K), added to; null when nobody asks
    uint8_t* chosen;  // of the candidates of these customers, or null when nobody asks
    int64_t unit;
    Cut* cut;  // added to
};

struct KernelTable {
    const char* name;
    bool (*runs_here)() noexcept;
    int (*evaluate)(const Pass&) noexcept;
    int (*fix_choices)(const Fixing&) noexcept;
    void (*noise)(const Shard&, uint32_t seed, int64_t start, int64_t stop, uint16_t* out) noexcept;
    void (*hash_blocks)(const uint64_t*, int64_t blocks, const uint64_t* key, int64_t size, uint64_t* out) noexcept;
    uint64_t (*sum_bytes)(const uint8_t*, int64_t) noexcept;
    void (*round_values)(const Rounding&, ItemRange*) noexcept;
    int (*find_undecided)(const Finding&, const Undecided&, int64_t* tiles) noexcept;
    void (*choose_undecided)(const Undecided&, const float* price, int64_t items, int64_t* usage) noexcept;
};

extern const KernelTable kernels_baseline;
#if COUPONRY_X86
extern const KernelTable kernels_avx2;
extern const KernelTable kernels_avx512;
#endif

}  // namespace couponry
