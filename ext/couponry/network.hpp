// The bar of a customer who is given at most 32 coupons, by sorting networks over vectors of 16.
//
// Bitonic networks (K. Batcher, Sorting networks and their applications, 1968) keep the best keys seen so far. No
// branch depends on the data, so that the processor works on several customers at once; a search waits for a
// mispredicted branch in every customer.
#pragma once

#include <cstdint>

#include "evaluate_steps.hpp"

namespace couponry {
namespace {

// `Sixteen` is 16 int32 keys with load(), max(), min(), reversed(), at(), largest() and exchange_D<LARGER>(): each
// lane and the one D further are compared; lanes whose bit is set in LARGER keep the larger key, the others the
// smaller.
template <class Sixteen>
struct Network {
    static constexpr int64_t MOST = 32;  // ranks that it can tell

    // The m-th largest of n keys, 1 <= m <= MOST; INT32_MIN when there are fewer.
    static COUPONRY_INLINE int32_t ranked(const int32_t* key, int64_t n, int64_t m) noexcept {
        return m <= 16 ? best_16(key, n).at(m - 1) : best_32(key, n).at(m - 1);
    }

    // See Steps::bar. Which network is asked depends on the rules alone.
    static COUPONRY_INLINE int32_t bar(const int32_t* key, int64_t n, Bounds bounds) noexcept {
        if (bounds.upper == 1) {
            const int32_t best = maximum(key, n);
            return bounds.bar([=](int64_t) { return best; });
        }
        if (bounds.upper <= 16) {
            const Sixteen best = best_16(key, n);
            return bounds.bar([&](int64_t m) { return best.at(m - 1); });
        }
        const Two best = best_32(key, n);
        return bounds.bar([&](int64_t m) { return best.at(m - 1); });
    }

private:
    struct Two {
        Sixteen first, next;

        COUPONRY_INLINE int32_t at(int64_t lane) const noexcept {
            return lane < 16 ? first.at(lane) : next.at(lane - 16);
        }
    };

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

    static COUPONRY_INLINE int32_t maximum(const int32_t* key, int64_t n) noexcept {
        Sixteen best = Sixteen::load(key, n);
        for (int64_t j = 16; j < n; j += 16) best = Sixteen::max(best, Sixteen::load(key + j, n - j));
        return best.largest();
    }

    // Falling keys against rising ones: the larger of each pair are the 16 best of both, the smaller the rest.
    static COUPONRY_INLINE Sixteen best_16(const int32_t* key, int64_t n) noexcept {
        Sixteen best = sorted(Sixteen::load(key, n));
        for (int64_t j = 16; j < n; j += 16)
            best = merged(Sixteen::max(best, sorted(Sixteen::load(key + j, n - j)).reversed()));
        return best;
    }

    static COUPONRY_INLINE Two best_32(const int32_t* key, int64_t n) noexcept {
        Two best{sorted(Sixteen::load(key, n)), sorted(Sixteen::load(key + 16, n - 16))};
        for (int64_t j = 32;; j += 16) {
            const Sixteen rising = best.next.reversed();
            best.next = merged(Sixteen::min(best.first, rising));
            best.first = merged(Sixteen::max(best.first, rising));
            if (j >= n) return best;
            best.next = merged(Sixteen::max(best.next, sorted(Sixteen::load(key + j, n - j)).reversed()));
        }
    }
};

}  // namespace
}  // namespace couponry
