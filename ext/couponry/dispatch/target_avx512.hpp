// Begins what is compiled for x86-64 processors with AVX-512, up to target_end.hpp.
//
// The instruction set is named here and not on the command line, and whatever other files share is included
// before it: nothing that ordinary code calls may be compiled for it.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)  // its own header starts from vectors that it kernels undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <limits>

#include "dispatch/processor.hpp"

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
