"""Random rows with residual capacity, what the kernels of exchanges make of them, and all exchanges there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from couponry.engines.exchanges import room_for_moves
from couponry.kernels import LocalSearch, OpenRows, Rooms, RowMoves


def open_rows(random: np.random.Generator, rows: int) -> OpenRows:
    """Prices of either sign, or none, and what residual capacity is worth; some rows are closed."""
    price = np.round(random.normal(size=rows), 2) * (random.random(rows) < 0.8)
    idle = np.where(random.random(rows) < 0.7, random.random(rows) * 2, 0.0)
    return OpenRows(price, np.where(price == 0.0, 0.0, idle))


def row_moves(random: np.random.Generator, rows: int, most: int, customers: int) -> RowMoves:
    """Moves that use rows or relieve them."""
    count = random.integers(0, most + 1, rows)
    total = int(count.sum())
    use = np.round(random.normal(size=total), 1)
    gain = use + np.round(random.normal(size=total) * 0.2, 2)
    customer = random.integers(0, customers, total)
    return RowMoves(np.concatenate([[0], np.cumsum(count)]), customer, use, gain, use - gain)


def rooms_of(random: np.random.Generator, rows: int) -> Rooms:
    """Rooms, some of which end on the other side, too."""
    back = np.where(random.random(rows) < 0.3, random.random(rows), np.inf)
    room = np.round(random.random(rows), 2)
    return Rooms(room, back, 0.02 * room, np.where(random.random(rows) < 0.5, 0.9 * room, np.inf))


def found_exchanges(
    module: Any, moves: RowMoves, rooms: Rooms, width: int = 128
) -> tuple[np.ndarray, np.ndarray]:
    """What `find_exchanges` picks and gains, in two blocks."""
    rows = len(rooms.room)
    picked, gained = np.full((rows, 3), 7), np.full(rows, 7.0)
    for start, stop in (rows // 2, rows), (0, rows // 2):
        module.find_exchanges(moves, rooms, width, start, stop, picked, gained)
    return picked, gained


def exchanged(
    module: Any, shard: Any, rules: Any, search: LocalSearch, seed: int
) -> dict[str, Any]:
    """What the kernels of exchanges write, with too little room for the moves and with enough."""
    random = np.random.default_rng([seed, 2])
    customers, rows = len(shard.indptr) - 1, len(search.activity)
    opened = open_rows(random, rows)
    room, made = room_for_moves(2), 0
    for start, stop in (0, customers // 2), (customers // 2, customers):
        made += module.list_moves(shard, rules, search, opened, start, stop, room_for_moves(2))
    module.list_moves(shard, rules, search, opened, 0, customers, room)
    moves = room_for_moves(made)
    assert module.list_moves(shard, rules, search, opened, 0, customers, moves) == made
    assert all(np.array_equal(a, b[:2]) for a, b in zip(room, moves, strict=True) if made > 1)
    by_row = row_moves(random, 9, 12, 7)
    picked, gained = found_exchanges(
        module, by_row, rooms_of(random, 9), int(random.integers(2, 9))
    )
    return {
        "moves": made,
        **{f"moves.{name}": array for name, array in moves._asdict().items()},
        "picked": picked,
        "gained": gained,
    }


def all_exchanges(moves: RowMoves, rooms: Rooms, row: int) -> Iterator[tuple[float, set[int]]]:
    """Everything that `find_exchanges` is to look at in a row and that fits: what it gains, and its moves."""
    at = np.arange(moves.ptr[row], moves.ptr[row + 1])
    users, givers = at[moves.use[at] > 0], at[moves.use[at] < 0]
    for give, use in (0, 1), (1, 1), (1, 2), (2, 1):
        for some in itertools.combinations(givers, give):
            for others in itertools.combinations(users, use):
                together = [*some, *others]
                used = moves.use[together].sum()
                fits = -rooms.back[row] - 1e-9 <= used <= rooms.room[row] + 1e-9
                if fits and len(set(moves.customer[together])) == len(together):
                    yield float(moves.gain[together].sum()), set(map(int, together))
