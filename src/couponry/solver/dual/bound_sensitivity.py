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
from ..options import DEFAULT_OPTIONS, SolverOptions
from ..problem import Problem
from .lagrangian import Evaluation, Lagrangian
from .newton.curvature import Curvature
from .newton.steps import Newton
from .price_space import PriceSpace
from .search.price_search import PriceSearch


@dataclass(frozen=True)
class Minimum:
    """A minimum of the dual.

    Attributes
    ----------
    value : float
    prices : ndarray of float64, shape (n_rows,)
    error : float
        About what the value may be above the true minimum: what the last round gained, or what the quadratic model says
        is left where that is more. Near a minimum the model promises less than there is, since the dual has more kinks
        than it knows of.
    """

    value: float
    prices: NDArray[np.float64]
    error: float


@dataclass(frozen=True)
class MovedBound:
    """A bound of a row that is moved.

    Attributes
    ----------
    row : int
    is_min : bool
        Whether the lower bound is moved, else the upper one.
    bound : float
        Where to.
    """

    row: int
    is_min: bool
    bound: float

    def applied_to(self, problem: Problem) -> Problem:
        """The problem with the bound moved."""
        lower, upper = problem.lower.copy(), problem.upper.copy()
        (lower if self.is_min else upper)[self.row] = self.bound
        return replace(problem, lower=lower, upper=upper)


class Sensitivity:
    """Minima of one problem's dual as its bounds move.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    seed : int
    clock : Clock
    options : SolverOptions, optional
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        seed: int,
        clock: Clock,
        options: SolverOptions = DEFAULT_OPTIONS,
    ):
        self.problem = problem
        self._engine = engine
        self._clock = clock
        self._options = options
        self._search = PriceSearch(problem, engine, 1e-6, seed, clock, options)

    @property
    def is_smooth(self) -> bool:
        """Whether customers are enough for minima to be known closely."""
        return self._search.is_smooth

    def minimum(
        self, prices: NDArray[np.float64], within: float, moved: MovedBound | None = None
    ) -> Minimum:
        """Find the minimum of the dual, with a bound moved.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
            Prices to start from.
        within : float
            What the value may be above the true one; more is said to be, where it is not reached.
        moved : MovedBound, optional
            Default: no bound is.

        Returns
        -------
        Minimum
            Of infinite error where the dual is full of kinks, and nobody can say how near a minimum is.
        """
        if not self.is_smooth:
            return Minimum(np.inf, prices, np.inf)
        problem = self.problem if moved is None else moved.applied_to(self.problem)
        search, options = self._search, self._options
        dual = Lagrangian(problem, self._engine)
        space = PriceSpace.for_problem(problem, search.scales.price_scale(search.typical_worth))
        unit = search.typical_worth * search.coupons
        stop = _StoppingRule(within, options.sensitivity.stalls)
        evaluation = dual.evaluate(space.prices(space.point(prices)))
        sample = search.samples.for_curvature(problem)
        gained = np.inf
        for _ in range(options.sensitivity.rounds):
            before = evaluation.dual
            stop.stalls = 0
            curvature = Curvature(sample, space, search.scales, unit, options.curvature)
            newton = Newton(dual, curvature, search.scales, options.newton)
            evaluation = newton.descend(
                evaluation, options.sensitivity.steps, stop, lambda _: self._clock.left <= 0
            )
            gained = before - evaluation.dual
            if gained <= within or self._clock.left <= 0:
                break
        return Minimum(evaluation.dual, evaluation.prices, max(stop.promised, gained))


class _StoppingRule:
    """Ends a round where the next step promises little enough, or where steps stall at a kink.

    promised: what the last step that was looked at promised. stalls: steps in a row that gained less than half of it.
    """

    def __init__(self, within: float, most_stalls: int):
        self.promised = np.inf
        self.stalls = 0
        self._within = within
        self._most_stalls = most_stalls
        self._lowest = np.inf

    def __call__(self, evaluation: Evaluation, promised: float) -> bool:
        has_gained = evaluation.dual < self._lowest - 0.5 * self.promised
        self.stalls = 0 if has_gained else self.stalls + 1
        self._lowest, self.promised = min(self._lowest, evaluation.dual), promised
        return promised <= self._within or self.stalls > self._most_stalls
