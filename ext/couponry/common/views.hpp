// The contract's tuples as plain views of the caller's arrays: nothing is owned, nothing is copied.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"
#include "common/debug.hpp"

namespace couponry {

// Contiguous numbers. Debug builds check every index.
template <class T>
struct View {
    T* data;
    int64_t size;

    COUPONRY_INLINE T& operator[](int64_t i) const noexcept {
        COUPONRY_ASSERT(0 <= i && i < size);
        return data[i];
    }
};

// Contiguous rows of equal length.
template <class T>
struct Table {
    T* data;
    int64_t rows, columns;

    COUPONRY_INLINE View<T> row(int64_t r) const noexcept {
        COUPONRY_ASSERT(0 <= r && r < rows);
        return {data + r * columns, columns};
    }
};

// Entry of an array of length n, or of length 1 when all customers share it.
template <class T>
COUPONRY_INLINE T of_customer(View<const T> bound, int64_t i) noexcept {
    return bound[bound.size > 1 ? i : 0];
}

struct Shard {
    int64_t first;
    View<const int64_t> indptr;
    const void* item;  // uint16 or uint32
    int64_t item_bytes;
    Table<const uint16_t> quantity;
    View<const uint16_t> segment;
    View<const int64_t> number;
    View<const int64_t> given_at;
    View<const float> given_value;

    // What stands for a customer where something is drawn by hashing.
    COUPONRY_INLINE int64_t number_of(int64_t i) const noexcept { return number.size ? number[i] : first + i; }

    template <class Item>
    COUPONRY_INLINE View<const Item> items() const noexcept {
        return {static_cast<const Item*>(item), quantity.columns};
    }
};

struct Rules {
    View<const int32_t> lower, upper;
    Table<const int32_t> group;
    int64_t groups;
    Table<const int32_t> cap;
    View<const int64_t> constraint_ptr, constraints;
    int64_t nodes;

    COUPONRY_INLINE int32_t cap_of(int64_t rule, int64_t i) const noexcept { return of_customer(cap.row(rule), i); }
};

// What searches that were cut off leave open; see `evaluate` in reference/evaluate.py.
struct Cut {
    int64_t searches, slack;
};

// What a kernel returns to the boundary, which turns it into an exception.
enum Status : int { DONE = 0, NO_MEMORY = 1, ROW_TOO_LONG = 2, NO_ROOM = 3 };

}  // namespace couponry
