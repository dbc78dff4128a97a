// Picks the kernels at run time from what the processor says it can do.
#include "dispatch/instruction_set.hpp"

#include <atomic>
#include <cstring>

namespace couponry {
namespace {

const KernelTable* const WIDEST_FIRST[] = {
#if COUPONRY_X86
    &kernels_avx512,
    &kernels_avx2,
#endif
    &kernels_baseline,
};

std::atomic<const KernelTable*> current{&kernels_baseline};

}  // namespace

const KernelTable& kernels() noexcept { return *current.load(std::memory_order_relaxed); }

bool use_instruction_set(const char* name) noexcept {
    for (const KernelTable* candidate : WIDEST_FIRST) {
        const bool wanted = !name || !*name || std::strcmp(name, candidate->name) == 0;
        if (wanted && candidate->runs_here()) {
            current.store(candidate, std::memory_order_relaxed);
            return true;
        }
    }
    return false;
}

const char* runnable(int i) noexcept {
    for (const KernelTable* candidate : WIDEST_FIRST)
        if (candidate->runs_here() && i-- == 0) return candidate->name;
    return nullptr;
}

const char* compiler_name() noexcept {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#elif defined(_MSC_VER)
#define COUPONRY_TEXT(number) #number
#define COUPONRY_TEXT_OF(macro) COUPONRY_TEXT(macro)
    return "msvc " COUPONRY_TEXT_OF(_MSC_VER);
#else
    return "unknown";
#endif
}

}  // namespace couponry
