"""Which numbers are among others, by bisection, and which of them are distinct."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_among(values: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which values are among others, which ascend: a tenth of the time of `numpy.isin` where values do, too.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
    ascending : ndarray of int64, shape (m,)
        In ascending order.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> is_among(np.array([3, 4, 9]), np.array([1, 4, 5])).tolist()
    [False, True, False]
    """
    if not len(ascending):
        return np.zeros(len(values), bool)
    place = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[place] == values
    return found


FIRST_LOOKED_AT = 1 << 14
"""Numbers whose distinct ones are listed first, where few distinct ones are expected."""


def few_distinct(numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Do what `distinct` does, in a fraction of the time where numbers come many times each.

    Parameters
    ----------
    numbers : ndarray of int, shape (n,)

    Returns
    -------
    found : ndarray of int
    place : ndarray of int64, shape (n,)

    Examples
    --------
    >>> found, place = few_distinct(np.array([5, 2, 5]))
    >>> found.tolist(), place.tolist()
    ([2, 5], [1, 0, 1])
    """
    found = np.unique(numbers[:FIRST_LOOKED_AT])
    if not len(found):
        return found, np.zeros(0, np.int64)
    place = np.searchsorted(found, numbers)
    is_new = found[np.minimum(place, len(found) - 1)] != numbers
    if is_new.any():
        found = np.union1d(found, numbers[is_new])
        place = np.searchsorted(found, numbers)
    return found, place


def distinct(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List distinct numbers in order, and which of them each number is.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)

    Returns
    -------
    found : ndarray of int64
    place : ndarray of int64, shape (n,)

    Examples
    --------
    >>> found, place = distinct(np.array([5, 2, 5]))
    >>> found.tolist(), place.tolist()
    ([2, 5], [1, 0, 1])
    """
    if bool((numbers[1:] > numbers[:-1]).all()):
        return numbers, np.arange(len(numbers))
    found, place = np.unique(numbers, return_inverse=True)
    return found, place.reshape(-1).astype(np.int64, copy=False)
