"""First prices of a smooth dual, or of many limits: quasi-Newton steps, projected onto the bounds of the prices.

Coordinates that are at a bound and would leave it stay where they are; among the others a step is what differences of
slopes over the last steps tell of the curvature. It is cut at the bounds, and shortened until it gains enough. All of
it is sums in one order: SciPy's L-BFGS-B has the threads of BLAS solve tiny triangular systems, and add up vectors in
an order that depends on how many of them there are, and waits for them longer than it computes.

References
----------
Bertsekas, "Projected Newton methods for optimization problems with simple constraints", 1982.
Nocedal, "Updating quasi-Newton matrices with limited storage", 1980.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...utils.arrays.fixed_order import dot_in_order
from ..options import QuasiNewtonOptions
from .lagrangian import Evaluation, Lagrangian
from .price_space import PriceSpace
from .quasi_newton import Effort, minimise

Floats = NDArray[np.float64]
Method = Callable[
    [
        Lagrangian,
        PriceSpace,
        Floats,
        Effort,
        Callable[[Evaluation], bool],
        QuasiNewtonOptions,
    ],
    Evaluation,
]
"""What minimises a dual from given prices: `minimise_projected`, or `minimise`."""


def method_for(prices: int, is_smooth: bool, options: QuasiNewtonOptions) -> Method:
    """Choose what minimises a dual of so many prices, which is smooth for all practical purposes or has kinks."""
    return minimise_projected if is_smooth or prices >= options.many_prices else minimise


def minimise_projected(
    lagrangian: Lagrangian,
    space: PriceSpace,
    start: NDArray[np.float64],
    effort: Effort,
    watch: Callable[[Evaluation], bool],
    options: QuasiNewtonOptions,
) -> Evaluation:
    """Minimise a dual by steps that are cut at the bounds of prices.

    Parameters
    ----------
    lagrangian : Lagrangian
    space : PriceSpace
    start : ndarray of float64, shape (n_rows,)
        Prices to start from.
    effort : Effort
    watch : callable
        Called with every evaluation; True stops.
    options : QuasiNewtonOptions

    Returns
    -------
    Evaluation
        The one of least dual value.
    """
    point = space.point(start)
    best = present = lagrangian.evaluate(space.prices(point))
    is_stopped, left = watch(present), effort.passes - 1
    last_steps = _LastSteps(len(point), lagrangian.engine, options)
    slope = space.gradient(lagrangian.problem, present.activity) / effort.unit
    while not is_stopped:
        is_low, is_high = (point <= 0.0) & (slope > 0.0), (point >= space.highest) & (slope < 0.0)
        towards, length, gain = last_steps.following(slope, ~(is_low | is_high)), 1.0, -np.inf
        promised = np.inf
        while gain < options.enough_gain * promised and not is_stopped:
            target = np.clip(point + length * towards, 0.0, space.highest)
            promised = -dot_in_order(slope, target - point)
            if left == 0 or promised <= 0.0:
                return best
            try:
                found = lagrangian.evaluate(space.prices(target))
            except OverflowError:  # prices grow without end
                return best
            left, is_stopped = left - 1, watch(found)
            best = found if found.dual < best.dual else best
            gain = (present.dual - found.dual) / effort.unit
            # the least of the parabola through both values that has the slope before
            shorter = 0.5 * promised / (promised - gain) if gain < promised else 1.0
            length *= np.clip(shorter, options.most_shortening, options.least_shortening)
        following = space.gradient(lagrangian.problem, found.activity) / effort.unit
        last_steps.add(target - point, following - slope)
        size = max(abs(present.dual), abs(found.dual), effort.unit)
        is_stopped = is_stopped or present.dual - found.dual <= effort.tolerance * size
        point, slope, present = target, following, found
    return best


class _LastSteps:
    """The last steps, and by how much slopes changed with them.

    Parameters
    ----------
    size : int
        Coordinates.
    engine : Engine
        Computes what follows.
    options : QuasiNewtonOptions
    """

    def __init__(self, size: int, engine: Engine, options: QuasiNewtonOptions):
        self._least, self._memory = options.least_curvature, options.memory
        self._engine = engine
        self._first = self._end = 0  # of the rows in use
        # there is room for more of them, so that few are moved to the front
        self._steps, self._changes = np.empty((2, self._memory + self._memory // 2 + 1, size))

    def add(self, step: Floats, change: Floats) -> None:
        """Keep a step, and the change of slopes with it."""
        if self._end == len(self._steps):
            first, self._end = self._end - self._memory + 1, self._memory - 1
            for kept in (self._steps, self._changes):
                kept[: self._end] = kept[first:]
            self._first = 0
        self._steps[self._end], self._changes[self._end] = step, change
        self._end += 1
        self._first = max(self._first, self._end - self._memory)

    def following(self, slope: Floats, is_free: NDArray[np.bool_]) -> Floats:
        """Return the step that free coordinates make from a slope; 0 for others."""
        step = np.empty(len(slope))
        self._engine.kernels.quasi_newton_step(
            self._steps[self._first : self._end],
            self._changes[self._first : self._end],
            is_free.view(np.uint8),
            slope,
            self._least,
            step,
        )
        return step
