// The contract's tuples as plain views of the caller's arrays: nothing is owned, nothing is copied.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "compiler.hpp"

namespace couponry {

// Contiguous numbers. Debug builds (COUPONRY_BUILD_DEBUG=1) check every index.
template <class T>
struct View {
    T* data;
    int64_t size;

    COUPONRY_INLINE T& operator[](int64_t i) const noexcept {
#ifdef COUPONRY_CHECK_BOUNDS
        if (i < 0 || i >= size) std::abort();
#endif
        return data[i];
    }
};

// Contiguous rows of equal length.
template <class T>
struct Table {
    T* data;
    int64_t rows, columns;

    COUPONRY_INLINE View<T> row(int64_t r) const noexcept {
#ifdef COUPONRY_CHECK_BOUNDS
        if (r < 0 || r >= rows) std::abort();
#endif
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
    View<const int64_t> ptr, sets;
    int64_t nodes;

    COUPONRY_INLINE int32_t cap_of(int64_t rule, int64_t i) const noexcept {
        return of_customer(cap.row(rule), i);
    }
};

// The sets of one customer's candidates; see `Rules` in contract.py.
struct Sets {
    static constexpr int64_t SHORT = 32;  // candidates that fit a set's one number, head included

    const int64_t* at;
    int64_t count, words;  // words to a set's candidates
    bool is_short;

    COUPONRY_INLINE static int64_t numbers_each(int64_t n) noexcept { return n <= SHORT ? 1 : 1 + (n + 63) / 64; }

    // Of customer i, who has n candidates; none where groups that nest tell all.
    COUPONRY_INLINE static Sets of(const Rules& rules, int64_t i, int64_t n) noexcept {
        const int64_t words = (n + 63) / 64;
        const bool is_short = n <= SHORT;
        if (rules.ptr.size <= 1) return {nullptr, 0, words, is_short};
        const int64_t begin = rules.ptr[i], numbers = rules.ptr[i + 1] - begin;
        return {rules.sets.data + begin, is_short ? numbers : numbers / (1 + words), words, is_short};
    }

    COUPONRY_INLINE int64_t cap(int64_t s) const noexcept {
        return is_short ? at[s] >> 32 & 0x3F : head(s) & 0xFFFF;
    }
    COUPONRY_INLINE int64_t least(int64_t s) const noexcept {
        return is_short ? at[s] >> 38 & 0x3F : head(s) >> 16 & 0xFFFF;
    }
    COUPONRY_INLINE int64_t weight(int64_t s) const noexcept {
        return (is_short ? at[s] >> 60 : head(s) >> 48) & 1 ? int64_t{1} << 20 : 1;
    }
    COUPONRY_INLINE bool crosses(int64_t s) const noexcept { return (is_short ? at[s] >> 61 : head(s) >> 49) & 1; }
    COUPONRY_INLINE uint64_t word(int64_t s, int64_t w) const noexcept {
        return static_cast<uint64_t>(is_short ? at[s] & 0xFFFFFFFF : at[s * (1 + words) + 1 + w]);
    }
    COUPONRY_INLINE bool has(int64_t s, int64_t j) const noexcept { return word(s, j / 64) >> (j % 64) & 1; }

private:
    COUPONRY_INLINE int64_t head(int64_t s) const noexcept { return at[s * (1 + words)]; }
};

// What searches that were cut off leave open; see `evaluate` in reference.py.
struct Cut {
    int64_t searches, slack;
};

struct Rows {
    View<const int64_t> ptr;
    View<const int32_t> row;
    Table<const double> coefficient;
    View<const double> lower, upper, weight, penalty;
};

// What a kernel returns to the boundary, which turns it into an exception.
enum Status : int { DONE = 0, NO_MEMORY = 1, ROW_TOO_LONG = 2 };

}  // namespace couponry
