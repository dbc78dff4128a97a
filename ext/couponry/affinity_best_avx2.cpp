// The choice of offers for x86-64 processors with AVX2.
#include "affinity_best.hpp"

#if COUPONRY_X86

#include "target_avx2.hpp"

#include "affinity_lanes_avx2.hpp"

#include "affinity_choose.hpp"

#include "target_end.hpp"

namespace couponry {

const Best best_avx2{"avx2", has_avx2, choose};

}  // namespace couponry

#endif
