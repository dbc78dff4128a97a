// Columns of transactions, a block of rows at a time: as numbers of one type, checked, then put where they stay.
#include "affinity/take_purchases.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace couponry {

namespace {

constexpr int64_t BLOCK = 512;  // rows: their numbers stay in the nearest cache

template <class From, class To>
const To* converted(const void* data, int64_t start, int64_t n, To* room) noexcept {
    const From* const from = static_cast<const From*>(data) + start;
    if constexpr (std::is_same_v<From, To>) {
        return from;
    } else {
        for (int64_t r = 0; r < n; ++r) room[r] = static_cast<To>(from[r]);
        return room;
    }
}

template <class To>
const To* block_of(const AnyColumn& column, int64_t start, int64_t n, To* room) noexcept {
    const void* const data = column.data;
    const bool is_signed = column.kind == 'i';
    if (column.kind == 'f')
        return column.bytes == 4 ? converted<float>(data, start, n, room) : converted<double>(data, start, n, room);
    switch (column.bytes) {
        case 1: return is_signed ? converted<int8_t>(data, start, n, room) : converted<uint8_t>(data, start, n, room);
        case 2: return is_signed ? converted<int16_t>(data, start, n, room) : converted<uint16_t>(data, start, n, room);
        case 4: return is_signed ? converted<int32_t>(data, start, n, room) : converted<uint32_t>(data, start, n, room);
        default: return converted<int64_t>(data, start, n, room);
    }
}

// What a comparison comes to is taken from the uppermost bit of a difference, all of which every processor has in
// vectors; 64-bit numbers that are compared, many have not.
constexpr uint64_t TOP_BIT = uint64_t{1} << 63;

// Bits of a number without its sign: those of larger numbers are larger, and those of NaN the largest.
COUPONRY_INLINE uint64_t size_bits(double value) noexcept {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits & ~TOP_BIT;
}

// A block of whole numbers, all of which are from `least` to `most`, which 0 or -1 are between or next to; nothing
// where they are not.
const int64_t* within(const AnyColumn& column, int64_t least, int64_t most, int64_t start, int64_t n,
                      int64_t* room) noexcept {
    const int64_t* const values = block_of(column, start, n, room);
    const uint64_t low = static_cast<uint64_t>(least), high = static_cast<uint64_t>(most);
    uint64_t outside = 0;
    for (int64_t r = 0; r < n; ++r) {
        const uint64_t value = static_cast<uint64_t>(values[r]);
        outside |= (value - low) | (high - value);
    }
    return outside & TOP_BIT ? nullptr : values;
}

// A block of numbers, all of which are from -most to most; nothing where they are not.
const double* within(const AnyColumn& column, double most, int64_t start, int64_t n, double* room) noexcept {
    const double* const values = block_of(column, start, n, room);
    const uint64_t high = size_bits(most);
    uint64_t outside = 0;
    for (int64_t r = 0; r < n; ++r) outside |= high - size_bits(values[r]);
    return outside & TOP_BIT ? nullptr : values;
}

// 1 of a number that is not 0, else 0.
COUPONRY_INLINE uint64_t is_not_zero(double value) noexcept { return (uint64_t{0} - size_bits(value)) >> 63; }

// 1 of a number above 0, else 0.
COUPONRY_INLINE uint64_t is_above_zero(double value) noexcept {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return ((uint64_t{0} - (bits & ~TOP_BIT)) & ~bits) >> 63;
}

// Rounded half up, as std::floor(100 * money + 0.5) is.
COUPONRY_INLINE int64_t in_hundredths(double money) noexcept {
    const double raised = money * 100.0 + 0.5;
    const int64_t whole = static_cast<int64_t>(raised);
    return whole - (raised < static_cast<double>(whole));
}

struct Extent {
    int64_t least = INT64_MAX, most = INT64_MIN;

    COUPONRY_INLINE void take(int64_t number) noexcept {
        least = std::min(least, number);
        most = std::max(most, number);
    }
};

// Some rows as numbers of one type, and whether each is kept.
struct Block {
    int64_t customer[BLOCK], product[BLOCK], period[BLOCK], spend[BLOCK], keep[BLOCK];
    double quantity[BLOCK], money[BLOCK], discount[BLOCK];
};

}  // namespace

