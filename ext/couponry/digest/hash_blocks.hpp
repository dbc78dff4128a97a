// Hashes of blocks of words; see `hash_blocks` in reference/memory.py. Included behind one of hash_lanes_*.hpp.
#pragma once

#include <cstdint>

#include "common/compiler.hpp"

namespace couponry {
namespace {

constexpr int HASH_SUMS = 4;

// size: words of a block, a multiple of 8; key: size + HASH_SUMS - 1 words; out: HASH_SUMS for each block.
void hash_blocks(const uint64_t* words, int64_t blocks, const uint64_t* key, int64_t size, uint64_t* out) noexcept {
    for (int64_t b = 0; b < blocks; ++b, words += size, out += HASH_SUMS) {
        HashSum sums[HASH_SUMS];
        for (HashSum& sum : sums) sum = HashSum::zero();
        for (int64_t i = 0; i < size; i += HashSum::WIDTH)
            for (int j = 0; j < HASH_SUMS; ++j) sums[j].add(words + i, key + i + j);
        for (int j = 0; j < HASH_SUMS; ++j) out[j] = sums[j].total();
    }
}

}  // namespace
}  // namespace couponry
