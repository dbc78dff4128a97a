// The kernel about what comes next where a coupon falls out.
#pragma once

#include <cstdint>

#include "common/views.hpp"

namespace couponry {

// See `backups` in reference/backups/.
int backups(const Shard& shard, const Rules& rules, View<const double> value, View<const uint8_t> chosen, uint32_t seed,
            int64_t start, int64_t stop, View<uint8_t> rank, Table<uint8_t> instead) noexcept;

}  // namespace couponry
