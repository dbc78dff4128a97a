// Purchases into order: by customer and then by item and period in words of 32 bits; else by radix, customer, item and
// period in one word, with the place of the row below them.
#include "affinity/group_purchases.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "affinity/item_counts.hpp"
#include "affinity/purchase_sums.hpp"
#include "affinity/rows_by_customer.hpp"
#include "common/radix_order.hpp"

namespace couponry {

namespace {

constexpr int64_t AHEAD = 16;  // rows that are asked of memory before they are needed
constexpr uint64_t DENSE = 4;  // ids less the least one are codes where they are below so many times the rows

// Codes of the customers of rows, ascending as their ids are, and the id of each.
class Codes {
public:
    explicit Codes(const View<const int64_t>& customer) : customer_(customer) {
        const int64_t n = customer.size;
        int64_t largest = least_ = customer[0];
        for (int64_t r = 1; r < n; ++r) {
            least_ = std::min(least_, customer[r]);
            largest = std::max(largest, customer[r]);
        }
        most_ = static_cast<uint64_t>(largest) - static_cast<uint64_t>(least_);
        if (most_ < DENSE * static_cast<uint64_t>(n)) return;
        std::vector<int64_t> order(static_cast<size_t>(n));
        radix_order(customer, {order.data(), n});
        code_.resize(static_cast<size_t>(n));
        for (const int64_t r : order) {
            if (id_.empty() || id_.back() != customer[r]) id_.push_back(customer[r]);
            code_[r] = static_cast<int64_t>(id_.size()) - 1;
        }
        most_ = id_.size() - 1;
    }

    COUPONRY_INLINE uint64_t of(int64_t r) const noexcept {
        return static_cast<uint64_t>(code_.empty() ? customer_[r] - least_ : code_[r]);
    }
    COUPONRY_INLINE int64_t id(uint64_t code) const noexcept {
        return id_.empty() ? least_ + static_cast<int64_t>(code) : id_[code];
    }
    uint64_t most() const noexcept { return most_; }

private:
    View<const int64_t> customer_;
    int64_t least_;
    uint64_t most_;
    std::vector<int64_t> code_, id_;
};

// Rows of any order, with what they are ordered by.
class Unordered {
public:
    Unordered(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first)
        : rows_(rows),
          codes_(rows.customer),
          rank_(rank),
          first_(first) {
        if (rank.size <=
            rows.bought.size) {  // an item of which there is no row changes nothing but how many bits it takes
            for (int64_t k = 0; k < rank.size; ++k) most_item_ = std::max(most_item_, uint64_t{rank[k]} + 1);
            return;
        }
        for (int64_t r = 0; r < rows.bought.size; ++r) most_item_ = std::max(most_item_, item(r));
    }

    COUPONRY_INLINE uint64_t customer(int64_t r) const noexcept { return codes_.of(r); }
    COUPONRY_INLINE Purchase at(int64_t r) const noexcept {
        const uint64_t word = rows_.bought[r];
        return {item(r), BoughtWord::period(word) - first_, spend(r), word & 1};
    }
    // 1 more than the rank; 0: of no item.
    COUPONRY_INLINE uint64_t item(int64_t r) const noexcept {
        const uint64_t number = BoughtWord::number(rows_.bought[r]);
        return number == BoughtWord::NO_ITEM ? 0 : uint64_t{rank_[static_cast<int64_t>(number)]} + 1;
    }
    // Period, from the first, and below it 1 at a discount.
    COUPONRY_INLINE uint32_t when(int64_t r) const noexcept {
        const uint64_t word = rows_.bought[r];
        return static_cast<uint32_t>(BoughtWord::period(word) - first_) << 1 | static_cast<uint32_t>(word & 1);
    }
    const Codes& codes() const noexcept { return codes_; }
    uint64_t most_item() const noexcept { return most_item_; }
    const View<const int64_t>& paid() const noexcept { return rows_.spend; }
    COUPONRY_INLINE int64_t spend(int64_t r) const noexcept { return rows_.spend.size ? rows_.spend[r] : 0; }
    COUPONRY_INLINE void ask_for(int64_t r) const noexcept {
        if (rows_.spend.size) prefetch_ahead(rows_.spend.data, r);
    }

private:
    const PurchaseRows& rows_;
    Codes codes_;
    View<const uint32_t> rank_;
    uint64_t most_item_ = 0;
    int64_t first_;
};

// How much of a word of 64 bits customers, items, periods and places take up; discounts take one more.
struct Widths {
    int customer, item, slot, place;

