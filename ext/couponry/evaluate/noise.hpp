// The noise attribute: a number drawn for each candidate by hashing; see `noise` in reference/evaluate.py.
//
// Included once per instruction set. The loop over a few customers' candidates knows nothing of where rows end, for the
// compiler to turn it into vectors.
#pragma once

#include <cstdint>

#include "common/tie_break.hpp"
#include "dispatch/kernel_table.hpp"

namespace couponry {
namespace {

template <class Item>
void noise_items(const Shard& shard, uint32_t seed, int64_t start, int64_t stop, uint16_t* out) noexcept {
    constexpr int64_t PIECE = 1024;
    uint32_t of_customer[PIECE];
    const Item* item = static_cast<const Item*>(shard.item) + shard.indptr[start];
    const int64_t n = shard.indptr[stop] - shard.indptr[start];
    int64_t i = start, left = shard.indptr[start + 1] - shard.indptr[start];
    uint32_t hash = customer_hash(~seed, shard.number_of(i));
    for (int64_t from = 0; from < n; from += PIECE) {
        const int64_t size = n - from < PIECE ? n - from : PIECE;
        for (int64_t j = 0; j < size;) {
            for (; left == 0; left = shard.indptr[i + 1] - shard.indptr[i])
                hash = customer_hash(~seed, shard.number_of(++i));
            const int64_t end = size - j < left ? size : j + left;
            left -= end - j;
            while (j < end) of_customer[j++] = hash;
        }
        for (int64_t j = 0; j < size; ++j)
            out[from + j] = static_cast<uint16_t>(tie_hash(of_customer[j], item[from + j]) >> 16);
    }
}

void noise(const Shard& shard, uint32_t seed, int64_t start, int64_t stop, uint16_t* out) noexcept {
    if (shard.item_bytes == 2)
        noise_items<uint16_t>(shard, seed, start, stop, out);
    else
        noise_items<uint32_t>(shard, seed, start, stop, out);
}

}  // namespace
}  // namespace couponry
