"""Exchanges among customers, on all threads: moves listed by customers, and the best exchange of each row."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import ListedMoves, LocalSearch, OpenRows, Rooms, RowMoves, Rules, Shard
from .workers import block_cuts, share_out

PIECE_CANDIDATES = 1 << 16
"""Candidates whose moves are listed together."""

PIECES_A_THREAD = 8
"""Groups of rows for each thread: some take longer than others."""


class Exchanges(NamedTuple):
    """The best exchange that was found for each row.

    Attributes
    ----------
    moves : ListedMoves
        Those that were looked at, row by row.
    picked : ndarray of int64, shape (n_rows, 3)
        Positions of a row's moves among them; -1: none.
    gained : ndarray of float64, shape (n_rows,)
        Objective that they gain together; 0 where there are none.
    """

    moves: ListedMoves
    picked: NDArray[np.int64]
    gained: NDArray[np.float64]


def exchanges(
    kernels: ModuleType,
    shard: Shard,
    rules: Rules,
    threads: int,
    search: LocalSearch,
    open_rows: OpenRows,
    rooms: Rooms,
    width: int,
) -> Exchanges:
    """Find the best exchange of each row; see `Engine.exchanges`."""
    listed = single_moves(kernels, shard, rules, threads, search, open_rows)
    rows = len(open_rows.price)
    narrow = np.uint16 if rows <= 1 << 16 else np.int32  # which NumPy sorts in linear time
    order = np.argsort(listed.row.astype(narrow), kind="stable")
    moves = ListedMoves._make(array[order] for array in listed)
    ptr = np.concatenate([[0], np.cumsum(np.bincount(moves.row, minlength=rows))])
    cost = np.abs(open_rows.price)[moves.row] * moves.use - moves.gain
    by_row = RowMoves(ptr, moves.customer, moves.use, moves.gain, cost)
    picked, gained = np.empty((rows, 3), np.int64), np.empty(rows)

    def work(worker: int, start: int, stop: int) -> None:
        kernels.find_exchanges(by_row, rooms, width, start, stop, picked, gained)

    pieces = PIECES_A_THREAD * threads
    cuts = np.searchsorted(ptr, np.arange(1, pieces) * len(moves.row) // pieces)
    share_out(work, np.unique(np.clip(np.r_[0, cuts, rows], 0, rows)), threads)
    return Exchanges(moves, picked, gained)


def single_moves(
    kernels: ModuleType,
    shard: Shard,
    rules: Rules,
    threads: int,
    search: LocalSearch,
    open_rows: OpenRows,
) -> ListedMoves:
    """List single moves that use an open row or relieve it, in the order of customers.

    Parameters
    ----------
    kernels : module
    shard : Shard
    rules : Rules
    threads : int
    search : LocalSearch
        Nothing of it is changed.
    open_rows : OpenRows

    Returns
    -------
    ListedMoves
    """
    parts: dict[int, ListedMoves] = {}

    def work(worker: int, start: int, stop: int) -> None:
        made, room = 1, int(shard.indptr[stop] - shard.indptr[start]) // 2
        while made > room or start not in parts:
            room = max(made, room)
            moves = room_for_moves(room)
            made = kernels.list_moves(shard, rules, search, open_rows, start, stop, moves)
            parts[start] = ListedMoves._make(array[:made] for array in moves)

    share_out(work, block_cuts(shard.indptr, PIECE_CANDIDATES, threads), threads)
    ordered = [room_for_moves(0), *(parts[start] for start in sorted(parts))]
    return ListedMoves._make(np.concatenate(arrays) for arrays in zip(*ordered, strict=True))


def room_for_moves(moves: int) -> ListedMoves:
    """Make room for so many moves."""
    customer, leaving, into = np.empty((3, moves), np.int64)
    use, gain = np.empty((2, moves))
    return ListedMoves(np.empty(moves, np.int32), customer, leaving, into, use, gain)
