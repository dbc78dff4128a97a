// The order of numbers by a stable radix sort: as many passes as the spread of the numbers asks for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/views.hpp"

namespace couponry {

inline int bit_width(uint64_t number) noexcept {
    int bits = 0;
    for (; number; number >>= 1) ++bits;
    return bits;
}

// Sorts entries by some bits of their keys, the lowest digit first; returns which of the two arrays they are in then.
template <class Entry, class Key>
Entry* radix_sorted(Entry* from, Entry* to, int64_t n, int bits, Key key) {
    constexpr int WIDEST = 12;  // bits of a digit: as many places to write to as near caches have room for
    const int passes = (bits + WIDEST - 1) / WIDEST, width = passes ? (bits + passes - 1) / passes : 0;
    const uint64_t digits = uint64_t{1} << width;
    std::vector<int64_t> counts(static_cast<size_t>(passes) * digits, 0);
    for (int64_t r = 0; r < n; ++r) {
        uint64_t left = key(from[r]);
        for (int pass = 0; pass < passes; ++pass, left >>= width) ++counts[pass * digits + (left & (digits - 1))];
    }
    for (int pass = 0; pass < passes; ++pass) {
        int64_t* const at = counts.data() + pass * digits;
        if (at[key(from[0]) >> (pass * width) & (digits - 1)] == n) continue;  // all are the same here
        for (uint64_t digit = 0, before = 0; digit < digits; ++digit) {
            const uint64_t here = static_cast<uint64_t>(at[digit]);
            at[digit] = static_cast<int64_t>(before);
            before += here;
        }
        for (int64_t r = 0; r < n; ++r) to[at[key(from[r]) >> (pass * width) & (digits - 1)]++] = from[r];
        std::swap(from, to);
    }
    return from;
}

// The places of numbers in ascending order; of equal ones, the first first. Throws std::bad_alloc.
inline void radix_order(const View<const int64_t>& numbers, const View<int64_t>& order) {
    struct Placed {
        uint64_t key;
        int64_t place;
    };
    const int64_t n = numbers.size;
    if (n == 0) return;
    const auto ends = std::minmax_element(numbers.data, numbers.data + n);
    const uint64_t least = static_cast<uint64_t>(*ends.first);
    const int bits = bit_width(static_cast<uint64_t>(*ends.second) - least);
    const int places = bit_width(static_cast<uint64_t>(n - 1));
    const auto key_of = [&](int64_t r) { return static_cast<uint64_t>(numbers[r]) - least; };
    if (bits + places <= 64) {  // key and place in one word
        const std::unique_ptr<uint64_t[]> room(new uint64_t[2 * static_cast<size_t>(n)]);
        const uint64_t mask = (uint64_t{1} << places) - 1;
        for (int64_t r = 0; r < n; ++r) room[r] = key_of(r) << places | static_cast<uint64_t>(r);
        const uint64_t* sorted =
            radix_sorted(room.get(), room.get() + n, n, bits, [places](uint64_t word) { return word >> places; });
        for (int64_t r = 0; r < n; ++r) order[r] = static_cast<int64_t>(sorted[r] & mask);
        return;
    }
    const std::unique_ptr<Placed[]> room(new Placed[2 * static_cast<size_t>(n)]);
    for (int64_t r = 0; r < n; ++r) room[r] = {key_of(r), r};
    const Placed* sorted =
        radix_sorted(room.get(), room.get() + n, n, bits, [](const Placed& placed) { return placed.key; });
    for (int64_t r = 0; r < n; ++r) order[r] = sorted[r].place;
}

}  // namespace couponry
