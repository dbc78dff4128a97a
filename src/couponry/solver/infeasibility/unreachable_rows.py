"""Limits that no allocation keeps, whatever else holds: all candidates together come to too little, or to too much.

A promise of four coupons of an offer in a shop where three customers are candidates is found by looking once, however
many other limits there are. Prices on all such limits prove that nothing is feasible, each by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ..dual.scaling import Scales
from ..problem import Problem


def unreachable_prices(problem: Problem, engine: Engine) -> NDArray[np.float64] | None:
    """Put a price on each row that no allocation keeps, as all candidates together tell.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        Over all customers: it makes one pass.

    Returns
    -------
    ndarray of float64, shape (n_rows,), or None
        1 for a typical coupon's weight, with the sign of the bound that cannot be kept; 0 for all other rows. None
        where there is no such row.
    """
    scales = Scales.measure(problem, engine)
    count = scales.everything[0].ravel()[scales.cell]
    rows = len(problem.lower)
    most = np.where(scales.least >= 0, scales.mean, np.maximum(scales.most, 0.0))
    least = np.where(scales.most <= 0, scales.mean, np.minimum(scales.least, 0.0))
    highest = np.bincount(scales.row, weights=count * most, minlength=rows)
    lowest = np.bincount(scales.row, weights=count * least, minlength=rows)
    margin = scales.margins(np.maximum(np.abs(highest), np.abs(lowest)))
    short = problem.hard & (problem.lower > highest + margin)
    beyond = problem.hard & (problem.upper < lowest - margin)
    prices = (beyond.astype(float) - short) * scales.per_coupon
    return prices if prices.any() else None
