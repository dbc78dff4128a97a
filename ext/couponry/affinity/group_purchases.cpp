// Rows into order by radix, a customer's own rows by comparison: what one customer bought stays in the nearest cache.
#include "affinity/group_purchases.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "affinity/radix_order.hpp"
#include "common/bits.hpp"

namespace couponry {

namespace {

constexpr int64_t FEW = 24;    // rows that are put into order by insertion
constexpr uint64_t DENSE = 4;  // ids are counted where they are spread over at most so many times as many numbers

struct Row {
    uint64_t key;  // rank of the item plus 1, twice the period, and 1 at a discount
    int64_t spend;
};

void sort_rows(Row* begin, Row* end) noexcept {
    const auto before = [](const Row& a, const Row& b) { return a.key < b.key; };
    if (end - begin > FEW) {
        std::sort(begin, end, before);
        return;
    }
    for (Row* row = begin + 1; row < end; ++row) {
        const Row moved = *row;
        Row* to = row;
        for (; to > begin && moved.key < to[-1].key; --to) *to = to[-1];
        *to = moved;
    }
}

// A customer's purchases of anything by period, of one customer at a time.
class Trips {
public:
    Trips(int64_t first, int64_t last)
        : first_(first), there_((last - first) / 64 + 1), spend_(last - first + 1), discounted_(last - first + 1) {}

    void add(int32_t period, int64_t spend, bool discounted) noexcept {
        const int64_t slot = period - first_, word = slot / 64;
        const uint64_t bit = uint64_t{1} << (slot % 64);
        if (!(there_[word] & bit)) {
            there_[word] |= bit;
            spend_[slot] = 0;
            discounted_[slot] = 0;
            low_ = std::min(low_, word);
            high_ = std::max(high_, word);
        }
        spend_[slot] += spend;
        discounted_[slot] |= discounted;
    }

    // Writes the trips from place `at` on, forgets them, and returns the place after the last.
    int64_t write(const GroupedRows& grouped, int64_t at) noexcept {
        for (int64_t word = low_; word <= high_; ++word) {
            for (uint64_t left = there_[word]; left; left &= left - 1) {
                const int64_t slot = word * 64 + lowest_bit(left);
                grouped.trip_period[at] = static_cast<int32_t>(first_ + slot);
                grouped.trip_discounted[at] = discounted_[slot];
                grouped.trip_spend[at++] = spend_[slot];
            }
            there_[word] = 0;
        }
        low_ = static_cast<int64_t>(there_.size());
        high_ = -1;
        return at;
    }

private:
    int64_t first_;
    std::vector<uint64_t> there_;
    std::vector<int64_t> spend_;
    std::vector<uint8_t> discounted_;
    int64_t low_ = static_cast<int64_t>(there_.size()), high_ = -1;
};

// Takes the customers' rows, one customer after the other.
class Grouping {
public:
    Grouping(const GroupedRows& out, int64_t first, int64_t last) : out_(out), trips_(first, last) {}

    void customer(int64_t id, Row* row, Row* end) noexcept {
        sort_rows(row, end);
        out_.customer[customers_] = id;
        out_.customer_pairs[customers_] = pairs_;
        out_.customer_trips[customers_++] = trip_;
        uint64_t item = 0;  // of no rank
        while (row < end) {
            const uint64_t key = row->key;
            uint64_t discounted = key & 1;
            int64_t spend = row->spend;
            for (++row; row < end && row->key >> 1 == key >> 1; ++row) {
                discounted |= row->key & 1;
                spend += row->spend;
            }
            const int32_t period = BoughtWord::period(key);
            trips_.add(period, spend, discounted != 0);
            if (key >> 32 == 0) continue;
            if (key >> 32 != item) {
                item = key >> 32;
                out_.pair_item[pairs_] = static_cast<uint32_t>(item - 1);
                out_.pair_purchases[pairs_++] = purchases_;
            }
            out_.period[purchases_] = period;
            out_.discounted[purchases_] = static_cast<uint8_t>(discounted);
            out_.spend[purchases_++] = spend;
        }
        trip_ = trips_.write(out_, trip_);
    }

    void finish() noexcept {
        out_.customer_pairs[customers_] = pairs_;
        out_.customer_trips[customers_] = trip_;
        out_.pair_purchases[pairs_] = purchases_;
        const int64_t counts[] = {customers_, pairs_, purchases_, trip_};
        for (int64_t k = 0; k < 4; ++k) out_.counts[k] = counts[k];
    }

private:
    const GroupedRows& out_;
    Trips trips_;
    int64_t customers_ = 0, pairs_ = 0, purchases_ = 0, trip_ = 0;
};

COUPONRY_INLINE Row row_of(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t r) noexcept {
    const uint64_t word = rows.bought[r], number = BoughtWord::number(word);
    const uint64_t place = number == BoughtWord::NO_ITEM ? 0 : uint64_t{rank[static_cast<int64_t>(number)]} + 1;
    return {place << 32 | (word & 0xFFFFFFFFu), rows.spend[r]};
}

// Rows of ids that lie close together, each put where its customer's rows are.
void group_counted(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t least, int64_t range,
                   Row* sorted, Grouping& grouping) {
    std::vector<int64_t> end(static_cast<size_t>(range) + 1, 0);
    const int64_t n = rows.customer.size;
    for (int64_t r = 0; r < n; ++r) ++end[rows.customer[r] - least + 1];
    for (int64_t c = 0; c < range; ++c) end[c + 1] += end[c];
    for (int64_t r = 0; r < n; ++r) sorted[end[rows.customer[r] - least]++] = row_of(rows, rank, r);
    for (int64_t c = 0, begin = 0; c < range; begin = end[c++])
        if (end[c] > begin) grouping.customer(least + c, sorted + begin, sorted + end[c]);
}

// Rows of ids from anywhere.
void group_ordered(const PurchaseRows& rows, const View<const uint32_t>& rank, Row* sorted, Grouping& grouping) {
    const int64_t n = rows.customer.size;
    std::vector<int64_t> order(static_cast<size_t>(n));
    radix_order(rows.customer, {order.data(), n});
    for (int64_t r = 0; r < n; ++r) sorted[r] = row_of(rows, rank, order[r]);
    for (int64_t begin = 0, end; begin < n; begin = end) {
        const int64_t id = rows.customer[order[begin]];
        for (end = begin + 1; end < n && rows.customer[order[end]] == id;) ++end;
        grouping.customer(id, sorted + begin, sorted + end);
    }
}

}  // namespace

int order_ids(const View<const int64_t>& ids, const View<int64_t>& order) noexcept {
    try {
        radix_order(ids, order);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int group_purchases(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
                    const GroupedRows& grouped) noexcept {
    const int64_t n = rows.customer.size;
    try {
        Grouping grouping(grouped, first, last);
        if (n > 0) {
            const std::unique_ptr<Row[]> sorted(new Row[static_cast<size_t>(n)]);
            const auto ends = std::minmax_element(rows.customer.data, rows.customer.data + n);
            const uint64_t range = static_cast<uint64_t>(*ends.second) - static_cast<uint64_t>(*ends.first);
            if (range < DENSE * static_cast<uint64_t>(n))
                group_counted(rows, rank, *ends.first, static_cast<int64_t>(range) + 1, sorted.get(), grouping);
            else
                group_ordered(rows, rank, sorted.get(), grouping);
        }
        grouping.finish();
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
