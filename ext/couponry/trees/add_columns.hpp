// Sums of columns times weights; see `add_columns` in reference/affinity.py.
#pragma once

#include "common/views.hpp"

namespace couponry {

using AddColumns = void(const Table<const float>& columns, View<const double> weight, View<double> out) noexcept;

void add_columns(const Table<const float>& columns, View<const double> weight, View<double> out) noexcept;

}  // namespace couponry
