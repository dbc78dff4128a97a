// Each customer's best choice that there is room for, and what it is charged; see reference/late/decide.py.
#include "late/decide.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "common/set_layout.hpp"
#include "dispatch/instruction_set.hpp"

namespace couponry {
namespace {

constexpr int64_t LARGEST_UNITS = int64_t{1} << 60;
constexpr double LARGEST_VALUE = 1e37;
constexpr uint8_t HELD = 2;    // a coupon that the customer has already
constexpr int64_t UNIT = 100;  // exponent of the units of slack, which nobody asks for

int64_t added(int64_t a, int64_t b) noexcept { return std::clamp(a + b, -LARGEST_UNITS, LARGEST_UNITS); }

struct Use {
    int64_t used, error;
};

template <class Item>
class Decision {
public:
    explicit Decision(const Late& late)
        : late_(late),
          choice_(late.pricing),
          item_(late.pricing.shard.template items<Item>()),
          pass_{} {
        pass_.shard = late.pricing.shard;
        pass_.shard.quantity.rows = 0;
        pass_.rules = late.rules;
        pass_.price = late.pricing.price;  // of which nothing is left, as all values are given
        pass_.segments = late.pricing.segments;
        pass_.items = late.pricing.items;
        pass_.seed = late.seed;
        pass_.unit = UNIT;
        pass_.cut = &cut_;
    }

    int run(int64_t start, int64_t stop, int64_t* refused) {
        for (int64_t i = start; i < stop; ++i) {
            begin_ = choice_.shard.indptr[i];
            end_ = choice_.shard.indptr[i + 1];
            segment_ = of_customer(choice_.shard.segment, i);
            floor_ = worth_nothing();
            leave_out(refused);
            int32_t row;
            for (;;) {
                const int status = choose(i);
                if (status != DONE) return status;
                row = reserve();
                if (row < 0) break;
                const int64_t e = least_worth(row);
                clear();
                late_.refused_by[e] = row;
                refuse(e, refused);
            }
            settle();
        }
        return DONE;
    }

private:
    const Late& late_;
    const Pricing& choice_;
    const View<const Item> item_;
    Pass pass_;
    Cut cut_{0, 0};
    std::vector<int64_t> positions_;
    std::vector<bool> held_;
    std::vector<uint64_t> picks_;
    int64_t begin_ = 0, end_ = 0, segment_ = 0;
    float floor_ = 0.0f;

    void leave_out(int64_t* refused) {
        held_.assign(static_cast<size_t>(end_ - begin_), false);
        bool some = false, rises = false, falls = false;
        for (int64_t e = begin_; e < end_; ++e) {
            int32_t full = -1;
            if (late_.given[e] == HELD) {
                held_[static_cast<size_t>(e - begin_)] = true;
                choice_.value[e] = -floor_;
            } else {
                for_each_pair(e, [&](int64_t pair, int32_t row) {
                    const Use use = use_of(e, pair);
                    rises = rises || use.used > 0;
                    falls = falls || use.used < 0;
                    if (full < 0 && breaks(row, use) != 0) full = row;
                    return false;
                });
            }
            late_.refused_by[e] = full;
            some = some || full >= 0;
        }
        if (!some) return;
        if (!rises || !falls) {  // nothing makes up for anything
            for (int64_t e = begin_; e < end_; ++e)
                if (late_.refused_by[e] >= 0) refuse(e, refused);
            return;
        }
        const Account& account = late_.account;
        for_each_pair_of_all([&](int64_t e, int64_t pair, int32_t row) {
            const int64_t used = use_of(e, pair).used;
            account.pending[row] = added(account.pending[row], std::min<int64_t>(used, 0));
            account.pending_error[row] = added(account.pending_error[row], std::max<int64_t>(used, 0));
        });
        for (int64_t e = begin_; e < end_; ++e)
            if (late_.refused_by[e] >= 0 && (late_.refused_by[e] = full_row(e)) >= 0) refuse(e, refused);
        for_each_pair_of_all(
            [&](int64_t, int64_t, int32_t row) { account.pending[row] = account.pending_error[row] = 0; });
    }

    void refuse(int64_t e, int64_t* refused) const noexcept {
        choice_.value[e] = floor_;
        ++*refused;
    }

    float worth_nothing() const noexcept {
        double largest = 0.0;
        for (int64_t e = begin_; e < end_; ++e)
            largest = std::max(largest, std::fabs(static_cast<double>(choice_.value[e])));
        return static_cast<float>(
            std::max(-(largest + 1.0) * (static_cast<double>(end_ - begin_) + 1.0), -LARGEST_VALUE));
    }

