// The best choice of customers with cardinality constraints: the plain one if it keeps them, else the greedy one, else
// the search's.
#pragma once

#include <cstdint>

#include "customer_constraints/search_by_parts.hpp"
#include "dispatch/kernel_table.hpp"
#include "evaluate/chain_choice.hpp"
#include "evaluate/greedy.hpp"

namespace couponry {
namespace {

template <class Item>
class ConstrainedChoice {
public:
    explicit ConstrainedChoice(const Pass& pass) noexcept : pass_(pass) {}

    // Whether picks keep a customer's rows and constraints, minimums included.
    static COUPONRY_INLINE bool keeps(const Constraints& constraints, const uint64_t* picks) noexcept {
        return keeps_sets(constraints, picks) && (!constraints.rows.at || constraints.rows.kept_by(picks));
    }

    static COUPONRY_INLINE bool keeps_sets(const Constraints& constraints, const uint64_t* picks) noexcept {
        bool kept = true;
        if (constraints.is_short) {
            for (int64_t s = 0; s < constraints.count; s += 16)
                kept &= Lanes::keeps_short(constraints.at + s, constraints.count - s < 16 ? constraints.count - s : 16,
                                           static_cast<uint32_t>(picks[0]));
            return kept;
        }
        if (constraints.words == 1) {
            for (int64_t s = 0; s < constraints.count; ++s) {
                const int64_t held = count_bits(picks[0] & constraints.word(s, 0));
                kept &= (held <= constraints.cap(s)) & (held >= constraints.least(s));
            }
            return kept;
        }
        for (int64_t s = 0; s < constraints.count && kept; ++s) {
            int64_t held = 0;
            for (int64_t w = 0; w < constraints.words; ++w) held += count_bits(picks[w] & constraints.word(s, w));
            kept = (held <= constraints.cap(s)) & (held >= constraints.least(s));
        }
        return kept;
    }

    // Chooses for a customer, now or when more have come or `finish` is called; the picks are OUT then. False when
    // there is no memory to search with. order: room for as many candidates.
    bool choose(const Constraints& constraints, const Item* item, int64_t n, const int32_t* key, Ranked* order,
                int64_t customer, uint64_t* picks) noexcept {
        const int64_t upper = of_customer(pass_.rules.upper, customer);
        const Waiting one{{constraints, key, n, upper, picks}, item, customer};
        if (of_customer(pass_.rules.lower, customer) > 0) return choose_alone(one, order);
        if (!ShortChains::takes(constraints))
            return chain_.choose(constraints, key, n, upper, pass_.rules.nodes, picks) || search_in_batch(one, order);
        if (upper < 1 || !chains_.put(constraints, key, n)) return search_in_batch(one, order);
        in_chains_[chained_] = one;
        return ++chained_ < ShortChains::WIDTH || choose_chains(order);
    }

    bool finish(Ranked* order) noexcept { return choose_chains(order) && choose_batch(order); }

private:
    // A customer whose choice is put off until there are several.
    struct Waiting {
        Violated of;
        const Item* item;
        int64_t customer;
    };

    // Chooses for those whose constraints are intervals, all at once.
    bool choose_chains(Ranked* order) noexcept {
        if (chained_ == 0) return true;
        const int64_t count = chained_;
        chained_ = 0;
        uint32_t picks[ShortChains::WIDTH] = {};
        const uint64_t left = chains_.choose(picks);
        for (int64_t w = 0; w < count; ++w) {
            const Violated& one = in_chains_[w].of;
            *one.picks = picks[w];
            const bool found =
                !(left >> w & 1) && count_bits(*one.picks) <= one.upper && keeps(one.constraints, one.picks);
            if (!found && !search_in_batch(in_chains_[w], order)) return false;
        }
        return true;
    }

    bool search_in_batch(const Waiting& one, Ranked* order) noexcept {
        if (!BatchedSearch::takes(one.of.constraints)) return choose_alone(one, order);
        in_batch_[count_] = one;
        return ++count_ < BatchedSearch::WIDTH || choose_batch(order);
    }

