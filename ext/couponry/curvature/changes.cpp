// What near changes move the limits' rows by, and the products of that; see reference/changes.py.
#include "curvature/changes.hpp"

#include <algorithm>
#include <new>
#include <vector>

namespace couponry {
namespace {

// Lists one change after the other; false where there is no room for more.
template <class Item>
class Lister {
public:
    Lister(const Shard& shard, const NearChanges& near, const Changes& out)
        : shard_(shard),
          near_(near),
          out_(out),
          item_(static_cast<const Item*>(shard.item)) {}

    int64_t cell(int64_t segment, int64_t e) const noexcept { return segment * near_.items + item_[e]; }

    // Begins a change that one candidate comes or goes with.
    void begin() noexcept { begin_ = end_; }

    bool add(int64_t cell, int64_t e, double factor) noexcept {
        const int64_t there = end_;
        for (int64_t j = near_.ptr[cell]; j < near_.ptr[cell + 1]; ++j) {
            const double* coefficient = near_.coefficient.data + j * near_.coefficient.columns;
            double weight = coefficient[0];
            for (int64_t c = 0; c < shard_.quantity.rows; ++c) {
                const double product = coefficient[1 + c] * shard_.quantity.row(c)[e];
                weight = weight + product;
            }
            const int32_t row = near_.row[j];
            const double moved = weight * factor;
            int64_t place = begin_;
            while (place < there && out_.row[place] != row) ++place;
            if (place < there) {
                out_.moved[place] += moved;
                continue;
            }
            if (end_ == out_.row.size) return false;
            out_.row[end_] = row;
            out_.moved[end_++] = moved;
        }
        return true;
    }

    bool finish(View<int64_t> reach) noexcept {
        if (made_ + 1 >= out_.ptr.size) return false;
        for (int64_t j = begin_; j < end_; ++j) reach[out_.row[j]] += end_ - begin_;
        out_.ptr[made_++] = begin_;
        return true;
    }

