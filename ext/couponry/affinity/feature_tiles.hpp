// Features of pairs, a tile of them at a time: first what logarithms are taken of, pair by pair, then these, row by
// row. Whoever asks takes the tiles.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "affinity/pair_features.hpp"
#include "affinity/pair_groups.hpp"
#include "affinity/variants.hpp"
#include "affinity/words.hpp"

namespace couponry {
namespace {

constexpr int64_t TILE_PAIRS = TILE_ROWS;  // trees take as many at a time
constexpr int64_t LATE_WEEKS[] = {4, 8};
constexpr int64_t RECENT_WEEKS[] = {1, 2, 4, 8};
constexpr double PRIOR_ITEMS = 10.0, LEAST_RATE = 1e-3, MOST_SPREADS = 8.0, LEAST_LEFT = 0.05;
constexpr int64_t AS_THEY_ARE[] = {1, 2, 7, 8, 10, 11, 12, 13, 14, 15, 16, 23, 24, 26, 31, 32};

// Numbers of a tile, which begin with a line of the cache.
struct alignas(64) Line {
    static constexpr int64_t SIZE = 16;

    float number[SIZE];

    static Line of(float value) noexcept {
        Line line;
        std::fill_n(line.number, SIZE, value);
        return line;
    }
};

// How many bits are set, on processors that cannot count them as well.
int ones_of(uint64_t bits) noexcept {
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return static_cast<int>(bits * 0x0101010101010101u >> 56);
}

// Hands on tiles of the features of pairs that are asked about, in their order: take(tile, first, pairs), where the
// tile has TILE_PAIRS numbers of each feature, those beyond the pairs being anything.
template <class Take>
class Features {
public:
    Features(const PairFeatures& work, const Take& take)
        : work_(work),
          take_(take),
          in_(work.readings),
          numbers_(work.numbers),
          near_(work.near),
          half_lives_(work.readings.factor.columns),
          trends_(trends_of(work)),
          week_(static_cast<double>(work.readings.week)),
          features_(features_of(work)),
          lines_(static_cast<size_t>(features_ * TILE_PAIRS / Line::SIZE), Line::of(1.0F)),
          tile_(lines_.data()->number),
          as_it_is_(static_cast<size_t>(features_), 0),
          came_(static_cast<size_t>(half_lives_)),
          grouped_(static_cast<size_t>(work.numbers.group.rows), PairGroups(work.readings, work.numbers.half_life)) {
        const int64_t begin = 3 * half_lives_ + trends_;
        for (int64_t t = 3 * half_lives_; t < begin; ++t) as_it_is_[t] = 1;
        for (const int64_t f : AS_THEY_ARE) as_it_is_[begin + f] = 1;
        if (near_.column.size) as_it_is_[begin + OF_PAIR + (half_lives_ > 0)] = 1;
    }

    void all() {
        Asked now = after({work_.start - 1, 0, 0});
        fetch(now);
        while (now.customer < work_.stop) {
            const Asked next = after(now);
            column_.swap(next_column_);
            fetch(next);
            begin_customer(now.customer);
            for (int64_t k = now.first; k < now.stop; ++k) {
                add(now.customer, k);
                if (++in_tile_ == TILE_PAIRS) finish_tile();
            }
            now = next;
        }
        finish_tile();
    }

private:
    // A customer, and which of the pairs asked about are the customer's.
    struct Asked {
        int64_t customer, first, stop;
    };

    // The next customer of whom any pairs are asked about; beyond all others if there is none.
    Asked after(const Asked& before) const noexcept {
        int64_t i = before.customer + 1, stop = before.stop;
        for (; i < work_.stop; ++i) {
            while (stop < work_.asked.size && work_.asked[stop] < in_.indptr[i + 1]) ++stop;
            if (stop > before.stop) break;
        }
        return {i, before.stop, stop};
    }

    // Decayed counts of a pair or of trips, as of the last period.
    void decay(const PairStates& states, int64_t p, double* to) const noexcept {
        const View<const float> count = states.decay.row(p), factor = in_.factor.row(in_.until - states.last[p]);
        for (int64_t h = 0; h < half_lives_; ++h) {
            const float kept = count[h] * factor[h];
            to[h] = static_cast<double>(kept);
        }
    }

    const double* decayed(int64_t p) const noexcept { return decayed_.data() + (p - begin_) * half_lives_; }

