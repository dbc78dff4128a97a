// The choice of offers: scores added up, a bar that few more than wanted reach, and those few in exact order.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "affinity/best_offers.hpp"
#include "affinity/customer_scores.hpp"
#include "affinity/rank_few.hpp"
#include "affinity/words.hpp"

namespace couponry {
namespace {

constexpr int SOME = 4;              // offers of a word that are listed without asking whether there are so many
constexpr int64_t FEW_OF_ROLE = 32;  // candidates of a role that are all listed
constexpr uint64_t LAST_OF_WORD = uint64_t{1} << 63;
constexpr float LOWEST = -std::numeric_limits<float>::infinity();
constexpr float NOTHING = std::numeric_limits<float>::quiet_NaN();  // reaches no bar

class Chooser {
public:
    Chooser(const Choice& choice, const Room& memory) noexcept
        : work(choice),
          room(memory),
          scores(choice, memory),
          at_once(most_of(choice.quota) < 256 ? most_of(choice.quota) : 256),
          live_words(memory.words),
          plain(choice.own.link.size == 0 && choice.eligible.ptr.size == 0 && choice.kinds.offer.size == 0) {}

    void all() noexcept {
        for (int64_t i = work.start; i < work.stop; ++i) {
            fetch_room();
            if (room.live)
                plain ? scores.add_up<true, false>(i) : scores.add_up<true, true>(i);
            else
                plain ? scores.add_up<false, false>(i) : scores.add_up<false, true>(i);
            if (room.live) list_live_words();
            work.chosen.number[i - work.start] = static_cast<int32_t>(plain ? choose_all_alike() : choose_by_role());
            clear();
        }
    }

private:
    static int64_t most_of(const View<const int32_t>& quota) noexcept {
        return int64_t{quota[0]} + quota[1] + quota[2];
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
        const float* const some = scores.score + WORD * w;
        const uint64_t high = Lanes::larger(some, work.above);
        return scores.everything ? high : high & Lanes::linked(some);
    }

    // Where all offers are innovations. Most customers have so many good ones that nothing else need be looked at: what
    // is not linked scores 0.
    int64_t choose_all_alike() noexcept {
        const float* const score = scores.score;
        const int64_t quota = work.quota[2];
        if (quota > 0 && quota <= HANDS / 2) {
            const auto all = [](auto& hand, const float* of, int64_t) { hand.deal(of); };
            const float bar = bar_below(score, quota, all);
            if (bar > work.above && (scores.everything || bar > 0.0f)) {
                keep_some(2, listed(score, bar, room.few_score, room.few, [](int64_t) { return ~uint64_t{0}; }));
                return write(2);
            }
        }
        count[2] = 0;
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            count[2] += count_bits(room.mask[2][w] = candidates(w));
        }
        keep_best(2);
        return write(2);
    }

    int64_t choose_by_role() noexcept {
        part_by_role();
        const int64_t few = choose_together();
        if (few >= 0) return few;
        for (int r = 0; r < 3; ++r) keep_best(r);
        return merge();
    }

    void part_by_role() noexcept {
        count[0] = count[1] = count[2] = 0;
        for (int64_t t = 0; t < live_words; ++t) room.mask[0][room.word[t]] = 0;
        scores.list_own_above(work.above, room.mask[0]);
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            const uint64_t own = room.own[w], may = room.may[w], kind = room.kind[w];
            const uint64_t other = candidates(w) & may & ~own;
            count[0] += count_bits(room.mask[0][w] &= may);
            count[1] += count_bits(room.mask[1][w] = other & kind);
            count[2] += count_bits(room.mask[2][w] = other & ~kind);
        }
    }

