// Rows of runs, each in the types that it is kept in, as rows of 64 bits.
#include "affinity/gather_purchases.hpp"

#include <algorithm>

#include "common/compiler.hpp"

namespace couponry {

namespace {

COUPONRY_INLINE uint64_t wide_word(uint64_t word) noexcept { return word; }
COUPONRY_INLINE uint64_t wide_word(uint32_t word) noexcept {
    constexpr uint32_t ZERO = uint32_t{2} * BoughtWord::ZERO_PERIOD;
    return uint64_t{word >> 16} << 32 | (word & 0xFFFFu) | ZERO;
}

template <class Customer, class Word>
void gather(const PlacedRows& held, View<const int64_t> start, View<const int64_t> stop, int64_t at,
            const OrderedRows& rows) noexcept {
    const Customer* const customer = static_cast<const Customer*>(held.customer);
    const Word* const bought = static_cast<const Word*>(held.bought);
    for (int64_t k = 0; k < start.size; ++k) {
        const int64_t begin = start[k], n = stop[k] - begin;
        if (k + 1 < start.size) {
            COUPONRY_PREFETCH(customer + start[k + 1]);
            COUPONRY_PREFETCH(bought + start[k + 1]);
        }
        int64_t* const customers = rows.customer.data + at;
        uint64_t* const words = rows.bought.data + at;
        for (int64_t r = 0; r < n; ++r) customers[r] = static_cast<int64_t>(customer[begin + r]);
        for (int64_t r = 0; r < n; ++r) words[r] = wide_word(bought[begin + r]);
        if (rows.spend.size) {
            int64_t* const spends = rows.spend.data + at;
            if (held.spend_bytes == 0) {
                std::fill(spends, spends + n, int64_t{0});
            } else if (held.spend_bytes == 4) {
                const int32_t* const spend = static_cast<const int32_t*>(held.spend) + begin;
                for (int64_t r = 0; r < n; ++r) spends[r] = spend[r];
            } else {
                const int64_t* const spend = static_cast<const int64_t*>(held.spend) + begin;
                std::copy(spend, spend + n, spends);
            }
        }
        at += n;
    }
}

}  // namespace

void gather_purchases(const PlacedRows& held, View<const int64_t> start, View<const int64_t> stop, int64_t at,
                      const OrderedRows& rows) noexcept {
    const bool few_bytes = held.customer_bytes == 4;
    const auto narrow = few_bytes ? gather<uint32_t, uint32_t> : gather<int64_t, uint32_t>;
    const auto wide = few_bytes ? gather<uint32_t, uint64_t> : gather<int64_t, uint64_t>;
    (held.bought_bytes == 4 ? narrow : wide)(held, start, stop, at, rows);
}

}  // namespace couponry