    // Periods, in weeks.
    double weeks(int64_t periods) const noexcept { return static_cast<double>(periods) / week_; }
    double since(int64_t p) const noexcept { return weeks(in_.until + 1 - in_.pairs.last[p]); }
    double span(int64_t p) const noexcept { return weeks(int64_t{in_.pairs.last[p]} - in_.pairs.first[p]); }

    // Weeks between the purchases of a pair; of a single one, what the customer's time lets expect.
    double gap(int64_t p) const noexcept {
        const int32_t times = in_.pairs.times[p];
        return times > 1 ? span(p) / static_cast<double>(times - 1) : known_ / 2.0 + 2.0;
    }

    void begin_customer(int64_t i) {
        begin_ = in_.indptr[i], end_ = in_.indptr[i + 1];
        known_ = weeks(in_.until + 1 - in_.trips.first[i]);
        for (int w = 0; w < 2; ++w) {
            const int64_t late = in_.until - LATE_WEEKS[w] * in_.week + 1;
            knew_[w] = again_[w] = 0;
            for (int64_t p = begin_; p < end_; ++p) {
                knew_[w] += in_.pairs.first[p] < late;
                again_[w] += in_.pairs.first[p] < late && in_.pairs.last[p] >= late;
            }
        }
        if (half_lives_) {
            decay(in_.trips, i, came_.data());
            decayed_.resize(static_cast<size_t>((end_ - begin_) * half_lives_));
            double basket = 0.0;
            for (int64_t p = begin_; p < end_; ++p) {
                double* const to = decayed_.data() + (p - begin_) * half_lives_;
                decay(in_.pairs, p, to);
                basket += to[numbers_.middle];
            }
            basket_ = (basket + 0.1) / (came_[numbers_.middle] + 0.1);
        }
        if (near_.column.size) begin_expected(i);
        for (int64_t g = 0; g < numbers_.group.rows; ++g)
            grouped_[g].begin(numbers_.group.row(g), begin_, end_, decayed_.data());
    }

    // What will be read for a customer, while the one before is worked on: tables of items are larger than caches.
    void fetch(const Asked& next) {
        if (next.customer >= work_.stop) return;
        const int64_t begin = in_.indptr[next.customer], end = in_.indptr[next.customer + 1];
        if (near_.column.size) {
            next_column_.clear();
            for (int64_t p = begin; p < end; ++p) next_column_.push_back(near_.column[in_.item[p]]);
        }
        for (int64_t k = next.first; k < next.stop; ++k) {
            const View<const double> of_item = numbers_.value.row(numbers_.row[k]);
            COUPONRY_PREFETCH(of_item.data);
            COUPONRY_PREFETCH(of_item.data + of_item.size - 1);
            if (near_.column.size == 0) continue;
            const int32_t column = next_column_[work_.asked[k] - begin];
            if (column < 0) continue;
            const View<const float> coefficient = near_.coefficient.row(column);
            for (const int32_t part : next_column_)
                if (part >= 0) COUPONRY_PREFETCH(coefficient.data + part);
        }
    }

    // The k-th of the pairs that are asked about.
    void add(int64_t i, int64_t k) noexcept {
        const int64_t p = work_.asked[k];
        const View<const double> of_item = numbers_.value.row(numbers_.row[k]);
        float* to = tile_ + in_tile_;
        const auto put = [&to](double value) {
            *to = static_cast<float>(value);
            to += TILE_PAIRS;
        };
        for (int64_t h = 0; h < half_lives_; ++h) {
            const double bought = decayed(p)[h], came = came_[h];
            put(bought + 0.02);
            put((bought + 0.02) / (came + 0.1));
            put(came + 0.1);
        }
        for (int64_t t = 0; t < trends_; ++t) put(of_item[t]);
        add_pair(i, p, of_item.data + trends_, to);
        to += OF_PAIR * TILE_PAIRS;
        if (half_lives_) put(basket_);
        if (near_.column.size) put(expected_of(i, p));
        for (const PairGroups& groups : grouped_) {
            add_group(p, groups, to);
            to += (2 * numbers_.half_life.size + OF_GROUP) * TILE_PAIRS;
        }
    }

