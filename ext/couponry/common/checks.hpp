// What arrays have to hold for the kernels to stay inside them.
//
// Shapes are compared at each call. What arrays hold is read only where nobody has read it before: callers in this
// package check once and call kernels unchecked; debug builds read it at every call.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/set_layout.hpp"
#include "common/views.hpp"

namespace couponry {

#ifdef COUPONRY_ASSERTIONS
constexpr bool ALWAYS_CHECKED = true;
#else
constexpr bool ALWAYS_CHECKED = false;
#endif

// The first number of an array that may not be there; what is null where there is none.
struct Fault {
    const char* array;
    const char* expected;
    int64_t at;
};

constexpr Fault NO_FAULT{nullptr, nullptr, 0};

template <class Number>
Fault not_within(const char* array, const Number* numbers, int64_t from, int64_t to, int64_t low,
                 int64_t high) noexcept {
    for (int64_t j = from; j < to; ++j) {
        const int64_t number = static_cast<int64_t>(numbers[j]);
        if (number < low || number > high) return {array, "a number within the arrays that it counts in", j};
    }
    return NO_FAULT;
}

template <class Number>
Fault not_finite(const char* array, const Number* numbers, int64_t n) noexcept {
    for (int64_t j = 0; j < n; ++j)
        if (!std::isfinite(numbers[j])) return {array, "a finite number", j};
    return NO_FAULT;
}

inline Fault not_flags(const char* array, const uint8_t* numbers, int64_t n) noexcept {
    for (int64_t j = 0; j < n; ++j)
        if (numbers[j] > 1) return {array, "0 or 1", j};
    return NO_FAULT;
}

// Offsets from the `from`-th to the `to`-th of an array of so many entries.
inline Fault not_offsets(const char* array, const int64_t* ptr, int64_t from, int64_t to, int64_t entries) noexcept {
    for (int64_t i = from; i <= to; ++i)
        if (ptr[i] < (i > from ? ptr[i - 1] : 0) || ptr[i] > entries)
            return {array, "ascending offsets into its array", i};
    return NO_FAULT;
}

inline Fault first_fault() noexcept { return NO_FAULT; }

// The first of some faults.
template <class... Others>
Fault first_fault(const Fault& fault, const Others&... others) noexcept {
    return fault.array ? fault : first_fault(others...);
}

inline Fault items_beyond(const char* array, const void* item, int64_t item_bytes, int64_t from, int64_t to,
                          int64_t items) noexcept {
    return item_bytes == 2 ? not_within(array, static_cast<const uint16_t*>(item), from, to, 0, items - 1)
                           : not_within(array, static_cast<const uint32_t*>(item), from, to, 0, items - 1);
}

// Of customers start <= i < stop, the first of whom has candidates in the array.
inline Fault shard_fault(const Shard& shard, int64_t start, int64_t stop, int64_t segments, int64_t items) noexcept {
    const Fault offsets = not_offsets("shard.indptr", shard.indptr.data, start, stop, shard.quantity.columns);
    if (offsets.array) return offsets;
    const bool shared = shard.segment.size == 1;
    for (int64_t g = 0; g < shard.given_at.size; ++g)
        if (shard.given_at.data[g] < (g > 0 ? shard.given_at.data[g - 1] + 1 : 0) ||
            shard.given_at.data[g] >= shard.quantity.columns)
            return {"shard.given_at", "ascending positions of candidates", g};
    return first_fault(
        not_finite("shard.given_value", shard.given_value.data, shard.given_value.size),
        items_beyond("shard.item", shard.item, shard.item_bytes, shard.indptr.data[start], shard.indptr.data[stop],
                     items),
        not_within("shard.segment", shard.segment.data, shared ? 0 : start, shared ? 1 : stop, 0, segments - 1));
}

// Whether words begin with whole rows over a customer's own n candidates, whose sums cannot overflow.
inline bool are_rows(const int64_t* words, int64_t count, int64_t n) noexcept {
    const Rows rows = Rows::of(words, count);
    if (rows.words() > count || rows.words() < 1) return false;
    const int64_t* const end = words + rows.words();
    Row row = rows.first();
    for (int64_t r = rows.count(); r > 0; --r, row = row.next()) {
        if (end - row.at < Row::HEAD_WORDS || end - row.at < Row::HEAD_WORDS + row.entries()) return false;
        if (row.low() < -NO_BOUND || row.low() > NO_BOUND || row.high() < -NO_BOUND || row.high() > NO_BOUND)
            return false;
        for (int64_t x = 0; x < row.entries(); ++x) {
            const int64_t least = row.counts_groups() ? NO_GROUP : -MOST_COEFFICIENT;
            const int64_t most = row.counts_groups() ? n - 1 : MOST_COEFFICIENT;
            if (row.candidate(x) >= n || row.weight(x) < least || row.weight(x) > most) return false;
        }
    }
    return row.at == end;
}

// Whether a customer's words are rows and constraints over its own n candidates.
inline bool are_constraints(const int64_t* words, int64_t count, int64_t n) noexcept {
    if (count > 0 && words[0] < 0) {
        if (!are_rows(words, count, n)) return false;
        const int64_t of_rows = Rows::of(words, count).words();
        words += of_rows;
        count -= of_rows;
    }
    const int64_t each = Constraints::words_each(n);
    if (count % each) return false;
    const uint64_t beyond = n <= Constraints::SHORT ? ~((uint64_t{1} << n) - 1) & 0xFFFFFFFFu
                            : n % 64                ? ~((uint64_t{1} << (n % 64)) - 1)
                                                    : 0;
    for (int64_t at = each - 1; at < count; at += each)
        if (static_cast<uint64_t>(words[at]) & beyond) return false;
    return true;
}

// After shard_fault has found nothing.
inline Fault rules_fault(const Shard& shard, const Rules& rules, int64_t start, int64_t stop) noexcept {
    const Fault groups =
        not_within("rules.group", rules.group.data, 0, rules.group.rows * rules.group.columns, -1, rules.groups - 1);
    if (groups.array || rules.constraint_ptr.size <= 1) return groups;
    const Fault offsets =
        not_offsets("rules.constraint_ptr", rules.constraint_ptr.data, start, stop, rules.constraints.size);
    if (offsets.array) return offsets;
    for (int64_t i = start; i < stop; ++i) {
        const int64_t begin = rules.constraint_ptr.data[i];
        if (!are_constraints(rules.constraints.data + begin, rules.constraint_ptr.data[i + 1] - begin,
                             shard.indptr.data[i + 1] - shard.indptr.data[i]))
            return {"rules.constraints", "whole constraints over the customer's own candidates", begin};
    }
    return NO_FAULT;
}

}  // namespace couponry
