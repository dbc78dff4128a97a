// Some of a customer's candidates, as those of a household's member, whose best choice at a price is searched for by
// itself: `search_choice` of reference/constraint_search.py, for the candidates that their rules join.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"
#include "customer_constraints/core_search.hpp"
#include "customer_constraints/whole_values.hpp"
#include "evaluate/chain_rows.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

class ChainMember : public CoreSearch {
public:
    ChainMember() noexcept = default;

    // Adds all candidates to `inside` that constraints and rows join with them; open: those that may be given. Both
    // have room for SET_WORDS.
    static void join(const Constraints& all, const ChainRows& rows, const uint64_t* open, uint64_t* inside) noexcept {
        do
            while (joins_rows(rows, open, inside, all.words)) {}
        while (joins_constraints(all, open, inside));
    }

    // Takes candidates over that nothing else is joined with; false where they are not searched for in this way, or
    // some are tied.
    bool take(const Constraints& all, const uint64_t* open, const uint64_t* inside, const int32_t* key,
              const Scale& scale) noexcept {
        int64_t m = 0, entries = 0, rows = 0, constraints = 0;
        for (int64_t w = 0; w < all.words; ++w) m += count_bits(inside[w]);
        if (m > MOST_CANDIDATES || !put_into_order(all.words, inside, key, scale)) return false;
        Row row = all.rows.at ? all.rows.first() : Row{nullptr};
        for (int64_t r = all.rows.count(); r > 0; --r, row = row.next()) {
            const int64_t its = entries_of(row, inside);
            rows += its > 0;
            entries += its;
            if (its > 0 && row.counts_groups()) return false;
        }
        for (int64_t s = 0; s < all.count; ++s) constraints += binds(all, s, open, inside);
        if (rows > MOST_ROWS || constraints > MOST_CONSTRAINTS) return false;
        if (!make_room(m, 1, constraints, rows, entries)) return false;
        take_constraints(all, open, inside);
        take_rows(all, inside);
        asking_ = false;
        lower_ = 0;
        upper_ = m;
        fixed_[0] = 0;
        start_[0] = m == WORD ? ~uint64_t{0} : (uint64_t{1} << m) - 1;
        return true;
    }

    // Whether the best choice at a price is found within so many nodes; its candidates are added to `picks`.
    bool choose(int64_t price, int64_t nodes, uint64_t* picks) noexcept {
        positive_ = 0;
        for (int64_t t = 0; t < n_; ++t) {
            value[t] = whole_[t] - price;
            positive_ |= static_cast<uint64_t>(value[t] > 0) << t;
        }
        for (int64_t s = 0; s < constraints_; ++s) residual_[s] = cap_[s];
        Core found;
        if (!search_core<1>(0, 0, nodes, found)) return false;
        for (uint64_t word = best_[0]; word; word &= word - 1) {
            const int64_t j = at_[lowest_bit(word)];
            picks[j / WORD] |= uint64_t{1} << (j % WORD);
        }
        return true;
    }

private:
    static constexpr int64_t MOST_CANDIDATES = 64, MOST_CONSTRAINTS = 64, MOST_ROWS = 16;
    static constexpr int64_t MOST_PLACES = 320;  // candidates of a customer

    int16_t at_[MOST_CANDIDATES];  // which of the customer's candidates it is, in the order of choice
    uint8_t place_of_[MOST_PLACES];
    int64_t whole_[MOST_CANDIDATES];

    static bool joins_rows(const ChainRows& rows, const uint64_t* open, uint64_t* inside, int64_t words) noexcept {
        bool joined = false;
        for (int64_t r = 0; r < rows.count(); ++r) {
            uint64_t outside[RowSteps::SET_WORDS];
            find_outside(open, inside, words, outside);
            if (Lanes::sets_of(rows.row(r), inside, outside) != 3) continue;
            rows.add_candidates(r, open, inside);
            joined = true;
        }
        return joined;
    }

