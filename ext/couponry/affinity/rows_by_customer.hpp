// Rows by customer, those of each in the order of items and periods, in words of 32 bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/compiler.hpp"
#include "common/debug.hpp"
#include "common/views.hpp"

namespace couponry {

// Puts few numbers, which differ, into ascending order: each goes where as many are below it.
class FewNumbers {
public:
    static constexpr int64_t MOST = 128;

    void put(int64_t k, uint32_t number) noexcept { number_[k] = static_cast<int32_t>(number ^ TOP_BIT); }
    uint32_t operator[](int64_t k) const noexcept { return static_cast<uint32_t>(sorted_[k]) ^ TOP_BIT; }

    void sort(int64_t n) noexcept {
        COUPONRY_ASSERT(n <= MOST);
        for (int64_t k = n; k % LANES; ++k) number_[k] = 0;  // goes nowhere
        for (int64_t k = 0; k < n; k += LANES) {
            int32_t below[LANES] = {};
            for (int64_t e = 0; e < n; ++e) {
                const int32_t other = number_[e];
                for (int64_t j = 0; j < LANES; ++j) below[j] += other < number_[k + j];
            }
            const int64_t some = std::min(n - k, LANES);
            for (int64_t j = 0; j < some; ++j) sorted_[below[j]] = number_[k + j];
        }
    }

private:
    static constexpr int64_t LANES = 8;                     // that are compared with one at a time
    static constexpr uint32_t TOP_BIT = uint32_t{1} << 31;  // signed numbers are compared by vectors of any processor
    alignas(32) int32_t number_[MOST];
    int32_t sorted_[MOST];
};

// What rows are ordered by, and where those of each customer begin.
class RowsByCustomer {
public:
    static constexpr int PLACE_BITS = 7;  // of few rows of a customer
    static constexpr int KEY_BITS = 32 - PLACE_BITS;

    // customer(r) tells the code of a row's customer, up to `most`; key(r) has KEY_BITS bits; spend: of each row, or
    // none.
    template <class CustomerOf, class KeyOf>
    RowsByCustomer(int64_t n, uint64_t most, const View<const int64_t>& spend, const CustomerOf& customer,
                   const KeyOf& key)
        : begin_(static_cast<size_t>(most) + 2, 0),
          key_(new uint32_t[static_cast<size_t>(n)]),
          spend_(new int64_t[static_cast<size_t>(spend.size)]),
          paid_(spend.size > 0) {
        uint32_t* const next =
            begin_.data() + 1;  // of each customer: first how many rows, then where the next one goes
        for (int64_t r = 0; r < n; ++r) ++next[customer(r)];
        uint32_t before = 0;
        for (uint64_t code = 0; code <= most; ++code) {
            const uint32_t here = next[code];
            next[code] = before;
            before += here;
        }
        for (int64_t r = 0; r < n; ++r) {
            const uint32_t to = next[customer(r)]++;
            key_[to] = key(r);
            if (paid_) spend_[to] = spend[r];
        }
    }

    // Hands on customers in ascending order: use(code, rows, sorted), where sorted(k) is the key of the k-th row in
    // the customer's order, and what was paid.
    template <class Use>
    void each(const Use& use) {
        const uint64_t codes = begin_.size() - 1;
        for (uint64_t code = 0; code < codes; ++code) {
            const int64_t begin = begin_[code], rows = begin_[code + 1] - begin;
            if (rows == 0) continue;
            if (rows <= FewNumbers::MOST) {
                for (int64_t k = 0; k < rows; ++k)
                    few_.put(k, key_[begin + k] << PLACE_BITS | static_cast<uint32_t>(k));
                few_.sort(rows);
                use(code, rows, [this, begin](int64_t k) {
                    const uint32_t found = few_[k];
                    return Sorted{found >> PLACE_BITS, spend_at(begin + (found & (FewNumbers::MOST - 1)))};
                });
            } else {
                many_.resize(static_cast<size_t>(rows));
                for (int64_t k = 0; k < rows; ++k)
                    many_[k] = uint64_t{key_[begin + k]} << 32 | static_cast<uint64_t>(k);
                std::sort(many_.begin(), many_.end());
                use(code, rows, [this, begin](int64_t k) {
                    const int64_t place = static_cast<int64_t>(many_[k] & UINT32_MAX);
                    return Sorted{static_cast<uint32_t>(many_[k] >> 32), spend_at(begin + place)};
                });
            }
        }
    }

    struct Sorted {
        uint32_t key;
        int64_t spend;
    };

private:
    COUPONRY_INLINE int64_t spend_at(int64_t k) const noexcept { return paid_ ? spend_[k] : 0; }

    std::vector<uint32_t> begin_;
    std::unique_ptr<uint32_t[]> key_;
    std::unique_ptr<int64_t[]> spend_;
    const bool paid_;
    FewNumbers few_;
    std::vector<uint64_t> many_;
};

}  // namespace couponry
