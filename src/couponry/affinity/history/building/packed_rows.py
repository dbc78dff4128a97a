"""What was bought and when, in a word of 64 bits: see `couponry.kernels.purchases_contract.PurchaseRows`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....kernels.purchases_contract import NO_ITEM, ZERO_PERIOD

HALF_WORD = np.uint64(32)

NARROW_BITS = 16
"""Bits of a word of 32 below the number of the item."""


def pack(
    number: NDArray[Any], period: NDArray[np.int32], discounted: NDArray[np.uint8]
) -> NDArray[np.uint64]:
    """Put rows into words.

    Parameters
    ----------
    number : ndarray of uint32 or int64
        Of each row's item; NO_ITEM: none.
    period : ndarray of int32
    discounted : ndarray of uint8
        0 or 1.

    Returns
    -------
    ndarray of uint64
    """
    word = number.astype(np.uint64)
    word <<= HALF_WORD
    when = (period + np.int32(ZERO_PERIOD)).view(np.uint32)
    when <<= np.uint32(1)
    when |= discounted
    word |= when
    return word


def widened(word: NDArray[Any]) -> NDArray[np.uint64]:
    """Return words of 64 bits.

    Parameters
    ----------
    word : ndarray of uint64 or uint32
        As `couponry.kernels.reference.purchases.place_purchases` puts them.

    Returns
    -------
    ndarray of uint64
        The same array where they are wide.
    """
    if word.dtype == np.uint64:
        return word
    wide = (word >> np.uint32(NARROW_BITS)).astype(np.uint64)
    wide <<= HALF_WORD
    wide |= word & np.uint32((1 << NARROW_BITS) - 1) | np.uint32(2 * ZERO_PERIOD)
    return wide


def narrowed(word: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return words of 32 bits.

    Parameters
    ----------
    word : ndarray of uint64
        Of items and periods that words of 32 bits hold.

    Returns
    -------
    ndarray of uint32
        As `widened` takes them.
    """
    when = word.astype(np.uint32) & np.uint32((1 << NARROW_BITS) - 1)
    number: NDArray[np.uint32] = numbers_of(word) << np.uint32(NARROW_BITS)
    return number | when


def numbers_of(word: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return the numbers of items in words.

    Parameters
    ----------
    word : ndarray of uint64

    Returns
    -------
    ndarray of uint32
        NO_ITEM: none.
    """
    return (word >> HALF_WORD).astype(np.uint32)


def periods_of(word: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the periods in words.

    Parameters
    ----------
    word : ndarray of uint64

    Returns
    -------
    ndarray of int32
    """
    when = (word & np.uint64(NO_ITEM)).astype(np.uint32) >> np.uint32(1)
    return when.view(np.int32) - np.int32(ZERO_PERIOD)
