"""Changes of single decisions, on all threads: their losses counted, and what near ones move the limits' rows by."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import Changes, LossWeights, NearChanges, Shard
from .workers import block_cuts, even_cuts, joined, share_out

PIECE_CANDIDATES = 1 << 16
"""Candidates that are looked at together."""


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
    threads: int,
    found: Alternatives,
    weights: LossWeights,
    first_bin: int,
    shape: tuple[int, int, int, int],
) -> NDArray[np.int64]:
    """Count candidates by their losses; see `Engine.count_losses`."""
    if shape[1] == 1:  # whatever the segments
        shard = shard._replace(segment=np.zeros(1, np.uint16))
    # each thread has a table of its own: where these are larger than what is counted, fewer are quicker
    workers = max(1, min(threads, len(shard.item) // int(np.prod(shape))))
    tables: dict[int, NDArray[np.int64]] = {}
    indptr = shard.indptr

    def work(worker: int, start: int, stop: int) -> None:
        part = slice(int(indptr[start]), int(indptr[stop]))
        chosen, loss = found.chosen[part], found.loss[part]
        if worker not in tables:  # cleared by its own thread, in memory that is near to it
            tables[worker] = np.empty(shape, np.int64)
            tables[worker].fill(0)
        kernels.count_losses(shard, chosen, loss, weights, first_bin, start, stop, tables[worker])

    share_out(work, block_cuts(indptr, PIECE_CANDIDATES, workers), workers)
    if not tables:  # nobody is counted
        return np.zeros(shape, np.int64)
    total, *others = (table.reshape(-1) for table in tables.values())

    def add(worker: int, start: int, stop: int) -> None:
        for table in others:
            total[start:stop] += table[start:stop]

    if others:
        share_out(add, even_cuts(len(total), PIECE_CANDIDATES), threads)
    return total.reshape(shape)


def products_of_changes(
    kernels: ModuleType,
    shard: Shard,
    threads: int,
    found: Alternatives,
    near: NearChanges,
    rows: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Multiply what near changes move rows by; see `Engine.products_of_changes`."""
    changes, reach = _listed(kernels, shard, threads, found, near, rows)
    most = np.minimum(reach, rows)  # entries of each row
    ends = np.cumsum(reach)
    # as many products for each thread: more pieces would look through all changes more often
    cuts = np.searchsorted(ends, np.arange(1, threads) * (ends[-1] if rows else 0) // threads)
    cuts = np.unique(np.concatenate([[0], cuts, [rows]]))
    count = np.zeros(rows, np.int64)
    parts: dict[int, tuple[NDArray[np.int32], NDArray[np.float64]]] = {}

    def work(worker: int, first: int, last: int) -> None:
        room = int(most[first:last].sum())
        column, product = np.empty(room, np.int32), np.empty(room)
        made = kernels.multiply_changes(
            changes, rows, first, last, count[first:last], column, product
        )
        parts[first] = column[:made], product[:made]

    share_out(work, cuts, threads)
    indptr = np.concatenate([[0], np.cumsum(count)])
    columns, products = zip(*(parts[first] for first in sorted(parts)), strict=True)
    return indptr, joined(columns, threads), joined(products, threads)


def _listed(
    kernels: ModuleType,
    shard: Shard,
    threads: int,
    found: Alternatives,
    near: NearChanges,
    rows: int,
) -> tuple[Changes, NDArray[np.int64]]:
    """The near changes in the candidates' order, and how many rows the changes have that move each row."""
    indptr = shard.indptr
    longest = 2 * int(np.diff(near.ptr).max(initial=0))
    reach = [np.zeros(rows, np.int64) for _ in range(threads)]
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

    share_out(work, block_cuts(indptr, PIECE_CANDIDATES, threads), threads)
    ordered = [parts[start] for start in sorted(parts)]
    before = np.cumsum([0, *(len(part.row) for part in ordered)])
    ptr = [part.ptr[:-1] + first for part, first in zip(ordered, before, strict=False)]
    changes = Changes(
        joined([*ptr, before[-1:]], threads),
        joined([np.zeros(0, np.int32), *(part.row for part in ordered)], threads),
        joined([np.zeros(0), *(part.moved for part in ordered)], threads),
    )
    return changes, np.sum(reach, axis=0)
