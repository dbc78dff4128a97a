// What a customer's purchases say for offers: scores by similarity, what the customer owns, and what is of a kind
// bought.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "affinity/best_offers.hpp"
#include "affinity/factor_scores.hpp"
#include "affinity/words.hpp"

namespace couponry {
namespace {

constexpr int64_t AHEAD = 8;  // purchases that links are fetched ahead of

class CustomerScores {
public:
    CustomerScores(const Choice& choice, const Room& memory) noexcept
        : score(memory.score),
          everything(all_are_candidates(choice)),
          work(choice),
          room(memory),
          by_factors(choice, memory) {}

    // Scores by similarity, in the order of the customer's items; and, where anything tells roles apart, the offers
    // linked to by `own`, of kinds that were bought, and that may be had.
    template <bool FLAGGED, bool ROLES>
    COUPONRY_INLINE void add_up(int64_t i) noexcept {
        if (work.factors.offer.rows)
            score = by_factors.of(i);
        else if (everything)
            std::memcpy(score, work.prior.data, sizeof(float) * static_cast<size_t>(work.offers));
        now = static_cast<int32_t>(i - work.start) + 1;
        for (int64_t e = work.bought.indptr[i], end = work.bought.indptr[i + 1]; e < end; e += AT_ONCE)
            add_items<FLAGGED, ROLES>(e, e + AT_ONCE < end ? e + AT_ONCE : end);
        if (ROLES && work.eligible.ptr.size)
            for (int64_t l = work.eligible.ptr[i]; l < work.eligible.ptr[i + 1]; ++l)
                set(room.may, work.eligible.offer[l]);
    }

    // Which of the offers linked to by `own` score more than another.
    COUPONRY_INLINE void list_own_above(float than, uint64_t* bits) const noexcept {
        for (int64_t k = 0; k < owned; ++k) {
            const int32_t j = room.owned[k];
            bits[j / WORD] |= uint64_t{room.mine[j] > than} << (j % WORD);
        }
    }

    // Has the scores of what the customer owns stand among the others, where these are written anew for each customer.
    COUPONRY_INLINE void put_own_among_others() const noexcept {
        for (int64_t k = 0; k < owned; ++k) score[room.owned[k]] = room.mine[room.owned[k]];
    }

    COUPONRY_INLINE void clear(int64_t live_words) noexcept {
        for (int64_t k = 0; k < owned; ++k) room.mine[room.owned[k]] = -0.0f;
        owned = 0;
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            room.own[w] = room.kind[w] = 0;
            if (work.eligible.ptr.size) room.may[w] = 0;
            if (room.live) room.live[w] = 0;
        }
    }

    float* score;           // of each offer, for the customer at hand
    const bool everything;  // every offer is a candidate, whatever links to it

private:
    static constexpr int64_t AT_ONCE = 64;  // purchases

    // Many items have no links, and nobody can foretell which: those that have are listed first, without a branch.
    template <bool FLAGGED, bool ROLES>
    COUPONRY_INLINE void add_items(int64_t begin, int64_t end) noexcept {
        const int64_t* const links = work.similar.ptr.data;
        const int64_t last = work.bought.item.size - 1;
        int64_t linked[AT_ONCE], own[AT_ONCE], n_linked = 0, n_own = 0;
        for (int64_t e = begin; e < end; ++e) {
            const int64_t later = work.bought.item[e + AHEAD < last ? e + AHEAD : last];
            const int64_t latest = work.bought.item[e + 2 * AHEAD < last ? e + 2 * AHEAD : last];
            COUPONRY_PREFETCH(links + latest);
            COUPONRY_PREFETCH(work.similar.link.data + links[later]);
            COUPONRY_PREFETCH(work.similar.link.data + links[later + 1]);  // a line further on, for most
            const int64_t item = work.bought.item[e];
            linked[n_linked] = e;
            n_linked += links[item] < links[item + 1];
            if (!ROLES) continue;
            COUPONRY_PREFETCH(work.own.ptr.data + latest);
            COUPONRY_PREFETCH(work.kinds.item.data + latest);
            own[n_own] = e;
            n_own += work.own.ptr[item] < work.own.ptr[item + 1];
        }
        for (int64_t k = 0; k < n_linked; ++k) add_links<FLAGGED>(linked[k]);
        for (int64_t k = 0; k < n_own; ++k) add_own(own[k]);
        if (!ROLES) return;
        if (room.of_kind)
            mark_kinds_by_sets(begin, end);
        else
            mark_kinds(begin, end);
    }

