// The kernels for any processor of the platform.
#include "evaluate/lanes_baseline.hpp"

#include "evaluate/evaluate.hpp"
#include "evaluate/mark_free.hpp"
#include "evaluate/noise.hpp"

namespace couponry {

const KernelTable kernels_baseline{"baseline", []() noexcept { return true; }, evaluate, mark_free, noise, sum_bytes};

}  // namespace couponry
