"""Which customer and which cell, a (segment, item), each candidate of a shard belongs to."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ..kernels import Shard
from .parts import shard_of
from .workers import block_cuts, share_out

PIECE_CANDIDATES = 1 << 17
"""Candidates that a thread counts at a time, at least; no fewer than there are cells."""

SUMMED_CANDIDATES, SUMMED_A_CELL = 1 << 16, 4
"""Candidates of a block that is summed by itself: at least so many, and for each cell of its table so many."""


def candidate_cells(
    shard: Shard,
    n_items: int,
    positions: NDArray[np.int64] | slice = slice(None),
    first_customer: int = 0,
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

    Returns
    -------
    ndarray of int64
        segment * n_items + item.
    """
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


def chosen_usage(
    kernels: ModuleType,
    shard: Shard,
    exact: NDArray[np.float64],
    chosen: NDArray[np.uint8],
    cells: tuple[int, ...],
    threads: int,
) -> NDArray[np.float64]:
    """Sum the attributes as given of what is chosen, on all threads.

    Blocks of customers are summed one candidate after the other, and then added up in their order: the same bits for
    any number of threads.

    Parameters
    ----------
    kernels : module
    shard : Shard
    exact : ndarray of float64, shape (n_attributes, n_candidates)
    chosen : ndarray of uint8, shape (n_candidates,)
    cells : tuple of int
        n_segments, n_items.
    threads : int

    Returns
    -------
    ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Coupons, and sums of attributes.
    """
    each = max(SUMMED_CANDIDATES, SUMMED_A_CELL * cells[0] * cells[1])
    cuts = block_cuts(shard.indptr, each)
    tables = np.zeros((len(cuts) - 1, 1 + len(exact), *cells))

    def work(worker: int, start: int, stop: int) -> None:
        first, last = np.searchsorted(cuts, [start, stop])
        for at in range(int(first), int(last)):
            begin, end = int(cuts[at]), int(cuts[at + 1])
            kernels.sum_choice(shard, exact, chosen, begin, end, tables[at])

    share_out(work, cuts, threads)
    return np.asarray(np.add.reduce(tables, axis=0))


def chosen_positions(chosen: NDArray[np.uint8]) -> NDArray[np.int64]:
    """List the positions of the candidates that a choice contains.

    Parameters
    ----------
    chosen : ndarray of uint8, shape (n_candidates,)
        1 for each candidate that is chosen, else 0.

    Returns
    -------
    ndarray of int64
        Ascending.
    """
    return np.flatnonzero(chosen.view(np.bool_))  # many times faster than on numbers


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
