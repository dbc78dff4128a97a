// Sums of columns times weights, by the instruction set in use.
#include "trees/add_columns.hpp"

#include "affinity/variants.hpp"

namespace couponry {

void add_columns(const Table<const float>& columns, View<const double> weight, View<double> out) noexcept {
    affinity_kernels().add_by_blocks(columns, weight, out);
}

}  // namespace couponry
