"""Choke prices: where the price of a limit has eaten up the whole value of every coupon that counts in it.

Demand ends there, so that no limit needs a higher price. Where value and weight are proportional all coupons of a
limit lose their value at once, and the best price of a scarce one is its choke price: everybody would take them just
below it and nobody at it. Bounding the price there makes a kink of the dual into a bound of the box it is minimised in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..problem import LEVELS, Problem
from .scaling import Scales

MOST_QUANTITIES = 6  # the ends of their ranges are looked at in all combinations


def choke_prices(problem: Problem, scales: Scales) -> NDArray[np.float64]:
    """The price of each row's upper bound from which on none of its candidates is chosen (L); inf: none is known.

    Not known where a minimum may pay for candidates that are worth nothing: that of another limit, or one of coupons.
    """
    choke = np.full(len(problem.lower), np.inf)
    if problem.quantities > MOST_QUANTITIES or problem.rules.lower.max(initial=0) > 0:
        return choke
    cells = problem.objective[0].size
    objective = problem.objective.reshape(-1, cells)
    tiles = cells // max(1, problem.low.shape[1])
    highest = np.zeros(len(scales.row))
    # a ratio of linear functions is largest at an end of each range
    for ends in range(1 << problem.quantities):
        high = (ends >> problem.quantity_of & 1)[:, None]
        amount = np.tile(problem.low + high * LEVELS * problem.step, tiles)
        value = (objective[0] + (objective[1:] * amount).sum(axis=0))[scales.cell]
        slopes = scales.coefficient[:, 1:].T
        weight = scales.coefficient[:, 0] + (slopes * amount[:, scales.cell]).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(value <= 0, 0.0, np.where(weight > 0, value / weight, np.inf))
        np.maximum(highest, ratio, out=highest)
    paid = np.isfinite(problem.lower)[scales.row] & (scales.most > 0)
    paid |= np.isfinite(problem.upper)[scales.row] & (scales.least < 0)
    unsure = np.zeros(cells, bool)
    unsure[scales.cell[paid]] = True
    highest[unsure[scales.cell]] = np.inf
    choke[scales.row] = 0.0
    np.maximum.at(choke, scales.row, highest)
    choke[choke == 0.0] = np.inf
    return choke
