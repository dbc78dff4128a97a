// Choices of a member's first candidates, eight at a time; see subset_list.hpp.
#pragma once

#include "evaluate/row_lanes_avx512.hpp"

namespace couponry {
namespace {

struct SubsetLanes : RowLanes {
    template <int R>
    static int64_t list_subsets(const SubsetList& from, int64_t listed, const SubsetStep& step, SubsetList& to,
                                int64_t& best) noexcept {
        const __m512i full = _mm512_set1_epi64(static_cast<int64_t>(SubsetList::FULL));
        const __m512i least = _mm512_set1_epi64(best - step.rest);  // that a choice must be worth by now
        const __m512i worth = _mm512_set1_epi64(step.worth);
        const __m512i adds = _mm512_set1_epi64(static_cast<int64_t>(step.adds));
        const __m512i bit = _mm512_set1_epi64(static_cast<int64_t>(step.bit));
        __m512i most = _mm512_set1_epi64(best);
        int64_t count = 0;
        for (int64_t e = 0; e < listed; e += 8) {
            const auto there = static_cast<__mmask8>(listed - e >= 8 ? 0xFF : (1 << (listed - e)) - 1);
            const __m512i before = _mm512_load_si512(from.worth + e), with = _mm512_add_epi64(before, worth);
            const __m512i fill = _mm512_load_si512(from.fill + e), filled = _mm512_add_epi64(fill, adds);
            const __m512i picks = _mm512_load_si512(from.picks + e);
            __mmask8 keeps = _mm512_mask_testn_epi64_mask(there, filled, full), may_keep = keeps, may_wait = there;
            __m512i sum[R > 0 ? R : 1], added[R > 0 ? R : 1];
            for (int r = 0; r < R; ++r) {
                sum[r] = _mm512_load_si512(from.sum[r] + e);
                added[r] = _mm512_add_epi64(sum[r], _mm512_set1_epi64(step.weight[r]));
                keeps = within(keeps, added[r], step.low[r], step.high[r]);
                may_keep = within(may_keep, added[r], step.floor[r], step.ceiling[r]);
                may_wait = within(may_wait, sum[r], step.floor[r], step.ceiling[r]);
            }
            most = _mm512_mask_max_epi64(most, keeps, most, with);
            may_keep = _mm512_mask_cmpge_epi64_mask(may_keep, with, least);
            may_wait = _mm512_mask_cmpge_epi64_mask(may_wait, before, least);
            put(to.worth + count, may_wait, before);
            put(to.fill + count, may_wait, fill);
            put(to.picks + count, may_wait, picks);
            for (int r = 0; r < R; ++r) put(to.sum[r] + count, may_wait, sum[r]);
            count += count_bits(may_wait);
            put(to.worth + count, may_keep, with);
            put(to.fill + count, may_keep, filled);
            put(to.picks + count, may_keep, _mm512_or_si512(picks, bit));
            for (int r = 0; r < R; ++r) put(to.sum[r] + count, may_keep, added[r]);
            count += count_bits(may_keep);
        }
        best = _mm512_reduce_max_epi64(most);
        return count;
    }

private:
    static COUPONRY_INLINE __mmask8 within(__mmask8 some, __m512i sum, int64_t low, int64_t high) noexcept {
        return _mm512_mask_cmple_epi64_mask(_mm512_mask_cmpge_epi64_mask(some, sum, _mm512_set1_epi64(low)), sum,
                                            _mm512_set1_epi64(high));
    }

    // Those of some lanes, side by side; what is behind them is overwritten later.
    static COUPONRY_INLINE void put(void* to, __mmask8 some, __m512i values) noexcept {
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi64(some, values));
    }
};

}  // namespace
}  // namespace couponry
