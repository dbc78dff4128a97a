"""Long arrays cut into blocks, so that what is made of a block fits in a processor's cache and in memory.

Whoever cancels what a thread does ends it before its next block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..progress.watch import check_cancelled

BLOCK_SIZE = 1 << 20
"""Entries that are worked on at a time."""

CACHED_SIZE = 1 << 14
"""Entries of a few arrays that stay together in a processor's caches, from one operation to the next."""


def blocks(length: int, size: int | None = None) -> Iterator[slice]:
    """Cut an array into consecutive slices.

    Parameters
    ----------
    length : int
        Length of the array.
    size : int, optional
        Entries of a slice; the last may have fewer. Default: BLOCK_SIZE.

    Yields
    ------
    slice
        Entries that are worked on together.
    """
    size = size or BLOCK_SIZE
    for start in range(0, length, size):
        check_cancelled()
        yield slice(start, min(start + size, length))


def row_blocks(indptr: NDArray[np.int64], size: int | None = None) -> Iterator[tuple[int, int]]:
    """Cut a ragged array into consecutive ranges of whole rows.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        Where each row begins, and where the last one ends.
    size : int, optional
        Entries of a range, about: at least one row, and no more than fit. Default: BLOCK_SIZE.

    Yields
    ------
    start, stop : int
        Rows start <= i < stop.
    """
    size, start, rows = size or BLOCK_SIZE, 0, len(indptr) - 1
    while start < rows:
        stop = int(np.searchsorted(indptr, indptr[start] + size, side="right")) - 1
        stop = min(max(stop, start + 1), rows)
        check_cancelled()
        yield start, stop
        start = stop
