// The sets of a customer of at most 32 candidates, sixteen at a time, in plain loops; vector lanes replace them.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "evaluate_steps.hpp"
#include "views.hpp"

namespace couponry {
namespace {

// What stands in the upper half of a set's number.
struct ShortHead {
    static constexpr int32_t BOUND = 0x3F, LEAST_FROM = 6, CROSSES = 1 << 29;
};

// Rooms are four bits to a set, the first one lowest: 7 less what there is room for, so that the highest of the four
// says that a set has one too many.
struct Rooms {
    static constexpr int32_t LARGEST = 7, BEYOND = 8;  // caps that can be told, and candidates beyond them
};

class PlainShortSets {
public:
    static constexpr int64_t WIDTH = 16;

    COUPONRY_INLINE PlainShortSets(const int64_t* at, int64_t count) noexcept : count_(count < WIDTH ? count : WIDTH) {
        for (int64_t s = 0; s < count_; ++s) {
            mask_[s] = static_cast<uint32_t>(at[s]);
            head_[s] = static_cast<int32_t>(at[s] >> 32);
        }
    }

    // Whether picks keep the sets and miss nothing of them.
    COUPONRY_INLINE bool kept(uint32_t picks) const noexcept {
        bool kept = true;
        for (int64_t s = 0; s < count_; ++s) {
            const int32_t held = count_bits(mask_[s] & picks);
            kept &= (held <= cap(s)) & (held >= least(s));
        }
        return kept;
    }

    bool ask() const noexcept {
        bool asks = false;
        for (int64_t s = 0; s < count_; ++s) asks |= least(s) > 0;
        return asks;
    }

    // Forgets the sets that cannot be too full of these candidates; false where rooms cannot be told.
    bool narrow(uint32_t candidates) noexcept {
        bool fits = true;
        rooms_ = crossing_ = 0;
        for (int64_t s = 0; s < count_; ++s) {
            const int32_t held = count_bits(mask_[s] & candidates);
            if (held <= cap(s)) {
                mask_[s] = 0;
                continue;
            }
            const bool crosses = head_[s] & ShortHead::CROSSES;
            fits &= cap(s) <= Rooms::LARGEST && !(crosses && held > cap(s) + Rooms::BEYOND);
            rooms_ |= static_cast<uint64_t>(Rooms::LARGEST - cap(s)) << (4 * s);
            crossing_ |= static_cast<uint32_t>(crosses) << s;
        }
        return fits;
    }

    uint64_t rooms() const noexcept { return rooms_; }
    uint32_t crossing() const noexcept { return crossing_; }

    // A bit for each set that has the candidate.
    uint32_t with(int64_t j) const noexcept {
        uint32_t sets = 0;
        for (int64_t s = 0; s < count_; ++s) sets |= (mask_[s] >> j & 1) << s;
        return sets;
    }

private:
    int64_t count_;
    uint32_t mask_[WIDTH];
    int32_t head_[WIDTH];
    uint64_t rooms_ = 0;
    uint32_t crossing_ = 0;

    COUPONRY_INLINE int32_t cap(int64_t s) const noexcept { return head_[s] & ShortHead::BOUND; }
    COUPONRY_INLINE int32_t least(int64_t s) const noexcept {
        return head_[s] >> ShortHead::LEAST_FROM & ShortHead::BOUND;
    }
};

}  // namespace
}  // namespace couponry
