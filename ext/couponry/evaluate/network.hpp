// The bars of many customers at once, each given at most 32 coupons, by sorting networks with a customer per lane.
//
// Batcher's networks (Sorting networks and their applications, 1968) keep the best keys seen so far. Vectors hold the
// j-th keys of all customers, so that an exchange is a maximum and a minimum without any shuffling; no branch depends
// on the keys, and no instruction waits long for another.
#pragma once

#include <cstdint>
#include <utility>

#include "evaluate/steps.hpp"

namespace couponry {
namespace {

// The exchanges that sort 16 keys: odd-even merges of runs of 1, 2, 4 and 8.
struct Sort16 {
    static constexpr int COUNT = 63;
    int first[COUNT] = {}, second[COUNT] = {};

    constexpr Sort16() {
        int count = 0;
        for (int run = 1; run < 16; run *= 2)
            for (int apart = run; apart >= 1; apart /= 2)
                for (int from = apart % run; from + apart < 16; from += 2 * apart)
                    for (int i = from; i < from + apart && i + apart < 16; ++i)
                        if (i / (2 * run) == (i + apart) / (2 * run)) {
                            first[count] = i;
                            second[count++] = i + apart;
                        }
    }
};

// The exchanges that sort 16 keys which first fall and then rise, or the other way round.
struct Merge16 {
    static constexpr int COUNT = 32;
    int first[COUNT] = {}, second[COUNT] = {};

    constexpr Merge16() {
        int count = 0;
        for (int apart = 8; apart >= 1; apart /= 2)
            for (int i = 0; i < 16; ++i)
                if ((i & apart) == 0) {
                    first[count] = i;
                    second[count++] = i + apart;
                }
    }
};

// `Vector` is int32 keys of WIDTH customers with max(), min(), of() a number, and store(), and load<ALL>(key, n, out),
// which makes 16 of them from the first 16 keys of each customer; keys from its n-th on are INT32_MIN, unless ALL are
// said to be there.
template <class Vector>
struct Network {
    static constexpr int64_t WIDTH = Vector::WIDTH;
    static constexpr int64_t MOST = 32;  // coupons a customer

    // OUT: the bars of WIDTH customers.
    static void bars(const Shortlist* lists, int32_t* bars) noexcept {
        int64_t longest = 0, upper = 0;
        bool alike = true;
        for (int64_t t = 0; t < WIDTH; ++t) {
            longest = lists[t].n > longest ? lists[t].n : longest;
            upper = lists[t].bounds.upper > upper ? lists[t].bounds.upper : upper;
            alike &= lists[t].bounds.upper == lists[0].bounds.upper && lists[t].bounds.lower == 0;
        }
        if (alike && 0 < upper && upper <= 16) {  // Bounds::bar() of all at once
            Vector::max(ranked_16(lists, longest, upper), Vector::of(1)).store(bars);
            return;
        }
        alignas(64) int32_t ranked[MOST * WIDTH];  // the best keys, the largest of all customers first
        if (upper <= 16)
            best_16(lists, longest, ranked);
        else
            best_32(lists, longest, ranked);
        for (int64_t t = 0; t < WIDTH; ++t)
            bars[t] = lists[t].bounds.bar([&](int64_t m) { return ranked[(m - 1) * WIDTH + t]; });
    }

    // OUT: the 16 best keys of WIDTH customers, the largest of all customers first.
    static void best_16(const Shortlist* lists, int64_t longest, int32_t* out) noexcept {
        Sixteen best = sorted(load(lists, 0));
        for (int64_t from = 16; from < longest; from += 16) best = merged(better(best, sorted(load(lists, from))));
        store(best, out);
    }

    // The same for 32.
    static void best_32(const Shortlist* lists, int64_t longest, int32_t* out) noexcept {
        Sixteen best = sorted(load(lists, 0)), next = sorted(load(lists, 16));
        for (int64_t from = 32;; from += 16) {
            const Sixteen rest = merged(worse(best, next));
            best = merged(better(best, next));
            next = rest;
            if (from >= longest) break;
            next = merged(better(next, sorted(load(lists, from))));
        }
        store(best, out);
        store(next, out + 16 * WIDTH);
    }

private:
    struct Sixteen {
        Vector keys[16];
    };

    static COUPONRY_INLINE Sixteen load(const Shortlist* lists, int64_t from) noexcept {
        const int32_t* key[WIDTH];
        int64_t n[WIDTH];
        bool all = true;
        for (int64_t t = 0; t < WIDTH; ++t) {
            n[t] = lists[t].n - from;
            key[t] = lists[t].key + (n[t] > 0 ? from : 0);
            all &= n[t] >= 16;
        }
        Sixteen out;
        if (all)
            Vector::template load<true>(key, n, out.keys);
        else
            Vector::template load<false>(key, n, out.keys);
        return out;
    }

    template <class Exchanges, std::size_t... AT>
    static COUPONRY_INLINE void exchange(Sixteen& all, std::index_sequence<AT...>) noexcept {
        constexpr Exchanges exchanges;
        (larger_first(all.keys[exchanges.first[AT]], all.keys[exchanges.second[AT]]), ...);
    }

    static COUPONRY_INLINE void larger_first(Vector& a, Vector& b) noexcept {
        const Vector larger = Vector::max(a, b);
        b = Vector::min(a, b);
        a = larger;
    }

    static COUPONRY_INLINE Sixteen sorted(Sixteen all) noexcept {
        exchange<Sort16>(all, std::make_index_sequence<Sort16::COUNT>());
        return all;
    }

    static COUPONRY_INLINE Sixteen merged(Sixteen all) noexcept {
        exchange<Merge16>(all, std::make_index_sequence<Merge16::COUNT>());
        return all;
    }

    // Falling keys against rising ones: the larger of each pair are the 16 best of both, the smaller the rest.
    static COUPONRY_INLINE Sixteen better(const Sixteen& a, const Sixteen& b) noexcept {
        Sixteen out;
        for (int j = 0; j < 16; ++j) out.keys[j] = Vector::max(a.keys[j], b.keys[15 - j]);
        return out;
    }
    static COUPONRY_INLINE Sixteen worse(const Sixteen& a, const Sixteen& b) noexcept {
        Sixteen out;
        for (int j = 0; j < 16; ++j) out.keys[j] = Vector::min(a.keys[j], b.keys[15 - j]);
        return out;
    }

    static COUPONRY_INLINE void store(const Sixteen& all, int32_t* out) noexcept {
        for (int j = 0; j < 16; ++j) all.keys[j].store(out + j * WIDTH);
    }

    // The m-th largest keys, 1 <= m <= 16. Of two falling rows the m best are the larger ones of the j-th of one and
    // the (m - 1 - j)-th of the other.
    static COUPONRY_INLINE Vector ranked_16(const Shortlist* lists, int64_t longest, int64_t m) noexcept {
        Sixteen best = sorted(load(lists, 0));
        if (longest <= 16) return best.keys[m - 1];
        for (int64_t from = 16;; from += 16) {
            const Sixteen next = sorted(load(lists, from));
            if (from + 16 >= longest) {
                Vector least = Vector::max(best.keys[0], next.keys[m - 1]);
                for (int64_t j = 1; j < m; ++j)
                    least = Vector::min(least, Vector::max(best.keys[j], next.keys[m - 1 - j]));
                return least;
            }
            best = merged(better(best, next));
        }
    }
};

}  // namespace
}  // namespace couponry
