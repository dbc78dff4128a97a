// The kernels of affinity for x86-64 processors with AVX-512.
#include "affinity/variants.hpp"

#if COUPONRY_X86

#include "dispatch/target_avx512.hpp"

#include "affinity/lanes_avx512.hpp"

#include "affinity/rank_few.hpp"

#include "affinity/take_few.hpp"

#include "affinity/choose.hpp"

#include "trees/leaves_avx512.hpp"

#include "trees/score_tiles.hpp"

#include "trees/add_by_blocks.hpp"

#include "affinity/logarithms.hpp"

#include "dispatch/target_end.hpp"

namespace couponry {

const AffinityKernels affinity_avx512{
    "avx512",   has_avx512,    choose,          take_few,          score_tiles,
    score_tile, add_by_blocks, take_logarithms, take_exponentials, take_logarithms_of_floats};

}  // namespace couponry

#endif
