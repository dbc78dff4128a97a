"""Price caps: where the price of a limit has eaten up the whole value of every coupon that counts in it.

Demand ends there, so that no limit needs a higher price. Where value and weight are proportional, all coupons of a
limit lose their value at once, and the best price of a scarce limit is its cap: everybody would take the coupons just
below it and nobody at it. A bound on the price there turns a kink of the dual into a side of the box in which it is
minimised.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...kernels import MAX_QUANTITY
from ..options import PriceCapOptions
from ..problem import Problem
from .scaling import Scales


def find_price_caps(
    problem: Problem, scales: Scales, options: PriceCapOptions
) -> NDArray[np.float64]:
    """Find the price of each row's upper bound from which on none of its candidates is chosen.

    Parameters
    ----------
    problem : Problem
    scales : Scales
    options : PriceCapOptions

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Infinite where no cap is known: where a minimum, of another limit or of a customer's coupons, may pay for
        candidates that are worth nothing.
    """
    caps = np.full(len(problem.lower), np.inf)
    if problem.quantities > options.quantities or problem.rule_facts.has_minimums:
        return caps
    highest = _highest_ratios(problem, scales)
    paid = np.isfinite(problem.lower)[scales.row] & (scales.most > 0)
    paid |= np.isfinite(problem.upper)[scales.row] & (scales.least < 0)
    is_unsure = np.zeros(problem.objective[0].size, bool)
    is_unsure[scales.cell[paid]] = True
    highest[is_unsure[scales.cell]] = np.inf
    caps[scales.row] = 0.0
    np.maximum.at(caps, scales.row, highest)
    caps[caps == 0.0] = np.inf
    return caps


def _highest_ratios(problem: Problem, scales: Scales) -> NDArray[np.float64]:
    """The largest value by weight of any candidate, for each listed pair of a cell and a row."""
    highest = np.zeros(len(scales.row))
    # a ratio of linear functions is largest at an end of each range
    for value, weight in _at_ends(problem, scales):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = np.where(value <= 0, 0.0, np.where(weight > 0, value / weight, np.inf))
        np.maximum(highest, ratio, out=highest)
    return highest


def _at_ends(
    problem: Problem, scales: Scales
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Values and weights of listed pairs of a cell and a row, at all ends of the quantities' ranges."""
    cells = problem.objective[0].size
    objective = problem.objective.reshape(-1, cells)
    tiles = cells // max(1, problem.low.shape[1])
    for ends in range(1 << problem.quantities):
        high = (ends >> problem.quantity_of & 1)[:, None]
        amount = np.tile(problem.low + high * MAX_QUANTITY * problem.step, tiles)
        value = (objective[0] + (objective[1:] * amount).sum(axis=0))[scales.cell]
        slopes = scales.coefficient[:, 1:].T
        yield value, scales.coefficient[:, 0] + (slopes * amount[:, scales.cell]).sum(axis=0)


def goes_with_weight(
    problem: Problem, scales: Scales, caps: NDArray[np.float64], tolerance: float
) -> bool:
    """Tell whether every candidate weighs in one upper bound alone, and is worth as much by weight as others there.

    Parameters
    ----------
    problem : Problem
    scales : Scales
    caps : ndarray of float64, shape (n_rows,)
        Of `find_price_caps`.
    tolerance : float
        Share of its value that a candidate may be worth more or less.
    """
    is_capped = np.isfinite(caps) & problem.hard & (problem.lower == -np.inf)
    is_there = scales.everything[0].ravel() > 0
    is_in_one = np.diff(scales.ptr)[is_there] == 1
    if problem.quantities == 0 or not (is_capped.all() and is_in_one.all()):
        return False
    listed = is_there[scales.cell]
    for value, weight in _at_ends(problem, scales):
        off = np.abs(value - caps[scales.row] * weight)
        if (off > tolerance * np.abs(value))[listed].any():
            return False
    return True