    int order() const noexcept { return customer + item + slot; }
    static uint64_t low(uint64_t word, int bits) noexcept { return word & ((uint64_t{1} << bits) - 1); }
};

// Writes what n rows add up to; row(k) returns them in their order, customer(k) the codes of their customers.
template <class CustomerAt, class RowAt, class Writer>
void add_up(int64_t n, const CustomerAt& customer, const RowAt& row, const Codes& codes,
            CustomerSums<Writer::TRIPS>& sums, Writer& writer) noexcept {
    for (int64_t k = 0; k < n;) {
        const uint64_t code = customer(k);
        k = sums.add_up(k, row, [&](int64_t next) { return next < n && customer(next) == code; });
        writer.write(codes.id(code), sums);
    }
    writer.end();
}

template <class Writer>
void group_narrow(const Unordered& rows, int64_t n, const Widths& width, CustomerSums<Writer::TRIPS>& sums,
                  Writer& writer) {
    const int below = width.slot + 1;
    const auto key = [&](int64_t r) { return static_cast<uint32_t>(rows.item(r)) << below | rows.when(r); };
    const auto code = [&](int64_t r) { return rows.customer(r); };
    RowsByCustomer ordered(n, rows.codes().most(), rows.paid(), code, key);
    ordered.each([&](uint64_t customer, int64_t count, const auto& sorted) {
        const auto row = [&](int64_t k) {
            const RowsByCustomer::Sorted found = sorted(k);
            return Purchase{found.key >> below, static_cast<int64_t>(Widths::low(found.key, below) >> 1), found.spend,
                            found.key & 1};
        };
        sums.add_up(0, row, [count](int64_t next) { return next < count; });
        writer.write(rows.codes().id(customer), sums);
    });
    writer.end();
}

template <class Writer>
void group_packed(const Unordered& rows, int64_t n, const Widths& width, CustomerSums<Writer::TRIPS>& sums,
                  Writer& writer) {
    const std::unique_ptr<uint64_t[]> room(new uint64_t[2 * static_cast<size_t>(n)]);
    for (int64_t r = 0; r < n; ++r) {
        const Purchase row = rows.at(r);
        const uint64_t key =
            (rows.customer(r) << width.item | row.item) << width.slot | static_cast<uint64_t>(row.slot);
        room[r] = (key << 1 | row.discounted) << width.place | static_cast<uint64_t>(r);
    }
    const int below = width.place + 1;
    const uint64_t* const sorted =
        radix_sorted(room.get(), room.get() + n, n, width.order(), [below](uint64_t word) { return word >> below; });
    const auto customer = [&](int64_t k) { return sorted[k] >> below >> width.slot >> width.item; };
    const auto row = [&](int64_t k) {
        rows.ask_for(static_cast<int64_t>(Widths::low(sorted[std::min(k + AHEAD, n - 1)], width.place)));
        const uint64_t when = sorted[k] >> below;
        return Purchase{
            Widths::low(when >> width.slot, width.item), static_cast<int64_t>(Widths::low(when, width.slot)),
            rows.spend(static_cast<int64_t>(Widths::low(sorted[k], width.place))), sorted[k] >> width.place & 1};
    };
    add_up(n, customer, row, rows.codes(), sums, writer);
}

// Where keys and places do not fit into a word together.
template <class Writer>
void group_compared(const Unordered& rows, int64_t n, CustomerSums<Writer::TRIPS>& sums, Writer& writer) {
    std::vector<std::pair<uint64_t, Purchase>> sorted;
    sorted.reserve(static_cast<size_t>(n));
    for (int64_t r = 0; r < n; ++r) sorted.emplace_back(rows.customer(r), rows.at(r));
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        if (a.first != b.first) return a.first < b.first;
        return a.second.item != b.second.item ? a.second.item < b.second.item : a.second.slot < b.second.slot;
    });
    const auto at = [&](int64_t k) -> const auto& { return sorted[static_cast<size_t>(k)]; };
    add_up(
        n, [&](int64_t k) { return at(k).first; }, [&](int64_t k) { return at(k).second; }, rows.codes(), sums, writer);
}

