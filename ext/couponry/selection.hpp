// Where to cut a customer's candidates: networks for few coupons, a search for many.
#pragma once

#include <cstdint>

#include "evaluate_steps.hpp"
#include "search.hpp"

namespace couponry {
namespace {

template <class Lanes>
class Selection {
public:
    // The key that candidates must reach; more of them than the bounds allow reach it only when it is tied.
    COUPONRY_INLINE int32_t bar(const int32_t* key, int64_t n, Bounds bounds) noexcept {
        if (bounds.upper <= Lanes::UPPER) return Lanes::bar_of_few(key, n, bounds);
        const int64_t positive = Lanes::count(key, n, 1);
        if (positive > bounds.upper) return search_.ranked(key, n, bounds.upper);
        if (positive >= bounds.lower) return 1;
        return bounds.lower < n ? search_.ranked(key, n, bounds.lower) : INT32_MIN;
    }

private:
    Search<Lanes> search_;
};

}  // namespace
}  // namespace couponry