    int choose(int64_t i) {
        const int64_t n = end_ - begin_;
        if (n == 0) return DONE;
        positions_.resize(static_cast<size_t>(n));
        for (int64_t j = 0; j < n; ++j) positions_[static_cast<size_t>(j)] = begin_ + j;
        pass_.shard.given_at = {positions_.data(), n};
        pass_.shard.given_value = {&choice_.value[begin_], n};
        pass_.start = i;
        pass_.stop = i + 1;
        pass_.chosen = &late_.given[begin_];
        const int status = kernels().evaluate(pass_);
        bool lacks = false;
        for (int64_t e = begin_; e < end_; ++e)
            if (held_[static_cast<size_t>(e - begin_)]) {
                late_.given[e] = HELD;
            } else if (late_.refused_by[e] >= 0) {
                lacks = lacks || late_.given[e];
                late_.given[e] = 0;
            }
        if (lacks) keep_rows(Constraints::of(late_.rules, i, n).rows);
        return status;
    }

    // Takes coupons of broken rows back: minimums asked for what was refused, and rows for both together.
    void keep_rows(const Rows& rows) {
        if (!rows.at) return;
        bool taken_back = true;
        while (taken_back) {
            taken_back = false;
            Row row = rows.first();
            for (int64_t r = rows.count(); r > 0; --r, row = row.next()) {
                picks_.assign(static_cast<size_t>((end_ - begin_ + 63) / 64), 0);
                for (int64_t j = 0; j < end_ - begin_; ++j)
                    picks_[static_cast<size_t>(j / 64)] |= uint64_t{late_.given[begin_ + j] != 0} << (j % 64);
                if (Rows::keeps(row, picks_.data())) continue;
                for (int64_t x = 0; x < row.entries(); ++x) {
                    uint8_t& given = late_.given[begin_ + row.candidate(x)];
                    taken_back = taken_back || given == 1;
                    if (given == 1) given = 0;
                }
            }
        }
    }

    Use use_of(int64_t e, int64_t pair) const noexcept {
        const Charges& charges = late_.charges;
        if (!choice_.beyond[e]) {
            int64_t units = charges.of_coupon[pair];
            for (int64_t q = 0; q < choice_.quantity.rows; ++q)
                units += charges.of_quantity.row(pair)[q] * choice_.quantity.row(q)[e];
            return {units, charges.error[pair]};
        }
        double total = charges.weight.row(pair)[0];
        for (int64_t a = 0; a < choice_.exact.rows; ++a) {
            const double term = charges.weight.row(pair)[1 + a] * choice_.exact.row(a)[e];
            total = total + term;
        }
        constexpr double most = static_cast<double>(LARGEST_UNITS);
        total = total * charges.unit[charges.row[pair]];
        total = total < most ? total : most;
        total = total > -most ? total : -most;
        const double whole = std::nearbyint(total);
        return {static_cast<int64_t>(whole), whole != total};
    }

    int64_t breaks(int32_t row, Use use) const noexcept {
        const Account& account = late_.account;
        const int64_t off = account.error[row] + use.error;
        if (use.used > 0 && account.used[row] + use.used + off > account.above[row]) return 1;
        if (use.used < 0 && off - account.used[row] - use.used > account.below[row]) return -1;
        return 0;
    }

    // Calls visit(pair, row) for what a coupon of candidate e is charged to, until it returns true.
    template <class Visit>
    COUPONRY_INLINE void for_each_pair(int64_t e, Visit visit) const noexcept {
        const Charges& charges = late_.charges;
        const View<const uint8_t> covers = charges.covers.row(segment_);
        const int64_t k = item_[e];
        for (int64_t pair = charges.ptr[k]; pair < charges.ptr[k + 1]; ++pair) {
            const int32_t row = charges.row[pair];
            if (covers[row] && visit(pair, row)) return;
        }
    }

    // The same for all candidates but those that the customer has already.
    template <class Visit>
    COUPONRY_INLINE void for_each_pair_of_all(Visit visit) const noexcept {
        for (int64_t e = begin_; e < end_; ++e)
            if (!held_[static_cast<size_t>(e - begin_)])
                for_each_pair(e, [&](int64_t pair, int32_t row) {
                    visit(e, pair, row);
                    return false;
                });
    }

