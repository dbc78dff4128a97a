// The numbers of the bits set in each byte, then zeros: how lanes are moved to be side by side.
//
// Tables are faster than pdep and pext where those are slow. Compiled once per instruction set, so everything here has
// internal linkage.
#pragma once

#include <cstdint>

namespace couponry {
namespace {

struct SetBits {
    uint8_t numbers[256][8] = {};

    constexpr SetBits() {
        for (int bits = 0; bits < 256; ++bits)
            for (int at = 0, count = 0; at < 8; ++at)
                if (bits >> at & 1) numbers[bits][count++] = static_cast<uint8_t>(at);
    }
};

constexpr SetBits SET_BITS;

}  // namespace
}  // namespace couponry
