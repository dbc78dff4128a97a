"""First prices of a smooth dual: quasi-Newton steps of limited memory, projected onto the bounds of the prices.

Coordinates that are at a bound and would leave it stay where they are; among the others a step is what differences of
slopes over the last steps tell of the curvature. It is cut at the bounds, and halved until it gains enough. All of it
is sums of NumPy in one order: SciPy's L-BFGS-B has the threads of BLAS solve tiny triangular systems, and waits for
them longer than it computes.

References
----------
Bertsekas, "Projected Newton methods for optimization problems with simple constraints", 1982.
Nocedal, "Updating quasi-Newton matrices with limited storage", 1980.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...utils.arrays.fixed_order import dot_in_order
from ..options import QuasiNewtonOptions
from .lagrangian import Evaluation, Lagrangian
from .price_space import PriceSpace
from .quasi_newton import Effort


def minimise_projected(
    lagrangian: Lagrangian,
    space: PriceSpace,
    start: NDArray[np.float64],
    effort: Effort,
    watch: Callable[[Evaluation], bool],
    options: QuasiNewtonOptions,
) -> Evaluation:
    """Minimise a dual that is smooth for all practical purposes; see `quasi_newton.minimise`."""
    point = space.point(start)
    best = present = lagrangian.evaluate(space.prices(point))
    is_stopped, pairs = watch(present), _LastSteps(options.memory)
    slope = space.gradient(lagrangian.problem, present.activity) / effort.unit
    left = effort.passes - 1
    while left > 0 and not is_stopped:
        is_free = ~(((point <= 0.0) & (slope > 0.0)) | ((point >= space.highest) & (slope < 0.0)))
        towards = pairs.step(slope, is_free)
        length, before = 1.0, present
        while left > 0:
            target = np.clip(point + length * towards, 0.0, space.highest)
            promised = -dot_in_order(slope, target - point)
            if promised <= 0.0:
                return best
            try:
                found = lagrangian.evaluate(space.prices(target))
            except OverflowError:  # prices grow without end
                return best
            left, is_stopped = left - 1, watch(found)
            if found.dual < best.dual:
                best = found
            gain = (before.dual - found.dual) / effort.unit
            if is_stopped or gain >= options.enough_gain * promised:
                break
            # the least of the parabola through both values, with the slope before
            length *= min(0.5, max(0.1, 0.5 * promised / (promised - gain)))
        else:
            return best
        following = space.gradient(lagrangian.problem, found.activity) / effort.unit
        pairs.add(target - point, following - slope)
        point, slope, present = target, following, found
        size = max(abs(before.dual), abs(present.dual), effort.unit)
        if before.dual - present.dual <= effort.tolerance * size:
            break
    return best


class _LastSteps:
    """The last steps, and by how much slopes changed with them."""

    def __init__(self, most: int):
        self._pairs: deque[tuple[NDArray[np.float64], NDArray[np.float64]]] = deque(maxlen=most)

    def add(self, step: NDArray[np.float64], change: NDArray[np.float64]) -> None:
        """Keep a step, and the change of slopes with it."""
        self._pairs.append((step, change))

    def step(self, slope: NDArray[np.float64], is_free: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the step that free coordinates make from a slope; 0 for others."""
        rest = slope[is_free]
        curved, scale = [], None
        for step, change in reversed(self._pairs):
            moved, turned = step[is_free], change[is_free]
            product = dot_in_order(moved, turned)
            if product <= 1e-10 * dot_in_order(turned, turned):
                continue
            if scale is None:
                scale = product / dot_in_order(turned, turned)
            share = dot_in_order(moved, rest) / product
            rest = rest - share * turned
            curved.append((moved, turned, product, share))
        if scale is None:
            scale = 1.0 / max(1.0, np.sqrt(dot_in_order(rest, rest)))
        rest = scale * rest
        for moved, turned, product, share in reversed(curved):
            rest = rest + (share - dot_in_order(turned, rest) / product) * moved
        towards = np.zeros(len(slope))
        towards[is_free] = -rest
        return towards
