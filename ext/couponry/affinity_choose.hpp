// The choice of offers: scores added up, a bar that few more than wanted reach, and those few in exact order.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "affinity_best.hpp"
#include "affinity_words.hpp"

namespace couponry {
namespace {

constexpr int64_t AHEAD = 8;  // purchases that links are fetched ahead of
constexpr float LOWEST = -std::numeric_limits<float>::infinity();
constexpr float NOTHING = std::numeric_limits<float>::quiet_NaN();  // reaches no bar

class Chooser {
public:
    Chooser(const Choice& choice, const Room& memory) noexcept
        : work(choice),
          room(memory),
          live_words(memory.words),
          everything(choice.prior.size > 0),
          plain(choice.own.offer.size == 0 && choice.eligible.ptr.size == 0 && choice.kinds.offer.size == 0) {}

    void all() noexcept {
        for (int64_t i = work.start; i < work.stop; ++i) {
            if (room.live) {
                add_up<true>(i);
                list_live_words();
            } else {
                add_up<false>(i);
            }
            if (plain)
                linked();
            else
                by_role(i);
            for (int r = 0; r < 3; ++r) keep_best(r);
            work.chosen.number[i - work.start] = static_cast<int32_t>(plain ? write(2) : merge());
            clear(i);
        }
    }

private:
    // Scores by similarity, in the order of the customer's items.
    template <bool FLAGGED>
    COUPONRY_INLINE void add_up(int64_t i) noexcept {
        if (everything) std::memcpy(room.score, work.prior.data, sizeof(float) * static_cast<size_t>(work.offers));
        const Links& similar = work.similar;
        const int64_t stop = work.bought.indptr[i + 1], last = work.bought.item.size - 1;
        float* const score = room.score;
        for (int64_t e = work.bought.indptr[i]; e < stop; ++e) {
            const int64_t later = similar.ptr[work.bought.item[e + AHEAD < last ? e + AHEAD : last]];
            COUPONRY_PREFETCH(similar.offer.data + later);
            COUPONRY_PREFETCH(similar.value.data + later);
            const int64_t item = work.bought.item[e], end = similar.ptr[item + 1];
            const float weight = work.bought.weight[e];
            for (int64_t l = similar.ptr[item]; l < end; ++l) {
                const int32_t j = similar.offer[l];
                const float part = weight * similar.value[l];
                score[j] = score[j] + (part + 0.0f);
                if (FLAGGED) room.live[j / WORD] = 1;
            }
        }
    }

    // Offers linked to by `own`, of kinds that were bought, and that may be had.
    void mark(int64_t i) noexcept {
        const int32_t now = static_cast<int32_t>(i - work.start) + 1;
        for (int64_t e = work.bought.indptr[i]; e < work.bought.indptr[i + 1]; ++e) {
            const int64_t item = work.bought.item[e];
            const float weight = work.bought.own_weight[e];
            for (int64_t l = work.own.ptr[item]; l < work.own.ptr[item + 1]; ++l) {
                const int32_t j = work.own.offer[l];
                const float part = weight * work.own.value[l];
                room.mine[j] = room.mine[j] + (part + 0.0f);
                set(room.own, j);
            }
            const int32_t kind = work.kinds.item[item];
            if (kind < 0 || room.seen[kind] == now) continue;
            room.seen[kind] = now;
            for (int64_t l = work.kinds.ptr[kind]; l < work.kinds.ptr[kind + 1]; ++l) set(room.kind, work.kinds.offer[l]);
        }
        if (work.eligible.ptr.size)
            for (int64_t l = work.eligible.ptr[i]; l < work.eligible.ptr[i + 1]; ++l) set(room.may, work.eligible.offer[l]);
    }

    COUPONRY_INLINE void set(uint64_t* bits, int64_t j) noexcept {
        bits[j / WORD] |= uint64_t{1} << (j % WORD);
        if (room.live) room.live[j / WORD] = 1;
    }

    void list_live_words() noexcept {
        live_words = 0;
        for (int64_t first = 0; first < room.words; first += 8) {
            uint64_t eight;
            std::memcpy(&eight, room.live + first, sizeof eight);
            if (!eight) continue;
            for (int64_t w = first; w < first + 8; ++w) {
                room.word[live_words] = static_cast<int32_t>(w);
                live_words += room.live[w];
            }
        }
    }

