// The best choice under group rules: the greedy one, since the groups are a laminar family.
#pragma once

#include <cstdint>

#include "common/tie_break.hpp"
#include "dispatch/kernel_table.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

template <class Item>
class Greedy {
public:
    explicit Greedy(const Pass& pass) noexcept
        : rules_(pass.rules),
          memory_(rules_.groups, sizeof(int64_t)),
          count_{static_cast<int64_t*>(memory_.data), rules_.groups} {}

    bool failed() const noexcept { return !memory_.data; }

    // The best choice without the rules is the greedy one if it happens to keep them. Says of customers from the
    // i-th on whether it does not (OUT, false before).
    // item: of the batch. given: the customers' coupons, from first[c] to first[c + 1]. found: room for as many.
    void look_for_breaks(const Item* item, const int32_t* given, const int32_t* first, int64_t i, int64_t customers,
                         int32_t* found, bool* breaks) noexcept {
        for (int64_t rule = 0; rule < rules_.group.rows; ++rule) {
            const int32_t* group = rules_.group.row(rule).data;
            for (int64_t t = first[0]; t < first[customers]; ++t) found[t] = group[item[given[t]]];
            for (int64_t c = 0; c < customers; ++c) {
                const int32_t* theirs = found + first[c];
                const int64_t count = first[c + 1] - first[c], cap = rules_.cap_of(rule, i + c);
                if (count <= cap) continue;
                breaks[c] |= cap == 1 && count <= LANES ? !Lanes::distinct(theirs, count) : exceeds(theirs, count, cap);
            }
        }
    }

    // Walks down the order and takes what fits; the picks are OUT.
    void choose(const Item* item, int64_t n, const int32_t* key, Ranked* order, Bounds bounds, int64_t customer,
                uint32_t hash, uint64_t* picks) noexcept {
        [[maybe_unused]] const int64_t candidates = n;
        for (int64_t from = 0; from < n; from += WORD) picks[from / WORD] = 0;
        if (bounds.lower > 0 || !sort_wanted(item, key, order, hash, n)) sort(item, n, key, order, hash);
        start_counting();
        int64_t given = 0;
        for (int64_t at = 0; at < n; ++at) {
            const int64_t j = static_cast<int64_t>(order[at].at);
            COUPONRY_ASSERT(j < candidates);
            if (given >= bounds.upper || (given >= bounds.lower && key[j] <= 0)) break;
            if (!fits(item[j], customer)) continue;
            ++given;
            picks[j / WORD] |= uint64_t{1} << (j % WORD);
            for (int64_t rule = 0; rule < rules_.group.rows; ++rule) {
                const int32_t g = rules_.group.row(rule)[item[j]];
                if (g >= 0) add_one(g);
            }
        }
    }

    // All candidates in order of choice. Few are placed by counting who goes before each, which vectors do
    // without a branch.
    static void sort(const Item* item, int64_t n, const int32_t* key, Ranked* order, uint32_t hash) noexcept {
        if (n <= Lanes::RANKED && place(n, key, order)) return;
        for (int64_t j = 0; j < n; ++j) order[j] = Ranked::of(key[j], tie_hash(hash, item[j]), j);
        sort_ranked(order, n);
    }

private:
    static constexpr int64_t FEW = 64;

    // False where some are tied.
    static bool place(int64_t n, const int32_t* key, Ranked* order) noexcept {
        alignas(64) int32_t before[Lanes::RANKED + 2 * LANES];
        uint64_t taken[(Lanes::RANKED + WORD - 1) / WORD] = {};
        Lanes::ranks(key, n, before);
        for (int64_t j = 0; j < n; ++j) {
            COUPONRY_ASSERT(0 <= before[j] && before[j] < n);
            taken[before[j] / WORD] |= uint64_t{1} << (before[j] % WORD);
            order[before[j]].at = static_cast<uint64_t>(j);
        }
        int64_t places = 0;
        for (const uint64_t word : taken) places += count_bits(word);
        return places == n;
    }

    // The candidates that are worth something, where they are few: their number is OUT.
    static bool sort_wanted(const Item* item, const int32_t* key, Ranked* order, uint32_t hash, int64_t& n) noexcept {
        constexpr int64_t ROOM = FEW + 17;  // vectors read beyond the last one
        alignas(64) int32_t wanted[ROOM] = {};
        alignas(64) int32_t before[ROOM];
        int32_t at[FEW + WORD + ROOM];
        int64_t count = 0;
        for (int64_t from = 0; from < n && count <= FEW; from += WORD) {
            uint64_t word;
            count += Lanes::take(key + from, n - from < WORD ? n - from : WORD, 1, from, at + count, word);
        }
        if (count > FEW) return false;
        for (int64_t k = 0; k < count; ++k) wanted[k] = key[at[k]];
        n = count;
        uint64_t taken = 0;
        Lanes::ranks(wanted, count, before);
        for (int64_t k = 0; k < count; ++k) {
            COUPONRY_ASSERT(0 <= before[k] && before[k] < count);
            taken |= uint64_t{1} << before[k];
            order[before[k]].at = static_cast<uint64_t>(at[k]);
        }
        if (count_bits(taken) == count) return true;  // else some tie
        for (int64_t k = 0; k < count; ++k)
            order[k] = Ranked::of(wanted[k], tie_hash(hash, item[at[k]]), static_cast<int64_t>(at[k]));
        sort_ranked(order, count);
        return true;
    }

    bool exceeds(const int32_t* group, int64_t count, int64_t cap) noexcept {
        start_counting();
        bool exceeded = false;
        for (int64_t t = 0; t < count; ++t)
            if (group[t] >= 0) exceeded |= add_one(group[t]) > cap;
        return exceeded;
    }

    bool fits(int64_t k, int64_t customer) const noexcept {
        for (int64_t rule = 0; rule < rules_.group.rows; ++rule) {
            const int32_t g = rules_.group.row(rule)[k];
            if (g >= 0 && count_of(g) >= rules_.cap_of(rule, customer)) return false;
        }
        return true;
    }

    // A group's number is its count above zero_, so that a larger zero_ constraints all counts back at once.
    void start_counting() noexcept { zero_ += int64_t{1} << 31; }

    COUPONRY_INLINE int64_t count_of(int32_t g) const noexcept { return count_[g] > zero_ ? count_[g] - zero_ : 0; }

    COUPONRY_INLINE int64_t add_one(int32_t g) noexcept {
        const int64_t count = count_of(g) + 1;
        count_[g] = zero_ + count;
        return count;
    }

    const Rules& rules_;
    Zeros memory_;
    View<int64_t> count_;
    int64_t zero_ = 0;
};

}  // namespace
}  // namespace couponry
