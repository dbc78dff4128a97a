// Hashes of blocks of words, and sums of bytes; see reference/memory.py. Included behind one of hash_lanes_*.hpp.
#pragma once

#include <cstdint>
#include <cstring>

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

// Every byte once, as 64-bit numbers modulo 2^64, the last one padded with zeros.
uint64_t sum_bytes(const uint8_t* bytes, int64_t n) noexcept {
    uint64_t sum = 0, word;
    int64_t at = 0;
    for (; at + 8 <= n; at += 8) {
        std::memcpy(&word, bytes + at, 8);
        sum += word;
    }
    word = 0;
    std::memcpy(&word, bytes + at, static_cast<size_t>(n - at));
    return sum + word;
}

}  // namespace
}  // namespace couponry
