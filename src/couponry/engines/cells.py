"""Which customer and which cell, a (segment, item), each candidate of a shard belongs to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels import Shard
from .parts import shard_of
from .workers import block_cuts, even_cuts, share_out

PIECE_CANDIDATES = 1 << 17
"""Candidates that a thread counts at a time, at least; no fewer than there are cells."""


def candidate_cells(
    shard: Shard,
    n_items: int,
    positions: NDArray[np.int64] | slice = slice(None),
    first_customer: int = 0,
    threads: int = 1,
) -> NDArray[np.int64]:
    """Find the cell that each candidate's usage is counted in.

    Parameters
    ----------
    shard : Shard
    n_items : int
    positions : ndarray of int64 or slice, optional
        Candidates; default: all.
    first_customer : int, default 0
        A customer before whom none of them are; spares the search through earlier ones.
    threads : int, default 1
        Share positions among themselves, where these are listed.

    Returns
    -------
    ndarray of int64
        segment * n_items + item.
    """
    if threads > 1 and not isinstance(positions, slice):
        found = np.empty(len(positions), np.int64)

        def work(worker: int, start: int, stop: int) -> None:
            some = positions[start:stop]
            found[start:stop] = candidate_cells(shard, n_items, some, first_customer)

        share_out(work, even_cuts(len(positions), PIECE_CANDIDATES), threads)
        return found
    item = shard.item[positions].astype(np.int64)
    if len(shard.segment) == 1:
        return item + int(shard.segment[0]) * n_items
    customer = candidate_customers(shard.indptr[first_customer:], positions) + first_customer
    return item + shard.segment[customer].astype(np.int64) * n_items


def counted_cells(shard: Shard, cells: tuple[int, ...], threads: int) -> NDArray[np.int64]:
    """Count the candidates of each cell, on all threads.

    Parameters
    ----------
    shard : Shard
    cells : tuple of int
        n_segments, n_items.
    threads : int

    Returns
    -------
    ndarray of int64, shape (n_segments, n_items)
    """
    size = cells[0] * cells[1]
    tables = [np.zeros(size, np.int64) for _ in range(threads)]

    def work(worker: int, start: int, stop: int) -> None:
        some = shard_of(shard, start, stop)
        tables[worker] += np.bincount(candidate_cells(some, cells[1]), minlength=size)

    each = max(PIECE_CANDIDATES, size)
    share_out(work, block_cuts(shard.indptr, each, threads), threads)
    return np.asarray(sum(tables[1:], tables[0]).reshape(cells))


def candidate_customers(
    indptr: NDArray[np.int64], positions: NDArray[np.int64] | slice = slice(None)
) -> NDArray[np.int64]:
    """Find the customer of each candidate.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        Where each customer's candidates begin.
    positions : ndarray of int64 or slice, optional
        Candidates; default: all.

    Returns
    -------
    ndarray of int64
        Number of the customer within the shard.
    """
    if isinstance(positions, slice):
        return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))[positions]
    return np.searchsorted(indptr, positions, side="right") - 1
