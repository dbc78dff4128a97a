// Which instruction set the leaves run with: the widest that this processor has, or a narrower one by name.
#pragma once

#include "leaves.hpp"

namespace couponry {

const Leaves& leaves() noexcept;

// Uses the named leaves from now on; null or empty: the widest. False where this processor or build lacks them.
bool use_leaves(const char* name) noexcept;

// Name of the i-th instruction set that runs here, widest first; null past the last.
const char* runnable(int i) noexcept;

const char* compiler_name() noexcept;

}  // namespace couponry