    template <bool FLAGGED>
    COUPONRY_INLINE void add_links(int64_t e) noexcept {
        const int64_t item = work.bought.item[e], end = work.similar.ptr[item + 1];
        const Link* const link = work.similar.link.data;
        const float weight = work.bought.weight[e];
        float* const to = score;
        for (int64_t l = work.similar.ptr[item]; l < end; ++l) {
            const int32_t j = link[l].offer;
            COUPONRY_ASSERT(0 <= j && j < work.offers);
            const float part = weight * link[l].value;
            to[j] = to[j] + (part + 0.0f);
            if (FLAGGED) room.live[j / WORD] = 1;
        }
    }

    COUPONRY_INLINE void add_own(int64_t e) noexcept {
        const int64_t item = work.bought.item[e];
        const float weight = work.bought.own_weight[e];
        for (int64_t l = work.own.ptr[item]; l < work.own.ptr[item + 1]; ++l) {
            const int32_t j = work.own.link[l].offer;
            const float part = weight * work.own.link[l].value;
            room.mine[j] = room.mine[j] + (part + 0.0f);
            room.owned[owned] = j;
            owned += ~room.own[j / WORD] >> (j % WORD) & 1;  // those that are listed already are not once more
            set(room.own, j);
        }
    }

    void mark_kinds(int64_t begin, int64_t end) noexcept {
        for (int64_t e = begin; e < end; ++e) {
            const int32_t kind = work.kinds.item[work.bought.item[e]];
            if (kind < 0 || room.seen[kind] == now) continue;
            COUPONRY_ASSERT(kind + 1 < work.kinds.ptr.size);
            room.seen[kind] = now;
            for (int64_t l = work.kinds.ptr[kind]; l < work.kinds.ptr[kind + 1]; ++l)
                set(room.kind, work.kinds.offer[l]);
        }
    }

    // Sets of few offers are joined as they are, without a branch on which kind was seen before; whole vectors at a
    // time.
    COUPONRY_INLINE void mark_kinds_by_sets(int64_t begin, int64_t end) noexcept {
        for (int64_t w = 0; w < room.words; w += SET_WORDS) {
            uint64_t found[SET_WORDS];
            std::memcpy(found, room.kind + w, sizeof found);
            for (int64_t e = begin; e < end; ++e) {
                const int64_t kind = work.kinds.item[work.bought.item[e]];
                COUPONRY_ASSERT(-1 <= kind && kind + 1 < work.kinds.ptr.size);
                const uint64_t* const of_kind = room.of_kind + (kind + 1) * room.set_words + w;
                for (int64_t k = 0; k < SET_WORDS; ++k) found[k] |= of_kind[k];
            }
            std::memcpy(room.kind + w, found, sizeof found);
        }
    }

    COUPONRY_INLINE void set(uint64_t* bits, int64_t j) noexcept {
        COUPONRY_ASSERT(0 <= j && j < work.offers);
        bits[j / WORD] |= uint64_t{1} << (j % WORD);
        if (room.live) room.live[j / WORD] = 1;
    }

    const Choice& work;
    const Room& room;
    FactorScores by_factors;
    int32_t now = 0;    // the customer at hand, from 1
    int64_t owned = 0;  // offers that are linked to by `own`, each once
};

}  // namespace
}  // namespace couponry
