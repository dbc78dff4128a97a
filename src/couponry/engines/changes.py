"""Changes of single decisions, on all threads: their losses counted, and what near ones move the limits' rows by."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import PARTS, Changes, ChangesByRow, LossWeights, NearChanges, Shard
from .workers import even_cuts, share_out

CELLS_A_CANDIDATE = 4
"""Numbers in the tables of losses of all threads together, for each candidate that is counted, at most."""

ADDED_CELLS = 1 << 13
"""Numbers of the tables of losses that a thread adds up together."""

MOST_COUNTED = (1 << 32) // PARTS - 1
"""Candidates that a table of 32 bits has room for, whatever they are."""


class Alternatives(NamedTuple):
    """Every customer's best choice, and what changing the decision on one candidate costs.

    Attributes
    ----------
    chosen : ndarray of uint8, shape (n_candidates,)
    partner : ndarray of int64, shape (n_candidates,)
        Candidate that comes or goes where this one's decision is changed; -1: nothing.
    loss : ndarray of float32, shape (n_candidates,)
        Reduced value that is lost by the change.
    """

    chosen: NDArray[np.uint8]
    partner: NDArray[np.int64]
    loss: NDArray[np.float32]


def count_losses(
    kernels: ModuleType,
    shard: Shard,
    cuts: NDArray[np.int64],
    threads: int,
    found: Alternatives,
    weights: LossWeights,
    first_bin: int,
    shape: tuple[int, int, int, int],
) -> NDArray[np.int64]:
    """Count candidates by their losses, in blocks of customers; see `Engine.count_losses`."""
    if shape[1] == 1:  # whatever the segments
        shard = shard._replace(segment=np.zeros(1, np.uint16))
    # each thread has a table of its own: where these are far larger than what is counted, fewer are quicker
    size = int(np.prod(shape))
    workers = max(1, min(threads, CELLS_A_CANDIDATE * len(shard.item) // size))
    tables: dict[int, _OwnCounts] = {}
    indptr = shard.indptr

    def work(worker: int, start: int, stop: int) -> None:
        part = slice(int(indptr[start]), int(indptr[stop]))
        chosen, loss = found.chosen[part], found.loss[part]
        if worker not in tables:  # made by its own thread, in memory that is near to it
            tables[worker] = _OwnCounts(shape)
        count = tables[worker].with_room(len(loss))
        kernels.count_losses(shard, chosen, loss, weights, first_bin, start, stop, count)

    share_out(work, cuts, workers)
    parts = [part for own in tables.values() for part in own.parts()]
    total = np.empty(size, np.int64)

    def add(worker: int, start: int, stop: int) -> None:
        some = total[start:stop]
        some.fill(0)
        for part in parts:
            some += part[start:stop]

    share_out(add, even_cuts(size, ADDED_CELLS), threads)
    return total.reshape(shape)


class _OwnCounts:
    """A thread's own counts, in numbers of 32 bits; what might be more is put aside before."""

    def __init__(self, shape: tuple[int, ...]):
        self._count = np.empty(shape, np.uint32)
        self._count.fill(0)
        self._counted = 0
        self._aside: NDArray[np.int64] | None = None

    def with_room(self, candidates: int) -> NDArray[np.uint32]:
        """The table, to which so many candidates may be added."""
        if self._counted + candidates > MOST_COUNTED:
            before = 0 if self._aside is None else self._aside
            self._aside = np.asarray(self._count.ravel() + before, np.int64)
            self._count.fill(0)
            self._counted = 0
        self._counted += candidates
        return self._count

    def parts(self) -> list[NDArray[Any]]:
        """Flat tables that add up to the counts."""
        return [self._count.reshape(-1), *([] if self._aside is None else [self._aside])]


