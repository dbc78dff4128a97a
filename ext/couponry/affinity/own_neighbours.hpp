// What a customer's items say of each other; see `own_neighbours` in reference/affinity.py.
#pragma once

#include <cstdint>

#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

// Items of customer i are item[ptr[i]:ptr[i + 1]], and `weight` is what they weigh.
struct Owned {
    View<const int64_t> ptr;
    View<const int32_t> item;
    View<const float> weight;
};

inline Fault owned_fault(const Owned& owned, int64_t items) noexcept {
    return first_fault(not_offsets("ptr", owned.ptr.data, 0, owned.ptr.size - 1, owned.item.size),
                       not_within("item", owned.item.data, 0, owned.item.size, 0, items - 1));
}

inline void own_neighbours(const Owned& owned, const Table<const float>& similarity, const View<float>& out) noexcept {
    for (int64_t i = 0; i + 1 < owned.ptr.size; ++i) {
        const int64_t begin = owned.ptr[i], end = owned.ptr[i + 1];
        for (int64_t e = begin; e < end; ++e) out[e] = 0.0F;
        for (int64_t d = begin; d < end; ++d) {
            const View<const float> says = similarity.row(owned.item[d]);
            const float weight = owned.weight[d];
            for (int64_t e = begin; e < end; ++e) out[e] += weight * says[owned.item[e]];
        }
    }
}

}  // namespace couponry
