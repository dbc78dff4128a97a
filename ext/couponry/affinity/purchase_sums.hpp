// The purchases of a customer added up by item and period, and by period; written as they are, or as states of pairs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "affinity/group_purchases.hpp"
#include "common/bits.hpp"
#include "common/compiler.hpp"

namespace couponry {

// What a customer bought of an item in a period, or of anything in it. A flag is as wide as the rest: bytes may lie
// anywhere, for all that a compiler knows.
struct Purchase {
    uint64_t item;  // rank plus 1; 0: none
    int64_t slot;   // period, from the first
    int64_t spend;
    uint64_t discounted;
};

// The purchases of one customer at a time, from rows in the order of items and periods; and of trips, if anybody asks.
template <bool TRIPS>
class CustomerSums {
public:
    CustomerSums(int64_t periods, int64_t rows)
        : there_(TRIPS ? periods / 64 + 1 : 0),
          by_slot_(TRIPS ? periods : 0),
          purchases_(new Purchase[static_cast<size_t>(rows)]) {}

    // Adds up rows from place k on, which row(k) returns, as long as is_mine(k); returns the place after the last.
    template <class RowAt, class IsMine>
    COUPONRY_INLINE int64_t add_up(int64_t k, const RowAt& row, const IsMine& is_mine) noexcept {
        Purchase* const purchases = purchases_.get();
        int64_t at = -1;
        uint64_t item = 0, discounted = 0;
        int64_t slot = -1, spend = 0;
        do {
            const Purchase now = row(k);
            if constexpr (TRIPS) add_to_trip(now);
            const int64_t same = now.item == item && now.slot == slot;  // no branch: nobody can foretell
            at += 1 - same;
            purchases[at].item = item = now.item;
            purchases[at].slot = slot = now.slot;
            purchases[at].spend = spend = now.spend + (spend & -same);
            purchases[at].discounted = discounted = now.discounted | (discounted & static_cast<uint64_t>(-same));
        } while (is_mine(++k));
        end_ = purchases + at + 1;
        return k;
    }

    // Purchases of items, in their order.
    const Purchase* purchases_begin() const noexcept {
        const Purchase* first = purchases_.get();
        while (first != purchases_end() && first->item == 0) ++first;
        return first;
    }
    const Purchase* purchases_end() const noexcept { return end_; }

    // Hands on what was bought of anything, and of no item, the first period first, and forgets it.
    template <class Take>
    COUPONRY_INLINE void hand_on_trips(const Take& take) noexcept {
        for (int64_t word = low_; word <= high_; ++word) {
            for (uint64_t left = there_[word]; left; left &= left - 1) {
                const int64_t slot = word * 64 + lowest_bit(left);
                Purchase& trip = by_slot_[slot];
                trip.slot = slot;
                take(trip);
                trip = {};
            }
            there_[word] = 0;
        }
        low_ = static_cast<int64_t>(there_.size());
        high_ = -1;
    }

private:
    COUPONRY_INLINE void add_to_trip(const Purchase& now) noexcept {
        const int64_t word = now.slot / 64;
        there_[word] |= uint64_t{1} << (now.slot % 64);
        low_ = std::min(low_, word);
        high_ = std::max(high_, word);
        by_slot_[now.slot].spend += now.spend;
        by_slot_[now.slot].discounted |= now.discounted;
    }

    std::vector<uint64_t> there_;
    std::vector<Purchase> by_slot_;
    std::unique_ptr<Purchase[]> purchases_;
    int64_t low_ = static_cast<int64_t>(there_.size()), high_ = -1;
    const Purchase* end_ = nullptr;
};

// Purchases as they are, written one after the other.
class GroupedWriter {
public:
    static constexpr bool TRIPS = true;

    GroupedWriter(const GroupedRows& out, int64_t first) noexcept : out_(out), first_(first) {}

    void write(int64_t id, CustomerSums<true>& sums) noexcept {
        out_.customer[customers_] = id;
        out_.customer_pairs[customers_] = pairs_;
        out_.customer_trips[customers_++] = trips_;
        uint64_t before = 0;
        for (const Purchase* bought = sums.purchases_begin(); bought != sums.purchases_end(); ++bought) {
            if (bought->item != before) {
                out_.pair_item[pairs_] = static_cast<uint32_t>(bought->item - 1);
                out_.pair_purchases[pairs_++] = purchases_;
            }
            before = bought->item;
            out_.period[purchases_] = static_cast<int32_t>(first_ + bought->slot);
            out_.discounted[purchases_] = static_cast<uint8_t>(bought->discounted);
            out_.spend[purchases_++] = bought->spend;
        }
        sums.hand_on_trips([this](const Purchase& trip) {
            out_.trip_period[trips_] = static_cast<int32_t>(first_ + trip.slot);
            out_.trip_discounted[trips_] = static_cast<uint8_t>(trip.discounted);
            out_.trip_spend[trips_++] = trip.spend;
        });
    }
    void end() const noexcept {
        out_.customer_pairs[customers_] = pairs_;
        out_.customer_trips[customers_] = trips_;
        out_.pair_purchases[pairs_] = purchases_;
        const int64_t counts[] = {customers_, pairs_, purchases_, trips_};
        for (int64_t k = 0; k < 4; ++k) out_.counts[k] = counts[k];
    }

private:
    const GroupedRows out_;
    const int64_t first_;
    int64_t customers_ = 0, pairs_ = 0, purchases_ = 0, trips_ = 0;
};

// The state of a pair, as purchases of ascending periods are taken up: the same operations as in fold_purchases.
template <int64_t HALF_LIVES>  // 0: as many as there are; decayed counts stay in memory then
class State {
public:
    explicit State(const Table<const float>& factor) noexcept : factor_(factor) {}

