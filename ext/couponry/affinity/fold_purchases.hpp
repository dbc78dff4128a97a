// Purchases taken up into the states of (customer, item) pairs; see `fold_purchases` in reference/affinity.py.
#pragma once

#include <cstdint>

#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

struct Purchases {
    View<const int64_t> ptr;
    View<const int32_t> period;
    View<const uint8_t> discounted;
    View<const int64_t> spend;
};

struct Pairs {
    View<int32_t> times, first, last, discounted;
    View<int64_t> spend;
    Table<float> decay;
};

// Where periods of a pair do not ascend, or lie further apart than there are factors for.
inline Fault periods_beyond(const Purchases& bought, int64_t factors, const Pairs& pairs) noexcept {
    for (int64_t p = 0; p + 1 < bought.ptr.size; ++p) {
        int64_t last = pairs.last[p];
        bool any = pairs.times[p] != 0;
        for (int64_t r = bought.ptr[p]; r < bought.ptr[p + 1]; ++r) {
            const int64_t now = bought.period[r];
            if (any && (now < last || now - last >= factors))
                return {"period", "ascending periods, no further apart than there are factors", r};
            last = now;
            any = true;
        }
    }
    return NO_FAULT;
}

inline void fold_purchases(const Purchases& bought, const Table<const float>& factor, const Pairs& pairs) noexcept {
    for (int64_t p = 0; p + 1 < bought.ptr.size; ++p) {
        const View<float> decay = pairs.decay.row(p);
        for (int64_t r = bought.ptr[p]; r < bought.ptr[p + 1]; ++r) {
            const int32_t now = bought.period[r];
            if (pairs.times[p] == 0) {
                pairs.first[p] = now;
                for (int64_t h = 0; h < factor.columns; ++h) decay[h] = 1.0f;
            } else {
                const View<const float> left = factor.row(int64_t{now} - pairs.last[p]);
                for (int64_t h = 0; h < factor.columns; ++h) {
                    const float kept = decay[h] * left[h];
                    decay[h] = kept + 1.0f;
                }
            }
            pairs.last[p] = now;
            pairs.times[p] += 1;
            pairs.discounted[p] += bought.discounted[r];
            pairs.spend[p] += bought.spend[r];
        }
    }
}

}  // namespace couponry
