"""Sums in float64, and how far rounding may move them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9
"""Relative difference that is allowed between sums of the same numbers in two orders."""

PACKED_ROUNDING = 2.0**-24
"""Error that a claimed sum may admit for each coupon, as a share of the column's range; in large campaigns only."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


def sum_by(group: Integers, amount: Floats, groups: int) -> Floats:
    """Sum the amounts of each group.

    Parameters
    ----------
    group : ndarray of int64, shape (n,)
        Group of each amount.
    amount : ndarray of float64, shape (n,)
    groups : int
        Number of groups.

    Returns
    -------
    ndarray of float64, shape (groups,)
        Longer if a group number is higher than `groups` allows.
    """
    return np.bincount(group, weights=amount, minlength=groups).astype(float)


def finite(claimed: Any) -> float | None:
    """Return a claim as a number, or None if it is not a finite one.

    Parameters
    ----------
    claimed : object
        What a file says.

    Returns
    -------
    float or None
        None if it is no number, or not finite.
    """
    number = isinstance(claimed, (int, float)) and not isinstance(claimed, bool)
    return float(claimed) if number and math.isfinite(claimed) else None


def is_close(claimed: Any, true: float, error: float) -> bool:
    """Return whether a claim is right up to rounding; null stands for NaN.

    Parameters
    ----------
    claimed : object
        What a file says.
    true : float
    error : float
        Absolute difference that is allowed, beside `ROUNDING`.

    Returns
    -------
    bool
        True if it is.
    """
    if claimed is None:
        return math.isnan(true)
    number = finite(claimed)
    return number is not None and abs(number - true) <= error + ROUNDING * abs(true)
