// Values of candidates that came after prices were found; see `price_candidates` in reference/evaluate.py.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/views.hpp"

namespace couponry {

struct Pricing {
    Shard shard;
    Table<const double> exact, low, high, step;
    View<const int64_t> quantity_of;
    const float* price;     // (1 + quantities, segments, items)
    const double* reduced;  // (1 + attributes, segments, items)
    int64_t segments, items, start, stop;
    Table<uint16_t> quantity;
    View<float> value;
    View<uint8_t> beyond;
};

template <class Item>
class CandidatePricing {
public:
    explicit CandidatePricing(const Pricing& work) noexcept : w_(work), cells_(work.segments * work.items) {}

    void run() noexcept {
        const View<const Item> item = w_.shard.template items<Item>();
        for (int64_t i = w_.start; i < w_.stop; ++i) {
            const int64_t first_cell = of_customer(w_.shard.segment, i) * w_.items;
            for (int64_t e = w_.shard.indptr[i]; e < w_.shard.indptr[i + 1]; ++e) {
                const bool beyond = !pack(e, item[e]);
                w_.beyond[e] = beyond;
                w_.value[e] = beyond ? value_as_given(e, first_cell + item[e]) : packed_value(e, first_cell + item[e]);
            }
        }
    }

private:
    static constexpr double PARTS = 256.0, MOST_PARTS = 16777215.0, ALIKE_PARTS = 4.0, LARGEST_VALUE = 1e37;

    const Pricing& w_;
    const int64_t cells_;

    // Writes the quantities of a candidate; false where it lies beyond what the attributes were packed for.
    bool pack(int64_t e, int64_t k) noexcept {
        bool inside = true;
        for (int64_t a = 0; a < w_.exact.rows; ++a) {
            const double v = w_.exact.row(a)[e];
            inside = inside && v >= w_.low.row(a)[k] && v <= w_.high.row(a)[k];
        }
        clear(e);
        if (!inside) return false;
        for (int64_t a = w_.exact.rows - 1; a >= 0; --a) {
            const int64_t q = w_.quantity_of[a];
            if (q < 0 || !(w_.step.row(a)[k] > 0.0)) continue;
            int64_t first = 0;
            while (w_.quantity_of[first] != q) ++first;
            const double parts = parts_of(a, e, k);
            if (std::fabs(parts - parts_of(first, e, k)) > ALIKE_PARTS) return clear(e);
            if (first == a) w_.quantity.row(q)[e] = static_cast<uint16_t>(std::floor(parts / PARTS));
        }
        return true;
    }

    bool clear(int64_t e) noexcept {
        for (int64_t q = 0; q < w_.quantity.rows; ++q) w_.quantity.row(q)[e] = 0;
        return false;
    }

    double parts_of(int64_t a, int64_t e, int64_t k) const noexcept {
        if (!(w_.step.row(a)[k] > 0.0)) return 0.0;
        const double at = (w_.exact.row(a)[e] - w_.low.row(a)[k]) / w_.step.row(a)[k];
        const double parts = std::floor((at + 0.5) * PARTS + 0.5);
        return parts < MOST_PARTS ? parts : MOST_PARTS;
    }

    float packed_value(int64_t e, int64_t cell) const noexcept {
        float total = w_.price[cell];
        for (int64_t q = 0; q < w_.quantity.rows; ++q) {
            const float term = w_.price[(1 + q) * cells_ + cell] * static_cast<float>(w_.quantity.row(q)[e]);
            total = total + term;
        }
        return total + 0.0f;
    }

    float value_as_given(int64_t e, int64_t cell) const noexcept {
        double total = w_.reduced[cell];
        for (int64_t a = 0; a < w_.exact.rows; ++a) {
            const double term = w_.reduced[(1 + a) * cells_ + cell] * w_.exact.row(a)[e];
            total = total + term;
        }
        total = total < LARGEST_VALUE ? total : LARGEST_VALUE;
        total = total > -LARGEST_VALUE ? total : -LARGEST_VALUE;
        return static_cast<float>(total) + 0.0f;
    }
};

inline void price_candidates(const Pricing& work) noexcept {
    if (work.shard.item_bytes == 2)
        CandidatePricing<uint16_t>(work).run();
    else
        CandidatePricing<uint32_t>(work).run();
}

}  // namespace couponry