    static bool joins_constraints(const Constraints& all, const uint64_t* open, uint64_t* inside) noexcept {
        bool joined = false;
        for (int64_t first = 0; first < all.count; first += 8) {
            const int64_t count = all.count - first < 8 ? all.count - first : 8;
            uint64_t outside[RowSteps::SET_WORDS];
            find_outside(open, inside, all.words, outside);
            unsigned both = Lanes::meet_both(all.at + first * (1 + all.words) + 1, 1 + all.words, count, all.words,
                                             inside, outside);
            for (; both; both &= both - 1) {
                const int64_t s = first + lowest_bit(both);
                int64_t size = 0;
                for (int64_t w = 0; w < all.words; ++w) size += count_bits(all.word(s, w) & open[w]);
                if (all.cap(s) >= size) continue;
                for (int64_t w = 0; w < all.words; ++w) inside[w] |= all.word(s, w) & open[w];
                joined = true;
            }
        }
        return joined;
    }

    static COUPONRY_INLINE void find_outside(const uint64_t* open, const uint64_t* inside, int64_t words,
                                             uint64_t* outside) noexcept {
        for (int64_t w = 0; w < RowSteps::SET_WORDS; ++w) outside[w] = w < words ? open[w] & ~inside[w] : 0;
    }

    static int64_t entries_of(const Row& row, const uint64_t* inside) noexcept {
        int64_t entries = 0;
        for (int64_t x = 0; x < row.entries(); ++x)
            entries += inside[row.candidate(x) / WORD] >> (row.candidate(x) % WORD) & 1;
        return entries;
    }

    // Whether a constraint may bind candidates inside.
    static bool binds(const Constraints& all, int64_t s, const uint64_t* open, const uint64_t* inside) noexcept {
        int64_t size = 0;
        uint64_t both = 0;
        for (int64_t w = 0; w < all.words; ++w) {
            size += count_bits(all.word(s, w) & open[w]);
            both |= all.word(s, w) & inside[w];
        }
        return both && all.cap(s) < size;
    }

    bool put_into_order(int64_t words, const uint64_t* inside, const int32_t* key, const Scale& scale) noexcept {
        alignas(64) int32_t few[MOST_CANDIDATES + 2 * LANES];
        alignas(64) int32_t before[MOST_CANDIDATES + 2 * LANES];
        int16_t at[MOST_CANDIDATES];
        int64_t m = 0;
        for (int64_t w = 0; w < words; ++w)
            for (uint64_t word = inside[w]; word; word &= word - 1) {
                const int64_t j = WORD * w + lowest_bit(word);
                few[m] = key[j];
                at[m++] = static_cast<int16_t>(j);
            }
        Lanes::ranks(few, m, before);
        uint64_t taken = 0;
        for (int64_t k = 0; k < m; ++k) {
            const int64_t t = before[k];
            COUPONRY_ASSERT(0 <= t && t < m);
            taken |= uint64_t{1} << t;
            at_[t] = at[k];
            place_of_[at[k]] = static_cast<uint8_t>(t);
            const float value = value_of(few[k]);
            whole_[t] = value > 0.0f ? scale.whole_of_positive(value) : scale.whole(value);
        }
        return count_bits(taken) == m;  // else some are tied
    }

    void take_constraints(const Constraints& all, const uint64_t* open, const uint64_t* inside) noexcept {
        int64_t to = 0;
        for (int64_t s = 0; s < all.count; ++s) {
            if (!binds(all, s, open, inside)) continue;
            cap_[to] = all.cap(s);
            uint64_t mask = 0;
            for (int64_t w = 0; w < all.words; ++w)
                for (uint64_t word = all.word(s, w) & inside[w]; word; word &= word - 1)
                    mask |= uint64_t{1} << place_of_[WORD * w + lowest_bit(word)];
            mask_[to++] = mask;
        }
    }

    void take_rows(const Constraints& all, const uint64_t* inside) noexcept {
        if (rows_ == 0) return;
        int64_t to = 0, r = 0;
        Row row = all.rows.first();
        for (int64_t left = all.rows.count(); left > 0; --left, row = row.next()) {
            if (entries_of(row, inside) == 0) continue;
            counts_groups_[r] = 0;
            low_[r] = row.low();
            high_[r] = row.high();
            row_ptr_[r++] = to;
            for (int64_t x = 0; x < row.entries(); ++x) {
                const int64_t j = row.candidate(x);
                if (!(inside[j / WORD] >> (j % WORD) & 1)) continue;
                where_[to] = place_of_[j];
                weight_of_[to++] = row.weight(x);
            }
        }
        row_ptr_[r] = to;
    }
};

}  // namespace
}  // namespace couponry
