// What differs between compilers and processors, and nothing else.
#pragma once

#include <cstdint>

#if defined(__GNUC__) || defined(__clang__)
// Kernels are compiled once per instruction set: an inline function that is not inlined would be merged
// with its namesake from a wider one, and the linker could keep the copy that this processor cannot run.
#define COUPONRY_INLINE __attribute__((always_inline)) inline
#define COUPONRY_PREFETCH(address) __builtin_prefetch(address)
#define COUPONRY_PREFETCH_TO_WRITE(address) __builtin_prefetch(address, 1)
#else
#define COUPONRY_INLINE inline
#define COUPONRY_PREFETCH(address)
#define COUPONRY_PREFETCH_TO_WRITE(address)
#endif

namespace couponry {

// Prefetches what lies so many numbers further on, which may be beyond the array's end: an address, and no pointer.
template <class Number>
COUPONRY_INLINE void prefetch_ahead([[maybe_unused]] const Number* from, [[maybe_unused]] int64_t ahead) noexcept {
    COUPONRY_PREFETCH(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(from) +
                                                    static_cast<uintptr_t>(ahead) * sizeof(Number)));
}

// Sets a flag that other threads may set at the same time, and that is read when all of them are done.
COUPONRY_INLINE void mark_once(uint8_t* flag) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    if (!__atomic_load_n(flag, __ATOMIC_RELAXED)) __atomic_store_n(flag, uint8_t{1}, __ATOMIC_RELAXED);
#else
    if (!*flag) *flag = 1;
#endif
}

}  // namespace couponry

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define COUPONRY_X86 1
#else
#define COUPONRY_X86 0
#endif