    // All roles in one list, in ascending order of offers, out of which the best of each role are taken: where they are
    // few, that takes less than lists that are merged. How many they are; -1 where they are many.
    int64_t choose_together() noexcept {
        if (!Lanes::PICKS_BITS || room.live || !scores.everything) return -1;
        const float* const score = scores.score;
        float bar[3] = {LOWEST, LOWEST, LOWEST};
        for (int r = 1; r < 3; ++r) {
            const uint64_t* const mask = room.mask[r];
            if (count[r] > FEW_OF_ROLE && count[r] > work.quota[r] && work.quota[r] <= HANDS / 2)
                bar[r] = bar_below(score, work.quota[r],
                                   [=](auto& hand, const float* of, int64_t w) { hand.deal(of, mask[w]); });
        }
        scores.put_own_among_others();
        uint64_t of[3] = {0, 0, 0};
        int64_t n = 0;
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            uint64_t mine[3] = {room.mask[0][w], room.mask[1][w], room.mask[2][w]};
            for (int r = 1; r < 3; ++r)
                if (bar[r] > LOWEST) mine[r] &= Lanes::reaching(score + WORD * w, bar[r]);
            const uint64_t all = mine[0] | mine[1] | mine[2];
            if (n + count_bits(all) > WORD) return -1;
            for (int r = 0; r < 3; ++r) of[r] |= Lanes::picked(mine[r], all) << (n % WORD);
            n += list_word(score, w, all, room.few_score + n, room.few + n);
        }
        for (int r = 0; r < 3; ++r)
            if (count_bits(of[r]) > work.quota[r]) of[r] = largest_in(room.few_score, of[r], work.quota[r]);
        return write_few(of);
    }

    // The offers in a set of a word, and their scores; how many.
    COUPONRY_INLINE int64_t list_word(const float* by, int64_t w, uint64_t left, float* its_score,
                                      int32_t* offer) const noexcept {
        const int count = count_bits(left);
        int k = 0;
        do {  // some at a time, wanted or not: nobody can foretell how many a word has
            for (int s = 0; s < SOME; ++s, ++k, left &= left - 1) {
                const int32_t j = static_cast<int32_t>(WORD * w) + lowest_bit(left | LAST_OF_WORD);
                its_score[k] = by[j];
                offer[k] = j;
            }
        } while (left);
        return count;
    }

    // Writes those of the list that are of any role; how many.
    COUPONRY_INLINE int64_t write_few(const uint64_t (&of)[3]) noexcept {
        const uint64_t taken = of[0] | of[1] | of[2];
        const int64_t n = count_bits(taken);
        const bool fits = at + 2 * WORD <= work.chosen.offer.size;  // packed vectors go beyond the last offer
        int32_t* const offer = fits ? work.chosen.offer.data + at : room.kept[0];
        float* const its_score = fits ? work.chosen.score.data + at : room.kept_score[0];
        uint8_t roles[WORD], *const role = fits ? work.chosen.role.data + at : roles;
        Lanes::pack(room.few, taken, offer);
        Lanes::pack(room.few_score, taken, its_score);
        Lanes::put_roles(Lanes::picked(of[1], taken), Lanes::picked(of[2], taken), role);
        if (!fits && n) {
            const size_t count = static_cast<size_t>(n);
            std::memcpy(work.chosen.offer.data + at, offer, sizeof(int32_t) * count);
            std::memcpy(work.chosen.score.data + at, its_score, sizeof(float) * count);
            std::memcpy(work.chosen.role.data + at, roles, count);
        }
        at += n;
        return n;
    }

    // The best candidates of a role, listed in room.kept[r].
    void keep_best(int r) noexcept {
        const float* const by = r == 0 ? room.mine : scores.score;
        const uint64_t* const mask = room.mask[r];
        const int64_t quota = work.quota[r];
        const auto candidate = [=](int64_t w) { return mask[w]; };
        kept[r] = 0;
        if (quota == 0 || count[r] == 0) return;
        if (count[r] <= quota) {
            kept[r] = listed(by, LOWEST, room.kept_score[r], room.kept[r], candidate);
            return;
        }
        const auto candidates = [=](auto& hand, const float* of, int64_t w) { hand.deal(of, mask[w]); };
        const bool no_bar = count[r] <= WORD || quota > HANDS / 2;  // few are compared with each other as they are
        const float bar = no_bar ? LOWEST : bar_below(by, quota, candidates);
        keep_some(r, listed(by, bar, room.few_score, room.few, candidate));
    }

    // The best of a few that are more than the quota, or as many.
    void keep_some(int r, int64_t few) noexcept {
        const int64_t quota = work.quota[r];
        kept[r] = 0;
        Lanes::fill(room.few_score + few, NOTHING);
        if (few <= WORD && Lanes::WIDTH > 1)
            room.won[0] = largest_of_few(room.few_score, few, quota);
        else
            searched(few, quota);
        for (int64_t k = 0; k < few; k += WORD) {
            const uint64_t won = room.won[k / WORD];
            Lanes::pack(room.few_score + k, won, room.kept_score[r] + kept[r]);
            kept[r] += Lanes::pack(room.few + k, won, room.kept[r] + kept[r]);
        }
    }

    // The candidates that reach a bar, in ascending order of offers; how many.
    template <class Candidates>
    COUPONRY_INLINE int64_t listed(const float* by, float bar, float* its_score, int32_t* offer,
                                   Candidates candidates) const noexcept {
        int64_t n = 0;
        for (int64_t t = 0; t < live_words; ++t) {
            const int64_t w = room.word[t];
            COUPONRY_ASSERT(0 <= w && w < room.words);
            uint64_t left = candidates(w);
            if (bar > LOWEST) left &= Lanes::reaching(by + WORD * w, bar);
            n += list_word(by, w, left, its_score + n, offer + n);
        }
        return n;
    }

    static int64_t how_many_reach(float bar, const float* by, int64_t n) noexcept {
        int64_t found = 0;
        for (int64_t k = 0; k < n; k += WORD) found += count_bits(Lanes::reaching(by + k, bar));
        return found;
    }

    // A score that at least `quota` candidates reach, and few more.
    //
    // Candidates are dealt into HANDS. As many of them reach a bar as there are hands whose best does, and few hands
    // have a second one that does where the quota is a small part of them.
    template <class Deal>
    COUPONRY_INLINE float bar_below(const float* by, int64_t quota, Deal deal) noexcept {
        Lanes::Hands even(LOWEST), odd(LOWEST);
        int64_t t = 0;
        for (; t + 2 <= live_words; t += 2) {
            const int64_t w = room.word[t], next = room.word[t + 1];
            deal(even, by + WORD * w, w);
            deal(odd, by + WORD * next, next);
        }
        if (t < live_words) deal(even, by + WORD * room.word[t], room.word[t]);
        even.store(room.hands);
        odd.store(room.hands + WORD);
        const int64_t enough = quota + quota / 8;
        int64_t low = rank_of(LOWEST), high = int64_t{rank_of(Lanes::largest(room.hands, HANDS))} + 1;
        const int64_t top = high;
        // Looked for first where it was for the customer before; ranks are about logarithms.
        for (int64_t probe = top - below_top, step = int64_t{1} << 20; high - low > 1; step *= 2) {
            if (probe <= low || probe >= high) probe = low + (high - low) / 2;
            const int64_t found = how_many_reach(of_rank(static_cast<int32_t>(probe)), room.hands, HANDS);
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

    // Where the next customer's offers will be written: memory that was not in use before is slow to get at.
    void fetch_room() const noexcept {
        const int64_t last = work.chosen.offer.size - 1, step = 64 / sizeof(float);
        if (last < 0) return;
        for (int64_t k = 0; k < at_once; k += step) {
            const int64_t later = at + at_once + k < last ? at + at_once + k : last;
            COUPONRY_PREFETCH_TO_WRITE(work.chosen.offer.data + later);
            COUPONRY_PREFETCH_TO_WRITE(work.chosen.score.data + later);
        }
        COUPONRY_PREFETCH_TO_WRITE(work.chosen.role.data + (at + at_once < last ? at + at_once : last));
    }

    int64_t write(int r) noexcept {
        COUPONRY_ASSERT(kept[r] <= work.quota[r] && at + kept[r] <= work.chosen.offer.size);
        if (kept[r] == 0) return 0;  // there may be no room at all, and no array to copy to
        const size_t bytes = sizeof(float) * static_cast<size_t>(kept[r]);
        std::memcpy(work.chosen.offer.data + at, room.kept[r], bytes);
        std::memcpy(work.chosen.score.data + at, room.kept_score[r], bytes);
        std::memset(work.chosen.role.data + at, r, static_cast<size_t>(kept[r]));
        at += kept[r];
        return kept[r];
    }

    // What is kept of all roles, in ascending order of offers: each goes to the place that as many are before as there
    // are bits below its own. Nothing waits for the offer before, nor is there a branch on whose turn it is.
    int64_t merge() noexcept {
        uint64_t* const all = room.won;    // bits of what is kept
        int32_t* const before = room.few;  // of each word: how many are in those before it
        for (int64_t t = 0; t < live_words; ++t) all[room.word[t]] = 0;
        for (int r = 0; r < 3; ++r)
            for (int64_t k = 0; k < kept[r]; ++k)
                all[room.kept[r][k] / WORD] |= uint64_t{1} << (room.kept[r][k] % WORD);
        int32_t n = 0;
        for (int64_t t = 0; t < live_words; ++t) {
            before[room.word[t]] = n;
            n += count_bits(all[room.word[t]]);
        }
        COUPONRY_ASSERT(n == kept[0] + kept[1] + kept[2] && at + n <= work.chosen.offer.size);
        int32_t* const offer = work.chosen.offer.data + at;
        float* const its_score = work.chosen.score.data + at;
        uint8_t* const role = work.chosen.role.data + at;
        for (int r = 0; r < 3; ++r) {
            const int32_t* const list = room.kept[r];
            const float* const scores = room.kept_score[r];
            for (int64_t k = 0, count = kept[r]; k < count; ++k) {
                const int32_t j = list[k];
                const uint64_t below = (uint64_t{1} << (j % WORD)) - 1;
                const int64_t place = before[j / WORD] + count_bits(all[j / WORD] & below);
                offer[place] = j;
                its_score[place] = scores[k];
                role[place] = static_cast<uint8_t>(r);
            }
        }
        at += n;
        return n;
    }

    void clear() noexcept {
        if (!scores.everything)
            for (int64_t t = 0; t < live_words; ++t) Lanes::fill(scores.score + WORD * room.word[t], -0.0f);
        if (!plain || room.live) scores.clear(live_words);
    }

    const Choice& work;
    const Room& room;
    CustomerScores scores;
    const int64_t at_once;  // offers of a customer for which memory is fetched
    int64_t live_words;
    const bool plain;  // neither rewards nor kinds nor lists of what is eligible
    int64_t count[3] = {0, 0, 0}, kept[3] = {0, 0, 0};
    int64_t below_top = int64_t{1} << 23;
    int64_t at = 0;
};

void choose(const Choice& choice, const Room& room) noexcept { Chooser(choice, room).all(); }

}  // namespace
}  // namespace couponry
