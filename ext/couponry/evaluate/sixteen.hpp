// Sixteen numbers side by side, one for each of as many customers, where a compiler knows vectors of any length; else
// loops.
//
// Included once per instruction set. Everything has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/compiler.hpp"

namespace couponry {
namespace {

#if defined(__GNUC__) || defined(__clang__)

typedef float SixteenFloats __attribute__((vector_size(64)));
typedef int32_t SixteenInts __attribute__((vector_size(64)));  // comparisons: -1 where they hold, else 0

#else

struct SixteenInts {
    int32_t at[16];

    SixteenInts& operator-=(const SixteenInts& other) noexcept {
        for (int lane = 0; lane < 16; ++lane) at[lane] -= other.at[lane];
        return *this;
    }
    SixteenInts operator~() const noexcept {
        SixteenInts out;
        for (int lane = 0; lane < 16; ++lane) out.at[lane] = ~at[lane];
        return out;
    }
    SixteenInts operator&(const SixteenInts& other) const noexcept {
        SixteenInts out;
        for (int lane = 0; lane < 16; ++lane) out.at[lane] = at[lane] & other.at[lane];
        return out;
    }
    SixteenInts operator<(const SixteenInts& other) const noexcept {
        SixteenInts out;
        for (int lane = 0; lane < 16; ++lane) out.at[lane] = -(at[lane] < other.at[lane]);
        return out;
    }
};

struct SixteenFloats {
    float at[16];

    SixteenInts operator>(const SixteenFloats& other) const noexcept {
        SixteenInts out;
        for (int lane = 0; lane < 16; ++lane) out.at[lane] = -(at[lane] > other.at[lane]);
        return out;
    }
};

#endif

}  // namespace
}  // namespace couponry
