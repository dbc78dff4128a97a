"""States of purchases of which only the number, the first and the last are known: taken to lie evenly between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....utils.arrays.bits import WORD


def even_decay(
    times: NDArray[np.int32], span: NDArray[np.int64], half_life: float
) -> NDArray[np.float64]:
    """Compute decayed counts as of the last purchase.

    A geometric series: ``(1 - q ** times) / (1 - q)``, q being what is left of a purchase at the next one.

    Parameters
    ----------
    times : ndarray of int32, shape (n,)
        Purchases.
    span : ndarray of int64, shape (n,)
        Periods from the first of them to the last.
    half_life : float
        In periods.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    gap = span / np.maximum(times - 1, 1)
    q = np.exp2(-gap / half_life)
    rest = -np.expm1(-gap / half_life * np.log(2.0))  # 1 - q, exact near 0
    with np.errstate(invalid="ignore", divide="ignore"):
        series = (1.0 - q ** times.astype(np.float64)) / rest
    return np.where(rest > 0, series, 1.0)


def even_squared_gaps(times: NDArray[np.int32], span: NDArray[np.int64]) -> NDArray[np.int64]:
    """Compute the sum of squared gaps: the least that is possible, the gaps differing by a period at most.

    Parameters
    ----------
    times : ndarray of int32, shape (n,)
        Purchases.
    span : ndarray of int64, shape (n,)
        Periods from the first of them to the last.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    gaps = np.maximum(times.astype(np.int64) - 1, 1)
    gap, longer = np.divmod(span, gaps)
    squared: NDArray[np.int64] = gaps * gap * gap + longer * (2 * gap + 1)
    return squared


def even_recent(times: NDArray[np.int32], span: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Find the periods of the latest purchases, whose gaps are those of `even_squared_gaps`.

    Parameters
    ----------
    times : ndarray of int32, shape (n,)
        Purchases.
    span : ndarray of int64, shape (n,)
        Periods from the first of them to the last.

    Returns
    -------
    ndarray of uint64, shape (n,)
        Bit k is set where a purchase lies k periods before the last.
    """
    gaps = times.astype(np.int64) - 1
    recent = np.ones(len(times), np.uint64)
    rows, before = np.flatnonzero(gaps > 0), 1
    while len(rows):  # at most 64 times: 64 purchases before the last lie 64 periods or more
        age = before * span[rows] // gaps[rows]
        is_near = age < WORD
        rows, age = rows[is_near], age[is_near]
        recent[rows] |= np.uint64(1) << age.astype(np.uint64)
        before += 1
        rows = rows[gaps[rows] >= before]
    return recent
