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
    View<int64_t> spend, squared_gaps;
    View<uint64_t> recent;
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
        const int64_t begin = bought.ptr[p], end = bought.ptr[p + 1];
        if (begin == end) continue;
        const View<float> decay = pairs.decay.row(p);
        int64_t r = begin, spend = 0, squared_gaps = 0;
        int32_t last = pairs.last[p], discounted = 0;
        uint64_t recent = pairs.recent[p];
        if (pairs.times[p] == 0) {
            last = pairs.first[p] = bought.period[r];
            recent = 1;
            for (int64_t h = 0; h < factor.columns; ++h) decay[h] = 1.0f;
            discounted = bought.discounted[r];
            spend = bought.spend[r++];
        }
        for (; r < end; ++r) {
            const int64_t gap = int64_t{bought.period[r]} - last;
            const View<const float> left = factor.row(gap);
            for (int64_t h = 0; h < factor.columns; ++h) {
                const float kept = decay[h] * left[h];
                decay[h] = kept + 1.0f;
            }
            squared_gaps += gap * gap;
            recent = (gap < 64 ? recent << gap : 0) | 1;
            last = bought.period[r];
            discounted += bought.discounted[r];
            spend += bought.spend[r];
        }
        pairs.times[p] += static_cast<int32_t>(end - begin);
        pairs.last[p] = last;
        pairs.discounted[p] += discounted;
        pairs.spend[p] += spend;
        pairs.squared_gaps[p] += squared_gaps;
        pairs.recent[p] = recent;
    }
}

}  // namespace couponry
