// SIMD greedy: the best choices of several customers at once under a laminar family, a customer per lane.
//
// For customers of at most 32 candidates and 14 constraints. Four bits count how full a constraint is: they start at 7
// less its cap, so that the highest of them says that there is one coupon too many. A candidate adds one to each
// constraint that it counts under. Eight constraints fit a lane; the others are in a second one.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"
#include "evaluate/network.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

template <class Vector>
class SimdGreedy {
public:
    static constexpr int64_t WIDTH = Vector::WIDTH;
    static constexpr int64_t BEST = 16;              // candidates looked at, the best ones of all that are put in order
    static constexpr int64_t MOST_CONSTRAINTS = 14;  // above them 8 bits are left of 64
    static constexpr uint32_t FULL = 0x88888888u;

    // What comes of a customer: the best choice; or one that breaks constraints that cross (OPEN), or that has room for
    // more than the best candidates (MORE), so that a search is needed; or nothing, since candidates are tied, or
    // constraints ask for minimums or are too large to be counted.
    enum Outcome : int32_t { CHOSEN = 0, OPEN = 1, NOTHING = 2, MORE = 4 };

    static bool takes(const Constraints& constraints) noexcept {
        return constraints.is_short && constraints.count <= 16 && !constraints.rows.at;
    }

    // What follows is there once customers are chosen for, for each of them by its place among these.
    int32_t outcome(int64_t lane) const noexcept { return outcome_[lane]; }
    // Candidates worth something, which may be more than BEST.
    int64_t positive(int64_t lane) const noexcept { return positive_[lane]; }
    // The t-th best candidate of up to 32, and what it adds.
    int64_t candidate(int64_t lane, int64_t t) const noexcept {
        return ranked_[t * WIDTH + lane] & (Constraints::SHORT - 1);
    }
    uint64_t adds(int64_t lane, int64_t t) const noexcept {
        if (t < BEST) return both(adds_[0][t], adds_[1][t], lane);
        uint64_t adds = 0;
        for (int64_t s = 0; s < most_constraints_; ++s)
            adds |= (may_fill_[s][lane] >> candidate(lane, t) & uint64_t{1}) << (4 * s);
        return adds;
    }
    // The greedy choice, a bit for each of the best candidates in order, and how full it makes constraints.
    uint32_t greedy(int64_t lane) const noexcept { return greedy_[lane]; }
    uint64_t end(int64_t lane) const noexcept { return both(end_[0], end_[1], lane); }
    // How full constraints are at first, and all bits of the laminar family.
    uint64_t start(int64_t lane) const noexcept { return both(start_[0], start_[1], lane); }
    uint64_t nesting(int64_t lane) const noexcept { return both(nesting_[0], nesting_[1], lane); }

    // Picks are OUT where the outcome is CHOSEN.
    void choose(const Violated* customers, int64_t count) noexcept {
        COUPONRY_ASSERT(0 < count && count <= WIDTH);
        load(customers, count);
        if (most_constraints_ > MOST_CONSTRAINTS) {
            for (int64_t lane = 0; lane < count; ++lane) outcome_[lane] = NOTHING;
            return;
        }
        Many rooms_are_told = ~Many{};
        const int64_t blocks = most_constraints_ > 8 ? 2 : 1;
        for (int64_t b = 0; b < blocks; ++b) rooms_are_told &= count_rooms(b);
        if (blocks == 1) {
            store(Bits{}, start_[1]);
            store(Bits{}, end_[1]);
            store(~Bits{}, nesting_[1]);
            std::memset(adds_[1], 0, sizeof adds_[1]);
        }
        const Many tied = find_ties();
        const Many wrong = blocks == 1 ? walk<1>() : walk<2>();
        const Many open = wrong & +OPEN, none = (tied | ~rooms_are_told) & +NOTHING;
        store(open | none, outcome_);
        for (int64_t lane = 0; lane < count; ++lane) {
            outcome_[lane] |= more_[lane];
            if (outcome_[lane] == CHOSEN) *customers[lane].picks = static_cast<uint32_t>(taken_[lane]);
        }
    }

private:
    typedef int32_t Many __attribute__((vector_size(4 * WIDTH)));
    typedef uint32_t Bits __attribute__((vector_size(4 * WIDTH)));

