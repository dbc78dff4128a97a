"""What a bound that moves is worth: the dual minimised again, far closer than a solve needs.

The dual's minimum is a concave function of the bounds, and prices are its slopes. A move of one limit by a hundredth is
often worth less than the gap of a solve, so that objectives cannot show it; the minima of the dual, known to some
billionths, can. By concavity the change of the minimum for each unit lies between the prices before and after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...utils.clock import Clock
from ..problem import Problem
from .lagrangian import Evaluation, Lagrangian
from .newton import Newton
from .price_search import PriceSearch
from .quasi_newton import PriceSpace

STEPS = 25  # of Newton's method, at most
ROUNDS = 12  # of these, each from where the last one came to, at most
STALLS = 4  # steps in a row that gain less than the model promises: what is left is a kink


@dataclass(frozen=True)
class Minimum:
    """A minimum of the dual: its value, prices (L), and about what the value may be above the true minimum.

    error: what the last round gained, or what the quadratic model says is left where that is more. Near a minimum the
    model promises less than there is, since the dual has more kinks than it knows of.
    """

    value: float
    prices: NDArray[np.float64]
    error: float


class Sensitivity:
    """Minima of one problem's dual as its bounds move."""

    def __init__(self, problem: Problem, engine: Engine, seed: int, clock: Clock):
        self.problem = problem
        self._engine = engine
        self._clock = clock
        self._search = PriceSearch(problem, engine, 1e-6, seed, clock)

    @property
    def many(self) -> bool:
        """Whether customers are enough for minima to be known closely."""
        return self._search.many

    def minimum(
        self,
        prices: NDArray[np.float64],
        within: float,
        row: int | None = None,
        is_min: bool = False,
        bound: float = 0.0,
    ) -> Minimum:
        """The minimum from these prices (L), with one row's lower or upper bound moved where `row` says so.

        within: what the value may be above the true one; more is said to be, where it is not reached.
        """
        problem = self.problem
        if row is not None:
            lower, upper = problem.lower.copy(), problem.upper.copy()
            (lower if is_min else upper)[row] = bound
            problem = replace(problem, lower=lower, upper=upper)
        search = self._search
        dual = Lagrangian(problem, self._engine)
        space = PriceSpace.of(problem, search.scales.price_scale(search.worth))
        unit = search.worth * search.coupons
        if not self.many:  # the dual is full of kinks, and how near a minimum is cannot be told
            return Minimum(np.inf, prices, np.inf)
        left, lowest, stalls = np.inf, np.inf, 0

        def enough(now: Evaluation, promised: float) -> bool:
            nonlocal left, lowest, stalls
            stalls = 0 if now.dual < lowest - 0.5 * left else stalls + 1
            lowest, left = min(lowest, now.dual), promised
            return promised <= within or stalls > STALLS

        now = dual.evaluate(space.prices(space.point(prices)))
        close = search.samples.for_curvature(problem)
        gained = np.inf
        for _ in range(ROUNDS):
            before, stalls = now.dual, 0
            newton = Newton(dual, close, space, search.scales, unit)
            now = newton.descend(now, STEPS, enough, lambda _: self._clock.left <= 0)
            gained = before - now.dual
            if gained <= within or self._clock.left <= 0:
                break
        return Minimum(now.dual, now.prices, max(left, gained))
