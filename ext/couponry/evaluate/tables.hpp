// The price table and the usage table of one pass, laid out for the work of a long call or used as they are.
#pragma once

#include <cstdint>

#include "dispatch/kernel_table.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

// All prices of an item side by side: one cache line instead of one per attribute. Worth its making in calls with many
// candidates.
template <int ATTRIBUTES>
class PriceTable {
public:
    PriceTable(const float* price, int64_t cells) noexcept
        : memory_(ATTRIBUTES > 0 ? cells * PRICES : 0, sizeof(float)),
          price_(static_cast<const float*>(memory_.data)) {
        if (ATTRIBUTES == 0) price_ = price;
        if (ATTRIBUTES == 0 || failed()) return;
        float* side_by_side = static_cast<float*>(memory_.data);
        for (int64_t cell = 0; cell < cells; ++cell)
            for (int64_t c = 0; c <= ATTRIBUTES; ++c) side_by_side[cell * PRICES + c] = price[c * cells + cell];
    }

    bool failed() const noexcept { return !memory_.data; }

    const float* of(int64_t first_cell) const noexcept { return price_ + first_cell * PRICES; }

private:
    static constexpr int64_t PRICES = price_width(ATTRIBUTES);

    Zeros memory_;
    const float* price_;
};

// The caller's prices as they are, with any number of attributes.
template <>
class PriceTable<PLANES> {
public:
    PriceTable(const float* price, int64_t) noexcept : price_(price) {}

    bool failed() const noexcept { return false; }

    const float* of(int64_t first_cell) const noexcept { return price_ + first_cell; }

private:
    const float* price_;
};

// Whether so many candidates repay laying out tables anew.
inline bool is_long(int64_t candidates, int64_t cells) noexcept { return candidates / 4 >= cells; }

// Prices, and the count and sums of an item side by side as well. The count shares a 64-bit number with the first sum.
template <int ATTRIBUTES>
class Tables {
public:
    explicit Tables(const Pass& pass) noexcept
        : usage_(pass.usage),
          cells_(pass.segments * pass.items),
          prices_(pass.price, cells_),
          tally_memory_(cells_ * WORDS, sizeof(uint64_t)),
          tally_(static_cast<uint64_t*>(tally_memory_.data)) {}

    bool failed() const noexcept { return prices_.failed() || !tally_memory_.data; }

    const float* prices_of(int64_t first_cell) const noexcept { return prices_.of(first_cell); }

    // Adds the listed candidates.
    template <class Item>
    COUPONRY_INLINE void add(const Candidates<Item>& batch, const int32_t* listed, int64_t count,
                             int64_t first_cell) noexcept {
        uint64_t* const tally = tally_ + first_cell * WORDS;
        while (count > 0) {
            const int64_t some = count < MOST_PACKED ? count : MOST_PACKED;
            if ((packed_ += some) > MOST_PACKED) flush(some);
            for (int64_t t = 0; t < some; ++t) {
                const int64_t j = listed[t];
                COUPONRY_ASSERT(0 <= j && j < batch.n);
                uint64_t* words = tally + batch.item[j] * WORDS;
                words[0] += ONE + (ATTRIBUTES > 0 ? batch.quantity[j] : 0);
                for (int64_t c = 1; c < ATTRIBUTES; ++c) words[c] += batch.quantity[c * batch.quantity_stride + j];
            }
            listed += some;
            count -= some;
        }
    }

    // Moves everything counted to the usage table, before so many more are.
    void flush(int64_t more = 0) noexcept {
        packed_ = more;
        for (int64_t cell = 0; cell < cells_; ++cell) {
            uint64_t* words = tally_ + cell * WORDS;
            if (!words[0]) continue;
            if (usage_) add_up(cell, words);
            for (int64_t c = 0; c < WORDS; ++c) words[c] = 0;
        }
    }

private:
    void add_up(int64_t cell, uint64_t* words) noexcept {
        usage_[cell] += static_cast<int64_t>(words[0] / ONE);
        words[0] %= ONE;
        for (int64_t c = 0; c < ATTRIBUTES; ++c) usage_[(1 + c) * cells_ + cell] += static_cast<int64_t>(words[c]);
    }

    static constexpr int64_t WORDS = ATTRIBUTES > 1 ? ATTRIBUTES : 1;
    // 24 bits of count above 40 bits of sum: 2^24 - 1 quantities of 16 bits fit below.
    static constexpr uint64_t ONE = uint64_t{1} << 40;
    static constexpr int64_t MOST_PACKED = (int64_t{1} << 24) - 1;

    int64_t* usage_;
    int64_t cells_;
    int64_t packed_ = 0;  // at most so many candidates since the last flush
    PriceTable<ATTRIBUTES> prices_;
    Zeros tally_memory_;
    uint64_t* tally_;
};

// The caller's tables as they are, with any number of attributes.
template <>
class Tables<PLANES> {
public:
    explicit Tables(const Pass& pass) noexcept
        : usage_(pass.usage),
          price_(pass.price),
          cells_(pass.segments * pass.items) {}

    bool failed() const noexcept { return false; }

    const float* prices_of(int64_t first_cell) const noexcept { return price_ + first_cell; }

    template <class Item>
    COUPONRY_INLINE void add(const Candidates<Item>& batch, const int32_t* listed, int64_t count,
                             int64_t first_cell) noexcept {
        for (int64_t t = 0; usage_ && t < count; ++t) {
            const int64_t j = listed[t];
            COUPONRY_ASSERT(0 <= j && j < batch.n);
            int64_t* usage = usage_ + first_cell + batch.item[j];
            usage[0] += 1;
            for (int64_t c = 0; c < batch.attributes; ++c)
                usage[(1 + c) * cells_] += batch.quantity[c * batch.quantity_stride + j];
        }
    }

    void flush() noexcept {}

private:
    int64_t* usage_;
    const float* price_;
    int64_t cells_;
};

}  // namespace
}  // namespace couponry