    // How often and how lately, against the customer's own gap and the item's, and what the customer is like.
    void add_pair(int64_t i, int64_t p, const double* of_item, float* to) const noexcept {
        const auto put = [to](int64_t f, double value) { to[f * TILE_PAIRS] = static_cast<float>(value); };
        const double times = in_.pairs.times[p], ago = since(p), between = gap(p);
        const double owned = weeks(in_.until + 1 - in_.pairs.first[p]);
        const double once = times == 1.0 ? 1.0 : 0.0;
        put(0, times);
        put(1, once);
        put(2, times == 2.0 ? 1.0 : 0.0);
        put(3, (times + 0.5) / (static_cast<double>(in_.trips.times[i]) * owned / known_ + 1.0));
        put(4, ago + 0.5);
        put(5, between + 0.3);
        put(6, (ago + 0.3) / (between + 0.3));
        put(8, of_item[0]);
        put(9, (ago + 0.3) / (of_item[3] + 0.3));
        put(11, of_item[1]);
        put(12, once * of_item[1]);
        put(13, of_item[2]);
        add_recent(p, ago, between, to + 17 * TILE_PAIRS);
        for (int64_t w = 0; w < 2; ++w) {
            put(24 + 2 * w, of_item[4 + 2 * w]);
            const double rate = (static_cast<double>(again_[w]) + PRIOR_ITEMS * of_item[5 + 2 * w]) /
                                (static_cast<double>(knew_[w]) + PRIOR_ITEMS);
            put(25 + 2 * w, rate + LEAST_RATE);
        }
        put(28, static_cast<double>(end_ - begin_));
        put(29, 1.0 + weeks(in_.until + 1 - in_.trips.last[i]));
        put(30, known_ + 1.0);
        put(31, static_cast<double>(in_.pairs.discounted[p]) / times);
        put(32, static_cast<double>(in_.trips.discounted[i]) / std::max(in_.trips.times[i], 1));
    }

    // Purchases of the last weeks, the last gap, the spread of gaps, and by how many of them the next one is late.
    void add_recent(int64_t p, double ago, double between, float* to) const noexcept {
        const auto put = [to](int64_t f, double value) { to[f * TILE_PAIRS] = static_cast<float>(value); };
        const uint64_t recent = in_.pairs.recent[p], before = recent & ~uint64_t{1};
        const int64_t age = in_.until - in_.pairs.last[p];
        for (int64_t w = 0; w < 4; ++w) {
            const int64_t bits = std::clamp<int64_t>(RECENT_WEEKS[w] * in_.week - age, 0, 64);
            const uint64_t lowest = bits ? ~uint64_t{0} >> (64 - bits) : 0;
            put(w, ones_of(recent & lowest) + 0.5);
        }
        put(4, (before ? weeks(lowest_bit(before)) : between) + 0.3);
        double spread = between;  // of one gap, what a gap varies by where purchases are at random
        if (in_.pairs.times[p] > 2) {
            const int64_t gaps = int64_t{in_.pairs.times[p]} - 1;
            const int64_t whole = int64_t{in_.pairs.last[p]} - in_.pairs.first[p];
            const int64_t squares = gaps * in_.pairs.squared_gaps[p] - whole * whole;  // exact, so never below 0
            spread = std::sqrt(static_cast<double>(squares) / static_cast<double>(gaps * gaps)) / week_;
        }
        put(5, spread + 0.3);
        put(6, std::clamp((ago - between) / (spread + 0.5), -MOST_SPREADS, MOST_SPREADS));
    }

    void begin_expected(int64_t i) {
        part_.clear();
        bought_.clear();
        for (int64_t p = begin_; p < end_; ++p) {
            const int32_t column = column_[p - begin_];
            if (column < 0) continue;
            part_.push_back(column);
            bought_.push_back(1.0 + decayed(p)[near_.half_life]);
        }
        const size_t count = part_.size();
        bought_.resize((count + NUMBERS_AT_A_TIME - 1) / NUMBERS_AT_A_TIME * NUMBERS_AT_A_TIME, 1.0);
        affinity_kernels().take_logarithms(bought_.data(), static_cast<int64_t>(bought_.size()));
        weight_.resize(count);
        for (size_t d = 0; d < count; ++d) weight_[d] = static_cast<float>(bought_[d]);
        place_ = 0, passed_ = begin_;
        doing_ = 0.0;
        if (!near_.seen[i]) return;
        for (size_t d = 0; d < count; ++d) {
            const double error = static_cast<double>(weight_[d]) - said_of(part_[d]);
            doing_ += static_cast<double>(weight_[d]) * (error * near_.spread[part_[d]]);
        }
    }

