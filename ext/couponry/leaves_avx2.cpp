// The leaves for x86-64 processors with AVX2.
//
// The instruction set is named here and not on the command line, and whatever other files share is included
// before it: nothing that ordinary code calls may be compiled for it.
#include "leaves.hpp"

#if COUPONRY_X86

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <limits>

#include "preference.hpp"
#include "scratch.hpp"
#include "tie_break.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt")
#endif

#include "lanes_avx2.hpp"
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
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt");
}

}  // namespace

const Leaves leaves_avx2{"avx2", runs_here, evaluate, mark, noise, sum_bytes};

}  // namespace couponry

#endif
