// What changing each candidate's decision costs; see `alternatives` in reference/alternatives.py.
#include <algorithm>
#include <limits>
#include <new>
#include <vector>

#include "local_search/alternatives.hpp"
#include "local_search/group_counts.hpp"
#include "local_search/placed.hpp"
#include "local_search/set_swaps.hpp"
#include "local_search/swap_order.hpp"

namespace couponry {
namespace {

constexpr float INFINITE = std::numeric_limits<float>::infinity();
constexpr int64_t NOBODY = std::numeric_limits<int64_t>::min();

// What stands against a candidate's decision: nothing (worth 0), or another candidate.
struct Other {
    int64_t at = -1;
    float worth = 0.0f;
    bool found = false;
};

template <class Item>
class Search {
public:
    Search(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start,
           int64_t* partner, float* loss)
        : shard_(shard),
          rules_(rules),
          price_(price),
          first_(shard.indptr[start]),
          chosen_(chosen),
          partner_(partner),
          loss_(loss),
          groups_(shard, rules) {}

    void look_at(int64_t i) {
        begin_ = shard_.indptr[i];
        end_ = shard_.indptr[i + 1];
        value_.resize(static_cast<size_t>(end_ - begin_));
        const Item* item = static_cast<const Item*>(shard_.item);
        const int64_t s = of_customer(shard_.segment, i);
        int64_t given = 0;
        for (int64_t e = begin_; e < end_; ++e) {
            value_[static_cast<size_t>(e - begin_)] = reduced_value(shard_, price_, s, item, e);
            given += chosen_[e - first_];
        }
        const bool may_add = given<of_customer(rules_.upper, i), may_drop = given> of_customer(rules_.lower, i);
        if (rules_.group.rows == 0 && rules_.constraint_ptr.size <= 1) return without_groups(may_add, may_drop);
        groups_.start(i);
        if (rules_.group.rows == 0 && !groups_.by_constraints()) return without_groups(may_add, may_drop);
        const uint8_t* chosen = chosen_ + (begin_ - first_);
        for_each_chosen(chosen, end_ - begin_, [&](int64_t j) { groups_.add(begin_ + j, 1); });
        order_.take(chosen, value_.data(), end_ - begin_);
        if (groups_.by_constraints() && swaps_.find(groups_.constraints(), order_))
            among_swaps(may_add, may_drop);
        else
            within_groups(i, may_add, may_drop);
        for_each_chosen(chosen, end_ - begin_, [&](int64_t j) { groups_.add(begin_ + j, -1); });
    }

private:
    float value(int64_t e) const { return value_[static_cast<size_t>(e - begin_)]; }

    void keep(int64_t e, const Other& other) const {
        const float change = chosen_[e - first_] ? value(e) - other.worth : other.worth - value(e);
        partner_[e - first_] = other.at;
        loss_[e - first_] = other.found ? change : INFINITE;
    }

    // Nothing stands in the way of a swap: all that is chosen has the same other, and so has all that is not. No branch
    // asks what is chosen or larger, for it would be guessed wrong: a value and its place are one whole number, of
    // which the largest is kept, the first place of several.
    void without_groups(bool may_add, bool may_drop) const {
        const float* value = value_.data();
        const uint8_t* chosen = chosen_ + (begin_ - first_);
        int64_t* partner = partner_ + (begin_ - first_);
        float* loss = loss_ + (begin_ - first_);
        const int64_t n = end_ - begin_;
        int64_t most = may_drop ? placed(0.0f, -1) : NOBODY, least = may_add ? placed(-0.0f, -1) : NOBODY;
        for (int64_t j = 0; j < n; ++j) {
            const bool held = chosen[j] != 0;
            most = std::max(most, held ? NOBODY : placed(value[j], j));
            least = std::max(least, held ? placed(-value[j], j) : NOBODY);
        }
        const Other other[2] = {other_at(least, value), other_at(most, value)};
        for (int64_t j = 0; j < n; ++j) {
            const bool held = chosen[j] != 0;
            const float change = held ? value[j] - other[1].worth : other[0].worth - value[j];
            partner[j] = other[held].at;
            loss[j] = other[held].found ? change : INFINITE;
        }
    }