void take_purchases(const GivenPurchases& given, const PurchaseBounds& bounds, const TakenPurchases& taken,
                    const View<uint8_t>& seen, const View<int64_t>& found) noexcept {
    constexpr int64_t LAST = BoughtWord::ZERO_PERIOD - 1;
    Block room;
    std::fill(room.money, room.money + BLOCK, 0.0);
    std::fill(room.discount, room.discount + BLOCK, 0.0);
    std::fill(room.spend, room.spend + BLOCK, int64_t{0});
    const uint64_t last_read = static_cast<uint64_t>(std::clamp(bounds.until, -LAST - 1, LAST));
    const bool is_paid = given.spend.size > 0;
    const bool has_quantity = given.quantity.size > 0;
    int64_t kept = 0, left_out = 0, too_late = 0;
    for (int64_t start = 0; start < given.customer.size; start += BLOCK) {
        const int64_t n = std::min(BLOCK, given.customer.size - start);
        const int64_t* const customer = block_of(given.customer, start, n, room.customer);
        const int64_t* const product = within(given.product, 0, bounds.products - 1, start, n, room.product);
        const int64_t* const period = within(given.period, -LAST, LAST, start, n, room.period);
        const double *quantity = room.quantity, *money = room.money, *discount = room.discount;
        if (has_quantity) quantity = within(given.quantity, bounds.quantity, start, n, room.quantity);
        if (is_paid) money = within(given.spend, bounds.spend, start, n, room.money);
        if (given.discount.size) discount = within(given.discount, bounds.discount, start, n, room.discount);
        if (!product || !period || !quantity || !money || !discount) {
            found[0] = -1;
            return;
        }
        int64_t here = 0, late = 0;
        for (int64_t r = 0; r < n; ++r) {
            room.keep[r] = static_cast<int64_t>((last_read - static_cast<uint64_t>(period[r])) >> 63) ^ 1;
            late += 1 - room.keep[r];
        }
        if (has_quantity)
            for (int64_t r = 0; r < n; ++r) room.keep[r] &= static_cast<int64_t>(is_above_zero(quantity[r]));
        for (int64_t r = 0; r < n; ++r) here += room.keep[r];
        too_late += late;
        left_out += n - late - here;
        if (is_paid)
            for (int64_t r = 0; r < n; ++r) room.spend[r] = in_hundredths(money[r]);
        int64_t *const customers = taken.customer.data + kept, *const spends = taken.spend.data + kept;
        uint32_t* const numbers = taken.number.data + kept;
        int32_t* const periods = taken.period.data + kept;
        uint8_t* const discounted = taken.discounted.data + kept;
        if (here == n) {  // a loop for each column: vectors of them
            std::copy(customer, customer + n, customers);
            for (int64_t r = 0; r < n; ++r) numbers[r] = static_cast<uint32_t>(product[r]);
            for (int64_t r = 0; r < n; ++r) periods[r] = static_cast<int32_t>(period[r]);
            for (int64_t r = 0; r < n; ++r) discounted[r] = static_cast<uint8_t>(is_not_zero(discount[r]));
            std::copy(room.spend, room.spend + n, spends);
        } else {
            for (int64_t r = 0, k = 0; k < here; k += room.keep[r++]) {
                customers[k] = customer[r];
                numbers[k] = static_cast<uint32_t>(product[r]);
                periods[k] = static_cast<int32_t>(period[r]);
                discounted[k] = discount[r] != 0.0;
                spends[k] = room.spend[r];
            }
        }
        kept += here;
    }
    Extent customers, periods, spends;
    if (!is_paid && kept) spends.take(0);
    for (int64_t r = 0; is_paid && r < kept; ++r) spends.take(taken.spend[r]);
    for (int64_t r = 0; r < kept; ++r) {
        customers.take(taken.customer[r]);
        periods.take(taken.period[r]);
        mark_once(&seen[taken.number[r]]);
    }
    const int64_t out[] = {kept,          left_out,     too_late,     customers.least, customers.most,
                           periods.least, periods.most, spends.least, spends.most};
    for (int64_t k = 0; k < 9; ++k) found[k] = out[k];
}

void count_ranges(const View<const int64_t>& customer, int64_t shift, int64_t least,
                  const View<int64_t>& count) noexcept {
    for (int64_t r = 0; r < customer.size; ++r) ++count[(customer[r] >> shift) - least];
}

void hash_numbers(const View<const int64_t>& number, const View<uint64_t>& out) noexcept {
    for (int64_t r = 0; r < number.size; ++r) {
        uint64_t x = static_cast<uint64_t>(number[r]) + 0x9E3779B97F4A7C15u;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
        x = (x ^ x >> 27) * 0x94D049BB133111EBu;
        out[r] = x ^ x >> 31;
    }
}

}  // namespace couponry
