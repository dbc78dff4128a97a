// The choice of offers for x86-64 processors with AVX-512.
#include "affinity/best_offers.hpp"

#if COUPONRY_X86

#include "dispatch/target_avx512.hpp"

#include "affinity/lanes_avx512.hpp"

#include "affinity/choose.hpp"

#include "dispatch/target_end.hpp"

namespace couponry {

const OfferKernels offers_avx512{"avx512", has_avx512, choose};

}  // namespace couponry

#endif
