"""Soft limits on ratios, as a short series of solves with soft linear rows.

A soft limit sum(a) / sum(b) >= m costs penalty * (m - A / B), where A and B are the two sums. That is penalty / B for
each unit by which the row A - m * B >= 0 is violated. B is not known before the solve, so it is replaced:

- by the most that it can be. The cost is then never overstated, and the bound of that solve holds;
- by what it came out as. The cost is then right at the allocation found, so another solve finds better ones.

Keeping the ratio may be best of all, if only by allocating nothing. The best allocation by the true cost is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..model.compiling.compile_limits import CompiledLimits
from ..solver.dual.lagrangian import Lagrangian
from ..solver.problem import Problem
from ..solver.solve import Solution
from ..solver.solve_state import relative_gap

MOST_REPEATS = 3
"""Solves with denominators as they came out, at most: each gains less than the one before."""

LEAST_DENOMINATOR = 1e-3
"""Least denominator, as a share of the most that it can be; with one near 0 the penalty would be a wall."""


class _SoftRatios:
    """The rows of soft ratios, and solves with penalties for them.

    rows: numbers of the rows. most: the most that each denominator can be.
    """

    def __init__(
        self,
        limits: CompiledLimits,
        problem: Problem,
        engine: Engine,
        solve: Callable[[Problem], Solution],
    ):
        self._limits, self._problem, self._solve = limits, problem, solve
        self.rows = np.flatnonzero(limits.per_ratio)
        self._denominator = limits.denominator[limits.measure_of_row[self.rows]]
        self.most = np.empty(len(self.rows))
        without_prices = np.zeros(len(problem.lower))
        for j in range(len(self.rows)):
            table = self._denominator[[j]].toarray().reshape(problem.objective.shape)
            alone = Lagrangian(replace(problem, objective=table), engine)
            self.most[j] = alone.bound(without_prices)

    def solve_with_denominators(self, denominators: NDArray[np.float64]) -> Solution:
        """Solve with the cost as these denominators make it."""
        divisor = np.where(denominators > 0, denominators, 1.0)
        return self._solve_with_penalties(self._problem.penalty[self.rows] / divisor)

    def solve_with_ratios_kept(self) -> Solution:
        """Solve with the ratios as hard limits."""
        return self._solve_with_penalties(np.full(len(self.rows), np.inf))

    def _solve_with_penalties(self, penalties: NDArray[np.float64]) -> Solution:
        penalty = self._problem.penalty.copy()
        penalty[self.rows] = penalties
        return self._solve(replace(self._problem, penalty=penalty))

    def denominators(self, solution: Solution) -> NDArray[np.float64]:
        """The denominators as they came out; the most that they can be where there is no allocation."""
        if solution.plan is None:
            return self.most
        return np.asarray(self._denominator @ solution.plan.usage.ravel())

    def worth(self, solution: Solution) -> float:
        """The objective by the true cost; no more than it."""
        if solution.plan is None:
            return -np.inf
        worth, off = self._limits.worth(solution.plan.usage, solution.plan.usage_error)
        return worth - off


def solve_with_soft_ratios(
    limits: CompiledLimits,
    problem: Problem,
    engine: Engine,
    gap: float,
    solve: Callable[[Problem], Solution],
) -> Solution:
    """Solve a problem some of whose penalties are per unit of a ratio.

    Parameters
    ----------
    limits : CompiledLimits
    problem : Problem
    engine : Engine
    gap : float
        Relative gap that is asked for.
    solve : callable
        Solves a problem all of whose penalties are per unit of a row.

    Returns
    -------
    Solution
        The best one by the true cost.
    """
    ratios = _SoftRatios(limits, problem, engine, solve)
    first = best = ratios.solve_with_denominators(ratios.most)
    for _ in range(MOST_REPEATS if first.plan is not None else 0):
        least = LEAST_DENOMINATOR * ratios.most
        again = ratios.solve_with_denominators(np.maximum(ratios.denominators(best), least))
        if ratios.worth(again) <= ratios.worth(best):
            break
        best = again
    if best.plan is None:
        return first
    if problem.violation(best.plan.activity)[ratios.rows].any():
        kept = ratios.solve_with_ratios_kept()  # costs nothing but value
        best = kept if ratios.worth(kept) > ratios.worth(best) else best
    reached = relative_gap(first.bound, ratios.worth(best))
    return replace(
        best,
        bound=first.bound,
        status="optimal" if reached <= gap else "feasible",
        message=f"gap {reached:.2e}, asked {gap:.2e}",
    )
