// Candidates counted by what changing their decision costs; see `count_losses` in reference/changes.py.
#include <algorithm>
#include <cstring>

#include "curvature/changes.hpp"

namespace couponry {
namespace {

constexpr int LOSS_BITS_DROPPED = 21;
constexpr double PARTS = 256.0;

// What candidate e, of this cell, counts as.
int64_t parts_of(const Shard& shard, const LossWeights& weights, int64_t cells, int64_t cell, int64_t e) noexcept {
    double weight = 1.0;
    for (int64_t a = 0; a < weights.quantity.size; ++a) {
        const double step = weights.line[(2 * a + 1) * cells + cell] * shard.quantity.row(weights.quantity[a])[e];
        const double of_attribute = weights.line[2 * a * cells + cell] + step;
        weight = of_attribute < weight ? of_attribute : weight;
    }
    weight = weights.least > weight ? weights.least : weight;
    return static_cast<int64_t>(weight * PARTS + 0.5);
}

template <class Item, bool WEIGHTED>
void count_items(const Shard& shard, const uint8_t* chosen, const float* loss, const LossWeights& weights,
                 int64_t first_bin, int64_t start, int64_t stop, const LossCounts& count) noexcept {
    const Item* item = static_cast<const Item*>(shard.item);
    const int64_t first = shard.indptr[start], cells = count.segments * count.items;
    const int32_t last = static_cast<int32_t>(count.bins - 1), lowest = static_cast<int32_t>(first_bin);
    uint32_t* tables[2] = {count.data + (count.decisions - 1) * cells * count.bins, count.data};  // by `chosen`
    for (int64_t i = start; i < stop; ++i) {
        const int64_t first_cell = of_customer(shard.segment, i) * count.items;
        for (int64_t e = shard.indptr[i]; e < shard.indptr[i + 1]; ++e) {
            const int64_t cell = first_cell + item[e];
            int32_t bits;
            std::memcpy(&bits, loss + (e - first), sizeof bits);
            const int32_t place = std::min(std::max((bits >> LOSS_BITS_DROPPED) - lowest, 0), last);
            const int64_t parts = WEIGHTED ? parts_of(shard, weights, cells, cell, e) : static_cast<int64_t>(PARTS);
            tables[chosen[e - first]][cell * count.bins + place] += static_cast<uint32_t>(parts);
        }
    }
}

template <class Item>
void count_items(const Shard& shard, const uint8_t* chosen, const float* loss, const LossWeights& weights,
                 int64_t first_bin, int64_t start, int64_t stop, const LossCounts& count) noexcept {
    if (weights.quantity.size > 0)
        count_items<Item, true>(shard, chosen, loss, weights, first_bin, start, stop, count);
    else
        count_items<Item, false>(shard, chosen, loss, weights, first_bin, start, stop, count);
}

}  // namespace

void count_losses(const Shard& shard, const uint8_t* chosen, const float* loss, const LossWeights& weights,
                  int64_t first_bin, int64_t start, int64_t stop, const LossCounts& count) noexcept {
    if (shard.item_bytes == 2)
        count_items<uint16_t>(shard, chosen, loss, weights, first_bin, start, stop, count);
    else
        count_items<uint32_t>(shard, chosen, loss, weights, first_bin, start, stop, count);
}

}  // namespace couponry
