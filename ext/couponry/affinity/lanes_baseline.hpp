// Steps of the choice of offers on 64 scores at a time, in plain loops.
#pragma once

#include <cstdint>

#include "affinity/words.hpp"

namespace couponry {
namespace {

struct Lanes {
    static constexpr int64_t WIDTH = 1;
    static constexpr bool PICKS_BITS = false;  // without a loop over them

    static COUPONRY_INLINE uint64_t larger(const float* score, float than) noexcept {
        uint64_t found = 0;
        for (int j = 0; j < WORD; ++j) found |= uint64_t{score[j] > than} << j;
        return found;
    }

    static COUPONRY_INLINE uint64_t reaching(const float* score, float least) noexcept {
        uint64_t found = 0;
        for (int j = 0; j < WORD; ++j) found |= uint64_t{score[j] >= least} << j;
        return found;
    }

    // The same of the first half of the scores.
    static COUPONRY_INLINE uint64_t reaching_of_half(const float* score, float least) noexcept {
        uint64_t found = 0;
        for (int j = 0; j < WORD / 2; ++j) found |= uint64_t{score[j] >= least} << j;
        return found;
    }

    static COUPONRY_INLINE uint64_t linked(const float* score) noexcept {
        uint64_t found = 0;
        for (int j = 0; j < WORD; ++j) found |= uint64_t{bits_of(score[j]) != NOT_LINKED} << j;
        return found;
    }

    // The largest of many scores in each of 64 hands, dealt 64 at a time: all but what is no number, or those in a
    // mask.
    struct Hands {
        float best[WORD];

        COUPONRY_INLINE explicit Hands(float least) noexcept { fill(best, least); }

        COUPONRY_INLINE void deal(const float* score) noexcept {
            for (int j = 0; j < WORD; ++j) best[j] = score[j] > best[j] ? score[j] : best[j];
        }

        COUPONRY_INLINE void deal(const float* score, const uint64_t& mask) noexcept {
            for (int j = 0; j < WORD; ++j)
                if ((mask >> j & 1) && score[j] > best[j]) best[j] = score[j];
        }

        COUPONRY_INLINE void store(float* to) const noexcept { std::memcpy(to, best, sizeof best); }
    };

    // The largest of n, a multiple of 64, none of which is no number.
    static COUPONRY_INLINE float largest(const float* score, int64_t n) noexcept {
        float found = score[0];
        for (int64_t k = 1; k < n; ++k) found = score[k] > found ? score[k] : found;
        return found;
    }

    // Scores of 64 offers for N customers: what they start from, and one product and one sum after the other.
    template <int N>
    static COUPONRY_INLINE void add_products(const float* start, const float* panel, const float* customer,
                                             int64_t factors, float* score, int64_t room) noexcept {
        for (int n = 0; n < N; ++n)
            for (int part = 0; part < WORD; part += 16) {
                float sum[16];
                std::memcpy(sum, start + part, sizeof sum);
                for (int64_t f = 0; f < factors; ++f) {
                    const float one = customer[n * factors + f];
                    for (int j = 0; j < 16; ++j) sum[j] = sum[j] + one * panel[WORD * f + part + j];
                }
                std::memcpy(score + n * room + part, sum, sizeof sum);
            }
    }

    static COUPONRY_INLINE void fill(float* score, float value) noexcept {
        for (int j = 0; j < WORD; ++j) score[j] = value;
    }

    // The numbers of 32 bits in the mask, side by side; how many. Room for 64 is needed, as below.
    static COUPONRY_INLINE int64_t pack(const void* from, uint64_t mask, void* to) noexcept {
        int64_t count = 0;
        for (; mask; mask &= mask - 1)
            std::memcpy(static_cast<int32_t*>(to) + count++, static_cast<const int32_t*>(from) + lowest_bit(mask), 4);
        return count;
    }

    // The places of the bits in the mask.
    static COUPONRY_INLINE void places(uint64_t mask, int32_t first, int32_t* to) noexcept {
        for (; mask; mask &= mask - 1) *to++ = first + lowest_bit(mask);
    }

    // Those bits that are in a mask, side by side; and bits side by side at the places of those in a mask.
    static COUPONRY_INLINE uint64_t picked(uint64_t bits, uint64_t mask) noexcept { return picked_bits(bits, mask); }
    static COUPONRY_INLINE uint64_t spread(uint64_t bits, uint64_t mask) noexcept { return spread_bits(bits, mask); }

    // 64 roles: 1 of those in the one set, 2 of those in the other, else 0.
    static COUPONRY_INLINE void put_roles(uint64_t ones, uint64_t twos, uint8_t* to) noexcept {
        for (int j = 0; j < WORD; ++j) to[j] = static_cast<uint8_t>((ones >> j & 1) | (twos >> j & 1) << 1);
    }
};

}  // namespace
}  // namespace couponry
