"""Blocks of customers, shared out among threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..utils.crew import run_together
from ..utils.progress.watch import current_watch

BLOCKS_TOGETHER = 4
"""Blocks that a worker takes at a time, so that a kernel lays out its tables more seldom."""

BLOCKS_A_THREAD, SMALLEST_SHARE = 2, 16
"""Blocks for each thread, where a sample is small; none is smaller than one in so many of its ordinary size."""

LEAST_JOINED = 1 << 16
"""Entries from which on arrays are put together on all threads: fewer are copied before another one is awake."""


def block_cuts(
    indptr: NDArray[np.int64], candidates: int, threads: int | None = None
) -> NDArray[np.int64]:
    """Cut a shard into blocks of whole customers.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n_customers + 1,)
        Where each customer's candidates begin.
    candidates : int
        Candidates of a block, about.
    threads : int, optional
        Blocks are smaller where there would not be `BLOCKS_A_THREAD` for each. Default: the same blocks whatever the
        threads.

    Returns
    -------
    ndarray of int64, shape (n_blocks + 1,)
        First customer of each block, and the number of customers.
    """
    each = candidates
    if threads is not None:
        share = int(indptr[-1]) // (BLOCKS_A_THREAD * threads)
        each = min(candidates, max(share, candidates // SMALLEST_SHARE, 1))
    last = len(indptr) - 1
    wanted = np.arange(0, int(indptr[-1]) + each, each)
    cuts = np.concatenate([[0], np.searchsorted(indptr, wanted, side="left"), [last]])
    cuts = np.minimum(cuts, last)  # ascending
    return np.asarray(cuts[np.concatenate([[True], cuts[1:] > cuts[:-1]])])


def even_cuts(count: int, each: int) -> NDArray[np.int64]:
    """Cut a number of things into pieces of one size, the last of which may be smaller.

    Parameters
    ----------
    count : int
    each : int

    Returns
    -------
    ndarray of int64, shape (n_pieces + 1,)
        First of each piece, and the number of things.
    """
    cuts = np.arange(0, count + each, each)
    cuts[-1] = count
    return cuts


def share_out(work: Callable[[int, int, int], None], cuts: NDArray[np.int64], threads: int) -> None:
    """Do some work on all blocks; each worker takes the next few blocks as it finishes its own.

    The calling thread is worker 0, so that Ctrl-C ends the pass; so does whoever cancels what it does. The first error
    of any worker is raised.

    Parameters
    ----------
    work : callable
        Called as work(worker, start, stop), for customers start <= i < stop.
    cuts : ndarray of int64, shape (n_blocks + 1,)
        Of `block_cuts`.
    threads : int
        Workers at most, numbered from 0.
    """
    runs = iter(_runs_of_blocks(cuts.tolist(), threads))
    cancel = current_watch().cancel
    lock = threading.Lock()
    errors: list[BaseException] = []

    def run(worker: int) -> None:
        try:
            while not errors:
                with lock:
                    customers = next(runs, None)
                if customers is None:
                    return
                if cancel is not None:
                    cancel.check()
                work(worker, *customers)
        except BaseException as error:
            errors.append(error)

    run_together(run, min(threads, len(cuts) - 1))
    if errors:
        raise errors[0]


def joined(parts: Sequence[NDArray[Any]], threads: int) -> NDArray[Any]:
    """Put arrays of one dtype one behind the other, along their last axis, on all threads.

    Parameters
    ----------
    parts : sequence of ndarray, shape (..., n_each)
        At least one.
    threads : int

    Returns
    -------
    ndarray
    """
    ends = np.cumsum([part.shape[-1] for part in parts])
    if threads == 1 or ends[-1] < LEAST_JOINED:
        return np.concatenate(parts, axis=-1)
    together = np.empty((*parts[0].shape[:-1], int(ends[-1])), parts[0].dtype)

    def copy(worker: int, start: int, stop: int) -> None:
        for part, end in zip(parts[start:stop], ends[start:stop].tolist(), strict=True):
            together[..., end - part.shape[-1] : end] = part

    share_out(copy, np.arange(len(parts) + 1), threads)
    return together


def sum_of(tables: Collection[NDArray[np.int64]], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Add up the tables of several workers, the first of which is written over.

    Parameters
    ----------
    tables : collection of ndarray of int64
    shape : tuple of int
        Of each of them.

    Returns
    -------
    ndarray of int64
        0 where there is none.
    """
    first, *others = tables or [np.zeros(shape, np.int64)]
    for each in others:
        first += each
    return first


def _runs_of_blocks(cuts: list[int], threads: int) -> Iterator[tuple[int, int]]:
    """Customers from and to which blocks go together; fewer blocks towards the end, so that no worker waits long."""
    at, last = 0, len(cuts) - 1
    while at < last:
        following = at + max(1, min(BLOCKS_TOGETHER, (last - at) // (4 * threads)))
        yield cuts[at], cuts[following]
        at = following
