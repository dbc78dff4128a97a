// Texts given numbers in the order in which they come, by a hash table of them; see reference/memory.py.
#pragma once

#include <cstdint>

#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

// Texts one after the other: where each begins, and where the last one ends, and the bytes of all.
struct Texts {
    View<const int64_t> end;
    View<const uint8_t> data;

    int64_t count() const noexcept { return end.size - 1; }
};

struct TextTable {
    View<int64_t> known;
    View<uint64_t> slot;
    View<int64_t> end;
    View<uint8_t> data;
};

// Where texts do not end in order, or beyond their bytes.
Fault texts_beyond(const Texts& texts) noexcept;

// Where a table has numbers of texts that it does not have, or no empty slot; or where texts that have no number would
// not have room in it.
Fault table_beyond(const Texts& texts, const TextTable& table, View<const int64_t> number, bool adds) noexcept;

void hash_texts(const Texts& texts, const View<uint64_t>& hash) noexcept;

void number_texts(const Texts& texts, const View<const uint64_t>& hash, const TextTable& table,
                  const View<int64_t>& number, bool adds) noexcept;

}  // namespace couponry