def products_of_changes(
    kernels: ModuleType,
    shard: Shard,
    cuts: NDArray[np.int64],
    threads: int,
    found: Alternatives,
    near: NearChanges,
    rows: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Multiply what near changes move rows by, listed in blocks of customers; see `Engine.products_of_changes`."""
    parts, reach = _listed(kernels, shard, cuts, threads, found, near, rows)
    changes, by_row, products = _gathered(kernels, threads, parts, reach)
    most = np.minimum(products, rows)  # entries of each row
    ends = np.cumsum(products)
    # as many products for each thread
    ranges = np.searchsorted(ends, np.arange(1, threads) * (ends[-1] if rows else 0) // threads)
    ranges = np.unique(np.concatenate([[0], ranges, [rows]]))
    count = np.zeros(rows, np.int64)
    made: dict[int, tuple[NDArray[np.int32], NDArray[np.float64]]] = {}

    def work(worker: int, first: int, last: int) -> None:
        room = int(most[first:last].sum())
        column, product = np.empty(room, np.int32), np.empty(room)
        end = kernels.multiply_changes(
            changes, by_row, first, last, count[first:last], column, product
        )
        made[first] = column[:end], product[:end]

    share_out(work, ranges, threads)
    half = [np.concatenate(each) for each in zip(*(made[at] for at in sorted(made)), strict=True)]
    indptr, room = np.empty(rows + 1, np.int64), 2 * len(half[0])
    column, product = np.empty(room, np.int32), np.empty(room)
    end = kernels.mirror_products(count, *half, indptr, column, product)
    return indptr, column[:end], product[:end]


def _gathered(
    kernels: ModuleType, threads: int, parts: Sequence[Changes], reach: NDArray[np.int64]
) -> tuple[Changes, ChangesByRow, NDArray[np.int64]]:
    """Put changes one behind the other, and list their entries by row: a share of the parts for each thread.

    The last is how many products each row begins with.
    """
    change = np.cumsum([0, *(len(part.ptr) - 1 for part in parts)])
    entry = np.cumsum([0, *(len(part.row) for part in parts)])
    changes = Changes(
        np.zeros(change[-1] + 1, np.int64), np.empty(entry[-1], np.int32), np.empty(entry[-1])
    )
    changes.ptr[change] = entry
    shares = np.unique(np.arange(threads + 1) * len(parts) // threads)
    by_row = ChangesByRow(
        np.zeros((len(shares) - 1, len(reach) + 1), np.int64), *np.empty((2, entry[-1]), np.int64)
    )
    products = np.zeros((len(shares) - 1, len(reach)), np.int64)

    def work(worker: int, start: int, stop: int) -> None:
        for share in range(start, stop):
            for at in range(shares[share], shares[share + 1]):
                part, first, last = parts[at], entry[at], entry[at + 1]
                np.add(part.ptr[1:-1], first, out=changes.ptr[change[at] + 1 : change[at + 1]])
                changes.row[first:last] = part.row
                changes.moved[first:last] = part.moved
            first, last = (int(change[shares[at]]) for at in (share, share + 1))
            listed = by_row.begins[share], by_row.entry, by_row.end, products[share]
            kernels.group_changes(changes, first, last, reach, *listed)

    share_out(work, np.arange(len(shares)), threads)
    return changes, by_row, np.add.reduce(products, axis=0)


def _listed(
    kernels: ModuleType,
    shard: Shard,
    cuts: NDArray[np.int64],
    threads: int,
    found: Alternatives,
    near: NearChanges,
    rows: int,
) -> tuple[list[Changes], NDArray[np.int64]]:
    """The near changes in the candidates' order, in parts, and how many rows the changes have that move each row."""
    indptr = shard.indptr
    longest = 2 * int(np.diff(near.ptr).max(initial=0))
    reach = np.zeros((threads, rows), np.int64)
    parts: dict[int, Changes] = {}

    def work(worker: int, start: int, stop: int) -> None:
        part = slice(int(indptr[start]), int(indptr[stop]))
        chosen, partner, loss = (each[part] for each in found)
        room = longest * len(loss)
        listed = Changes(
            np.empty(len(loss) + 1, np.int64), np.empty(room, np.int32), np.empty(room)
        )
        made = kernels.list_changes(
            shard, chosen, partner, loss, near, start, stop, listed, reach[worker]
        )
        end = int(listed.ptr[made])
        parts[start] = Changes(
            listed.ptr[: made + 1].copy(), listed.row[:end].copy(), listed.moved[:end].copy()
        )

    share_out(work, cuts, threads)
    return [parts[start] for start in sorted(parts)], np.add.reduce(reach, axis=0)
