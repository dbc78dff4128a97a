// Which candidates come next where one of a customer's coupons falls out; see `backups` in reference/backups/.
#include "local_search/backups.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include "common/tie_break.hpp"
#include "local_search/group_counts.hpp"

namespace couponry {
namespace {

// A candidate that is not chosen.
struct Ordered {
    double value;
    uint32_t hash;
    int64_t at;
};

// A chosen candidate: whether its place must not be left empty, and whether something keeps in it all that it keeps.
struct Coupon {
    int64_t at;
    bool needed, whole;
};

template <class Item>
class Search {
public:
    Search(const Shard& shard, const Rules& rules, View<const double> value, View<const uint8_t> chosen, uint32_t seed,
           View<uint8_t> rank)
        : shard_(shard),
          rules_(rules),
          value_(value),
          chosen_(chosen),
          seed_(seed),
          rank_(rank),
          item_(shard.items<Item>()),
          groups_(shard, rules) {}

    // Lists the backups of customer i, whose coupons have the rows of `instead` from `first` on; returns how many
    // coupons these are.
    int64_t list(int64_t i, Table<uint8_t> instead, int64_t first) {
        read(i);
        const int64_t coupons = static_cast<int64_t>(coupons_.size());
        for (int64_t q = 0; q < coupons; ++q) {
            const View<uint8_t> row = instead.row(first + q);
            std::fill(row.data, row.data + row.size, uint8_t{0});
        }
        if (coupons == 0 || instead.columns == 0) return coupons;
        groups_.start(i);
        for (const Coupon& coupon : coupons_) groups_.add(coupon.at, 1);
        const bool is_least = coupons <= of_customer(rules_.lower, i);
        for (Coupon& coupon : coupons_) look_at(i, coupon, is_least);
        int64_t found = 0;
        for (const Ordered& backup : free_) {
            if (found == instead.columns) break;
            bool any_place = false;
            for (int64_t q = 0; q < coupons; ++q) {
                if (!may_come(i, backup, coupons_[static_cast<size_t>(q)], is_least)) continue;
                instead.row(first + q)[found] = 1;
                any_place = true;
            }
            if (any_place) rank_[backup.at] = static_cast<uint8_t>(++found);
        }
        for (const Coupon& coupon : coupons_) groups_.add(coupon.at, -1);
        return coupons;
    }

private:
    // The customer's coupons, and its other candidates in the order of choice.
    void read(int64_t i) {
        const int64_t begin = shard_.indptr[i], end = shard_.indptr[i + 1];
        const uint32_t hash = customer_hash(seed_, shard_.number_of(i));
        coupons_.clear();
        free_.clear();
        for (int64_t e = begin; e < end; ++e) {
            rank_[e] = 0;
            if (chosen_[e])
                coupons_.push_back({e, false, true});
            else
                free_.push_back({value_[e], tie_hash(hash, static_cast<uint32_t>(item_[e])), e});
        }
        if (coupons_.empty()) return;
        std::sort(free_.begin(), free_.end(), [](const Ordered& a, const Ordered& b) {
            if (a.value != b.value) return a.value > b.value;
            return a.hash != b.hash ? a.hash < b.hash : a.at < b.at;
        });
    }

    void look_at(int64_t i, Coupon& coupon, bool is_least) {
        coupon.needed = is_least || !groups_.fits(i, -1, coupon.at);
        if (!groups_.by_constraints()) return;  // what fits then keeps all that it keeps
        coupon.whole = std::any_of(free_.begin(), free_.end(), [&](const Ordered& b) {
            return (b.value > 0.0 || coupon.needed) && groups_.fits(i, b.at, coupon.at);
        });
    }

    bool may_come(int64_t i, const Ordered& backup, const Coupon& coupon, bool is_least) {
        if (coupon.whole) return (backup.value > 0.0 || coupon.needed) && groups_.fits(i, backup.at, coupon.at);
        if (!(backup.value > 0.0) && !is_least) return false;
        if (!groups_.rows_stay(backup.at, coupon.at)) return false;
        groups_.add(coupon.at, -1);
        const bool fits = groups_.fits(i, backup.at, -1);
        groups_.add(coupon.at, 1);
        return fits;
    }

    const Shard& shard_;
    const Rules& rules_;
    View<const double> value_;
    View<const uint8_t> chosen_;
    const uint32_t seed_;
    View<uint8_t> rank_;
    View<const Item> item_;
    GroupCounts<Item> groups_;
    std::vector<Coupon> coupons_;
    std::vector<Ordered> free_;
};

template <class Item>
void backups_of(const Shard& shard, const Rules& rules, View<const double> value, View<const uint8_t> chosen,
                uint32_t seed, int64_t start, int64_t stop, View<uint8_t> rank, Table<uint8_t> instead) {
    Search<Item> search(shard, rules, value, chosen, seed, rank);
    int64_t first = 0;
    for (int64_t i = start; i < stop; ++i) first += search.list(i, instead, first);
}

}  // namespace

int backups(const Shard& shard, const Rules& rules, View<const double> value, View<const uint8_t> chosen, uint32_t seed,
            int64_t start, int64_t stop, View<uint8_t> rank, Table<uint8_t> instead) noexcept {
    try {
        if (shard.item_bytes == 2)
            backups_of<uint16_t>(shard, rules, value, chosen, seed, start, stop, rank, instead);
        else
            backups_of<uint32_t>(shard, rules, value, chosen, seed, start, stop, rank, instead);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
