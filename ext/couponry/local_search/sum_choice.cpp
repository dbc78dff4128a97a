// Adds up what customers are given; see `sum_choice` in reference/regret.py.
#include "local_search/alternatives.hpp"
#include "local_search/local_search.hpp"

namespace couponry {
namespace {

template <class Item>
void sum_items(const Shard& shard, const Table<const double>& exact, View<const uint8_t> chosen, int64_t start,
               int64_t stop, const UsageTable& usage) noexcept {
    const View<const Item> item = shard.items<Item>();
    const int64_t plane = usage.segments * usage.items;
    for (int64_t i = start; i < stop; ++i) {
        const int64_t begin = shard.indptr[i];
        double* cells = usage.data + of_customer(shard.segment, i) * usage.items;
        for_each_chosen(chosen.data + begin, shard.indptr[i + 1] - begin, [&](int64_t j) {
            const int64_t e = begin + j;
            double* cell = cells + item[e];
            cell[0] += 1.0;
            for (int64_t c = 0; c < exact.rows; ++c) cell[(1 + c) * plane] += exact.row(c)[e];
        });
    }
}

}  // namespace

void sum_choice(const Shard& shard, const Table<const double>& exact, View<const uint8_t> chosen, int64_t start,
                int64_t stop, const UsageTable& usage) noexcept {
    if (shard.item_bytes == 2)
        sum_items<uint16_t>(shard, exact, chosen, start, stop, usage);
    else
        sum_items<uint32_t>(shard, exact, chosen, start, stop, usage);
}

}  // namespace couponry