    // What the customer's items say of one of them.
    double said_of(int32_t column) const noexcept {
        const View<const float> coefficient = near_.coefficient.row(column);
        float said = 0.0F;
        for (size_t d = 0; d < part_.size(); ++d) said += weight_[d] * coefficient[part_[d]];
        return static_cast<double>(said);
    }

    // log(1 + decayed purchases) as the other items let expect it; pairs are asked about in their order.
    double expected_of(int64_t i, int64_t p) noexcept {
        for (; passed_ < p; ++passed_) place_ += column_[passed_ - begin_] >= 0;
        const int32_t column = column_[p - begin_];
        if (column < 0) return 0.0;
        const double own = static_cast<double>(weight_[place_]), error = own - said_of(column);
        double left = 1.0;
        if (near_.seen[i]) left = std::max(1.0 - (doing_ - error * (error * near_.spread[column])), LEAST_LEFT);
        return own - error / left;
    }

    // Purchases of the item's group, when the last was, how many items of it, and how many were bought later.
    void add_group(int64_t p, const PairGroups& groups, float* to) const noexcept {
        const auto put = [&to](double value) {
            *to = static_cast<float>(value);
            to += TILE_PAIRS;
        };
        int32_t newer;
        const Cell cell = groups.cell_of(p, newer);
        for (int64_t w = 0; w < numbers_.half_life.size; ++w) {
            const double bought = decayed(p)[numbers_.half_life[w]];
            put(cell.bought[w] + 0.05);
            put((bought + 0.02) / (cell.bought[w] + 0.05));
        }
        const double times = static_cast<double>(cell.times);
        const double ago = weeks(in_.until + 1 - cell.last), span = weeks(int64_t{cell.last} - cell.first);
        const double between = cell.times > 1 ? span / (times - 1.0) : gap(p);
        put(ago + 0.5);
        put(static_cast<double>(cell.items));
        put(between + 0.3);
        put((ago + 0.3) / (between + 0.3));
        put(times);
        put(static_cast<double>(in_.pairs.times[p]) / times);
        put(1.0 + newer);
    }

    // Takes the logarithms of a tile, makes what is made of them, and hands it on. Beyond its pairs are those of the
    // tile before.
    void finish_tile() noexcept {
        if (in_tile_ == 0) return;
        for (int64_t f = 0; f < features_; ++f)
            if (!as_it_is_[f]) affinity_kernels().take_logarithms_of_floats(tile_ + f * TILE_PAIRS, TILE_PAIRS);
        float* const timing = tile_ + (3 * half_lives_ + trends_) * TILE_PAIRS;
        for (int64_t k = 0; k < in_tile_; ++k) {
            const auto row = [=](int64_t f) -> float& { return timing[f * TILE_PAIRS + k]; };
            row(7) = row(6) * row(6);
            row(10) = row(9) * row(9);
            row(14) = row(6) * row(11);
            row(15) = row(6) * row(8);
            row(16) = row(6) * row(13);
        }
        take_(Table<const float>{tile_, features_, TILE_PAIRS}, written_, in_tile_);
        written_ += in_tile_;
        in_tile_ = 0;
    }

    const PairFeatures& work_;
    const Take& take_;
    const PairReadings& in_;
    const ItemValues& numbers_;
    const ItemCoefficients& near_;
    const int64_t half_lives_, trends_;
    const double week_;
    const int64_t features_;
    std::vector<Line> lines_;
    float* const tile_;  // TILE_PAIRS numbers of each feature
    std::vector<uint8_t> as_it_is_;
    std::vector<double> came_, decayed_, bought_;
    std::vector<float> weight_;
    std::vector<int32_t> column_, next_column_;  // of each pair of the customer at hand, and of the next one
    std::vector<int32_t> part_;                  // those of items that take part
    std::vector<PairGroups> grouped_;
    int64_t in_tile_ = 0, written_ = 0;
    // of the customer at hand
    int64_t begin_ = 0, end_ = 0, knew_[2] = {0, 0}, again_[2] = {0, 0}, place_ = 0, passed_ = 0;
    double known_ = 0.0, basket_ = 0.0, doing_ = 0.0;
};

}  // namespace
}  // namespace couponry
