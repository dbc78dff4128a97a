// Which customers stay free since a change of their choice matters little, and where in their steps the quantities of
// the others lie; see `fix_choices` in reference/fix_choices.py.
//
// Included once per instruction set, after the `Lanes` that it is written in.
#pragma once

#include <cstdint>
#include <limits>

#include "common/tie_break.hpp"
#include "dispatch/kernel_table.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

template <class Item>
class FreeCustomers {
public:
    explicit FreeCustomers(const Pass& pass) noexcept
        : pass_(pass),
          cells_(pass.segments * pass.items),
          memory_(pass.fixing ? pass.fixing->levels * 2 * pass.segments : 0, sizeof(float)),
          largest_(static_cast<float*>(memory_.data)) {
        if (!pass.fixing || failed()) return;
        const float* bars = pass.fixing->threshold;
        for (int64_t part = 0; part < pass.fixing->levels * 2 * pass.segments; ++part, bars += pass.items) {
            float largest = -INFINITE;
            for (int64_t k = 0; k < pass.items; ++k) largest = bars[k] > largest ? bars[k] : largest;
            largest_[part] = largest;
        }
    }

    bool failed() const noexcept { return !memory_.data; }

    // The next customers are of the segment whose cells begin there.
    void look_at(int64_t first_cell) noexcept {
        first_cell_ = first_cell;
        segment_ = first_cell / pass_.items;
    }

    // Whether the i-th customer is free: keys, picks and items of its n candidates, and how many are picked.
    COUPONRY_INLINE bool mark(const int32_t* key, const uint64_t* picks, const Item* item, int64_t n, int64_t i,
                              int64_t given) noexcept {
        const Ends ends = Lanes::ends(key, picks, n);
        const float chosen = given > 0 ? value_of(ends.least) : INFINITE;
        const float left = given < n ? value_of(ends.most) : -INFINITE;
        // what comes instead of what goes, and what goes for what comes
        const float most = given > of_customer(pass_.rules.lower, i) && left < 0.0f ? 0.0f : left;
        const float least = given < of_customer(pass_.rules.upper, i) && chosen > 0.0f ? 0.0f : chosen;
        const int64_t level = level_of(pass_.shard.number_of(i), pass_.fixing->levels);
        const float* largest = largest_ + level * 2 * pass_.segments + segment_;
        bool is_free =
            (given > 0 && chosen - most <= largest[0]) || (given < n && least - left <= largest[pass_.segments]);
        if (is_free) {
            const float* bars = pass_.fixing->threshold + level * 2 * cells_ + first_cell_;
            is_free = Lanes::any_close(key, picks, item, n, least, most, bars, static_cast<int32_t>(cells_));
        }
        pass_.fixing->is_free[i - pass_.start] = is_free;
        return is_free;
    }

    // Adds the fine parts of the listed candidates, counted from the given one of these customers' candidates.
    COUPONRY_INLINE void add_fine(const Item* item, const int32_t* listed, int64_t count, int64_t from) noexcept {
        for (int64_t a = 0; a < pass_.fixing->attributes; ++a) {
            const uint8_t* fine = pass_.fixing->fine + a * pass_.fixing->fine_stride + from;
            int64_t* sums = pass_.fixing->fine_usage + a * cells_ + first_cell_;
            for (int64_t t = 0; t < count; ++t) sums[item[listed[t]]] += fine[listed[t]];
        }
    }

private:
    static constexpr float INFINITE = std::numeric_limits<float>::infinity();

    const Pass& pass_;
    const int64_t cells_;
    Zeros memory_;
    float* largest_;  // threshold of any item: (levels, 2, S)
    int64_t first_cell_ = 0, segment_ = 0;
};

}  // namespace
}  // namespace couponry