    // Without a branch on whether another pair begins, which nobody can foretell.
    COUPONRY_INLINE void take(const Purchase& bought, bool begins, float* decay, const float* none) noexcept {
        const int64_t keep = static_cast<int64_t>(begins) - 1;  // all bits, or none
        const int64_t gap = (bought.slot - last_) & keep;
        const float* const left = begins ? none : factor_.data + gap * factor_.columns;
        if constexpr (HALF_LIVES > 0) {
            for (int64_t h = 0; h < HALF_LIVES; ++h) {
                const float kept = decay_[h] * left[h];  // of another pair: nothing
                decay_[h] = kept + 1.0f;
            }
        } else {
            for (int64_t h = 0; h < factor_.columns; ++h) {
                const float kept = begins ? 0.0f : decay[h] * left[h];
                decay[h] = kept + 1.0f;
            }
        }
        first_ = bought.slot ^ ((bought.slot ^ first_) & keep);
        last_ = bought.slot;
        times_ = (times_ & keep) + 1;
        discounted_ = (discounted_ & keep) + static_cast<int64_t>(bought.discounted);
        spend_ = (spend_ & keep) + bought.spend;
        squared_gaps_ = (squared_gaps_ & keep) + gap * gap;
        const uint64_t moved = recent_ << (gap & 63) & (static_cast<uint64_t>(gap > 63) - 1);
        recent_ = (moved & static_cast<uint64_t>(keep)) | 1;
    }
    COUPONRY_INLINE void write(const Pairs& out, int64_t p, int64_t first) const noexcept {
        out.times.data[p] = static_cast<int32_t>(times_);
        out.first.data[p] = static_cast<int32_t>(first + first_);
        out.last.data[p] = static_cast<int32_t>(first + last_);
        out.discounted.data[p] = static_cast<int32_t>(discounted_);
        out.spend.data[p] = spend_;
        out.squared_gaps.data[p] = squared_gaps_;
        out.recent.data[p] = recent_;
        for (int64_t h = 0; h < HALF_LIVES; ++h) out.decay.data[p * HALF_LIVES + h] = decay_[h];
    }

private:
    const Table<const float> factor_;
    float decay_[HALF_LIVES ? HALF_LIVES : 1] = {};
    int64_t times_ = 0, first_ = 0, last_ = 0, discounted_ = 0, spend_ = 0, squared_gaps_ = 0;
    uint64_t recent_ = 0;
};

template <int64_t HALF_LIVES>
class StateWriter {
public:
    static constexpr bool TRIPS = true;

    StateWriter(const GroupedStates& out, const Table<const float>& factor, int64_t first)
        : out_(out),
          factor_(factor),
          none_(static_cast<size_t>(factor.columns)),
          first_(first) {}

    void write(int64_t id, CustomerSums<true>& sums) noexcept {
        out_.n_pairs[customers_] = write_pairs(sums);
        State<HALF_LIVES> state(factor_);
        float* const decay = out_.trips.decay.row(customers_).data;
        bool begins = true;
        sums.hand_on_trips([&](const Purchase& trip) {
            state.take(trip, begins, decay, none_.data());
            begins = false;
        });
        state.write(out_.trips, customers_, first_);
        out_.customer[customers_++] = id;
    }
    void end() const noexcept {
        out_.counts[0] = customers_;
        out_.counts[1] = pairs_;
    }

private:
    int64_t write_pairs(const CustomerSums<true>& sums) noexcept {
        const int64_t before = pairs_, first = first_;
        const Pairs out = out_.pairs;
        uint32_t* const items = out_.item.data;
        const float* const none = none_.data();
        State<HALF_LIVES> state(factor_);
        uint64_t item = 0;
        int64_t p = pairs_ - 1;
        for (const Purchase *bought = sums.purchases_begin(), *end = sums.purchases_end(); bought != end; ++bought) {
            const bool begins = bought->item != item;
            item = bought->item;
            p += begins;
            state.take(*bought, begins, out.decay.data + p * out.decay.columns, none);
            items[p] = static_cast<uint32_t>(item - 1);
            if (bought + 1 == end || bought[1].item != item) state.write(out, p, first);
        }
        pairs_ = p + 1;
        return pairs_ - before;
    }

    const GroupedStates out_;
    const Table<const float> factor_;
    const std::vector<float> none_;
    const int64_t first_;
    int64_t customers_ = 0, pairs_ = 0;
};

}  // namespace couponry
