// The choice of offers for x86-64 processors with AVX2.
#include "affinity/best_offers.hpp"

#if COUPONRY_X86

#include "dispatch/target_avx2.hpp"

#include "affinity/lanes_avx2.hpp"

#include "affinity/choose.hpp"

#include "dispatch/target_end.hpp"

namespace couponry {

const OfferKernels offers_avx2{"avx2", has_avx2, choose};

}  // namespace couponry

#endif