    COUPONRY_INLINE uint64_t candidates(int64_t w) const noexcept {
        const float* const score = room.score + WORD * w;
        const uint64_t high = Lanes::larger(score, work.above);
        return everything ? high : high & Lanes::linked(score);
    }

    void linked() noexcept {
        count[2] = 0;
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            count[2] += count_bits(room.mask[2][w] = candidates(w));
        }
    }

    void by_role(int64_t i) noexcept {
        mark(i);
        if (room.live) list_live_words();
        count[0] = count[1] = count[2] = 0;
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            const uint64_t own = room.own[w], may = room.may[w], kind = room.kind[w];
            const uint64_t mine = own ? Lanes::larger(room.mine + WORD * w, work.above) : 0;
            const uint64_t other = may & ~own ? candidates(w) & may & ~own : 0;
            count[0] += count_bits(room.mask[0][w] = mine & own & may);
            count[1] += count_bits(room.mask[1][w] = other & kind);
            count[2] += count_bits(room.mask[2][w] = other & ~kind);
        }
    }

    // The best candidates of a role, listed in room.kept[r].
    void keep_best(int r) noexcept {
        const float* const score = r == 0 ? room.mine : room.score;
        const int64_t quota = work.quota[r];
        kept[r] = 0;
        if (quota == 0 || count[r] == 0) return;
        if (count[r] <= quota) {
            kept[r] = listed(score, room.mask[r], LOWEST, room.kept_score[r], room.kept[r]);
            return;
        }
        const int64_t few = listed(score, room.mask[r], bar_below(score, room.mask[r], quota), room.few_score, room.few);
        Lanes::fill(room.few_score + few, NOTHING);
        if (few <= WORD && Lanes::WIDTH > 1)
            ranked(few, quota);
        else
            searched(few, quota);
        for (int64_t k = 0; k < few; k += WORD) {
            const uint64_t won = room.won[k / WORD];
            Lanes::pack(room.few_score + k, won, room.kept_score[r] + kept[r]);
            kept[r] += Lanes::pack(room.few + k, won, room.kept[r] + kept[r]);
        }
    }

