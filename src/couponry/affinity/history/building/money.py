"""Amounts of money as whole hundredths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_SPEND = 9e13
"""Largest amount of money in a row, so that hundredths fit in int64 with room for their sums."""


def in_hundredths(money: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return amounts of money as whole hundredths, rounded half up, so that sums do not depend on their order.

    Parameters
    ----------
    money : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    hundredths = money * 100.0
    hundredths += 0.5
    return np.floor(hundredths, out=hundredths).astype(np.int64)
