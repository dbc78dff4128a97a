// The choice of offers for x86-64 processors with AVX-512.
#include "affinity_best.hpp"

#if COUPONRY_X86

#include "target_avx512.hpp"

#include "affinity_lanes_avx512.hpp"

#include "affinity_choose.hpp"

#include "target_end.hpp"

namespace couponry {

const Best best_avx512{"avx512", has_avx512, choose};

}  // namespace couponry

#endif
