// Log odds of pairs, tile by tile: features are used while they are in the nearest cache, and go nowhere else.
#include "affinity/pair_odds.hpp"

#include <algorithm>
#include <new>

#include "affinity/feature_tiles.hpp"

namespace couponry {

int pair_log_odds(const PairFeatures& work, const PairOdds& model, const View<double>& out) noexcept {
    try {
        const bool any_trees = model.trees.ptr.size > 1;
        const auto score = [&](const Table<const float>& tile, int64_t first, int64_t pairs) noexcept {
            alignas(64) double total[TILE_ROWS];
            std::fill_n(total, TILE_ROWS, model.intercept);
            affinity_kernels().add_by_blocks(tile, model.coefficient, {total, TILE_ROWS});
            if (any_trees) affinity_kernels().score_tile(model.trees, tile.data, total);
            std::copy_n(total, pairs, out.data + first);
        };
        Features(work, score).all();
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
