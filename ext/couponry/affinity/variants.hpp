// The kernels of affinity that exist once per instruction set, and which of them run.
#pragma once

#include "affinity/best_offers.hpp"
#include "trees/add_columns.hpp"
#include "trees/score_trees.hpp"

namespace couponry {

constexpr int64_t NUMBERS_AT_A_TIME = 8, FLOATS_AT_A_TIME = 16;  // of which logarithms or exponentials are taken

struct AffinityKernels {
    const char* name;
    bool (*runs_here)() noexcept;
    void (*choose)(const Choice&, const Room&) noexcept;
    int64_t (*take_few)(const Chosen&, const View<const int32_t>&, int64_t, int64_t, int64_t) noexcept;
    ScoreTiles* score_tiles;
    ScoreTile* score_tile;
    AddColumns* add_by_blocks;
    // of a multiple of NUMBERS_AT_A_TIME numbers, in place
    void (*take_logarithms)(double*, int64_t) noexcept;
    void (*take_exponentials)(double*, int64_t) noexcept;
    void (*take_logarithms_of_floats)(float*, int64_t) noexcept;
};

extern const AffinityKernels affinity_baseline;
#if COUPONRY_X86
extern const AffinityKernels affinity_avx2;
extern const AffinityKernels affinity_avx512;
#endif

const AffinityKernels& affinity_kernels() noexcept;

// Uses the named instruction set from now on; null or empty: the widest. False where it does not run here.
bool use_variant(const char* name) noexcept;

}  // namespace couponry
