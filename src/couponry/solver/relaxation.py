"""The cheapest way out of an infeasible campaign: the smallest changes to bounds with which an allocation exists.

Every hard bound may be missed, at a price, and nothing else counts (elastic programming; Chinneck and Dravnieks 1991):
the sum of all changes, each as a share of the bound that is changed, is made as small as it can be. That is a campaign
of soft limits, and is solved like one. The allocation that comes out keeps the changed bounds, which proves that they
will do; the dual bound says that no smaller changes would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..utils.clock import Clock
from ..utils.lazy_imports import sparse as sp
from .dual.scaling import Scales
from .dual.warm_start import Start
from .exact.core_milp import solve_core
from .options import DEFAULT_OPTIONS, SolverOptions
from .plan import Plan
from .primal.repair import MeasuredChoice, Repair
from .problem import Problem
from .solve import solve as solve_problem

GAP, GAP_OF_MANY = 1e-3, 1e-2  # of the sum of changes, asked; where there are many candidates
SMALL_CANDIDATES = 20_000  # up to here HiGHS is asked, for so many nodes of its search at most
NODES = 100


@dataclass(frozen=True)
class Change:
    """A bound of a row that has to give way: what it asks, and what would do instead."""

    row: int
    is_min: bool
    asked: float
    would_do: float


@dataclass(frozen=True)
class WayOut:
    """Changes with which the campaign is feasible.

    usage: (1 + C, S, K), of an allocation that keeps the changed bounds. total: the changes, each as a share of what it
    is measured by, summed. at_least: no other changes have a smaller sum.
    """

    changes: list[Change]
    usage: NDArray[np.float64]
    total: float
    at_least: float


def way_out(
    problem: Problem,
    engine: Engine,
    units: NDArray[np.float64],
    proof: NDArray[np.float64],
    seed: int,
    clock: Clock,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> WayOut | None:
    """The smallest changes to the hard bounds, or None where a time limit ended the search before any were found.

    units: (L, 2), what a change of each row's lower and upper bound is measured by; 0: a typical coupon's weight.
    proof: (L), prices that prove that nothing is feasible, where some are known: the search starts in their direction.
    """
    scales = Scales.of(problem, engine)
    elastic = _Elastic(problem, units, scales.per_coupon)
    small = problem.candidates <= SMALL_CANDIDATES
    asked = GAP if small else GAP_OF_MANY
    start = elastic.start(proof)
    solution = solve_problem(
        elastic.problem, engine, asked, seed, clock, start, core=False, options=options
    )
    plan: Plan | MeasuredChoice | None = solution.plan
    bound = solution.bound
    if small and solution.status != "optimal":
        exact, tighter = _exactly(elastic.problem, engine, clock, options)
        bound = min(bound, tighter)
        if exact is not None and (plan is None or exact.objective > plan.objective):
            plan = exact
    if plan is None:
        return None
    error = plan.error if isinstance(plan, Plan) else np.zeros(plan.usage.shape)
    off = abs(elastic.problem.rows) @ error.ravel()
    missed = elastic.problem.missed(plan.activity)
    changes = []
    for at in np.flatnonzero(missed > 0).tolist():
        row, is_min = int(elastic.row[at]), bool(elastic.is_min[at])
        asked = problem.lower[row] if is_min else problem.upper[row]
        # sums in another order, or of the values as given, must keep it, too
        margin = off[at] + (0.0 if problem.integer[row] else 1e-9 * abs(plan.activity[at]))
        would_do = plan.activity[at] - margin if is_min else plan.activity[at] + margin
        changes.append(Change(row, is_min, float(asked), float(would_do)))
    total = float(missed @ elastic.share)
    at_least = max(0.0, -bound / elastic.factor)
    return WayOut(changes, plan.usage, total, min(at_least, total))


def _exactly(
    problem: Problem, engine: Engine, clock: Clock, options: SolverOptions
) -> tuple[Plan | MeasuredChoice | None, float]:
    """The best allocation that HiGHS finds, and its bound."""
    chosen = np.zeros(problem.candidates, np.uint8)
    free = np.ones(problem.candidates, bool)
    table = np.zeros((1 + problem.quantities, *problem.objective.shape[1:]), np.float32)
    best, _ = engine.choose(table)
    # what HiGHS may be off is a share of about the most that it can be
    repair = Repair(problem, engine, Scales.of(problem, engine), options.repair)
    worst = repair.measure(chosen).objective
    core = solve_core(problem, chosen, free, best, GAP * abs(worst), worst, clock.left, NODES)
    if core.chosen is None:
        return None, np.inf
    return repair.measure(core.chosen), core.bound


class _Elastic:
    """The campaign in which every hard bound is a row of its own, and missing it is all that counts.

    row: (V), of each bound. is_min: (V). share: (V), what missing a unit of it counts. factor: of what counts, in the
    objective: a typical coupon in a typical bound counts 1 there.
    """

    def __init__(
        self, problem: Problem, units: NDArray[np.float64], per_coupon: NDArray[np.float64]
    ):
        lower = np.flatnonzero(problem.hard & np.isfinite(problem.lower))
        upper = np.flatnonzero(problem.hard & np.isfinite(problem.upper))
        self.row = np.concatenate([lower, upper])
        self.is_min = np.arange(len(self.row)) < len(lower)
        unit = units[self.row, (~self.is_min).astype(int)]
        self.share = np.where(unit > 0, 1.0 / np.where(unit > 0, unit, 1.0), per_coupon[self.row])
        self.factor = 1.0 / float(np.median(self.share / per_coupon[self.row]))
        none = np.full(len(self.row), np.inf)
        self.problem = replace(
            problem,
            objective=np.zeros_like(problem.objective),
            rows=sp.csr_array(problem.rows[self.row]),
            lower=np.where(self.is_min, problem.lower[self.row], -none),
            upper=np.where(self.is_min, none, problem.upper[self.row]),
            penalty=self.share * self.factor,
            integer=problem.integer[self.row],
        )

    def start(self, proof: NDArray[np.float64]) -> Start | None:
        """Prices in the direction of a proof, as far as they go; without prices the dual has a kink."""
        prices = np.where(
            self.is_min, np.minimum(proof[self.row], 0.0), np.maximum(proof[self.row], 0.0)
        )
        largest = float((np.abs(prices) / self.problem.penalty).max(initial=0.0))
        return Start(prices / largest) if largest > 0 else None
