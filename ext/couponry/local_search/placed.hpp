// A value and the place of what is worth it in one whole number: so the largest is found without a branch.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/compiler.hpp"

namespace couponry {

// Rises with the value, and falls with the place, which is at least -1; no value is -0.0 but one that is turned.
COUPONRY_INLINE int64_t placed(float value, int64_t place) noexcept {
    int32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const int32_t rising = bits ^ ((bits >> 31) & 0x7FFFFFFF);
    return static_cast<int64_t>(rising) * (int64_t{1} << 32) - place;
}

COUPONRY_INLINE int64_t place_of(int64_t placed) noexcept {
    return -static_cast<int32_t>(static_cast<uint32_t>(placed & 0xFFFFFFFF));
}

}  // namespace couponry