    alignas(64) uint32_t adds_[2][BEST][WIDTH], start_[2][WIDTH], nesting_[2][WIDTH], end_[2][WIDTH], greedy_[WIDTH];
    alignas(64) uint32_t may_fill_[16][WIDTH];  // constraints, as bits of candidates
    alignas(64) int32_t ranked_[Constraints::SHORT * WIDTH];
    alignas(64) int32_t outcome_[WIDTH], positive_[WIDTH],
        positive_bits_[WIDTH], upper_[WIDTH], taken_[WIDTH], more_[WIDTH];
    alignas(64) int32_t tagged_[WIDTH][Constraints::SHORT];
    alignas(64) int64_t
        constraints_[WIDTH][24];  // those that can be too full, 16 of them, and what may be written beyond
    int64_t most_constraints_ = 0;

    static COUPONRY_INLINE Many load(const int32_t* from) noexcept {
        Many out;
        std::memcpy(&out, from, sizeof out);
        return out;
    }
    static COUPONRY_INLINE Bits load(const uint32_t* from) noexcept {
        Bits out;
        std::memcpy(&out, from, sizeof out);
        return out;
    }
    static COUPONRY_INLINE void store(Many lanes, int32_t* to) noexcept { std::memcpy(to, &lanes, sizeof lanes); }
    static COUPONRY_INLINE void store(Bits lanes, uint32_t* to) noexcept { std::memcpy(to, &lanes, sizeof lanes); }

    // Comparisons as masks.
    static COUPONRY_INLINE Bits where(Many lanes) noexcept { return reinterpret_cast<Bits>(lanes); }

    static COUPONRY_INLINE uint64_t both(const uint32_t* low, const uint32_t* high, int64_t lane) noexcept {
        return low[lane] | static_cast<uint64_t>(high[lane]) << 32;
    }

    static COUPONRY_INLINE Many bits_in(Bits bits) noexcept {
        bits -= bits >> 1 & 0x55555555;
        bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
        bits = (bits + (bits >> 4)) & 0x0F0F0F0F;
        bits += bits >> 8;
        return reinterpret_cast<Many>((bits + (bits >> 16)) & 0x3F);
    }

    // The best candidates in order: keys whose lowest bits give way to the candidate.
    void load(const Violated* customers, int64_t count) noexcept {
        Shortlist lists[WIDTH];
        int64_t longest = 0;
        most_constraints_ = 0;
        for (int64_t lane = 0; lane < WIDTH; ++lane) {
            const Violated& one = customers[lane < count ? lane : 0];
            COUPONRY_ASSERT(one.n <= Constraints::SHORT && takes(one.constraints));
            lists[lane] = {tagged_[lane], one.n, {0, 1}};
            longest = one.n > longest ? one.n : longest;
            for (int32_t j = 0; j < Constraints::SHORT; ++j)
                tagged_[lane][j] = (one.key[j] & ~(Constraints::SHORT - 1)) | j;
            const uint32_t positive = static_cast<uint32_t>(Lanes::at_least(one.key, one.n, 1));
            positive_bits_[lane] = static_cast<int32_t>(positive);
            positive_[lane] = count_bits(positive);
            const int64_t constraints =
                Lanes::narrowed(one.constraints.at, one.constraints.count, positive, constraints_[lane]);
            most_constraints_ = constraints > most_constraints_ ? constraints : most_constraints_;
            upper_[lane] = static_cast<int32_t>(one.upper < BEST ? one.upper : BEST + (one.upper > BEST));
        }
        Network<Vector>::best_32(lists, longest, ranked_);
    }

