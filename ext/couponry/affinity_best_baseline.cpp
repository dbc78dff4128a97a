// The choice of offers for any processor of the platform.
#include "affinity_lanes_baseline.hpp"

#include "affinity_choose.hpp"

namespace couponry {

const Best best_baseline{"baseline", []() noexcept { return true; }, choose};

}  // namespace couponry
