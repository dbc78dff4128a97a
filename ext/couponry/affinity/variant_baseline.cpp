// The kernels of affinity for any processor of the platform.
#include "affinity/variants.hpp"

#include "affinity/lanes_baseline.hpp"

#include "affinity/choose.hpp"

#include "affinity/rank_few.hpp"

#include "affinity/take_few.hpp"

#include "trees/leaves_baseline.hpp"

#include "trees/score_tiles.hpp"

#include "trees/add_by_blocks.hpp"

#include "affinity/logarithms.hpp"

namespace couponry {

const AffinityKernels affinity_baseline{"baseline",
                                        []() noexcept { return true; },
                                        choose,
                                        take_few,
                                        score_tiles,
                                        score_tile,
                                        add_by_blocks,
                                        take_logarithms,
                                        take_exponentials,
                                        take_logarithms_of_floats};

}  // namespace couponry
