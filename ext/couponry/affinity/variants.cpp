// Which instruction set the kernels of affinity run with.
#include "affinity/variants.hpp"

#include <atomic>
#include <cstring>

namespace couponry {
namespace {

const AffinityKernels* const WIDEST_FIRST[] = {
#if COUPONRY_X86
    &affinity_avx512,
    &affinity_avx2,
#endif
    &affinity_baseline,
};

std::atomic<const AffinityKernels*> current{&affinity_baseline};

}  // namespace

const AffinityKernels& affinity_kernels() noexcept { return *current.load(std::memory_order_relaxed); }

bool use_variant(const char* name) noexcept {
    for (const AffinityKernels* candidate : WIDEST_FIRST) {
        const bool wanted = !name || !*name || std::strcmp(name, candidate->name) == 0;
        if (wanted && candidate->runs_here()) {
            current.store(candidate, std::memory_order_relaxed);
            return true;
        }
    }
    return false;
}

}  // namespace couponry
