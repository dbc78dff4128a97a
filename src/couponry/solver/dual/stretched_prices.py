"""Prices in a known direction, each no higher than it may be: how far along it the dual is least.

A proof of infeasibility is a direction, and tells little of lengths: a search that found it by a diverging dual has
hardly moved some prices yet. Where all limits of a kind are scarce alike, the least dual within a box is at its corner:
a few passes find that out, where cutting planes would take many steps.
"""

from __future__ import annotations

import contextlib

import numpy as np
from numpy.typing import NDArray

from .lagrangian import Lagrangian
from .price_space import PriceSpace

STRETCHES = (1.0, 3.0, 10.0, 30.0, 1e30)
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
        Of the least dual among the lengths that were tried; in the shortest the largest is at its bound.
    """
    is_bounded = np.isfinite(space.highest) & (space.highest > 0)
    point = np.maximum(0.0, start[space.row] * space.sign / space.scale)  # above its bounds, maybe
    highest = np.where(is_bounded, space.highest, 0.0)
    share = np.divide(point, highest, out=np.zeros(len(point)), where=is_bounded)
    largest = float(share.max(initial=0.0))
    if largest == 0.0:
        return start
    share /= largest
    best, least = start, np.inf
    lengths = [np.minimum(share * factor, 1.0) for factor in STRETCHES]
    # rows that ask for 0, as ratios do, may be no part of what is in conflict
    problem = lagrangian.problem
    asked = np.where(space.sign > 0, problem.upper[space.row], problem.lower[space.row])
    lengths.append(np.where(asked != 0, lengths[-1], 0.0))
    for length in {length.tobytes(): length for length in lengths}.values():
        prices = space.prices(np.where(is_bounded, length * highest, point))
        with contextlib.suppress(OverflowError):  # beyond float32
            dual = lagrangian.evaluate(prices).dual
            if dual < least:
                best, least = prices, dual
    return best
