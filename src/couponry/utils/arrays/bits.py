"""Words of 64 bits, an array of them at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORD = 64
"""Bits of a word."""

LOWEST = np.array([(1 << bits) - 1 for bits in range(WORD + 1)], np.uint64)
"""By a number of bits from 0 to 64, the word that has so many of the lowest set."""


def shifted_up(words: NDArray[np.uint64], by: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Move the bits of words up; those that leave a word are lost.

    Parameters
    ----------
    words : ndarray of uint64, shape (n,)
    by : ndarray of int, shape (n,)
        By how many places, at least 0; 64 or more leave nothing.

    Returns
    -------
    ndarray of uint64, shape (n,)

    Examples
    --------
    >>> shifted_up(np.array([5, 5], np.uint64), np.array([1, 64])).tolist()
    [10, 0]
    """
    return np.where(by < WORD, words << np.minimum(by, WORD - 1).astype(np.uint64), np.uint64(0))


def count_bits(words: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Count the bits of words that are set.

    Parameters
    ----------
    words : ndarray of uint64, shape (n,)

    Returns
    -------
    ndarray of int32, shape (n,)

    Examples
    --------
    >>> count_bits(np.array([0, 5, 2**64 - 1], np.uint64)).tolist()
    [0, 2, 64]
    """
    counted: Callable[[Any], Any] = getattr(np, "bitwise_count", _count_bits)  # NumPy 2
    count: NDArray[np.int32] = counted(words).astype(np.int32)
    return count


def _count_bits(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Count the bits of words in NumPy 1."""
    bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8)).reshape(-1, WORD)
    count: NDArray[np.uint8] = bits.sum(axis=1, dtype=np.uint8)
    return count
