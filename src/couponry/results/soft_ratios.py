"""Soft limits on ratios, as a short series of solves with soft linear rows.

A soft limit sum(a) / sum(b) >= m costs penalty * (m - A / B), where A and B are the two sums. That is penalty / B for
each unit by which the row A - m * B >= 0 is violated. B is not known before the solve, so it is replaced:

- by the most that it can be. The cost is then never overstated, and the bound of that solve holds where B is above 0;
- by what it came out as. The cost is then right at the allocation found, so another solve finds better ones.

A ratio to nothing violates no limit. Where coupons may count in A and not in B, allocations with B = 0 are solved for
apart: B is kept at 0 as a hard limit, and nothing is charged. The bound is the larger one.

Keeping the ratio may be best of all, if only by allocating nothing. The best allocation by the true cost is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..kernels import MAX_QUANTITY
from ..model.compiling.compile_limits import CompiledLimits
from ..solver.dual.lagrangian import Lagrangian
from ..solver.problem import Problem
from ..solver.solve import Solution
from ..solver.solve_state import LEAST_GAP, relative_gap
from ..utils.lazy_imports import sparse as sp

MOST_REPEATS = 3
"""Solves with denominators as they came out, at most: each gains less than the one before."""

LEAST_DENOMINATOR = 1e-3
"""Least denominator, as a share of the most that it can be; with one near 0 the penalty would be a wall."""

WEIGHT_ROUNDING = 2.0**-50
"""Relative error of a - m * b, which is rounded three times, with room to spare."""


class _SoftRatios:
    """The rows of soft ratios, and solves with penalties for them.

    rows: numbers of the rows. most: the most that each denominator can be. over_nothing: numbers of the measures that
    may have a numerator, of a sign that a bound is against, and no denominator.
    """

    def __init__(
        self,
        limits: CompiledLimits,
        problem: Problem,
        engine: Engine,
        solve: Callable[[Problem], Solution],
    ):
        self._limits, self._problem, self._engine, self._solve = limits, problem, engine, solve
        self.rows = np.flatnonzero(limits.per_ratio)
        self._measure = limits.measure_of_row[self.rows]
        self._denominator = limits.denominator[self._measure]
        self.most = np.array([self._largest(self._denominator[[j]]) for j in range(len(self.rows))])
        self.over_nothing = np.unique(self._measure[self._may_be_over_nothing()])

    def _largest(self, weights: sp.csr_array) -> float:
        """The most that a sum over all customers' choices can come to, limits aside."""
        table = weights.toarray().reshape(self._problem.objective.shape)
        alone = Lagrangian(replace(self._problem, objective=table), self._engine)
        return alone.bound(np.zeros(len(self._problem.lower)))

    def _may_be_over_nothing(self) -> NDArray[np.bool_]:
        """Whether some coupon has no denominator, and a numerator that a row's bound is against, for each row."""
        problem = self._problem
        least_below, _ = _ends(problem, self._denominator)
        least, most = _ends(problem, self._limits.numerator[self._measure])
        is_min = np.isfinite(problem.lower[self.rows])[:, None]
        return np.asarray(((least_below <= 0) & np.where(is_min, least < 0, most > 0)).any(axis=1))

    # ---- solves

    def solve_with_denominators(self, denominators: NDArray[np.float64]) -> Solution:
        """Solve with the cost as these denominators make it; nothing costs where there can be no denominator."""
        divisor = np.where(self.most > 0, denominators, 1.0)
        return self._solve_with(self._problem.penalty[self.rows] / divisor, self.most > 0)

    def solve_with_ratios_kept(self) -> Solution:
        """Solve with the ratios as hard limits."""
        return self._solve_with(np.full(len(self.rows), np.inf), self.most > 0)

    def solve_over_nothing(self, measure: int) -> Solution:
        """Solve with one denominator kept at nothing; ratios that may be over nothing cost nothing."""
        is_charged = ~np.isin(self._measure, self.over_nothing) & (self.most > 0)
        divisor = np.where(self.most > 0, self.most, 1.0)
        problem = self._with(self._problem.penalty[self.rows] / divisor, is_charged)
        row = int(self.rows[np.argmax(self._measure == measure)])
        keep = sp.csr_array(sp.diags_array((np.arange(len(problem.lower)) != row).astype(float)))
        place = sp.csr_array(([1.0], ([row], [0])), shape=(len(problem.lower), 1))
        rows = keep @ problem.rows + place @ self._limits.denominator[[measure]]
        upper, penalty = problem.upper.copy(), problem.penalty.copy()
        upper[row], penalty[row] = 0.0, np.inf
        return self._bounded(
            self._solve(replace(problem, rows=sp.csr_array(rows), upper=upper, penalty=penalty))
        )

    def _solve_with(
        self, penalties: NDArray[np.float64], is_charged: NDArray[np.bool_]
    ) -> Solution:
        return self._bounded(self._solve(self._with(penalties, is_charged)))

    def _with(self, penalties: NDArray[np.float64], is_charged: NDArray[np.bool_]) -> Problem:
        """The problem with these penalties for some of the rows, and without the others."""
        problem, out = self._problem, self.rows[~is_charged]
        penalty, lower, upper = problem.penalty.copy(), problem.lower.copy(), problem.upper.copy()
        penalty[self.rows] = penalties
        lower[out], upper[out] = -np.inf, np.inf
        return replace(problem, penalty=penalty, lower=lower, upper=upper)

    # ---- what solutions come to

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

    def is_missed(self, solution: Solution) -> bool:
        """Whether an allocation violates a ratio."""
        plan = solution.plan
        if plan is None:
            return False
        activity = self._problem.rows @ plan.usage.ravel()
        return bool(self._problem.violation(activity)[self.rows].any())

    def _bounded(self, solution: Solution) -> Solution:
        """The solution with its bound raised by what rounding may make of weights a - m * b."""
        if solution.certificate is not None:
            return replace(solution, bound=-np.inf)
        measures = [self._limits.measures[m] for m in self._measure.tolist()]
        size = sum(m.penalty * max(abs(m.min or 0.0), abs(m.max or 0.0)) for m in measures)
        return replace(
            solution, bound=solution.bound + WEIGHT_ROUNDING * (abs(solution.bound) + size)
        )


