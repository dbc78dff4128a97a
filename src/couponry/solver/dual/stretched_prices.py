"""Prices in a known direction, each no higher than it may be: how far along it the dual is least.

A proof of infeasibility is a direction, and tells little of lengths: a search that found it by a diverging dual has
hardly moved some prices yet. Where all limits of a kind are scarce alike, the least dual within a box is at its corner:
a few passes find that out, where cutting planes would take many steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .lagrangian import Lagrangian
from .price_space import PriceSpace

STRETCHES = (3.0, 10.0, 30.0, np.inf)
"""Factors on the prices, each of which stops at its bound."""


def stretched(
    lagrangian: Lagrangian, space: PriceSpace, start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find about the best length of prices, by a pass for each that is tried.

    Parameters
    ----------
    lagrangian : Lagrangian
    space : PriceSpace
        Coordinates without an upper bound keep their prices.
    start : ndarray of float64, shape (n_rows,)

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Of the least dual among the lengths that were tried; the largest share of a bound is 1 in the shortest.
    """
    point, is_bounded = space.point(start), np.isfinite(space.highest) & (space.highest > 0)
    share = np.divide(point, space.highest, out=np.zeros(len(point)), where=is_bounded)
    largest = float(share.max(initial=0.0))
    if largest == 0.0:
        return start
    best, least, last = start, np.inf, np.full(len(share), -1.0)
    for factor in (1.0, *STRETCHES):
        with np.errstate(invalid="ignore"):
            longer = np.where(share > 0, np.minimum(share / largest * factor, 1.0), 0.0)
        if np.array_equal(longer, last):
            continue
        last = longer
        prices = space.prices(
            np.where(is_bounded, longer * np.where(is_bounded, space.highest, 0.0), point)
        )
        dual = lagrangian.evaluate(prices).dual
        if dual < least:
            best, least = prices, dual
    return best
