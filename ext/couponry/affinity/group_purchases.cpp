// Purchases into order by radix: customer, item and period in one word, with the place of the row below them.
#include "affinity/group_purchases.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "affinity/radix_order.hpp"
#include "common/bits.hpp"

namespace couponry {

namespace {

constexpr int64_t AHEAD = 16;  // rows that are asked of memory before they are needed
constexpr uint64_t DENSE = 4;  // ids less the least one are codes where they are below so many times the rows

// Codes of the customers of rows, ascending as their ids are, and the id of each.
class Codes {
public:
    explicit Codes(const View<const int64_t>& customer) : customer_(customer) {
        const int64_t n = customer.size;
        const auto ends = std::minmax_element(customer.data, customer.data + n);
        least_ = *ends.first;
        most_ = static_cast<uint64_t>(*ends.second) - static_cast<uint64_t>(least_);
        if (most_ < DENSE * static_cast<uint64_t>(n)) return;
        std::vector<int64_t> order(static_cast<size_t>(n));
        radix_order(customer, {order.data(), n});
        code_.resize(static_cast<size_t>(n));
        for (const int64_t r : order) {
            if (id_.empty() || id_.back() != customer[r]) id_.push_back(customer[r]);
            code_[r] = static_cast<int64_t>(id_.size()) - 1;
        }
        most_ = id_.size() - 1;
    }

    COUPONRY_INLINE uint64_t of(int64_t r) const noexcept {
        return static_cast<uint64_t>(code_.empty() ? customer_[r] - least_ : code_[r]);
    }
    COUPONRY_INLINE int64_t id(uint64_t code) const noexcept {
        return id_.empty() ? least_ + static_cast<int64_t>(code) : id_[code];
    }
    uint64_t most() const noexcept { return most_; }

private:
    View<const int64_t> customer_;
    int64_t least_;
    uint64_t most_;
    std::vector<int64_t> code_, id_;
};

// A row in its order.
struct Purchase {
    uint64_t customer;  // code
    uint64_t item;      // rank plus 1; 0: none
    int64_t slot;       // period, from the first
    uint8_t discounted;
    int64_t spend;
};

// A customer's purchases of anything by period, of one customer at a time.
class Trips {
public:
    explicit Trips(int64_t periods) : there_(periods / 64 + 1), spend_(periods), discounted_(periods) {}

    COUPONRY_INLINE void add(const Purchase& row) noexcept {
        const int64_t word = row.slot / 64;
        there_[word] |= uint64_t{1} << (row.slot % 64);
        spend_[row.slot] += row.spend;
        discounted_[row.slot] |= row.discounted;
        low_ = std::min(low_, word);
        high_ = std::max(high_, word);
    }

