// Ranges of items put side by side, values rounded by the kernels of this processor, errors put back.
#include "evaluate/quantise_values.hpp"

#include <new>
#include <vector>

#include "dispatch/instruction_set.hpp"

namespace couponry {

int quantise_values(const Rounding& work, const ItemTables& tables) noexcept {
    try {
        std::vector<ItemRange> ranges(static_cast<size_t>(tables.items));
        for (int64_t k = 0; k < tables.items; ++k)
            ranges[k] = {tables.low[k], tables.step[k], tables.error[k], tables.fine_error[k]};
        kernels().round_values(work, ranges.data());
        for (int64_t k = 0; k < tables.items; ++k) {
            tables.error[k] = ranges[k].error;
            tables.fine_error[k] = ranges[k].fine_error;
        }
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
