// Kernels about changing a choice that stands: what each decision is worth, and the best moves one by one.
#pragma once

#include <cstdint>
#include <limits>

#include "common/views.hpp"

namespace couponry {

// Linear function of the candidates, (1 + C, S, K).
struct Amounts {
    const double* data;
    int64_t segments, items;

    // At the exact attribute values of candidate e.
    COUPONRY_INLINE double at(const Table<const double>& exact, int64_t s, int64_t k, int64_t e) const noexcept {
        COUPONRY_ASSERT(0 <= s && s < segments && 0 <= k && k < items);
        const int64_t plane = segments * items;
        const double* cell = data + s * items + k;
        double total = cell[0];
        for (int64_t c = 0; c < exact.rows; ++c) {
            const double product = cell[(1 + c) * plane] * exact.row(c)[e];
            total = total + product;
        }
        return total;
    }
};

// See `regret` in reference/regret.py.
int regret(const Shard& shard, const Rules& rules, const Table<const double>& exact, const Amounts& reduced,
           View<const uint8_t> chosen, uint32_t seed, int64_t start, int64_t stop, View<double> out) noexcept;

// See `choose_exactly` in reference/regret.py.
int choose_exactly(const Shard& shard, const Rules& rules, const Table<const double>& exact, const Amounts& reduced,
                   uint32_t seed, int64_t start, int64_t stop, View<uint8_t> chosen, int64_t unit, Cut* cut) noexcept;

// Coupons and sums of attributes by segment and item, (1 + C, S, K).
struct UsageTable {
    double* data;
    int64_t segments, items;
};

// See `sum_choice` in reference/regret.py.
void sum_choice(const Shard& shard, const Table<const double>& exact, View<const uint8_t> chosen, int64_t start,
                int64_t stop, const UsageTable& usage) noexcept;

// The limits as linear rows, listed by (segment, item); see `LimitRows` in contract.py.
struct LimitRows {
    View<const int64_t> ptr;
    View<const int32_t> row;
    Table<const double> coefficient;
    View<const double> lower, upper, weight, penalty;

    COUPONRY_INLINE double violation_of(int64_t r, double activity) const noexcept {
        if (activity > upper[r]) return activity - upper[r];
        if (activity < lower[r]) return lower[r] - activity;
        return 0.0;
    }

    // What candidate e weighs in a row, by the j-th listed entry of its cell.
    COUPONRY_INLINE double weight_of(const Table<const double>& exact, int64_t j, int64_t e) const noexcept {
        const View<const double> of_entry = coefficient.row(j);
        double total = of_entry[0];
        for (int64_t c = 0; c < exact.rows; ++c) {
            const double product = of_entry[1 + c] * exact.row(c)[e];
            total = total + product;
        }
        return total;
    }
};

// Everything that `propose` and `make_moves` are given; see the reference.
struct LocalSearch {
    bool fill;  // else repair
    Shard shard;
    Rules rules;
    Table<const double> exact;
    Amounts reduced, objective;
    LimitRows rows;
    View<const uint8_t> item_helps;
    View<double> activity;
    View<uint8_t> chosen;
};

// A customer's best move: its priority, infinite where there is none, and the candidates that leave and come, or -1.
struct Move {
    double priority = std::numeric_limits<double>::infinity();
    int64_t leaving = -1, into = -1;
};

// All customers' best moves, and whose wait to be made; see `Moves` in contract.py.
struct Moves {
    View<double> priority;
    View<int64_t> leaving, into, waiting, aside, counts;

    // Asks memory for what `of` reads.
    void prefetch(int64_t i) const noexcept {
        COUPONRY_PREFETCH_TO_WRITE(priority.data + i);
        COUPONRY_PREFETCH_TO_WRITE(leaving.data + i);
        COUPONRY_PREFETCH_TO_WRITE(into.data + i);
    }

    Move of(int64_t i) const noexcept { return {priority[i], leaving[i], into[i]}; }

    void set(int64_t i, const Move& move) const noexcept {
        priority[i] = move.priority;
        leaving[i] = move.leaving;
        into[i] = move.into;
    }
};

// See `propose` in reference/local_search.py; several threads may share a problem and write different moves.
int propose(const LocalSearch& problem, const Moves& moves, int64_t start, int64_t stop) noexcept;

// What a local search did.
struct Effort {
    int64_t moves, looks;
    double gain;  // of objective, by filling
};

// See `make_moves` in reference/local_search.py.
int make_moves(const LocalSearch& problem, const Moves& moves, int64_t looks, bool in_rounds, Effort* done) noexcept;

}  // namespace couponry
