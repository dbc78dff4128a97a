// The kernels for x86-64 processors with AVX-512.
#include <cmath>

#include "common/preference.hpp"
#include "common/scratch.hpp"
#include "common/set_layout.hpp"
#include "common/tie_break.hpp"
#include "dispatch/kernel_table.hpp"

#if COUPONRY_X86

#include "dispatch/target_avx512.hpp"

#include "digest/hash_lanes_avx512.hpp"
#include "evaluate/lanes_avx512.hpp"
#include "evaluate/rounding_lanes_avx512.hpp"
#include "evaluate/short_chains_avx512.hpp"
#include "evaluate/short_search.hpp"
#include "evaluate/simd_greedy.hpp"

#include "digest/hash_blocks.hpp"
#include "evaluate/choose_undecided.hpp"
#include "evaluate/evaluate.hpp"
#include "evaluate/find_undecided.hpp"
#include "evaluate/fix_choices.hpp"
#include "evaluate/noise.hpp"
#include "evaluate/quantise.hpp"

#include "dispatch/target_end.hpp"

namespace couponry {

const KernelTable kernels_avx512{"avx512",    has_avx512, evaluate,     fix_choices,    noise,
                                 hash_blocks, sum_bytes,  round_values, find_undecided, choose_undecided};

}  // namespace couponry

#endif
