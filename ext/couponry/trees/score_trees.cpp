// Working memory for the scoring of trees.
#include "trees/score_trees.hpp"

#include <new>
#include <vector>

#include "affinity/variants.hpp"

namespace couponry {
namespace {

struct alignas(64) Line {
    float number[16];
};

}  // namespace

int score_trees(const Trees& trees, const Table<const float>& columns, const View<double>& out) noexcept {
    try {
        std::vector<Line> tile(static_cast<size_t>(columns.rows * TILE_ROWS / 16 + 1));
        affinity_kernels().score_tiles(trees, columns, out, tile.data()->number);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