    Other other_at(int64_t best, const float* value) const {
        if (best == NOBODY) return {-1, 0.0f, false};
        const int64_t j = place_of(best);
        return j < 0 ? Other{-1, 0.0f, true} : Other{begin_ + j, value[j], true};
    }

    // What comes is looked for among the best first, what leaves among the worst.
    void within_groups(int64_t i, bool may_add, bool may_drop) {
        for (const int64_t out : order_.leaving()) {
            Other best{-1, 0.0f, may_drop && groups_.fits(i, -1, begin_ + out)};
            for (const int64_t in : order_.coming()) {
                if (best.found && value(begin_ + in) <= best.worth) break;
                if (!groups_.fits(i, begin_ + in, begin_ + out)) continue;
                best = {begin_ + in, value(begin_ + in), true};
                break;
            }
            keep(begin_ + out, best);
        }
        for (const int64_t in : order_.coming()) {
            Other worst{-1, 0.0f, may_add && groups_.fits(i, begin_ + in, -1)};
            for (const int64_t out : order_.leaving()) {
                if (worst.found && value(begin_ + out) >= worst.worth) break;
                if (!groups_.fits(i, begin_ + in, begin_ + out)) continue;
                worst = {begin_ + out, value(begin_ + out), true};
                break;
            }
            keep(begin_ + in, worst);
        }
    }

    // The same where swaps are listed.
    void among_swaps(bool may_add, bool may_drop) {
        const std::vector<int64_t>&coming = order_.coming(), &leaving = order_.leaving();
        Other instead[SetSwaps::MOST_CHOSEN];  // of what leaves
        uint64_t open = 0, just_left = 0;      // a bit for each: whether something may still come, nothing has to
        for (size_t k = 0; k < leaving.size(); ++k) {
            instead[k].found = may_drop && groups_.rows_stay(-1, begin_ + leaving[k]);
            open |= uint64_t{1} << k;
            just_left |= static_cast<uint64_t>(instead[k].found) << k;
        }
        for (size_t k = 0; k < coming.size(); ++k) {
            const int64_t e = begin_ + coming[k];
            if (value(e) <= 0.0f) open &= ~just_left;
            for (uint64_t left = swaps_.may_leave(k) & open; left; left &= left - 1) {
                const int out = lowest_bit(left);
                if (!groups_.rows_stay(e, begin_ + leaving[static_cast<size_t>(out)])) continue;
                instead[out] = {e, value(e), true};
                open ^= uint64_t{1} << out;
            }
            keep(e, worst_that_leaves(e, k, may_add));
        }
        for (size_t k = 0; k < leaving.size(); ++k) keep(begin_ + leaving[k], instead[k]);
    }

    // What leaves where the k-th of those that may come does.
    Other worst_that_leaves(int64_t e, size_t k, bool may_add) {
        Other worst{-1, 0.0f, may_add && swaps_.may_just_come(k) && groups_.rows_stay(e, -1)};
        for (uint64_t left = swaps_.may_leave(k); left; left &= left - 1) {
            const int64_t o = begin_ + order_.leaving()[static_cast<size_t>(lowest_bit(left))];
            if (worst.found && value(o) >= worst.worth) break;
            if (groups_.rows_stay(e, o)) return {o, value(o), true};
        }
        return worst;
    }

    const Shard& shard_;
    const Rules& rules_;
    const Prices& price_;
    const int64_t first_;
    const uint8_t* chosen_;
    int64_t* partner_;
    float* loss_;
    GroupCounts<Item> groups_;
    SwapOrder order_;
    SetSwaps swaps_;
    int64_t begin_ = 0, end_ = 0;
    std::vector<float> value_;
};

template <class Item>
void alternatives_of(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start,
                     int64_t stop, int64_t* partner, float* loss) {
    Search<Item> search(shard, rules, price, chosen, start, partner, loss);
    for (int64_t i = start; i < stop; ++i) search.look_at(i);
}

}  // namespace

int alternatives(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start,
                 int64_t stop, int64_t* partner, float* loss) noexcept {
    try {
        if (shard.item_bytes == 2)
            alternatives_of<uint16_t>(shard, rules, price, chosen, start, stop, partner, loss);
        else
            alternatives_of<uint32_t>(shard, rules, price, chosen, start, stop, partner, loss);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
