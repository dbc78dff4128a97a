// The best choice of a customer of at most 32 candidates where no set asks for a minimum: the tree of `branch` in
// sets.py, node by node, on candidates that are worth something.
//
// How full all sets are is one number, four bits to a set (see `Rooms`), above them how many coupons are given: a
// candidate is let in by adding its own number and looking at the highest bit of each four.
#pragma once

#include <cmath>
#include <cstdint>

#include "evaluate_steps.hpp"
#include "set_search.hpp"

namespace couponry {
namespace {

// A byte's bits, four bits apart.
struct Apart {
    uint32_t fours[256] = {};

    constexpr Apart() {
        for (uint32_t bits = 0; bits < 256; ++bits)
            for (int at = 0; at < 8; ++at) fours[bits] |= (bits >> at & 1) << (4 * at);
    }
};

class ShortSearch {
public:
    static constexpr int64_t MOST = 14;  // sets

    // Whether it is found, given that the plain choice breaks some set; the picks are OUT.
    bool choose(const Sets& sets, int64_t n, const int32_t* key, int64_t upper, int64_t nodes,
                uint64_t* picks) noexcept {
        if (sets.count > MOST) return false;
        const ShortSets all(sets.at, sets.count);
        ShortSets own = all;
        uint64_t positive;
        m_ = Lanes::take(key, n, 1, 0, number_, positive);
        if (!own.narrow(static_cast<uint32_t>(positive))) return false;
        Lanes::collect(key, n, 1, INT32_MAX, few_);
        Lanes::ranks(few_, m_, rank_);
        uint64_t places = 0;
        for (int64_t c = 0; c < m_; ++c) {
            const int64_t t = rank_[c];
            fill_[t] = ONE_GIVEN | apart(own.with(number_[c]));
            bit_[t] = uint32_t{1} << number_[c];
            places |= uint64_t{1} << t;
        }
        if (places != (uint64_t{1} << m_) - 1) return false;  // ties
        nesting_ = ~(15 * apart(own.crossing()));
        const uint64_t start = own.rooms() | static_cast<uint64_t>(127 - (upper < 100 ? upper : 100)) << GIVEN_FROM;
        uint64_t fill = start;
        uint32_t taken = 0;
        for (int64_t t = 0; t < m_; ++t) {
            const bool fits = ((fill + fill_[t]) & TOO_MANY) == 0;
            fill += fits ? fill_[t] & nesting_ : 0;
            taken |= fits ? bit_[t] : 0;
        }
        picks[0] = taken;
        if (all.kept(taken)) return true;
        if (all.ask()) return false;
        return branch(n, key, start, nodes, picks);
    }

private:
    static constexpr int GIVEN_FROM = 4 * MOST;
    static constexpr uint64_t ONE_GIVEN = uint64_t{1} << GIVEN_FROM;
    static constexpr uint64_t TOO_MANY = 0x8088888888888888u;

    struct Taken {
        int64_t t, total;
        uint64_t fill;
        uint32_t free;
    };

    int64_t m_ = 0;  // candidates worth something
    uint64_t nesting_ = 0;
    alignas(64) int32_t few_[Sets::SHORT + Scratch::BEYOND];
    alignas(64) int32_t number_[Sets::SHORT + Scratch::BEYOND];
    alignas(64) int32_t rank_[Sets::SHORT + Scratch::BEYOND];
    uint64_t fill_[Sets::SHORT];  // what each adds, in the order of choice, as all that follows
    uint32_t bit_[Sets::SHORT];
    int64_t value_[Sets::SHORT];
    Taken stack_[Sets::SHORT];

    static COUPONRY_INLINE uint64_t apart(uint32_t sets) noexcept {
        static constexpr Apart APART;
        return APART.fours[sets & 255] | static_cast<uint64_t>(APART.fours[sets >> 8 & 255]) << 32;
    }

    void value_them(int64_t n, const int32_t* key) noexcept {
        int32_t largest = 0;
        for (int64_t j = 0; j < n; ++j) {
            const int32_t size = order_key(static_cast<uint32_t>(key[j])) & INT32_MAX;
            largest = size > largest ? size : largest;
        }
        const Scale scale = Scale::of(static_cast<double>(value_of(largest)), n);
        for (int64_t c = 0; c < m_; ++c) value_[rank_[c]] = scale.whole(static_cast<double>(value_of(few_[c])));
    }

    bool branch(int64_t n, const int32_t* key, uint64_t fill, int64_t nodes, uint64_t* picks) noexcept {
        value_them(n, key);
        uint32_t free = static_cast<uint32_t>((uint64_t{1} << m_) - 1), mine = 0, best = 0;
        int64_t depth = 0, total = 0, worth = 0;
        bool found = false;
        while (true) {
            if (--nodes < 0) return false;
            uint64_t nested = fill, all = fill;
            uint32_t marked = 0;
            int64_t now = total;
            for (int64_t t = 0; t < m_; ++t) {
                const bool fits = (((nested + fill_[t]) & TOO_MANY) == 0) & (free >> t & 1);
                const uint64_t more = fits ? fill_[t] : 0;
                nested += more & nesting_;
                all += more;
                marked |= static_cast<uint32_t>(fits) << t;
                now += fits ? value_[t] : 0;
            }
            const uint32_t choice = marked | mine, differ = choice ^ best;
            if (!found || now > worth || (now == worth && (choice & differ & (~differ + 1)))) {
                const uint64_t full = all & TOO_MANY;
                if (full) {
                    const int set = lowest_bit(full) - 3;
                    uint32_t open = marked;
                    while (!(fill_[lowest_bit(open)] >> set & 1)) open &= open - 1;
                    const int64_t t = lowest_bit(open);
                    stack_[depth++] = {t, total, fill, free};
                    fill += fill_[t];
                    total += value_[t];
                    mine |= uint32_t{1} << t;
                    free ^= uint32_t{1} << t;
                    continue;
                }
                found = true;
                worth = now;
                best = choice;
            }
            if (depth == 0) break;
            const Taken& last = stack_[--depth];
            fill = last.fill;
            total = last.total;
            mine ^= uint32_t{1} << last.t;
            free = last.free ^ uint32_t{1} << last.t;
        }
        picks[0] = 0;
        for (; best; best &= best - 1) picks[0] |= bit_[lowest_bit(best)];
        return true;
    }
};

}  // namespace
}  // namespace couponry
