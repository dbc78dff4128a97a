// Each customer's cheapest single change of its best choice.
#include <cstring>
#include <limits>
#include <new>
#include <tuple>
#include <vector>

#include "group_counts.hpp"
#include "preference.hpp"
#include "settle.hpp"

namespace couponry {
namespace {

constexpr float INFINITE = std::numeric_limits<float>::infinity();

// A change, and what decides between equally cheap ones: the least that leaves, the most that comes.
struct Offer {
    Change change{-1, -1, INFINITE};
    float leaves = INFINITE, comes = INFINITE;

    void take(int64_t out, float lost, int64_t into, float gained) {
        const float loss = (out < 0 ? 0.0f : lost) - (into < 0 ? 0.0f : gained);
        const float less = out < 0 ? -INFINITE : lost, more = into < 0 ? -INFINITE : -gained;
        const bool before = std::tie(loss, less, out, more, into) <
                            std::tie(change.loss, leaves, change.leaving, comes, change.coming);
        if (!before) return;
        change = {out, into, loss};
        leaves = less;
        comes = more;
    }
};

template <class Item>
class Search {
public:
    Search(const Shard& shard, const Rules& rules, const Prices& price, const uint8_t* chosen, int64_t start)
        : shard_(shard),
          rules_(rules),
          price_(price),
          chosen_(chosen - shard.indptr[start]),
          groups_(shard, rules) {}

    Change of(int64_t i) { return rules_.group.rows == 0 ? without_groups(i) : within_groups(i); }

private:
    float value(int64_t i, int64_t e) const {
        const Item* item = static_cast<const Item*>(shard_.item);
        return reduced_value(shard_, price_, of_customer(shard_.segment, i), item, e);
    }
    bool may_drop(int64_t i, int64_t given) const { return given > of_customer(rules_.lower, i); }
    bool may_add(int64_t i, int64_t given) const { return given < of_customer(rules_.upper, i); }

    // Nothing stands in the way of a swap, so that what is worth least leaves and what is worth most comes. Value and
    // position share a number, and masks take the place of branches that nobody can predict.
    Change without_groups(int64_t i) const {
        const int64_t begin = shard_.indptr[i], end = shard_.indptr[i + 1];
        int64_t last = INT64_MAX, first = INT64_MIN, given = 0;
        for (int64_t e = begin; e < end; ++e) {
            const float v = value(i, e);
            uint32_t bits;
            std::memcpy(&bits, &v, sizeof bits);
            const int64_t rank = static_cast<int64_t>(order_key(bits)) * (int64_t{1} << 32), at = e - begin;
            const int64_t held = -static_cast<int64_t>(chosen_[e]);
            const int64_t low = ((rank | at) & held) | (INT64_MAX & ~held);
            const int64_t high = ((rank | (UINT32_MAX - at)) & ~held) | (INT64_MIN & held);
            last = low < last ? low : last;
            first = high > first ? high : first;
            given -= held;
        }
        const int64_t out = begin + (last & UINT32_MAX), into = begin + UINT32_MAX - (first & UINT32_MAX);
        const bool some_held = given > 0, some_left = given < end - begin;
        const float lost = some_held ? value(i, out) : 0.0f, gained = some_left ? value(i, into) : 0.0f;
        Offer best;
        if (some_left && may_add(i, given)) best.take(-1, 0.0f, into, gained);
        if (some_held && may_drop(i, given)) best.take(out, lost, -1, 0.0f);
        if (some_held && some_left) best.take(out, lost, into, gained);
        return best.change;
    }

    Change within_groups(int64_t i) {
        value_.clear();
        held_.clear();
        rest_.clear();
        const int64_t begin = shard_.indptr[i];
        for (int64_t e = begin; e < shard_.indptr[i + 1]; ++e) {
            value_.push_back(value(i, e));
            (chosen_[e] ? held_ : rest_).push_back(e);
        }
        const auto known = [&](int64_t e) { return value_[static_cast<size_t>(e - begin)]; };
        const int64_t given = static_cast<int64_t>(held_.size());
        for (const int64_t e : held_) groups_.add(e, 1);
        Offer best;
        if (may_add(i, given))
            for (const int64_t into : rest_)
                if (0.0f - known(into) <= best.change.loss && groups_.has_room(i, into, -1))
                    best.take(-1, 0.0f, into, known(into));
        for (const int64_t out : held_) {
            if (may_drop(i, given)) best.take(out, known(out), -1, 0.0f);
            for (const int64_t into : rest_)
                if (known(out) - known(into) <= best.change.loss && groups_.has_room(i, into, out))
                    best.take(out, known(out), into, known(into));
        }
        for (const int64_t e : held_) groups_.add(e, -1);
        return best.change;
    }

    const Shard& shard_;
    const Rules& rules_;
    const Prices& price_;
    const uint8_t* chosen_;
    GroupCounts<Item> groups_;
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
