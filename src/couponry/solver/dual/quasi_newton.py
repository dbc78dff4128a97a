"""The dual method: prices that minimise the Lagrangian dual, on growing samples of customers, then on all.

Quasi-Newton with bounds (L-BFGS-B; Byrd, Lu, Nocedal, Zhu 1995) on scaled prices. With many customers the dual is
smooth for all practical purposes; with few it has kinks, and the method stops at one of them: what is left of the
gap is then for the exact core to close.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from ..problem import Problem
from .lagrangian import Evaluation, Lagrangian

MEMORY = 30  # past steps that L-BFGS-B keeps


@dataclass(frozen=True)
class PriceSpace:
    """Scaled non-negative coordinates of the prices: one for each finite bound of a row.

    row, sign: (V) the row, and +1 for its upper or -1 for its lower bound. scale: (V) price per unit of coordinate.
    limit: (V) largest coordinate: of a soft row from its penalty, of an upper bound from its choke price.
    """

    row: NDArray[np.int64]
    sign: NDArray[np.float64]
    scale: NDArray[np.float64]
    limit: NDArray[np.float64]
    rows: int

    @classmethod
    def of(
        cls,
        problem: Problem,
        row_scale: NDArray[np.float64],
        choke: NDArray[np.float64] | None = None,
    ) -> PriceSpace:
        """row_scale: (L), price per unit of coordinate. choke: (L), highest price of each row's upper bound."""
        upper = np.flatnonzero(np.isfinite(problem.upper))
        lower = np.flatnonzero(np.isfinite(problem.lower))
        row = np.concatenate([upper, lower])
        sign = np.concatenate([np.ones(len(upper)), -np.ones(len(lower))])
        scale = row_scale[row]
        highest = problem.penalty[row]
        if choke is not None:
            highest = np.where(sign > 0, np.minimum(highest, choke[row]), highest)
        return cls(row, sign, scale, highest / scale, len(problem.lower))

    def unchoked(self, prices: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The rows whose price could still rise (L)."""
        choked = (self.sign > 0) & (prices[self.row] >= self.limit * self.scale * (1 - 1e-9))
        unchoked = np.ones(self.rows, bool)
        unchoked[self.row[choked]] = False
        return unchoked

    def prices(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        priced = point * self.sign * self.scale
        return np.bincount(self.row, weights=priced, minlength=self.rows).astype(float)

    def point(self, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(prices[self.row] * self.sign / self.scale, 0.0, self.limit)

    def gradient(self, problem: Problem, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        bound = np.where(self.sign > 0, problem.upper[self.row], problem.lower[self.row])
        return self.sign * (bound - activity[self.row]) * self.scale


def minimise(
    lagrangian: Lagrangian,
    space: PriceSpace,
    start: NDArray[np.float64],
    worth: float,
    max_passes: int,
    tolerance: float,
    watch: Callable[[Evaluation], bool],
) -> Evaluation:
    """The evaluation of least dual value among at most about `max_passes`, from the prices `start`.

    worth: objective of a typical coupon times coupons, the unit of the dual value for stopping rules.
    tolerance: stops when an iteration gains less than this share of the dual value.
    watch: called with every evaluation; True stops.
    """
    best: Evaluation | None = None

    def value_and_gradient(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal best
        now = lagrangian.evaluate(space.prices(point))
        if best is None or now.dual < best.dual:
            best = now
        if watch(now):
            raise StopIteration
        return now.dual / worth, space.gradient(lagrangian.problem, now.activity) / worth

    # told to stop, or the prices grow without end
    with contextlib.suppress(StopIteration, OverflowError):
        scipy.optimize.minimize(
            value_and_gradient,
            space.point(start),
            jac=True,
            method="L-BFGS-B",
            bounds=scipy.optimize.Bounds(0.0, space.limit),
            options={
                "maxcor": MEMORY,
                "maxfun": max_passes,
                "maxiter": max_passes,
                "ftol": tolerance,
                "gtol": 0.0,
            },
        )
    if best is None:
        raise RuntimeError("the dual was never evaluated")
    return best
