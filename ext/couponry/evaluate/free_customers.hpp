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
          is_best_(pass.rules.group.rows == 0 && pass.rules.constraint_ptr.size == 1),
          memory_(pass.fixing ? pass.fixing->levels * 2 * pass.segments : 0, sizeof(float)),
          largest_(static_cast<float*>(memory_.data)),
          open_memory_(pass.fixing ? pass.fixing->levels * pass.segments * OPEN_WORDS : 0, sizeof(uint16_t)),
          open_(static_cast<uint16_t*>(open_memory_.data)) {
        if (!pass.fixing || failed()) return;
        const float* bars = pass.fixing->threshold;
        for (int64_t part = 0; part < pass.fixing->levels * 2 * pass.segments; ++part, bars += pass.items) {
            uint16_t* const open = open_of(part / (2 * pass.segments), part % pass.segments);
            float largest = -INFINITE;
            for (int64_t k = 0; k < pass.items; ++k) {
                largest = bars[k] > largest ? bars[k] : largest;
                if (bars[k] >= 0.0f) open[open_word(k)] |= static_cast<uint16_t>(1 << open_bit(k));
            }
            largest_[part] = largest;
        }
    }

    bool failed() const noexcept { return !memory_.data || !open_memory_.data; }

    // The next customers are of the segment whose cells begin there.
    void look_at(int64_t first_cell) noexcept {
        first_cell_ = first_cell;
        segment_ = first_cell / pass_.items;
    }

    // Whether the i-th customer is free: keys, picks and items of its n candidates, and how many are picked.
    COUPONRY_INLINE bool mark(const int32_t* key, const uint64_t* picks, const Item* item, int64_t n, int64_t i,
                              int64_t given) noexcept {
        const int64_t level = level_of(pass_.shard.number_of(i), pass_.fixing->levels);
        // where everybody has the best there is no change gains, and what is lost is above any threshold below zero
        const bool is_free = (!is_best_ || Lanes::any_open(item, n, open_of(level, segment_))) &&
                             is_close(key, picks, item, n, i, given, level);
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

    COUPONRY_INLINE uint16_t* open_of(int64_t level, int64_t segment) const noexcept {
        return open_ + (level * pass_.segments + segment) * OPEN_WORDS;
    }

    // Whether a change loses no more than a threshold.
    COUPONRY_INLINE bool is_close(const int32_t* key, const uint64_t* picks, const Item* item, int64_t n, int64_t i,
                                  int64_t given, int64_t level) const noexcept {
        const Ends ends = Lanes::ends(key, picks, n);
        const float chosen = given > 0 ? value_of(ends.least) : INFINITE;
        const float left = given < n ? value_of(ends.most) : -INFINITE;
        // what comes instead of what goes, and what goes for what comes
        const float most = given > of_customer(pass_.rules.lower, i) && left < 0.0f ? 0.0f : left;
        const float least = given < of_customer(pass_.rules.upper, i) && chosen > 0.0f ? 0.0f : chosen;
        const float* largest = largest_ + level * 2 * pass_.segments + segment_;
        if (!(given > 0 && chosen - most <= largest[0]) && !(given < n && least - left <= largest[pass_.segments]))
            return false;
        const float* bars = pass_.fixing->threshold + level * 2 * cells_ + first_cell_;
        return Lanes::any_close(key, picks, item, n, least, most, bars, static_cast<int32_t>(cells_));
    }

    const Pass& pass_;
    const int64_t cells_;
    const bool is_best_;  // whether no rules but bounds of slots keep customers from what is best
    Zeros memory_;
    float* largest_;  // threshold of any item: (levels, 2, S)
    Zeros open_memory_;
    uint16_t* open_;  // items of which a threshold of either direction is not below zero: (levels, S, OPEN_WORDS)
    int64_t first_cell_ = 0, segment_ = 0;
};

}  // namespace
}  // namespace couponry
