"""Soft limits on ratios, as a short series of solves with soft linear rows.

Missing `sum(a) / sum(b) >= m` costs penalty * (m - A / B), which is penalty / B for each unit that the row
A - m * B >= 0 is missed by. With B replaced by the most that it can be, the cost is never overstated: the bound of
that solve holds. With B as it came out, the cost is right at the allocation found, so solving again with it finds
better ones; and keeping the ratio may be best of all, if only by giving nothing. The best by the true cost is kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..model.compile_limits import CompiledLimits
from ..solver.dual.lagrangian import Lagrangian
from ..solver.dual.warm_start import Start
from ..solver.options import DEFAULT_OPTIONS, SolverOptions
from ..solver.problem import Problem
from ..solver.solve import Solution, relative_gap
from ..solver.solve import solve as solve_problem
from ..utils.clock import Clock

AGAIN = 3  # solves with the denominators that came out, at most


def solve_with_soft_ratios(
    limits: CompiledLimits,
    problem: Problem,
    engine: Engine,
    gap: float,
    seed: int,
    clock: Clock,
    start: Start | None = None,
    *,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Solution:
    """Like solver.solve.solve, for a problem some of whose penalties are per unit of ratio."""
    rows = np.flatnonzero(limits.per_ratio)
    below = limits.denominator[limits.measure_of_row[rows]]

    def attempt(divisor: NDArray[np.float64]) -> Solution:
        return solve(problem.penalty[rows] / np.where(divisor > 0, divisor, 1.0))

    def solve(priced: NDArray[np.float64]) -> Solution:
        penalty = problem.penalty.copy()
        penalty[rows] = priced
        part = replace(problem, penalty=penalty)
        return solve_problem(part, engine, gap, seed, clock, start, options=options)

    def denominators(solution: Solution) -> NDArray[np.float64]:
        if solution.plan is None:
            return most
        return below @ solution.plan.usage.ravel()

    def worth(solution: Solution) -> float:
        if solution.plan is None:
            return -np.inf
        worth, off = limits.worth(solution.plan.usage, solution.plan.error)
        return worth - off

    nothing = np.zeros(len(problem.lower))
    most = np.empty(len(rows))
    for j in range(len(rows)):
        table = below[[j]].toarray().reshape(problem.objective.shape)
        most[j] = Lagrangian(replace(problem, objective=table), engine).bound(nothing)
    first = best = attempt(most)
    for _ in range(AGAIN if first.plan is not None else 0):
        # a denominator of next to nothing would make the penalty a wall
        again = attempt(np.maximum(denominators(best), 1e-3 * most))
        if worth(again) <= worth(best):
            break
        best = again
    if best.plan is None:
        return first
    if problem.missed(best.plan.activity)[rows].any():
        kept = solve(np.full(len(rows), np.inf))  # keeping the ratios costs nothing but value
        best = kept if worth(kept) > worth(best) else best
    reached = relative_gap(first.bound, worth(best))
    return replace(
        best,
        bound=first.bound,
        status="optimal" if reached <= gap else "feasible",
        message=f"gap {reached:.2e}, asked {gap:.2e}",
    )
