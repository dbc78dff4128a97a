// Columns of transactions checked, and put into those that purchases have; see reference/purchases.py.
#pragma once

#include <cstdint>

#include "affinity/group_purchases.hpp"
#include "common/views.hpp"

namespace couponry {

// Numbers of a type that is known when the kernel runs; none at all where a table lacks them.
struct AnyColumn {
    const void* data;
    int64_t size;
    char kind;  // 'i', 'u' or 'f'
    int64_t bytes;
};

struct GivenPurchases {
    AnyColumn customer, product, period, quantity, spend, discount;
};

// What numbers have to be.
struct PurchaseBounds {
    int64_t products;  // 0 <= product < products
    int64_t until;     // periods after it are left out
    double quantity, spend, discount;
};

// What purchases come to, column by column, with room for all that are given.
struct TakenPurchases {
    View<int64_t> customer;
    View<uint32_t> number;
    View<int32_t> period;
    View<uint8_t> discounted;
    View<int64_t> spend;
};

// Where the range of an id is not counted.
inline Fault ranges_beyond(const View<const int64_t>& customer, int64_t shift, int64_t least, int64_t ranges) noexcept {
    for (int64_t r = 0; r < customer.size; ++r) {
        const int64_t range = customer[r] >> shift;
        if (range < least || range - least >= ranges) return {"customer", "ids of ranges that are counted", r};
    }
    return NO_FAULT;
}

void take_purchases(const GivenPurchases& given, const PurchaseBounds& bounds, const TakenPurchases& taken,
                    const View<uint8_t>& seen, const View<int64_t>& found) noexcept;

void count_ranges(const View<const int64_t>& customer, int64_t shift, int64_t least,
                  const View<int64_t>& count) noexcept;

void hash_numbers(const View<const int64_t>& number, const View<uint64_t>& out) noexcept;

}  // namespace couponry