    int64_t close() noexcept {
        out_.ptr[made_] = end_;
        return made_;
    }

private:
    const Shard& shard_;
    const NearChanges& near_;
    const Changes& out_;
    const Item* item_;
    int64_t begin_ = 0, end_ = 0, made_ = 0;
};

template <class Item>
int list_items(const Shard& shard, const uint8_t* chosen, const int64_t* partner, const float* loss,
               const NearChanges& near, int64_t start, int64_t stop, const Changes& changes, View<int64_t> reach,
               int64_t* made) noexcept {
    Lister<Item> lister(shard, near, changes);
    const int64_t first = shard.indptr[start];
    for (int64_t i = start; i < stop; ++i) {
        const int64_t segment = of_customer(shard.segment, i);
        for (int64_t e = shard.indptr[i]; e < shard.indptr[i + 1]; ++e) {
            const int64_t cell = lister.cell(segment, e);
            if (!(loss[e - first] < near.width[cell])) continue;
            const int64_t other = partner[e - first];
            const double size = near.factor[cell] * (other < 0 ? 1.0 : near.swap);
            const double factor = chosen[e - first] ? size : -size;
            lister.begin();
            if (!lister.add(cell, e, factor)) return NO_ROOM;
            if (other >= 0 && !lister.add(lister.cell(segment, other), other, -factor)) return NO_ROOM;
            if (!lister.finish(reach)) return NO_ROOM;
        }
    }
    *made = lister.close();
    return DONE;
}

}  // namespace

int list_changes(const Shard& shard, const uint8_t* chosen, const int64_t* partner, const float* loss,
                 const NearChanges& near, int64_t start, int64_t stop, const Changes& changes, View<int64_t> reach,
                 int64_t* made) noexcept {
    if (shard.item_bytes == 2)
        return list_items<uint16_t>(shard, chosen, partner, loss, near, start, stop, changes, reach, made);
    return list_items<uint32_t>(shard, chosen, partner, loss, near, start, stop, changes, reach, made);
}

int group_changes(const Changes& changes, int64_t first, int64_t last, View<const int64_t> reach, View<int64_t> begins,
                  View<int64_t> entry, View<int64_t> end, View<int64_t> products) noexcept {
    try {
        const int64_t rows = begins.size - 1;
        std::fill(begins.data, begins.data + begins.size, int64_t{0});
        std::fill(products.data, products.data + products.size, int64_t{0});
        const auto comes_before = [&](int32_t row, int32_t other) {
            return reach[row] != reach[other] ? reach[row] < reach[other] : row < other;
        };
        for (int64_t m = first; m < last; ++m) {
            const int64_t start = changes.ptr[m], stop = changes.ptr[m + 1];
            for (int64_t j = start; j < stop; ++j) {
                const int32_t row = changes.row[j];
                const double moved = changes.moved[j];
                int64_t at = j;
                for (; at > start && comes_before(row, changes.row[at - 1]); --at) {
                    changes.row[at] = changes.row[at - 1];
                    changes.moved[at] = changes.moved[at - 1];
                }
                changes.row[at] = row;
                changes.moved[at] = moved;
                ++begins[row + 1];
            }
            for (int64_t j = start; j < stop; ++j) products[changes.row[j]] += stop - j;
        }
        begins[0] = changes.ptr[first];
        for (int64_t r = 0; r < rows; ++r) begins[r + 1] += begins[r];
        std::vector<int64_t> filled(begins.data, begins.data + rows);
        for (int64_t m = first; m < last; ++m)
            for (int64_t j = changes.ptr[m]; j < changes.ptr[m + 1]; ++j) {
                const int64_t at = filled[static_cast<size_t>(changes.row[j])]++;
                entry[at] = j;
                end[at] = changes.ptr[m + 1];
            }
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int multiply_changes(const ListedChanges& changes, const ChangesByRow& by_row, int64_t first, int64_t last,
                     View<int64_t> count, View<int32_t> column, View<double> product, int64_t* made) noexcept {
    try {
        // of each row in the one that is summed up
        std::vector<int64_t> place(static_cast<size_t>(by_row.begins.columns - 1), -1);
        int64_t end = 0;
        for (int64_t r = first; r < last; ++r) {
            const int64_t begin = end;
            for (int64_t part = 0; part < by_row.begins.rows; ++part) {
                const View<const int64_t> begins = by_row.begins.row(part);
                for (int64_t t = begins[r]; t < begins[r + 1]; ++t) {
                    const double own = changes.moved[by_row.entry[t]];
                    for (int64_t j = by_row.entry[t]; j < by_row.end[t]; ++j) {
                        int64_t& at = place[static_cast<size_t>(changes.row[j])];
                        if (at < begin) {
                            if (end == column.size) return NO_ROOM;
                            at = end;
                            column[end] = changes.row[j];
                            product[end++] = 0.0;
                        }
                        const double both = own * changes.moved[j];
                        product[at] += both;
                    }
                }
            }
            count[r - first] = end - begin;
        }
        *made = end;
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int mirror_products(View<const int64_t> count, View<const int32_t> half_column, View<const double> half_product,
                    View<int64_t> indptr, View<int32_t> column, View<double> product, int64_t* made) noexcept {
    try {
        const int64_t rows = count.size;
        std::fill(indptr.data, indptr.data + indptr.size, int64_t{0});
        int64_t at = 0;
        for (int64_t r = 0; r < rows; ++r)
            for (const int64_t stop = at + count[r]; at < stop; ++at) {
                ++indptr[r + 1];
                if (half_column[at] != r) ++indptr[half_column[at] + 1];
            }
        for (int64_t r = 0; r < rows; ++r) indptr[r + 1] += indptr[r];
        *made = indptr[rows];
        if (*made > column.size) return NO_ROOM;
        std::vector<int64_t> filled(indptr.data, indptr.data + rows);
        const auto put = [&](int64_t row, int64_t other, double both) {
            const int64_t place = filled[static_cast<size_t>(row)]++;
            column[place] = static_cast<int32_t>(other);
            product[place] = both;
        };
        at = 0;
        for (int64_t r = 0; r < rows; ++r)
            for (const int64_t stop = at + count[r]; at < stop; ++at) {
                put(r, half_column[at], half_product[at]);
                if (half_column[at] != r) put(half_column[at], r, half_product[at]);
            }
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
