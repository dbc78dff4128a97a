// The leaves for x86-64 processors with AVX-512.
//
// The instruction set is named here and not on the command line, and whatever other files share is included
// before it: nothing that ordinary code calls may be compiled for it.
#include "leaves.hpp"

#if COUPONRY_X86

#if defined(__GNUC__) && !defined(__clang__)  // its own header starts from vectors that it leaves undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <limits>

#include "preference.hpp"
#include "scratch.hpp"
#include "tie_break.hpp"

#if defined(__clang__) && __clang_major__ >= 18 && __clang_major__ <= 21  // vectors of 512 bits are named apart
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,evex512,bmi,bmi2,popcnt"))), \
                             apply_to = function)
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,popcnt")
#endif

#include "lanes_avx512.hpp"
#include "abreast.hpp"
#include "short_search.hpp"

#include "evaluate_leaf.hpp"
#include "mark_leaf.hpp"
#include "noise_leaf.hpp"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace couponry {
namespace {

bool runs_here() noexcept {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

}  // namespace

const Leaves leaves_avx512{"avx512", runs_here, evaluate, mark, noise, sum_bytes};

}  // namespace couponry

#endif