    int32_t full_row(int64_t e) const noexcept {
        int32_t full = -1;
        for_each_pair(e, [&](int64_t pair, int32_t row) {
            const Use use = use_of(e, pair);
            if (breaks(row, use) == 0) return false;
            const Use beside = pending(row);
            const int64_t least = use.used > 0 ? std::max<int64_t>(added(use.used, beside.used), 0)
                                               : std::min<int64_t>(added(use.used, beside.error), 0);
            if (breaks(row, {least, use.error}) == 0) return false;
            full = row;
            return true;
        });
        return full;
    }

    Use pending(int32_t row) const noexcept { return {late_.account.pending[row], late_.account.pending_error[row]}; }

    int32_t reserve() const noexcept {
        const Account& account = late_.account;
        for (int64_t e = begin_; e < end_; ++e) {
            if (late_.given[e] != 1) continue;
            for_each_pair(e, [&](int64_t pair, int32_t row) {
                const Use use = use_of(e, pair);
                account.pending[row] = added(account.pending[row], use.used);
                account.pending_error[row] = added(account.pending_error[row], use.error);
                return false;
            });
        }
        int32_t broken = -1;
        for (int64_t e = begin_; e < end_ && broken < 0; ++e) {
            if (late_.given[e] != 1) continue;
            for_each_pair(e, [&](int64_t, int32_t row) {
                if (breaks(row, pending(row)) == 0) return false;
                broken = row;
                return true;
            });
        }
        return broken;
    }

    // Calls visit(e, use) for each coupon of the choice that uses something of a row.
    template <class Visit>
    void for_each_use(int32_t row, Visit visit) const noexcept {
        for (int64_t e = begin_; e < end_; ++e) {
            if (late_.given[e] != 1) continue;
            for_each_pair(e, [&](int64_t pair, int32_t which) {
                if (which == row) visit(e, use_of(e, pair));
                return which == row;
            });
        }
    }

    int64_t least_worth(int32_t row) const noexcept {
        const int64_t sign = breaks(row, pending(row));
        int64_t relief = 0;
        for_each_use(row, [&](int64_t, Use use) { relief = added(relief, std::min<int64_t>(sign * use.used, 0)); });
        double least = std::numeric_limits<double>::infinity();
        bool too_much = false;
        int64_t found = -1;
        for_each_use(row, [&](int64_t e, Use use) {
            if (sign * use.used <= 0) return;
            const int64_t beside = sign * std::max<int64_t>(added(sign * use.used, relief), 0);
            const bool alone = breaks(row, {beside, use.error}) != 0;
            const double rate = static_cast<double>(choice_.value[e]) / static_cast<double>(sign * use.used);
            if ((alone && !too_much) || (alone == too_much && rate <= least)) {
                least = rate;
                too_much = alone;
                found = e;
            }
        });
        COUPONRY_ASSERT(found >= 0);
        return found;
    }

    void clear() const noexcept {
        for (int64_t e = begin_; e < end_; ++e) {
            if (late_.given[e] != 1) continue;
            for_each_pair(e, [&](int64_t, int32_t row) {
                late_.account.pending[row] = late_.account.pending_error[row] = 0;
                return false;
            });
        }
    }

    void settle() const noexcept {
        const Account& account = late_.account;
        const Charged& charged = late_.charged;
        for (int64_t e = begin_; e < end_; ++e) {
            if (late_.given[e] != 1) continue;
            for_each_pair(e, [&](int64_t, int32_t row) {
                const Use use = pending(row);
                if (use.used == 0 && use.error == 0) return false;
                account.used[row] = added(account.used[row], use.used);
                account.error[row] = added(account.error[row], use.error);
                account.pending[row] = account.pending_error[row] = 0;
                const int64_t at = charged.entries[0];
                if (at < charged.row.size) {
                    charged.row[at] = row;
                    charged.used[at] = use.used;
                    charged.error[at] = use.error;
                    charged.entries[0] = at + 1;
                }
                return false;
            });
        }
    }
};

}  // namespace

int decide(const Late& late, int64_t start, int64_t stop, int64_t* refused) noexcept {
    Pricing pricing = late.pricing;
    pricing.start = start;
    pricing.stop = stop;
    price_candidates(pricing);
    for (int64_t e = pricing.shard.indptr[start]; e < pricing.shard.indptr[stop]; ++e)
        for (int64_t a = 0; pricing.beyond[e] && a < pricing.exact.rows; ++a)
            if (!std::isfinite(pricing.exact.row(a)[e])) {
                *refused = -1;
                return DONE;
            }
    try {
        return pricing.shard.item_bytes == 2 ? Decision<uint16_t>(late).run(start, stop, refused)
                                             : Decision<uint32_t>(late).run(start, stop, refused);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
}

}  // namespace couponry
