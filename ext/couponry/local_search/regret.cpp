// What each candidate's decision is worth: reduced value lost when it alone is forced the other way.
#include <limits>
#include <new>
#include <vector>

#include "local_search/exact_search.hpp"
#include "local_search/group_counts.hpp"
#include "local_search/local_search.hpp"

namespace couponry {
namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

template <class Item>
void regret_of(const Shard& shard, const Rules& rules, const Table<const double>& exact, const Amounts& reduced,
               View<const uint8_t> chosen, uint32_t seed, int64_t start, int64_t stop, View<double> out) {
    const View<const Item> item = shard.items<Item>();
    GroupCounts<Item> groups(shard, rules);
    ExactSearch<Item> search(shard, rules, exact, reduced, seed);
    std::vector<double> values;
    std::vector<int64_t> held;
    for (int64_t i = start; i < stop; ++i) {
        const int64_t begin = shard.indptr[i], end = shard.indptr[i + 1];
        const int64_t s = of_customer(shard.segment, i);
        const int64_t lower = of_customer(rules.lower, i), upper = of_customer(rules.upper, i);
        groups.start(i);
        if (groups.by_constraints()) {
            search.regret(i, chosen, out);
            continue;
        }
        values.resize(static_cast<size_t>(end - begin));
        const View<double> value{values.data(), end - begin};
        held.clear();
        for (int64_t e = begin; e < end; ++e) {
            value[e - begin] = reduced.at(exact, s, item[e], e);
            out[e] = INFINITE;
            if (!chosen[e]) continue;
            held.push_back(e);
            groups.add(e, 1);
        }
        const int64_t given = static_cast<int64_t>(held.size());
        if (given > lower)
            for (const int64_t e : held) out[e] = value[e - begin];
        for (int64_t into = begin; into < end; ++into) {
            if (chosen[into]) continue;
            if (given < upper && groups.fits(i, into, -1)) out[into] = -value[into - begin];
            for (const int64_t leaving : held) {
                const double loss = value[leaving - begin] - value[into - begin];
                if ((loss < out[into] || loss < out[leaving]) && groups.fits(i, into, leaving)) {
                    if (loss < out[into]) out[into] = loss;
                    if (loss < out[leaving]) out[leaving] = loss;
                }
            }
        }
        for (const int64_t e : held) groups.add(e, -1);
    }
}

}  // namespace

int regret(const Shard& shard, const Rules& rules, const Table<const double>& exact, const Amounts& reduced,
           View<const uint8_t> chosen, uint32_t seed, int64_t start, int64_t stop, View<double> out) noexcept {
    try {
        if (shard.item_bytes == 2)
            regret_of<uint16_t>(shard, rules, exact, reduced, chosen, seed, start, stop, out);
        else
            regret_of<uint32_t>(shard, rules, exact, reduced, chosen, seed, start, stop, out);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int choose_exactly(const Shard& shard, const Rules& rules, const Table<const double>& exact, const Amounts& reduced,
                   uint32_t seed, int64_t start, int64_t stop, View<uint8_t> chosen, int64_t unit, Cut* cut) noexcept {
    try {
        if (shard.item_bytes == 2)
            ExactSearch<uint16_t>(shard, rules, exact, reduced, seed).choose(start, stop, chosen, unit, cut);
        else
            ExactSearch<uint32_t>(shard, rules, exact, reduced, seed).choose(start, stop, chosen, unit, cut);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