    // Writes the trips from place `at` on, forgets them, and returns the place after the last.
    int64_t write(const GroupedRows& out, int64_t first, int64_t at) noexcept {
        for (int64_t word = low_; word <= high_; ++word) {
            for (uint64_t left = there_[word]; left; left &= left - 1) {
                const int64_t slot = word * 64 + lowest_bit(left);
                out.trip_period[at] = static_cast<int32_t>(first + slot);
                out.trip_discounted[at] = discounted_[slot];
                out.trip_spend[at++] = spend_[slot];
                spend_[slot] = 0;
                discounted_[slot] = 0;
            }
            there_[word] = 0;
        }
        low_ = static_cast<int64_t>(there_.size());
        high_ = -1;
        return at;
    }

private:
    std::vector<uint64_t> there_;
    std::vector<int64_t> spend_;
    std::vector<uint8_t> discounted_;
    int64_t low_ = static_cast<int64_t>(there_.size()), high_ = -1;
};

// Adds up n rows, which row(k) returns in their order.
template <class RowAt>
void add_up(int64_t n, const RowAt& row, const Codes& codes, int64_t first, Trips& trips,
            const GroupedRows& out) noexcept {
    int64_t customers = 0, pairs = 0, purchases = 0, trip = 0;
    Purchase before{0, 0, -1, 0, 0};
    for (int64_t k = 0; k < n; ++k) {
        const Purchase now = row(k);
        const bool other_customer = k == 0 || now.customer != before.customer;
        const bool other_item = other_customer || now.item != before.item;
        if (other_customer) {
            trip = trips.write(out, first, trip);
            out.customer[customers] = codes.id(now.customer);
            out.customer_pairs[customers] = pairs;
            out.customer_trips[customers++] = trip;
        }
        trips.add(now);
        if (now.item && other_item) {
            out.pair_item[pairs] = static_cast<uint32_t>(now.item - 1);
            out.pair_purchases[pairs++] = purchases;
        }
        if (now.item && (other_item || now.slot != before.slot)) {
            out.period[purchases] = static_cast<int32_t>(first + now.slot);
            out.discounted[purchases] = now.discounted;
            out.spend[purchases++] = now.spend;
        } else if (now.item) {
            out.discounted[purchases - 1] |= now.discounted;
            out.spend[purchases - 1] += now.spend;
        }
        before = now;
    }
    trip = trips.write(out, first, trip);
    out.customer_pairs[customers] = pairs;
    out.customer_trips[customers] = trip;
    out.pair_purchases[pairs] = purchases;
    const int64_t counts[] = {customers, pairs, purchases, trip};
    for (int64_t k = 0; k < 4; ++k) out.counts[k] = counts[k];
}

// Rows of any order, with what they are ordered by.
class Unordered {
public:
    Unordered(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first)
        : rows_(rows),
          codes_(rows.customer),
          item_(static_cast<size_t>(rows.bought.size)),
          first_(first) {
        for (int64_t r = 0; r < rows.bought.size; ++r) {
            const uint64_t number = BoughtWord::number(rows.bought[r]);
            if (number != BoughtWord::NO_ITEM) item_[r] = uint64_t{rank[static_cast<int64_t>(number)]} + 1;
            most_item_ = std::max(most_item_, item_[r]);
        }
    }

    COUPONRY_INLINE Purchase at(int64_t r) const noexcept {
        const uint64_t word = rows_.bought[r];
        return {codes_.of(r), item_[r], BoughtWord::period(word) - first_, static_cast<uint8_t>(word & 1),
                rows_.spend[r]};
    }
    const Codes& codes() const noexcept { return codes_; }
    uint64_t most_item() const noexcept { return most_item_; }
    int64_t spend(int64_t r) const noexcept { return rows_.spend[r]; }
    COUPONRY_INLINE void ask_for(int64_t r) const noexcept { prefetch_ahead(rows_.spend.data, r); }

private:
    const PurchaseRows& rows_;
    Codes codes_;
    std::vector<uint64_t> item_;
    uint64_t most_item_ = 0;
    int64_t first_;
};

// How much of a word of 64 bits customers, items, periods and places take up; discounts take one more.
struct Widths {
    int customer, item, slot, place;

