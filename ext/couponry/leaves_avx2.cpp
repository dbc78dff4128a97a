// The leaves for x86-64 processors with AVX2.
#include "leaves.hpp"
#include "preference.hpp"
#include "scratch.hpp"
#include "tie_break.hpp"

#if COUPONRY_X86

#include "target_avx2.hpp"

#include "lanes_avx2.hpp"
#include "abreast.hpp"
#include "short_search.hpp"

#include "evaluate_leaf.hpp"
#include "mark_leaf.hpp"
#include "noise_leaf.hpp"

#include "target_end.hpp"

namespace couponry {

const Leaves leaves_avx2{"avx2", has_avx2, evaluate, mark, noise, sum_bytes};

}  // namespace couponry

#endif
