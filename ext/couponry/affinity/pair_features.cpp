// Features of pairs as the columns of a matrix.
#include "affinity/pair_features.hpp"

#include <algorithm>
#include <new>

#include "affinity/feature_tiles.hpp"

namespace couponry {

Fault pair_features_fault(const PairFeatures& work) noexcept {
    const PairReadings& in = work.readings;
    const int64_t start = work.start, stop = work.stop, oldest = in.until - in.factor.rows + 1;
    const int64_t items = work.near.column.size ? work.near.column.size : work.numbers.group.columns;
    const Fault offsets = not_offsets("readings.indptr", in.indptr.data, start, stop, in.item.size);
    if (offsets.array) return offsets;
    const int64_t begin = in.indptr[start], end = in.indptr[stop];
    const bool looked_up = work.near.column.size || work.numbers.group.rows;
    for (int64_t k = 0; k < work.asked.size; ++k)
        if (work.asked[k] < (k ? work.asked[k - 1] + 1 : begin) || work.asked[k] >= end)
            return {"asked", "ascending pairs of the customers", k};
    return first_fault(
        looked_up ? not_within("readings.item", in.item.data, begin, end, 0, items - 1) : NO_FAULT,
        in.factor.columns ? not_within("readings.pairs.last", in.pairs.last.data, begin, end, oldest, in.until)
                          : NO_FAULT,
        in.factor.columns ? not_within("readings.trips.last", in.trips.last.data, start, stop, oldest, in.until)
                          : NO_FAULT,
        not_within("numbers.row", work.numbers.row.data, 0, work.numbers.row.size, 0, work.numbers.value.rows - 1),
        not_within("numbers.group", work.numbers.group.data, 0, work.numbers.group.rows * work.numbers.group.columns, 0,
                   INT32_MAX),
        not_within("numbers.half_life", work.numbers.half_life.data, 0, work.numbers.half_life.size, 0,
                   in.factor.columns - 1),
        not_within("near.column", work.near.column.data, 0, work.near.column.size, -1, work.near.spread.size - 1));
}

int pair_features(const PairFeatures& work) noexcept {
    try {
        const auto write = [&work](const Table<const float>& tile, int64_t first, int64_t pairs) noexcept {
            for (int64_t f = 0; f < tile.rows; ++f) std::copy_n(tile.row(f).data, pairs, work.out.row(f).data + first);
        };
        Features(work, write).all();
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
