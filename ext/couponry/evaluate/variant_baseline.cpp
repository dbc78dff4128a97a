// The kernels for any processor of the platform.
#include "digest/hash_lanes_baseline.hpp"
#include "evaluate/lanes_baseline.hpp"
#include "evaluate/rounding_lanes_baseline.hpp"
#include "evaluate/short_chains_none.hpp"

#include "digest/hash_blocks.hpp"
#include "evaluate/choose_undecided.hpp"
#include "evaluate/evaluate.hpp"
#include "evaluate/find_undecided.hpp"
#include "evaluate/fix_choices.hpp"
#include "evaluate/noise.hpp"
#include "evaluate/quantise.hpp"

namespace couponry {

const KernelTable kernels_baseline{"baseline",     []() noexcept { return true; },
                                   evaluate,       fix_choices,
                                   noise,          hash_blocks,
                                   sum_bytes,      round_values,
                                   find_undecided, choose_undecided};

}  // namespace couponry
