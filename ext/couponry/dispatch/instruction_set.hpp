// Which instruction set the kernels run with: the widest that this processor has, or a narrower one by name.
#pragma once

#include "dispatch/kernel_table.hpp"

namespace couponry {

const KernelTable& kernels() noexcept;

// Uses the named kernels from now on; null or empty: the widest. False where this processor or build lacks them.
bool use_instruction_set(const char* name) noexcept;

// Name of the i-th instruction set that runs here, widest first; null past the last.
const char* runnable(int i) noexcept;

const char* compiler_name() noexcept;

}  // namespace couponry
