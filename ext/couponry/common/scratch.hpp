// Working memory of one evaluation: on the stack for customers of ordinary size, on the heap beyond.
#pragma once

#include <cstdint>

#include "common/preference.hpp"

namespace couponry {

constexpr int64_t LANES = 16;  // keys are read in vectors of this many
constexpr int64_t WORD = 64;   // candidates to one word of a bit set

class Scratch {
public:
    static constexpr int64_t SMALL = 2048;     // candidates that fit on the stack
    static constexpr int64_t CUSTOMERS = 128;  // that share them
    static constexpr int64_t BEYOND = 2 * LANES;

    // The int32 arrays may be read, and written, up to BEYOND past the last.
    int32_t* key;                  // order keys of some customers' candidates
    int32_t* second;               // keys that break ties, of one customer at a time
    int32_t* given;                // where the customers' coupons are
    uint64_t* picks;               // bit sets of the chosen ones, each customer's from a new word on
    int32_t first[CUSTOMERS + 1];  // where each customer's coupons are listed from
    Ranked* ranked;                // for exact ordering, of one customer at a time

    Scratch() noexcept;
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    // Room for n candidates of up to CUSTOMERS customers, contents lost; false when there is no memory for it.
    bool reserve(int64_t n) noexcept { return n <= capacity_ || grow(n); }

private:
    bool grow(int64_t n) noexcept;

    alignas(64) int32_t small_key_[SMALL + BEYOND];
    alignas(64) int32_t small_second_[SMALL + BEYOND];
    alignas(64) int32_t small_given_[SMALL + BEYOND];
    uint64_t small_picks_[SMALL / WORD + CUSTOMERS];
    Ranked small_ranked_[SMALL];
    int64_t capacity_ = SMALL;
    void* heap_ = nullptr;
};

// Zeroed memory for the length of one call; `data` is null when there was none to be had.
struct Zeros {
    void* data;

    Zeros(int64_t n, int64_t bytes_each) noexcept;
    ~Zeros();
    Zeros(const Zeros&) = delete;
    Zeros& operator=(const Zeros&) = delete;
};

}  // namespace couponry
