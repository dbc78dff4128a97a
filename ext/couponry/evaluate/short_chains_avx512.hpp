// The best choices of several customers of few candidates whose constraints are intervals, a customer per lane: what
// `ChainChoice` finds for each of them by itself, at no price.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"
#include "customer_constraints/whole_values.hpp"
#include "evaluate/chain_constraints.hpp"
#include "evaluate/network.hpp"
#include "evaluate/short_chain_flow_avx512.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

class ShortChains {
public:
    static constexpr int64_t WIDTH = Vector::WIDTH;

    static bool takes(const Constraints& constraints) noexcept { return constraints.is_short; }

    // Takes the next customer over, of up to WIDTH; false where its constraints are no intervals.
    bool put(const Constraints& constraints, const int32_t* key, int64_t n) noexcept {
        COUPONRY_ASSERT(count_ < WIDTH && takes(constraints));
        const uint64_t positive = Lanes::at_least(key, n, 1);
        if (!chain_.look_at(constraints, n) || !(positive & chain_.open()[0]) || !chain_.place()) return false;
        const auto open = static_cast<uint32_t>(positive & chain_.open()[0]);
        const uint32_t chained = list(open);
        put_worths(key, n);
        size_[count_] = count_bits(chained);
        loose_[count_] = open & ~chained;
        has_two_ = static_cast<uint32_t>((has_two_ & ~(1U << count_)) | (chain_.units() == 2 ? 1U << count_ : 0));
        ++count_;
        return true;
    }

    // OUT: the picks of all customers put, who are as many as before none again; and a bit for each of those for whom
    // some other choice may be worth the same, or whose intervals are not in the order of begins.
    uint64_t choose(uint32_t* picks) noexcept {
        put_into_order();
        uint64_t left = 0;
        for (int64_t half = 0; 8 * half < count_; ++half)
            left |= static_cast<uint64_t>(
                        flow_.choose(half, longest_, has_two_, order_, worth_[8 * half], chosen_ + 8 * half))
                    << (8 * half);
        for (int64_t lane = 0; lane < count_; ++lane) picks[lane] = loose_[lane] | static_cast<uint32_t>(chosen_[lane]);
        left = (left | falls_) & ((uint64_t{1} << count_) - 1);
        count_ = 0;
        return left;
    }

private:
    static constexpr int64_t SHORT = Constraints::SHORT;

    int64_t count_ = 0, longest_ = 0;
    ChainConstraints chain_;
    ChainLanes order_;
    ShortChainFlow flow_;
    uint64_t falls_ = 0;    // lanes in which ends are not in the order of begins
    uint32_t has_two_ = 0;  // lanes in which intervals have room for two
    int64_t size_[WIDTH];
    uint32_t loose_[WIDTH];
    alignas(64) int64_t worth_[WIDTH][SHORT], chosen_[WIDTH];
    alignas(64) int32_t link_[WIDTH][SHORT + LANES];  // minus begin, end and candidate, 12, 10 and 8 bits

    // Lists candidates that may be given and are in intervals, a bit for each.
    uint32_t list(uint32_t open) noexcept {
        const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        int32_t* const to = link_[count_];
        uint32_t chained = 0;
        for (int j = 0; j < SHORT; j += LANES) {
            const auto at = [j](const uint8_t* bytes) {
                return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + j)));
            };
            const __m512i begin = at(chain_.begins()), end = at(chain_.ends());
            const __mmask16 its = _mm512_mask_test_epi32_mask(static_cast<__mmask16>(open >> j), end, end);
            const __m512i places = _mm512_or_si512(_mm512_slli_epi32(begin, 18), _mm512_slli_epi32(end, 8));
            const __m512i link = _mm512_or_si512(places, _mm512_add_epi32(lane, _mm512_set1_epi32(j)));
            const __m512i falling = _mm512_sub_epi32(_mm512_setzero_si512(), link);
            _mm512_storeu_si512(to + count_bits(chained), _mm512_maskz_compress_epi32(its, falling));
            chained |= static_cast<uint32_t>(its) << j;
        }
        return chained;
    }

    // What candidates are worth as whole numbers; of those that are worth nothing, anything.
    void put_worths(const int32_t* key, int64_t n) noexcept {
        const Scale scale = Scale::of_float(largest_value(key, n), n);
        const __m512d factor = _mm512_set1_pd(scale.factor), half = _mm512_set1_pd(0.5);
        const __m512i one = _mm512_set1_epi64(1);
        const __m128i bits = _mm_cvtsi64_si128(scale.bits);
        for (int64_t j = 0; j < n; j += 8) {  // keys of what is worth something are the bits of its value
            const __m256 value = _mm256_loadu_ps(reinterpret_cast<const float*>(key + j));
            const __m512d whole = _mm512_add_pd(_mm512_mul_pd(_mm512_cvtps_pd(value), factor), half);
            const __m512i worth = _mm512_max_epi64(_mm512_cvttpd_epi64(whole), one);
            _mm512_storeu_si512(worth_[count_] + j, _mm512_sll_epi64(worth, bits));
        }
    }

    // Candidates of all customers along their intervals.
    void put_into_order() noexcept {
        Shortlist lists[WIDTH];
        longest_ = 0;
        for (int64_t lane = 0; lane < WIDTH; ++lane) {
            const int64_t m = lane < count_ ? size_[lane] : 0;
            lists[lane] = {link_[lane], m, {0, 1}};
            order_.size[lane] = static_cast<int32_t>(m);
            longest_ = m > longest_ ? m : longest_;
        }
        int32_t* const links = order_.links;
        if (longest_ <= 16)
            Network<Vector>::best_16(lists, longest_, links);
        else
            Network<Vector>::best_32(lists, longest_, links);
        falls_ = order_.find_apart(longest_);
    }
};

}  // namespace
}  // namespace couponry
