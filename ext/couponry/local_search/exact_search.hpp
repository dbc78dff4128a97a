// The search under constraints in float64, from attributes as given: the best choice, and what each decision of it is
// worth.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include "common/tie_break.hpp"
#include "customer_constraints/search_by_parts.hpp"
#include "local_search/local_search.hpp"

namespace couponry {
namespace {

template <class Item>
class ExactSearch {
public:
    ExactSearch(const Shard& shard, const Rules& rules, const Table<const double>& exact, const Amounts& reduced,
                uint32_t seed)
        : shard_(shard),
          rules_(rules),
          exact_(exact),
          reduced_(reduced),
          seed_(seed),
          item_(shard.items<Item>()) {}

    // See `choose_exactly` in reference/regret.py.
    void choose(int64_t start, int64_t stop, View<uint8_t> chosen, int64_t unit, Cut* cut) {
        for (int64_t i = start; i < stop; ++i) {
            if (!load(i)) continue;
            const Found found = search_.best_choice(lower_, upper_, rules_.nodes, false);
            if (found.most > found.worth) {
                ++cut->searches;
                cut->slack += scale_.units(found.most - found.worth, unit);
            }
            for (int64_t t = 0; t < n_; ++t)
                chosen[begin_ + order_[static_cast<size_t>(t)].at] = search_.picks[t / 64] >> (t % 64) & 1;
        }
    }

    // See `regret_by_search` in reference/regret.py.
    void regret(int64_t i, View<const uint8_t> chosen, View<double> out) {
        if (!load(i)) return;
        const Found best = search_.best_choice(lower_, upper_, rules_.nodes, false);
        for (int64_t t = 0; t < n_; ++t) {
            const int64_t e = begin_ + order_[static_cast<size_t>(t)].at;
            uint64_t* const forced = chosen[e] ? search_.forced_out : search_.forced_in;
            uint64_t& word = forced[t / 64];
            word = uint64_t{1} << (t % 64);
            const Found theirs = search_.best_choice(lower_, upper_, rules_.nodes, false);
            word = 0;
            // a search that was cut off may have missed a choice that falls short by less
            const bool possible =
                theirs.shortfall >= 0 && (theirs.shortfall <= best.shortfall || theirs.most > theirs.worth);
            out[e] = possible ? scale_.value(best.worth - theirs.most) : std::numeric_limits<double>::infinity();
        }
    }

private:
    struct Ordered {
        double value;
        uint32_t hash;
        int64_t at;
    };

    const Shard& shard_;
    const Rules& rules_;
    const Table<const double>& exact_;
    const Amounts& reduced_;
    const uint32_t seed_;
    View<const Item> item_;
    SearchByParts search_;
    Scale scale_{0, 0, 1.0};
    std::vector<Ordered> order_;
    int64_t begin_ = 0, n_ = 0, lower_ = 0, upper_ = 0;

    // Values and constraints of customer i in the order of choice; false where the customer has no constraints.
    bool load(int64_t i) {
        begin_ = shard_.indptr[i];
        n_ = shard_.indptr[i + 1] - begin_;
        const Constraints constraints = Constraints::of(rules_, i, n_);
        if (!constraints.any()) return false;
        if (!search_.load(constraints, n_)) throw std::bad_alloc();
        lower_ = of_customer(rules_.lower, i);
        upper_ = of_customer(rules_.upper, i);
        const int64_t s = of_customer(shard_.segment, i);
        const uint32_t hash = customer_hash(seed_, shard_.number_of(i));
        order_.clear();
        double largest = 0.0;
        for (int64_t j = 0; j < n_; ++j) {
            const int64_t k = item_[begin_ + j];
            const double value = reduced_.at(exact_, s, k, begin_ + j);
            order_.push_back({value, tie_hash(hash, static_cast<uint32_t>(k)), j});
            largest = std::max(largest, std::fabs(value));
        }
        std::sort(order_.begin(), order_.end(), [](const Ordered& a, const Ordered& b) {
            if (a.value != b.value) return a.value > b.value;
            return a.hash != b.hash ? a.hash < b.hash : a.at < b.at;
        });
        scale_ = Scale::of(largest, n_);
        for (int64_t t = 0; t < n_; ++t) {
            search_.value[t] = scale_.whole(order_[static_cast<size_t>(t)].value);
            search_.place()[order_[static_cast<size_t>(t)].at] = t;
        }
        search_.arrange(constraints);
        for (int64_t w = 0; w < constraints.words; ++w) search_.forced_in[w] = search_.forced_out[w] = 0;
        return true;
    }
};

}  // namespace
}  // namespace couponry
