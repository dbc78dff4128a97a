// The choice of offers for any processor of the platform.
#include "affinity/lanes_baseline.hpp"

#include "affinity/choose.hpp"

namespace couponry {

const OfferKernels offers_baseline{"baseline", []() noexcept { return true; }, choose};

}  // namespace couponry
