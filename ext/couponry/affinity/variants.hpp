// The kernels of affinity that exist once per instruction set, and which of them run.
#pragma once

#include "affinity/best_offers.hpp"
#include "trees/score_trees.hpp"

namespace couponry {

struct AffinityKernels {
    const char* name;
    bool (*runs_here)() noexcept;
    void (*choose)(const Choice&, const Room&) noexcept;
    ScoreTiles* score_tiles;
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
