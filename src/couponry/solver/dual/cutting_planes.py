"""The dual of a small campaign to the end: cutting planes by groups of customers, within a box.

With few customers the dual is made of facets, and gradient steps stop at an edge of one. Each pass tells a facet of
every group of customers: what their best choice is worth and weighs. All facets seen so far bound the dual from below,
and a linear programme finds the lowest point of that model. There is a plane for each group, as in the master programme
of Dantzig and Wolfe. A box about the best point so far keeps the first steps from running away.

References
----------
Kelley, "The cutting-plane method for solving convex programs", 1960.
Dantzig, Wolfe, "Decomposition principle for linear programs", 1960.
Marsten, Hogan, Blankenship, "The boxstep method for large-scale optimization", 1975.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.arrays.fixed_order import dot_in_order
from ...utils.lazy_imports import sparse as sp
from ..highs import OPTIMAL, solve_programme
from ..linear_terms import terms_by_candidate
from ..options import CuttingPlaneOptions
from ..programme import Programme
from .lagrangian import Lagrangian, as_float32
from .price_space import PriceSpace


class Tolerance(NamedTuple):
    """What a dual value may be above its least: so much, and such a share of it."""

    size: float
    share: float = 0.0

    def allows(self, promised: float, value: float) -> bool:
        """Whether a value may be so much above its least."""
        return promised <= max(self.size, self.share * abs(value))


def descend(
    lagrangian: Lagrangian,
    space: PriceSpace,
    start: NDArray[np.float64],
    coupon: NDArray[np.float64],
    tolerance: Tolerance,
    seconds: Callable[[float], float],
    options: CuttingPlaneOptions,
) -> NDArray[np.float64]:
    """Find the prices at which the dual is least, from prices that are near.

    Parameters
    ----------
    lagrangian : Lagrangian
    space : PriceSpace
    start : ndarray of float64, shape (n_rows,)
        Prices to start from.
    coupon : ndarray of float64, shape (n_coordinates,)
        Coordinate that stands for a typical worth per typical coupon.
    tolerance : Tolerance
        What the dual value may be above its least.
    seconds : callable
        Asked before each pass, with the least dual; how many are left, infinite without a time limit. It may raise.
    options : CuttingPlaneOptions

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
    model = _Model(lagrangian, space, options.groups)
    best = space.point(start)
    value = model.first(best)
    box = options.first_box
    for _ in range(options.passes):
        if not np.isfinite(value) or (left := seconds(value)) <= 0:
            break
        low = np.maximum(0.0, best - box * coupon)
        high = np.minimum(space.highest, best + box * coupon)
        lowest = model.lowest(low, high, left)
        if lowest is None:
            break
        point, modelled = lowest
        promised = value - modelled
        is_inside = _is_inside(point, low, high, space.highest)
        is_low = tolerance.allows(promised, value)
        if is_low and (is_inside or box >= options.large_box):
            break
        try:
            reached = model.add(point)
        except OverflowError:  # prices grow without end: nothing is feasible
            break
        if value - reached > options.enough_gain * promised:
            box = box if is_inside else box * options.growth
        elif is_low:
            box *= options.growth  # the model is true here, and the box is in the way
        else:
            box *= options.shrinkage
        if reached < value:
            best, value = point, reached
    return space.prices(best)


def _is_inside(
    point: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    highest: NDArray[np.float64],
) -> bool:
    """Whether no side of a box is in the way of a point, but for those that are bounds of prices."""
    return bool(((point > low) | (low == 0.0)).all() and ((point < high) | (high == highest)).all())


class _Model:
    """The dual from below: what the best choice of each group of customers came to at every point so far."""

    def __init__(self, lagrangian: Lagrangian, space: PriceSpace, groups: int):
        problem = lagrangian.problem
        self._lagrangian = lagrangian
        self._space = space
        customer = problem.customer_of()
        self._groups = min(groups, problem.customers)
        self._group = customer * self._groups // max(1, problem.customers)
        self._worth, self._weights = terms_by_candidate(problem)  # by candidate
        bound = np.where(space.sign > 0, problem.upper[space.row], problem.lower[space.row])
        self._support = space.sign * space.scale * bound
        self._side = space.sign * space.scale
        self._planes: list[sp.csr_array] = []
        self._planes_worth: list[NDArray[np.float64]] = []

    def first(self, point: NDArray[np.float64]) -> float:
        """As `add`; infinite where weights are next to nothing, whose prices are beyond float32."""
        try:
            return self.add(point)
        except OverflowError:
            return np.inf

    def add(self, point: NDArray[np.float64]) -> float:
        """Add the planes of a point, by one pass; return the dual value there."""
        lagrangian, space = self._lagrangian, self._space
        reduced = lagrangian.reduced(space.prices(point))
        chosen, _ = lagrangian.engine.choose(as_float32(lagrangian.price_table(reduced)))
        taken = np.flatnonzero(chosen)
        worth = np.bincount(self._group[taken], self._worth[taken], self._groups).astype(float)
        by_group = sp.csr_array(
            (np.ones(len(taken)), (self._group[taken], np.arange(len(taken)))),
            shape=(self._groups, len(taken)),
        )
        weight = sp.csr_array(by_group @ self._weights[taken])  # by group and row
        charged = sp.csr_array(weight[:, space.row] @ sp.diags_array(self._side))
        # a group's share of the dual + charged @ point >= worth
        planes = sp.hstack([sp.eye_array(self._groups), charged], format="csr")
        self._planes.append(sp.csr_array(planes))
        self._planes_worth.append(worth)
        return float((worth - charged @ point).sum() + dot_in_order(self._support, point))

    def lowest(
        self, low: NDArray[np.float64], high: NDArray[np.float64], seconds: float
    ) -> tuple[NDArray[np.float64], float] | None:
        """The model's lowest point within a box, and its value there; None where it was not found in time."""
        cost = np.concatenate([np.ones(self._groups), self._support])
        free = np.full(self._groups, np.inf)
        worth = np.concatenate(self._planes_worth)
        programme = Programme(
            cost,
            sp.csr_array(sp.vstack(self._planes, format="csr")),
            worth,
            np.full(len(worth), np.inf),
            np.concatenate([free, high]),
            np.concatenate([-free, low]),
        )
        solution = solve_programme(programme, None if np.isinf(seconds) else seconds)
        if solution.status != OPTIMAL or solution.x is None:
            return None
        solved = solution.x
        return np.clip(solved[self._groups :], low, high), dot_in_order(cost, solved)
