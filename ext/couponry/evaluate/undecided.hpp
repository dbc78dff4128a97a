// What is undecided of customers' choices once prices hardly move; see `Undecided` in undecided_contract.py.
#pragma once

#include <cstdint>

#include "common/views.hpp"

namespace couponry {

struct Undecided {
    static constexpr int64_t TOGETHER = 16;         // customers of a tile
    static constexpr int64_t MOST_CANDIDATES = 64;  // of a customer

    View<uint16_t> segment;
    View<int64_t> ptr;
    Table<int32_t> slots, item;
    Table<float> own;
    View<uint16_t> held;
};

// What `find_undecided` is given; see reference/undecided/find_undecided.py.
struct Finding {
    Shard shard;
    View<const int32_t> upper;
    const float* price;  // (1 + C, S, K)
    int64_t segments, items, start, stop;
    const uint8_t* chosen;  // of the candidates of these customers
    const float* bar;       // (S, K)
};

// Whether there are more candidates of some customer than may be, or less room than may be needed.
inline Status room_for_undecided(const Finding& find, const Undecided& room) noexcept {
    const Shard& shard = find.shard;
    int64_t runs = 0;
    for (int64_t i = find.start; i < find.stop; ++i) {
        if (shard.indptr[i + 1] - shard.indptr[i] > Undecided::MOST_CANDIDATES) return ROW_TOO_LONG;
        runs += i == find.start || of_customer(shard.segment, i) != of_customer(shard.segment, i - 1);
    }
    const int64_t candidates = shard.indptr[find.stop] - shard.indptr[find.start];
    const int64_t tiles = (find.stop - find.start) / Undecided::TOGETHER + runs;
    const int64_t rows = candidates / Undecided::TOGETHER + Undecided::MOST_CANDIDATES * runs;
    return room.segment.size < tiles || room.held.size < rows ? NO_ROOM : DONE;
}

}  // namespace couponry