def _ends(
    problem: Problem, weights: sp.csr_array
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the most weight of a coupon in each row and cell, shape (n_rows, n_cells)."""
    attributes, segments, items = problem.objective.shape
    flat = weights.toarray().reshape(weights.shape[0], attributes, segments, items)
    low, high = problem.low, problem.low + MAX_QUANTITY * problem.step
    ends = flat[:, 1:] * low[:, None, :], flat[:, 1:] * high[:, None, :]
    least = flat[:, 0] + np.minimum(*ends).sum(axis=1)
    most = flat[:, 0] + np.maximum(*ends).sum(axis=1)
    return (least.reshape(len(flat), -1), most.reshape(len(flat), -1))


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
    if first.certificate is not None:
        return first
    for _ in range(MOST_REPEATS if first.plan is not None else 0):
        least = LEAST_DENOMINATOR * ratios.most
        again = ratios.solve_with_denominators(np.maximum(ratios.denominators(best), least))
        if ratios.worth(again) <= ratios.worth(best):
            break
        best = again
    if ratios.is_missed(best):
        kept = ratios.solve_with_ratios_kept()  # costs nothing but value
        best = kept if ratios.worth(kept) > ratios.worth(best) else best
    bound = first.bound
    for measure in ratios.over_nothing.tolist():
        apart = ratios.solve_over_nothing(measure)
        bound = max(bound, apart.bound)
        if ratios.worth(apart) > ratios.worth(best):
            best = replace(apart, prices=first.prices)
    if best.plan is None:
        return replace(first, bound=bound)
    reached = relative_gap(bound, ratios.worth(best))
    return replace(
        best,
        bound=bound,
        status="optimal" if reached <= gap + LEAST_GAP else "feasible",
        message=f"gap {reached:.2e}, asked {gap:.2e}",
    )
