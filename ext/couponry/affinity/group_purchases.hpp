// Purchases of some customers put into order and added up; see reference/purchases.py.
#pragma once

#include <cstdint>
#include <vector>

#include "affinity/fold_purchases.hpp"
#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

struct PurchaseColumns {
    View<const int64_t> customer;
    View<const uint32_t> number;
    View<const int32_t> period;
    View<const uint8_t> discounted;
    View<const int64_t> spend;
};

struct OrderedRows {
    View<int64_t> customer;
    View<uint64_t> bought;
    View<int64_t> spend;
};

struct PurchaseRows {
    View<const int64_t> customer;
    View<const uint64_t> bought;
    View<const int64_t> spend;  // none: nothing was paid
};

struct GroupedRows {
    View<int64_t> counts, customer, customer_pairs, customer_trips;
    View<uint32_t> pair_item;
    View<int64_t> pair_purchases;
    View<int32_t> period;
    View<uint8_t> discounted;
    View<int64_t> spend;
    View<int32_t> trip_period;
    View<uint8_t> trip_discounted;
    View<int64_t> trip_spend;
};

struct GroupedStates {
    View<int64_t> counts, customer, n_pairs;
    View<uint32_t> item;
    Pairs pairs, trips;
};

// What purchases add to the counts of items; see `count_purchases` in reference/purchases.py.
struct ItemCounting {
    Table<const float> factor;
    int64_t until;
    View<const int64_t> late;
    Table<double> counts;
    View<int64_t> customers;
};

// What a row bought: the number of an item, and twice the period, and 1 at a discount.
struct BoughtWord {
    static constexpr uint64_t NO_ITEM = 0xFFFFFFFFu;
    static constexpr int32_t ZERO_PERIOD = 1 << 30;

    static uint64_t of(uint32_t number, int32_t period, uint8_t discounted) noexcept {
        const uint32_t when = (static_cast<uint32_t>(period) + uint32_t{ZERO_PERIOD}) << 1 | discounted;
        return uint64_t{number} << 32 | when;
    }
    // In 32 bits: where there are few items, and periods are not negative.
    static uint32_t narrow(uint32_t number, int32_t period, uint8_t discounted) noexcept {
        return number << 16 | static_cast<uint32_t>(period) << 1 | discounted;
    }
    static uint64_t number(uint64_t word) noexcept { return word >> 32; }
    static int32_t period(uint64_t word) noexcept {
        return static_cast<int32_t>(static_cast<uint32_t>(word) >> 1) - ZERO_PERIOD;
    }
};

// Where a period is none, or a flag is neither 0 nor 1.
inline Fault columns_beyond(const PurchaseColumns& columns) noexcept {
    const int64_t n = columns.period.size, most = BoughtWord::ZERO_PERIOD;
    return first_fault(not_within("columns.period", columns.period.data, 0, n, 1 - most, most - 1),
                       not_flags("columns.discounted", columns.discounted.data, n));
}

// Where an item has no rank, or a period lies outside of first to last.
inline Fault purchases_beyond(const PurchaseRows& rows, int64_t ranks, int64_t first, int64_t last) noexcept {
    for (int64_t r = 0; r < rows.bought.size; ++r) {
        const uint64_t word = rows.bought[r], number = BoughtWord::number(word);
        const int64_t period = BoughtWord::period(word);
        if ((number != BoughtWord::NO_ITEM && number >= static_cast<uint64_t>(ranks)) || period < first ||
            period > last)
            return {"rows.bought", "items that have ranks and periods from the first to the last", r};
    }
    return NO_FAULT;
}

// Where an item's rank has no counts.
inline Fault ranks_beyond(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t items) noexcept {
    for (int64_t r = 0; r < rows.bought.size; ++r) {
        const uint64_t number = BoughtWord::number(rows.bought[r]);
        if (number != BoughtWord::NO_ITEM && rank[static_cast<int64_t>(number)] >= items)
            return {"rank", "ranks of items that have counts", static_cast<int64_t>(number)};
    }
    return NO_FAULT;
}

// Rows by ranges of ids, each range from its place on; see `place_purchases` in reference/purchases.py.
struct PlacedRows {
    void* customer;  // uint32 or int64
    void* bought;    // uint32 or uint64
    void* spend;     // int32 or int64; nothing is kept where their bytes are 0
    int64_t customer_bytes, bought_bytes, spend_bytes;
    int64_t size;
};

// Where the range of an id has no place, or a place lies beyond the rows.
inline Fault places_beyond(const PurchaseColumns& columns, int64_t shift, int64_t least, View<const int64_t> place,
                           int64_t rows) {
    std::vector<int64_t> end(place.data, place.data + place.size);
    for (int64_t r = 0; r < columns.customer.size; ++r) {
        const int64_t range = (columns.customer[r] >> shift) - least;
        if (range < 0 || range >= place.size) return {"columns.customer", "ids of ranges that have a place", r};
        if (end[static_cast<size_t>(range)] < 0 || end[static_cast<size_t>(range)]++ >= rows)
            return {"place", "places of rows", range};
    }
    return NO_FAULT;
}

void place_purchases(const PurchaseColumns& columns, int64_t shift, int64_t least, const View<int64_t>& place,
                     const PlacedRows& rows) noexcept;

int order_purchases(const PurchaseColumns& columns, const OrderedRows& out) noexcept;

int group_purchases(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
                    const GroupedRows& grouped) noexcept;

int group_states(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
                 const Table<const float>& factor, const GroupedStates& grouped) noexcept;

int count_purchases(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
                    const ItemCounting& counting) noexcept;

}  // namespace couponry
