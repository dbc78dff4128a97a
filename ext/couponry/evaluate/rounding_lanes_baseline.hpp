// Values are rounded one at a time.
#pragma once

#include "evaluate/rounding.hpp"

namespace couponry {
namespace {

struct RoundingLanes {
    static constexpr int64_t WIDTH = 1;

    template <class Item, class Value>
    static COUPONRY_INLINE void round(const Item*, const Value*, ItemRange*, uint16_t*, uint8_t*) noexcept {}
};

}  // namespace
}  // namespace couponry
