// What the kernels rely on, asserted in debug builds alone: COUPONRY_BUILD_DEBUG=1, and all builds under a sanitizer.
//
// Elsewhere nothing of it is compiled.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/compiler.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define COUPONRY_GUARDS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUPONRY_GUARDS 1
#endif
#endif

#ifdef COUPONRY_GUARDS
#include <sanitizer/asan_interface.h>
#endif

#ifdef COUPONRY_ASSERTIONS

#include <cstdio>
#include <cstdlib>

#define COUPONRY_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : couponry::assertion_failed(#condition, __FILE__, __LINE__))

namespace couponry {

[[noreturn]] inline void assertion_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "%s:%d: couponry: assertion failed: %s\n", file, line, condition);
    std::abort();
}

}  // namespace couponry

#else
#define COUPONRY_ASSERT(condition) static_cast<void>(0)
#endif

namespace couponry {

// Bytes between arrays that share an allocation, which nobody may touch; AddressSanitizer sees whoever does.
#ifdef COUPONRY_GUARDS
constexpr int64_t GUARD = 64;
COUPONRY_INLINE void guard(const void* at) noexcept { __asan_poison_memory_region(at, static_cast<size_t>(GUARD)); }
COUPONRY_INLINE void take_guards_away(const void* at, size_t bytes) noexcept {
    __asan_unpoison_memory_region(at, bytes);
}
#else
constexpr int64_t GUARD = 0;
COUPONRY_INLINE void guard(const void*) noexcept {}
COUPONRY_INLINE void take_guards_away(const void*, size_t) noexcept {}
#endif

// That all of n numbers are below a bound.
template <class Number>
COUPONRY_INLINE void assert_below([[maybe_unused]] const Number* numbers, [[maybe_unused]] int64_t n,
                                  [[maybe_unused]] int64_t bound) noexcept {
#ifdef COUPONRY_ASSERTIONS
    for (int64_t j = 0; j < n; ++j) COUPONRY_ASSERT(numbers[j] >= 0 && static_cast<int64_t>(numbers[j]) < bound);
#endif
}

}  // namespace couponry