    // The candidates that reach a bar, in ascending order of offers; how many.
    int64_t listed(const float* score, const uint64_t* mask, float bar, float* its_score, int32_t* offer) const noexcept {
        int64_t n = 0;
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            const uint64_t high = mask[w] & Lanes::reaching(score + WORD * w, bar);
            Lanes::places(high, static_cast<int32_t>(WORD * w), offer + n);
            n += Lanes::pack(score + WORD * w, high, its_score + n);
        }
        return n;
    }

    static int64_t how_many_reach(float bar, const float* score, int64_t n) noexcept {
        int64_t found = 0;
        for (int64_t k = 0; k < n; k += WORD) found += count_bits(Lanes::reaching(score + k, bar));
        return found;
    }

    // A score that at least `quota` candidates reach, and few more.
    //
    // Candidates are dealt into some hundred hands. As many of them reach a bar as there are hands whose best does, and
    // of four hands to each of the quota few have a second one that does.
    float bar_below(const float* score, const uint64_t* mask, int64_t quota) noexcept {
        int64_t sets = (4 * quota + WORD - 1) / WORD;
        sets = sets < live_words ? sets : live_words;
        for (int64_t s = 0; s < sets; ++s) Lanes::fill(room.peak + WORD * s, LOWEST);
        for (int64_t t = 0, s = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            Lanes::raise(room.peak + WORD * s, score + WORD * w, mask[w]);
            s = s + 1 < sets ? s + 1 : 0;
        }
        const int64_t hands = WORD * sets, enough = quota + quota / 8;
        int64_t low = rank_of(LOWEST), high = int64_t{rank_of(Lanes::largest(room.peak, hands))} + 1;
        const int64_t top = high;
        // Looked for first where it was for the customer before; ranks are about logarithms.
        for (int64_t probe = top - below_top, step = int64_t{1} << 20; high - low > 1; step *= 2) {
            if (probe <= low || probe >= high) probe = low + (high - low) / 2;
            const int64_t found = how_many_reach(of_rank(static_cast<int32_t>(probe)), room.peak, hands);
            if (found < quota) {
                high = probe;
                probe -= step;
            } else {
                low = probe;
                probe += step;
                if (found <= enough) break;
            }
        }
        if (low > rank_of(LOWEST)) below_top = top - low;
        return of_rank(static_cast<int32_t>(low));
    }

    // The best of a few by comparing each with all.
    void ranked(int64_t few, int64_t quota) noexcept {
        const float* const score = room.few_score;
        uint64_t won = 0;
        for (int64_t k = 0; k < few; ++k)
            won |= uint64_t{count_bits(Lanes::reaching(score, score[k])) <= quota} << k;
        int64_t left = quota - count_bits(won);
        if (left) {  // some of those that share the next score
            float next = LOWEST;
            for (int64_t k = 0; k < few; ++k)
                if (!(won >> k & 1) && score[k] > next) next = score[k];
            for (int64_t k = 0; left; ++k)
                if (score[k] == next) {
                    won |= uint64_t{1} << k;
                    --left;
                }
        }
        room.won[0] = won;
    }

    // The best by halving the range that the least of them is in.
    void searched(int64_t few, int64_t quota) noexcept {
        int64_t low = rank_of(LOWEST), high = int64_t{INT32_MAX}, reach_low = few, reach_high = 0;
        while (high - low > 1 && reach_low > quota) {
            const int64_t probe = low + (high - low) / 2;
            const int64_t found = how_many_reach(of_rank(static_cast<int32_t>(probe)), room.few_score, few);
            (found < quota ? high : low) = probe;
            (found < quota ? reach_high : reach_low) = found;
        }
        int64_t left = quota - reach_high;  // of those that share the lowest score
        for (int64_t k = 0; k < few; k += WORD) {
            uint64_t won = Lanes::reaching(room.few_score + k, of_rank(static_cast<int32_t>(high)));
            uint64_t last = Lanes::reaching(room.few_score + k, of_rank(static_cast<int32_t>(low))) & ~won;
            for (; last && left; last &= last - 1, --left) won |= last & (~last + 1);
            room.won[k / WORD] = won;
        }
    }

    int64_t write(int r) noexcept {
        const size_t bytes = sizeof(float) * static_cast<size_t>(kept[r]);
        std::memcpy(work.chosen.offer.data + at, room.kept[r], bytes);
        std::memcpy(work.chosen.score.data + at, room.kept_score[r], bytes);
        std::memset(work.chosen.role.data + at, r, static_cast<size_t>(kept[r]));
        at += kept[r];
        return kept[r];
    }

    // What is kept of all roles, in ascending order of offers.
    int64_t merge() noexcept {
        int64_t next[3] = {0, 0, 0};
        for (int r = 0; r < 3; ++r) room.kept[r][kept[r]] = INT32_MAX;
        const int64_t n = kept[0] + kept[1] + kept[2];
        for (int64_t k = 0; k < n; ++k, ++at) {
            int r = room.kept[1][next[1]] < room.kept[0][next[0]] ? 1 : 0;
            r = room.kept[2][next[2]] < room.kept[r][next[r]] ? 2 : r;
            work.chosen.offer[at] = room.kept[r][next[r]];
            work.chosen.score[at] = room.kept_score[r][next[r]];
            work.chosen.role[at] = static_cast<uint8_t>(r);
            ++next[r];
        }
        return n;
    }

    void clear(int64_t) noexcept {
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            if (!everything) Lanes::fill(room.score + WORD * w, -0.0f);
            if (room.live) room.live[w] = 0;
            if (plain) continue;
            if (room.own[w]) Lanes::fill(room.mine + WORD * w, -0.0f);
            room.own[w] = room.kind[w] = 0;
            if (work.eligible.ptr.size) room.may[w] = 0;
        }
    }

    const Choice& work;
    const Room& room;
    int64_t live_words;
    const bool everything;  // every offer is a candidate, whatever links to it
    const bool plain;       // neither rewards nor kinds nor lists of what is eligible
    int64_t count[3] = {0, 0, 0}, kept[3] = {0, 0, 0};
    int64_t below_top = int64_t{1} << 23;
    int64_t at = 0;
};

void choose(const Choice& choice, const Room& room) noexcept { Chooser(choice, room).all(); }

}  // namespace
}  // namespace couponry
