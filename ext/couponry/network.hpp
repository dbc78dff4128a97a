// The m-th largest of a row of keys, m <= 32, by sorting networks over vectors of 16.
//
// Bitonic networks (K. Batcher, Sorting networks and their applications, 1968) keep the best keys seen so far. No
// branch depends on the data, so that the processor works on several customers at once; a search by bisection
// waits for a mispredicted branch in every customer.
#pragma once

#include <cstdint>

#include "compiler.hpp"

namespace couponry {
namespace {

// `Sixteen` is 16 int32 keys with load(), max(), min(), reversed(), at() and exchange_D<LARGER>(): each lane and
// the one D further are compared; lanes whose bit is set in LARGER keep the larger key, the others the smaller.
template <class Sixteen>
struct Network {
    // Sorts keys that first rise and then fall (or the other way round, or rotated), largest first.
    static COUPONRY_INLINE Sixteen merged(Sixteen keys) noexcept {
        keys = keys.template exchange_8<0x00FF>();
        keys = keys.template exchange_4<0x0F0F>();
        keys = keys.template exchange_2<0x3333>();
        return keys.template exchange_1<0x5555>();
    }

    // Sorts any keys, largest first. In runs of 2, 4 and 8 every other run is sorted the other way round.
    static COUPONRY_INLINE Sixteen sorted(Sixteen keys) noexcept {
        keys = keys.template exchange_1<0x9999>();
        keys = keys.template exchange_2<0xC3C3>().template exchange_1<0xA5A5>();
        keys = keys.template exchange_4<0xF00F>().template exchange_2<0xCC33>().template exchange_1<0xAA55>();
        return merged(keys);
    }

    // Falling keys against rising ones: the larger of each pair are the 16 best of both, the smaller the rest.
    static COUPONRY_INLINE int32_t largest(const int32_t* key, int64_t padded, int64_t m) noexcept {
        Sixteen best = sorted(Sixteen::load(key));
        if (m <= 16) {
            for (int64_t j = 16; j < padded; j += 16)
                best = merged(Sixteen::max(best, sorted(Sixteen::load(key + j)).reversed()));
            return best.at(m - 1);
        }
        Sixteen next = sorted(Sixteen::load(key + 16));
        for (int64_t j = 16;;) {
            const Sixteen rising = next.reversed();
            next = merged(Sixteen::min(best, rising));
            best = merged(Sixteen::max(best, rising));
            if ((j += 16) >= padded) return next.at(m - 17);
            next = merged(Sixteen::max(next, sorted(Sixteen::load(key + j)).reversed()));
        }
    }
};

}  // namespace
}  // namespace couponry