    bool choose_batch(Ranked* order) noexcept {
        if (count_ == 0) return true;
        const int64_t count = count_;
        count_ = 0;
        Violated batch[BatchedSearch::WIDTH];
        for (int64_t w = 0; w < count; ++w) batch[w] = in_batch_[w].of;
        for (uint64_t left = batch_.choose(batch, count, pass_.rules.nodes); left; left &= left - 1)
            if (!choose_alone(in_batch_[lowest_bit(left)], order)) return false;
        return true;
    }

    bool choose_alone(const Waiting& waiting, Ranked* order) noexcept {
        const auto& [constraints, key, n, upper, picks] = waiting.of;
        const Item* const item = waiting.item;
        const int64_t customer = waiting.customer;
        const int64_t lower = of_customer(pass_.rules.lower, customer);
        const bool one_word = n <= WORD && constraints.count <= MOST;
        Greedy<Item>::sort(item, n, key, order, customer_hash(pass_.seed, pass_.shard.number_of(customer)));
        if (one_word && greedy(constraints, n, key, order, lower, upper, picks)) return true;
        return search(constraints, n, key, order, lower, upper, one_word, picks);
    }

    static constexpr int64_t MOST = 64;  // constraints that the greedy choice looks at

    const Pass& pass_;
    BatchedSearch batch_;
    ShortChains chains_;
    Waiting in_batch_[BatchedSearch::WIDTH], in_chains_[ShortChains::WIDTH];
    int64_t count_ = 0, chained_ = 0;  // customers who wait for each
    ChainChoice chain_;
    SearchByParts search_;

    // The greedy choice under the laminar family; whether it is the best one, since it keeps the other constraints too.
    static bool greedy(const Constraints& constraints, int64_t n, const int32_t* key, const Ranked* order,
                       int64_t lower, int64_t upper, uint64_t* picks) noexcept {
        COUPONRY_ASSERT(n <= WORD && constraints.count <= MOST);
        uint64_t mask[MOST];
        int32_t left[MOST];
        int64_t count = 0;
        uint64_t open = n == WORD ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
        for (int64_t s = 0; s < constraints.count; ++s) {
            const int64_t cap = constraints.cap(s);
            const uint64_t word = constraints.word(s, 0);
            if (cap == 0) open &= ~word;
            mask[count] = word;
            left[count] = static_cast<int32_t>(cap);
            count += !constraints.crosses(s);
        }
        uint64_t taken = 0;
        int64_t given = 0;
        for (int64_t at = 0; at < n; ++at) {
            const int64_t j = static_cast<int64_t>(order[at].at);
            COUPONRY_ASSERT(j < n);
            if (given >= upper || (key[j] <= 0 && given >= lower)) break;
            if (!(open >> j & 1)) continue;
            taken |= uint64_t{1} << j;
            ++given;
            for (int64_t s = 0; s < count; ++s) {
                left[s] -= static_cast<int32_t>(mask[s] >> j & 1);
                open &= left[s] <= 0 ? ~mask[s] : ~uint64_t{0};
            }
        }
        picks[0] = taken;
        return keeps(constraints, picks);
    }

    bool search(const Constraints& constraints, int64_t n, const int32_t* key, const Ranked* order, int64_t lower,
                int64_t upper, bool tried, uint64_t* picks) noexcept {
        if (!search_.load(constraints, n)) return false;
        const Scale scale = Scale::of_float(largest_value(key, n), n);
        int64_t* const place = search_.place();
        for (int64_t t = 0; t < n; ++t) {
            const int64_t j = static_cast<int64_t>(order[t].at);
            const float value = value_of(key[j]);
            search_.value[t] = value > 0.0f ? scale.whole_of_positive(value) : scale.whole(value);
            place[j] = t;
        }
        search_.arrange(constraints);
        for (int64_t w = 0; w < constraints.words; ++w) search_.forced_in[w] = search_.forced_out[w] = picks[w] = 0;
        const Found found = search_.best_choice(lower, upper, pass_.rules.nodes, tried);
        if (found.most > found.worth) {
            ++pass_.cut->searches;
            pass_.cut->slack += scale.units(found.most - found.worth, pass_.unit);
        }
        for (int64_t w = 0; w < constraints.words; ++w)
            for (uint64_t word = search_.picks[w]; word; word &= word - 1) {
                const uint64_t j = order[WORD * w + lowest_bit(word)].at;
                picks[j / WORD] |= uint64_t{1} << (j % WORD);
            }
        return true;
    }
};

}  // namespace
}  // namespace couponry