    // Rooms of eight constraints and what candidates add to them; true in the lanes where they can be told.
    Many count_rooms(int64_t block) noexcept {
        constexpr uint32_t BOUND_MASK = static_cast<uint32_t>(ShortHead::BOUND_MASK);
        const int32_t* row[WIDTH];
        const int64_t all[WIDTH] = {};
        for (int64_t lane = 0; lane < WIDTH; ++lane) {
            row[lane] = reinterpret_cast<const int32_t*>(constraints_[lane] + 8 * block);
        }
        Vector halves[16];
        Vector::template load<true>(row, all, halves);
        const Bits positive = where(load(positive_bits_));
        Many told = ~Many{};
        Bits start = Bits{}, crossing = Bits{};
        const int constraints =
            static_cast<int>(most_constraints_ < 8 * (block + 1) ? most_constraints_ - 8 * block : 8);
        std::memset(adds_[block], 0, sizeof adds_[block]);
        for (int s = 0; s < constraints; ++s) {
            Bits mask, head;
            std::memcpy(&mask, &halves[2 * s], sizeof mask);
            std::memcpy(&head, &halves[2 * s + 1], sizeof head);
            const Many cap = reinterpret_cast<Many>(head & BOUND_MASK);
            const Many least = reinterpret_cast<Many>(head >> ShortHead::LEAST_FROM & BOUND_MASK);
            const Many crosses = (head >> ShortHead::CROSSES_FROM & 1) != 0;
            const Many held = bits_in(mask & positive);
            const Many may_fill = held > cap;  // else the constraint cannot bind
            told &= ~(may_fill & ((cap > 7) | (crosses & (held > cap + 8)))) & (least == 0);
            store(mask, may_fill_[8 * block + s]);
            start |= where(may_fill & (7 - cap)) << (4 * s);
            crossing |= where(may_fill & crosses & 15) << (4 * s);
            for (int64_t t = 0; t < BEST; ++t) {
                const Bits candidate = where(load(ranked_ + t * WIDTH)) & (Constraints::SHORT - 1);
                store(load(adds_[block][t]) | (mask >> candidate & 1) << (4 * s), adds_[block][t]);
            }
        }
        store(start, start_[block]);
        store(~crossing, nesting_[block]);
        return told;
    }

    // Where keys that matter are the same but for their lowest bits.
    Many find_ties() const noexcept {
        const Many positive = load(positive_);
        Many tied = Many{};
        for (int32_t t = 0; t + 1 < Constraints::SHORT; ++t) {
            const Many differ = load(ranked_ + t * WIDTH) ^ load(ranked_ + (t + 1) * WIDTH);
            tied |= ((differ & ~static_cast<int32_t>(Constraints::SHORT - 1)) == 0) & (t < positive);
        }
        return tied;
    }

    // The greedy choice; true in lanes where it breaks constraints that cross. more_: MORE where there is room for
    // more.
    template <int BLOCKS>
    Many walk() noexcept {
        const Many positive = load(positive_), upper = load(upper_);
        Bits nested[BLOCKS], all[BLOCKS], taken = Bits{}, greedy = Bits{};
        Many given = Many{};
        for (int b = 0; b < BLOCKS; ++b) nested[b] = all[b] = load(start_[b]);
        for (int32_t t = 0; t < BEST; ++t) {
            const Bits candidate = where(load(ranked_ + t * WIDTH)) & (Constraints::SHORT - 1);
            Bits full = Bits{};
            for (int b = 0; b < BLOCKS; ++b) full |= nested[b] + load(adds_[b][t]);
            const Many fits = ((full & FULL) == 0) & (t < positive) & (given < upper);
            for (int b = 0; b < BLOCKS; ++b) {
                const Bits more = load(adds_[b][t]) & where(fits);
                nested[b] += more & load(nesting_[b]);
                all[b] += more;
            }
            given -= fits;
            taken |= (1 << candidate) & where(fits);
            greedy |= where(fits) & uint32_t{1} << t;
        }
        store((given < upper) & (positive > static_cast<int32_t>(BEST)) & +MORE, more_);
        store(reinterpret_cast<Many>(taken), taken_);
        store(greedy, greedy_);
        Bits full = Bits{};
        for (int b = 0; b < BLOCKS; ++b) {
            full |= all[b];
            store(all[b], end_[b]);
        }
        return (full & FULL) != 0;
    }
};

}  // namespace
}  // namespace couponry
