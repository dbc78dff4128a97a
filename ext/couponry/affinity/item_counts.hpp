// What the pairs of customers add to the counts of their items, without a state of any pair that is kept.
#pragma once

#include <cstdint>
#include <vector>

#include "affinity/group_purchases.hpp"
#include "affinity/purchase_sums.hpp"

namespace couponry {

constexpr float FINENESS = 4194304.0f;  // of decayed purchases, which are counted in whole numbers

// The nearest whole number; of two, the even one.
inline double rounded(double value) noexcept {
    const double magic = 6755399441055744.0;
    return (value + magic) - magic;
}

template <int64_t HALF_LIVES>  // 0: as many as there are
class CountWriter {
public:
    static constexpr bool TRIPS = false;

    CountWriter(const ItemCounting& out, int64_t first)
        : out_(out),
          half_lives_(HALF_LIVES ? HALF_LIVES : out.factor.columns),
          decay_(static_cast<size_t>(half_lives_)),
          first_(first) {}

    void write(int64_t, const CustomerSums<false>& sums) noexcept {
        const Purchase* const stop = sums.purchases_end();
        for (const Purchase* bought = sums.purchases_begin(); bought != stop;) {
            const uint64_t item = bought->item;
            fetch(stop - bought > AHEAD ? bought[AHEAD].item : item);
            const int64_t begin = bought->slot;
            int64_t last = begin;
            double times = 0.0;
            for (int64_t h = 0; h < half_lives_; ++h) decay_[h] = 0.0f;
            for (; bought != stop && bought->item == item; ++bought) {
                const float* const left = out_.factor.data + (bought->slot - last) * out_.factor.columns;
                last = bought->slot;
                times += 1.0;
                for (int64_t h = 0; h < half_lives_; ++h) {
                    const float kept = decay_[h] * left[h];
                    decay_[h] = kept + 1.0f;
                }
            }
            add(out_.counts.row(static_cast<int64_t>(item - 1)).data, times, first_ + begin, first_ + last);
        }
        ++customers_;
    }
    void end() const noexcept { out_.customers[0] += customers_; }

private:
    static constexpr int64_t AHEAD = 6;  // purchases; counts of more items than caches hold are far away

    void fetch(uint64_t item) const noexcept {
        const double* const row = out_.counts.data + static_cast<int64_t>(item - 1) * out_.counts.columns;
        COUPONRY_PREFETCH_TO_WRITE(row);
        COUPONRY_PREFETCH_TO_WRITE(row + out_.counts.columns - 1);
    }

    // Buyers, repeaters, periods from the first purchase to the last, and gaps between them; decayed purchases; and of
    // each number of weeks, who bought before them and who of these again in them.
    void add(double* to, double times, int64_t first, int64_t last) const noexcept {
        to[0] += 1.0;
        to[1] += times > 1.0 ? 1.0 : 0.0;
        to[2] += static_cast<double>(last - first);
        to[3] += times - 1.0;
        const float* const left = out_.factor.data + (out_.until - last) * out_.factor.columns;
        for (int64_t h = 0; h < half_lives_; ++h) {
            const float now = decay_[h] * left[h];
            const float fine = now * FINENESS;
            to[4 + h] += rounded(static_cast<double>(fine));
        }
        double* const late = to + 4 + half_lives_;
        for (int64_t w = 0; w < out_.late.size; ++w) {
            const bool before = first < out_.late[w];
            late[2 * w] += before ? 1.0 : 0.0;
            late[2 * w + 1] += before && last >= out_.late[w] ? 1.0 : 0.0;
        }
    }

    const ItemCounting out_;
    const int64_t half_lives_;
    std::vector<float> decay_;
    const int64_t first_;
    int64_t customers_ = 0;
};

}  // namespace couponry
