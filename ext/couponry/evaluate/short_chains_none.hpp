// Where vectors do not choose for several customers whose constraints are intervals: each is chosen for by itself.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"

namespace couponry {
namespace {

struct ShortChains {
    static constexpr int64_t WIDTH = 1;

    static bool takes(const Constraints&) noexcept { return false; }
    bool put(const Constraints&, const int32_t*, int64_t) noexcept { return false; }
    uint64_t choose(uint32_t*) noexcept { return 0; }
};

}  // namespace
}  // namespace couponry
