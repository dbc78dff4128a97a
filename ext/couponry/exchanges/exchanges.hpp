// Kernels about exchanges: two or three customers' moves that fit into a row's residual capacity together.
#pragma once

#include <cstdint>

#include "common/views.hpp"
#include "local_search/local_search.hpp"

namespace couponry {

// Rows with a price whose residual capacity is worth something; see `OpenRows` in exchanges_contract.py.
struct OpenRows {
    View<const double> price, idle;
};

// See `ListedMoves` in exchanges_contract.py.
struct ListedMoves {
    View<int32_t> row;
    View<int64_t> customer, leaving, into;
    View<double> use, gain;
};

// See `RowMoves` in exchanges_contract.py.
struct RowMoves {
    View<const int64_t> ptr, customer;
    View<const double> use, gain, cost;
};

// See `Rooms` in exchanges_contract.py.
struct Rooms {
    View<const double> room, back, least, enough;
};

// See `list_moves` in reference/exchanges/; `made` (OUT): what it returns.
int list_moves(const LocalSearch& problem, const OpenRows& open, int64_t start, int64_t stop, const ListedMoves& moves,
               int64_t* made) noexcept;

// See `find_exchanges` in reference/exchanges/; picked: (L, 3).
int find_exchanges(const RowMoves& moves, const Rooms& rooms, int64_t width, int64_t start, int64_t stop,
                   View<int64_t> picked, View<double> gained) noexcept;

}  // namespace couponry
