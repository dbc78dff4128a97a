"""The dual of a small campaign to the end: cutting planes by groups of customers, within a box.

With few customers the dual is made of facets, and gradient steps stop at an edge of one. Each pass tells a facet of
every group of customers: what their best choice is worth and weighs. All facets seen so far bound the dual from below,
and a linear programme finds the lowest point of that model (Kelley 1960, here one plane for each group, as in the
master of Dantzig and Wolfe 1960). A box about the best point so far keeps the first steps from running away (boxstep;
Marsten, Hogan and Blankenship 1975).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...utils.lazy_imports import sparse as sp
from ..highs import Programme, solve_programme
from ..linear_terms import terms_by_candidate
from .lagrangian import Lagrangian, as_float32
from .quasi_newton import PriceSpace

FEW_PRICES, CUT_CANDIDATES = 200, 500_000  # that they are for, at most
GROUPS = 128  # of customers, at most
PASSES = 80  # at most
FIRST_BOX, LARGE_BOX = 0.05, 1.0  # of a typical worth, price per typical coupon
GROWS, SHRINKS = 3.0, 0.4
GOOD = 0.1  # share of what the model promised: a step that gains less makes the box smaller


def descend(
    lagrangian: Lagrangian,
    space: PriceSpace,
    start: NDArray[np.float64],
    coupon: NDArray[np.float64],
    tolerance: float,
    stop: Callable[[], bool],
) -> NDArray[np.float64]:
    """Prices (L) at which the dual is least, from prices that are near.

    coupon: (V), coordinate that stands for a typical worth per typical coupon. tolerance: of the dual value, that it
    may be above its least. stop: asked before each pass.
    """
    planes = _Planes(lagrangian, space)
    best = space.point(start)
    value = planes.add(best)
    box = FIRST_BOX
    for _ in range(PASSES):
        if stop():
            break
        low = np.maximum(0.0, best - box * coupon)
        high = np.minimum(space.limit, best + box * coupon)
        found = planes.lowest(low, high)
        if found is None:
            break
        point, model = found
        promised = value - model
        inside = bool(
            ((point > low) | (low == 0.0)).all() and ((point < high) | (high == space.limit)).all()
        )
        if promised <= tolerance and (inside or box >= LARGE_BOX):
            break
        try:
            then = planes.add(point)
        except OverflowError:  # prices grow without end: nothing is feasible
            break
        if value - then > GOOD * promised:
            box = box if inside else box * GROWS
        elif promised <= tolerance:
            box *= GROWS  # the model is true here, and the box is in the way
        else:
            box *= SHRINKS
        if then < value:
            best, value = point, then
    return space.prices(best)


class _Planes:
    """What every group's best choice came to at each point so far."""

    def __init__(self, lagrangian: Lagrangian, space: PriceSpace):
        problem = lagrangian.problem
        self._lagrangian = lagrangian
        self._space = space
        customer = problem.customer_of()
        self._groups = min(GROUPS, problem.customers)
        self._group = customer * self._groups // max(1, problem.customers)
        self._worth, self._weights = terms_by_candidate(problem)
        bound = np.where(space.sign > 0, problem.upper[space.row], problem.lower[space.row])
        self._support = space.sign * space.scale * bound
        self._side = space.sign * space.scale
        self._rows: list[sp.csr_array] = []
        self._right: list[NDArray[np.float64]] = []

    def add(self, point: NDArray[np.float64]) -> float:
        """One pass at a point; the dual value there."""
        lagrangian, space = self._lagrangian, self._space
        reduced = lagrangian.reduced(space.prices(point))
        chosen, _ = lagrangian.engine.choose(as_float32(lagrangian.price_table(reduced)))
        given = np.flatnonzero(chosen)
        worth = np.bincount(self._group[given], self._worth[given], self._groups).astype(float)
        into = sp.csr_array(
            (np.ones(len(given)), (self._group[given], np.arange(len(given)))),
            shape=(self._groups, len(given)),
        )
        weight = sp.csr_array(into @ self._weights[given])  # (groups, L)
        paid = sp.csr_array(weight[:, space.row] @ sp.diags_array(self._side))
        # theta + paid @ point >= worth
        self._rows.append(sp.csr_array(sp.hstack([sp.eye_array(self._groups), paid], format="csr")))
        self._right.append(worth)
        return float((worth - paid @ point).sum() + self._support @ point)

    def lowest(
        self, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float] | None:
        """The model's lowest point within a box, and its value there."""
        cost = np.concatenate([np.ones(self._groups), self._support])
        free = np.full(self._groups, np.inf)
        right = np.concatenate(self._right)
        programme = Programme(
            cost,
            sp.csr_array(sp.vstack(self._rows, format="csr")),
            right,
            np.full(len(right), np.inf),
            np.concatenate([free, high]),
            np.concatenate([-free, low]),
        )
        solved = solve_programme(programme).x
        if solved is None:
            return None
        return np.clip(solved[self._groups :], low, high), float(cost @ solved)