template <class Writer, class... Given>
int group_into(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
               const Given&... given) noexcept {
    const int64_t n = rows.customer.size;
    try {
        Writer writer(given..., first);
        if (n == 0) {
            writer.end();
            return DONE;
        }
        CustomerSums<Writer::TRIPS> sums(last - first + 1, n);
        const Unordered unordered(rows, rank, first);
        const Widths width{bit_width(unordered.codes().most()), bit_width(unordered.most_item()),
                           bit_width(static_cast<uint64_t>(last - first)), bit_width(static_cast<uint64_t>(n - 1))};
        if (width.item + width.slot + 1 <= RowsByCustomer::KEY_BITS)
            group_narrow(unordered, n, width, sums, writer);
        else if (width.order() + 1 + width.place <= 64)
            group_packed(unordered, n, width, sums, writer);
        else
            group_compared(unordered, n, sums, writer);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

COUPONRY_INLINE void put_word(uint64_t& word, uint32_t number, int32_t period, uint8_t discounted) noexcept {
    word = BoughtWord::of(number, period, discounted);
}
COUPONRY_INLINE void put_word(uint32_t& word, uint32_t number, int32_t period, uint8_t discounted) noexcept {
    word = BoughtWord::narrow(number, period, discounted);
}

template <class Customer, class Word, class Spend>
void place_rows(const PurchaseColumns& columns, int64_t shift, int64_t least, const View<int64_t>& place,
                const PlacedRows& rows) noexcept {
    const View<Customer> customer{static_cast<Customer*>(rows.customer), rows.size};
    const View<Word> bought{static_cast<Word*>(rows.bought), rows.size};
    const View<Spend> spend{static_cast<Spend*>(rows.spend), rows.spend_bytes ? rows.size : 0};
    for (int64_t r = 0; r < columns.customer.size; ++r) {
        const int64_t k = place[(columns.customer[r] >> shift) - least]++;
        customer[k] = static_cast<Customer>(columns.customer[r]);
        put_word(bought[k], columns.number[r], columns.period[r], columns.discounted[r]);
        if (spend.size) spend[k] = static_cast<Spend>(columns.spend[r]);
    }
}

template <class Customer, class Word>
void place_words(const PurchaseColumns& columns, int64_t shift, int64_t least, const View<int64_t>& place,
                 const PlacedRows& rows) noexcept {
    const auto put = rows.spend_bytes == 8 ? place_rows<Customer, Word, int64_t> : place_rows<Customer, Word, int32_t>;
    put(columns, shift, least, place, rows);
}

}  // namespace

void place_purchases(const PurchaseColumns& columns, int64_t shift, int64_t least, const View<int64_t>& place,
                     const PlacedRows& rows) noexcept {
    const bool few_bytes = rows.customer_bytes == 4;
    const auto narrow = few_bytes ? place_words<uint32_t, uint32_t> : place_words<int64_t, uint32_t>;
    const auto wide = few_bytes ? place_words<uint32_t, uint64_t> : place_words<int64_t, uint64_t>;
    (rows.bought_bytes == 4 ? narrow : wide)(columns, shift, least, place, rows);
}

int order_purchases(const PurchaseColumns& columns, const OrderedRows& out) noexcept {
    const int64_t n = columns.customer.size;
    try {
        std::vector<int64_t> order(static_cast<size_t>(n));
        radix_order(columns.customer, {order.data(), n});
        for (int64_t k = 0; k < n; ++k) {
            const int64_t r = order[k], later = order[std::min(k + AHEAD, n - 1)];
            prefetch_ahead(columns.customer.data, later);
            prefetch_ahead(columns.number.data, later);
            prefetch_ahead(columns.period.data, later);
            prefetch_ahead(columns.spend.data, later);
            out.customer[k] = columns.customer[r];
            out.bought[k] = BoughtWord::of(columns.number[r], columns.period[r], columns.discounted[r]);
            out.spend[k] = columns.spend[r];
        }
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int group_purchases(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
                    const GroupedRows& grouped) noexcept {
    return group_into<GroupedWriter>(rows, rank, first, last, grouped);
}

int group_states(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
                 const Table<const float>& factor, const GroupedStates& grouped) noexcept {
    if (factor.columns == 4)  // of one command
        return group_into<StateWriter<4>>(rows, rank, first, last, grouped, factor);
    return group_into<StateWriter<0>>(rows, rank, first, last, grouped, factor);
}

int count_purchases(const PurchaseRows& rows, const View<const uint32_t>& rank, int64_t first, int64_t last,
                    const ItemCounting& counting) noexcept {
    if (counting.factor.columns == 4)  // of one command
        return group_into<CountWriter<4>>(rows, rank, first, last, counting);
    return group_into<CountWriter<0>>(rows, rank, first, last, counting);
}

}  // namespace couponry
