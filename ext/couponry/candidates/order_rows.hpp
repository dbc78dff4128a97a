// Rows of a candidates table in any order, put by customer and then by offer; see reference/candidates.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include "common/radix_order.hpp"
#include "common/views.hpp"

namespace couponry {

template <class Id, class Offer>
int64_t find_stretches(const Id* customer, const Offer* offer, int64_t rows, int64_t* begin) noexcept {
    int64_t stretches = 0;
    if (rows > 0) begin[stretches++] = 0;
    for (int64_t r = 1; r < rows; ++r) {
        begin[stretches] = r;
        stretches += (customer[r] != customer[r - 1]) | (offer[r] <= offer[r - 1]);
    }
    begin[stretches] = rows;
    return stretches;
}

struct RowKeys {
    std::vector<uint64_t> key;  // offer, and place in `row`
    std::vector<int64_t> row;
};

// Puts rows of one customer into the order of offers; returns the first whose offer is in a row before, or `none`.
template <class Offer>
int64_t order_by_offer(const Offer* offer, int64_t* order, int64_t rows, RowKeys& room, int64_t none) {
    bool ordered = true;
    for (int64_t j = 1; j < rows; ++j) ordered &= offer[order[j - 1]] < offer[order[j]];
    if (ordered) return none;
    // Places fit beside offers: nobody has 2^32 candidates in memory.
    room.row.assign(order, order + rows);
    room.key.resize(room.row.size());
    for (size_t j = 0; j < room.row.size(); ++j) room.key[j] = uint64_t{offer[room.row[j]]} << 32 | j;
    std::sort(room.key.begin(), room.key.end());
    for (size_t j = 0; j < room.key.size(); ++j) {
        const uint64_t key = room.key[j];
        order[j] = room.row[key & 0xFFFFFFFFu];
        if (j > 0 && room.key[j - 1] >> 32 == key >> 32) none = std::min(none, order[j]);
    }
    return none;
}

struct Stretches {
    View<const int64_t> customer, begin;
    View<int64_t> order, start, stretch;
};

// Status NO_MEMORY, or DONE: `found` is the number of customers then, or minus the first row whose pair is there
// before.
template <class Offer>
int order_stretches(const Stretches& work, const Offer* offer, int64_t* found) noexcept {
    const int64_t stretches = work.customer.size, rows = work.order.size;
    try {
        radix_order(work.customer, work.stretch);
        RowKeys room;
        int64_t customers = 0, placed = 0, twice = rows;
        for (int64_t k = 0; k < stretches;) {
            const int64_t one = work.stretch[k], customer = work.customer[one], first = placed;
            int64_t of_customer = 0;
            for (; k < stretches && work.customer[work.stretch[k]] == customer; ++k, ++of_customer) {
                const int64_t at = work.stretch[k];
                for (int64_t r = work.begin[at]; r < work.begin[at + 1]; ++r) work.order[placed++] = r;
            }
            work.start[customers] = first;
            work.stretch[customers++] = one;  // not read any more
            if (of_customer > 1) twice = order_by_offer(offer, work.order.data + first, placed - first, room, twice);
        }
        *found = twice < rows ? -twice : customers;
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