    int key() const noexcept { return customer + item + slot + 1; }
    static uint64_t low(uint64_t word, int bits) noexcept { return word & ((uint64_t{1} << bits) - 1); }
};

void group_packed(const Unordered& rows, int64_t n, const Widths& width, int64_t first, Trips& trips,
                  const GroupedRows& out) {
    const std::unique_ptr<uint64_t[]> room(new uint64_t[2 * static_cast<size_t>(n)]);
    for (int64_t r = 0; r < n; ++r) {
        const Purchase row = rows.at(r);
        const uint64_t key = ((row.customer << width.item | row.item) << width.slot | static_cast<uint64_t>(row.slot))
                                 << 1 |
                             row.discounted;
        room[r] = key << width.place | static_cast<uint64_t>(r);
    }
    const auto key_of = [&](uint64_t word) { return word >> width.place; };
    const uint64_t* const sorted = radix_sorted(room.get(), room.get() + n, n, width.key(), key_of);
    const auto row = [&](int64_t k) {
        rows.ask_for(static_cast<int64_t>(Widths::low(sorted[std::min(k + AHEAD, n - 1)], width.place)));
        const uint64_t key = key_of(sorted[k]), when = key >> 1, what = when >> width.slot;
        return Purchase{what >> width.item, Widths::low(what, width.item),
                        static_cast<int64_t>(Widths::low(when, width.slot)), static_cast<uint8_t>(key & 1),
                        rows.spend(static_cast<int64_t>(Widths::low(sorted[k], width.place)))};
    };
    add_up(n, row, rows.codes(), first, trips, out);
}

// Where keys and places do not fit into a word together.
void group_compared(const Unordered& rows, int64_t n, int64_t first, Trips& trips, const GroupedRows& out) {
    std::vector<Purchase> sorted;
    sorted.reserve(static_cast<size_t>(n));
    for (int64_t r = 0; r < n; ++r) sorted.push_back(rows.at(r));
    std::sort(sorted.begin(), sorted.end(), [](const Purchase& a, const Purchase& b) {
        if (a.customer != b.customer) return a.customer < b.customer;
        return a.item != b.item ? a.item < b.item : a.slot < b.slot;
    });
    add_up(n, [&](int64_t k) { return sorted[static_cast<size_t>(k)]; }, rows.codes(), first, trips, out);
}

template <class Customer, class Spend>
void place_rows(const PurchaseColumns& columns, int64_t shift, int64_t least, const View<int64_t>& place,
                const PlacedRows& rows) noexcept {
    const View<Customer> customer{static_cast<Customer*>(rows.customer), rows.bought.size};
    const View<Spend> spend{static_cast<Spend*>(rows.spend), rows.bought.size};
    for (int64_t r = 0; r < columns.customer.size; ++r) {
        const int64_t k = place[(columns.customer[r] >> shift) - least]++;
        customer[k] = static_cast<Customer>(columns.customer[r]);
        rows.bought[k] = BoughtWord::of(columns.number[r], columns.period[r], columns.discounted[r]);
        spend[k] = static_cast<Spend>(columns.spend[r]);
    }
}

}  // namespace

void place_purchases(const PurchaseColumns& columns, int64_t shift, int64_t least, const View<int64_t>& place,
                     const PlacedRows& rows) noexcept {
    if (rows.customer_bytes == 4 && rows.spend_bytes == 4)
        place_rows<uint32_t, int32_t>(columns, shift, least, place, rows);
    else if (rows.customer_bytes == 4)
        place_rows<uint32_t, int64_t>(columns, shift, least, place, rows);
    else if (rows.spend_bytes == 4)
        place_rows<int64_t, int32_t>(columns, shift, least, place, rows);
    else
        place_rows<int64_t, int64_t>(columns, shift, least, place, rows);
}

int order_purchases(const PurchaseColumns& columns, const OrderedRows& out) noexcept {
    const int64_t n = columns.customer.size;
    try {
        std::vector<int64_t> order(static_cast<size_t>(n));
        radix_order(columns.customer, {order.data(), n});
        for (int64_t k = 0; k < n; ++k) {
            const int64_t r = order[k], later = order[std::min(k + AHEAD, n - 1)];
            prefetch_ahead(columns.customer.data, later);
            prefetch_ahead(columns.number.data, later);
            prefetch_ahead(columns.period.data, later);
            prefetch_ahead(columns.spend.data, later);
            out.customer[k] = columns.customer[r];
            out.bought[k] = BoughtWord::of(columns.number[r], columns.period[r], columns.discounted[r]);
            out.spend[k] = columns.spend[r];
        }
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int group_purchases(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
                    const GroupedRows& grouped) noexcept {
    const int64_t n = rows.customer.size;
    try {
        Trips trips(last - first + 1);
        if (n == 0) {
            for (View<int64_t> none : {grouped.customer_pairs, grouped.customer_trips, grouped.pair_purchases})
                none[0] = 0;
            for (int64_t k = 0; k < 4; ++k) grouped.counts[k] = 0;
            return DONE;
        }
        const Unordered unordered(rows, rank, first);
        const Widths width{bit_width(unordered.codes().most()), bit_width(unordered.most_item()),
                           bit_width(static_cast<uint64_t>(last - first)), bit_width(static_cast<uint64_t>(n - 1))};
        if (width.key() + width.place <= 64)
            group_packed(unordered, n, width, first, trips, grouped);
        else
            group_compared(unordered, n, first, trips, grouped);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
