// Each customer's cheapest single change of its best choice.
#include <limits>
#include <new>
#include <vector>

#include "group_counts.hpp"
#include "settle.hpp"

namespace couponry {
namespace {

constexpr float INFINITE = std::numeric_limits<float>::infinity();

template <class Item>
class Search {
public:
    Search(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start)
        : shard_(shard),
          rules_(rules),
          price_(price),
          chosen_(chosen - shard.indptr[start]),
          groups_(shard, rules) {}

    Change of(int64_t i) {
        begin_ = shard_.indptr[i];
        end_ = shard_.indptr[i + 1];
        value_.resize(static_cast<size_t>(end_ - begin_));
        held_.clear();
        rest_.clear();
        const int64_t s = of_customer(shard_.segment, i);
        const Item* item = static_cast<const Item*>(shard_.item);
        for (int64_t e = begin_; e < end_; ++e) {
            value_[static_cast<size_t>(e - begin_)] = reduced_value(shard_, price_, s, item, e);
            (chosen_[e] ? held_ : rest_).push_back(e);
        }
        return rules_.group.rows == 0 ? without_groups(i) : within_groups(i);
    }

private:
    float value(int64_t e) const { return value_[static_cast<size_t>(e - begin_)]; }
    bool may_drop(int64_t i) const { return given() > of_customer(rules_.lower, i); }
    bool may_add(int64_t i) const { return given() < of_customer(rules_.upper, i); }
    int64_t given() const { return static_cast<int64_t>(held_.size()); }

    // Nothing stands in the way of a swap, so that what is worth least leaves and what is worth most comes.
    Change without_groups(int64_t i) const {
        int64_t out = -1, into = -1;
        for (const int64_t e : held_)
            if (out < 0 || value(e) < value(out)) out = e;
        for (const int64_t e : rest_)
            if (into < 0 || value(e) > value(into)) into = e;
        Change best{-1, -1, INFINITE};
        if (into >= 0 && may_add(i)) best.take(-1, into, 0.0f - value(into));
        if (out >= 0 && may_drop(i)) best.take(out, -1, value(out));
        if (out >= 0 && into >= 0 && value(out) - value(into) < best.loss) best = first_swap(value(out) - value(into));
        return best;
    }

    // Rounding can make the swaps of several candidates equally cheap: the first of them, as the reference has it.
    Change first_swap(float loss) const {
        for (const int64_t out : held_)
            for (const int64_t into : rest_)
                if (value(out) - value(into) == loss) return {out, into, loss};
        return {-1, -1, INFINITE};
    }

    Change within_groups(int64_t i) {
        for (const int64_t e : held_) groups_.add(e, 1);
        Change best{-1, -1, INFINITE};
        if (may_add(i))
            for (const int64_t into : rest_)
                if (0.0f - value(into) < best.loss && groups_.has_room(i, into, -1))
                    best.take(-1, into, 0.0f - value(into));
        for (const int64_t out : held_) {
            if (may_drop(i)) best.take(out, -1, value(out));
            for (const int64_t into : rest_)
                if (value(out) - value(into) < best.loss && groups_.has_room(i, into, out))
                    best.take(out, into, value(out) - value(into));
        }
        for (const int64_t e : held_) groups_.add(e, -1);
        return best;
    }

    const Shard& shard_;
    const Rules& rules_;
    const Prices& price_;
    const uint8_t* chosen_;
    GroupCounts<Item> groups_;
    int64_t begin_ = 0, end_ = 0;
    std::vector<float> value_;
    std::vector<int64_t> held_, rest_;
};

template <class Item>
void cheapest_of(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start,
                 int64_t stop, int64_t* leaving, int64_t* coming, float* loss) {
    Search<Item> search(shard, rules, price, chosen, start);
    for (int64_t i = start; i < stop; ++i) {
        const Change found = search.of(i);
        leaving[i - start] = found.leaving;
        coming[i - start] = found.coming;
        loss[i - start] = found.loss;
    }
}

}  // namespace

int cheapest(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start,
             int64_t stop, int64_t* leaving, int64_t* coming, float* loss) noexcept {
    try {
        if (shard.item_bytes == 2)
            cheapest_of<uint16_t>(shard, rules, price, chosen, start, stop, leaving, coming, loss);
        else
            cheapest_of<uint32_t>(shard, rules, price, chosen, start, stop, leaving, coming, loss);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
