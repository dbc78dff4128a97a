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

// Calls visit(j) for each of the ascending places where first <= row[j] < last, without a branch for the others.
template <class Visit>
void visit_rows(View<const int32_t> row, int64_t first, int64_t last, Visit visit) noexcept {
    constexpr int64_t TOGETHER = 1024;
    int64_t found[TOGETHER];
    const uint64_t own_rows = static_cast<uint64_t>(last - first);
    for (int64_t begin = 0; begin < row.size; begin += TOGETHER) {
        const int64_t end = std::min(begin + TOGETHER, row.size);
        int64_t count = 0;
        for (int64_t j = begin; j < end; ++j) {
            found[count] = j;
            count += static_cast<uint64_t>(row[j] - first) < own_rows;
        }
        for (int64_t at = 0; at < count; ++at) visit(found[at]);
    }
}

}  // namespace

int list_changes(const Shard& shard, const uint8_t* chosen, const int64_t* partner, const float* loss,
                 const NearChanges& near, int64_t start, int64_t stop, const Changes& changes, View<int64_t> reach,
                 int64_t* made) noexcept {
    if (shard.item_bytes == 2)
        return list_items<uint16_t>(shard, chosen, partner, loss, near, start, stop, changes, reach, made);
    return list_items<uint32_t>(shard, chosen, partner, loss, near, start, stop, changes, reach, made);
}

int multiply_changes(View<const int64_t> ptr, View<const int32_t> row, View<const double> moved, int64_t rows,
                     int64_t first, int64_t last, View<int64_t> count, View<int32_t> column, View<double> product,
                     int64_t* made) noexcept {
    try {
        const int64_t own_rows = last - first;
        std::vector<int64_t> begins(static_cast<size_t>(own_rows) + 1);
        visit_rows(row, first, last, [&](int64_t j) { ++begins[static_cast<size_t>(row[j] - first) + 1]; });
        for (size_t r = 0; r < static_cast<size_t>(own_rows); ++r) begins[r + 1] += begins[r];
        std::vector<int64_t> filled(begins.begin(), begins.end() - 1);
        struct Own {
            int64_t change;
            double moved;
        };
        std::vector<Own> own(static_cast<size_t>(begins.back()));
        int64_t change = 0;
        visit_rows(row, first, last, [&](int64_t j) {
            while (ptr[change + 1] <= j) ++change;
            own[static_cast<size_t>(filled[static_cast<size_t>(row[j] - first)]++)] = {change, moved[j]};
        });
        std::vector<int64_t> place(static_cast<size_t>(rows), -1);  // of each other row in the row that is summed up
        int64_t end = 0;
        for (int64_t r = 0; r < own_rows; ++r) {
            const int64_t begin = end;
            for (int64_t t = begins[static_cast<size_t>(r)]; t < begins[static_cast<size_t>(r) + 1]; ++t) {
                const Own& one = own[static_cast<size_t>(t)];
                for (int64_t j = ptr[one.change]; j < ptr[one.change + 1]; ++j) {
                    int64_t& at = place[static_cast<size_t>(row[j])];
                    if (at < begin) {
                        if (end == column.size) return NO_ROOM;
                        at = end;
                        column[end] = row[j];
                        product[end++] = 0.0;
                    }
                    const double both = one.moved * moved[j];
                    product[at] += both;
                }
            }
            count[r] = end - begin;
        }
        *made = end;
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
