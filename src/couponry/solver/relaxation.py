"""Feasibility relaxation: the smallest changes to bounds with which an infeasible campaign has an allocation.

Every hard bound may be violated, at a price, and nothing else counts (elastic programming; Chinneck and Dravnieks
1991): the sum of all changes, each as a share of the bound that is changed, is made as small as it can be. That is a
campaign of soft limits, and is solved like one. Its allocation keeps the changed bounds, which proves that they will
do; the dual bound says that no smaller changes would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..utils.clock import Clock
from ..utils.lazy_imports import sparse as sp
from .dual.scaling import Scales
from .dual.warm_start import WarmStart
from .exact.core_milp import Core, CoreLimits, solve_core
from .options import DEFAULT_OPTIONS, SolverOptions
from .plan import Plan
from .primal.repair import MeasuredChoice, Repair
from .problem import Problem
from .solve import solve
from .solve_state import SolveRequest

ROUNDING_SHARE = 1e-9
"""Share of an activity by which a changed bound is looser, so that sums in another order keep it, too."""


@dataclass(frozen=True)
class RelaxationRequest:
    """An infeasible problem, and what is known of it.

    Attributes
    ----------
    problem : Problem
    engine : Engine
    units : ndarray of float64, shape (n_rows, 2)
        What a change of each row's lower and upper bound is measured by; 0: a typical coupon's weight.
    proof : ndarray of float64, shape (n_rows,)
        Prices that prove that nothing is feasible, where some are known: the search starts in their direction.
    """

    problem: Problem
    engine: Engine
    units: NDArray[np.float64]
    proof: NDArray[np.float64]


@dataclass(frozen=True)
class BoundChange:
    """A bound that has to give way.

    Attributes
    ----------
    row : int
    is_min : bool
        True for the row's lower bound, False for its upper one.
    bound : float
        What it asks for.
    would_do : float
        What would do instead.
    """

    row: int
    is_min: bool
    bound: float
    would_do: float


@dataclass(frozen=True)
class Relaxation:
    """Changes to bounds with which the campaign is feasible.

    Attributes
    ----------
    changes : list of BoundChange
    usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Usage of an allocation that keeps the changed bounds.
    total : float
        Sum of the changes, each as a share of its unit.
    at_least : float
        No other changes have a smaller sum.
    """

    changes: list[BoundChange]
    usage: NDArray[np.float64]
    total: float
    at_least: float


def relax(
    request: RelaxationRequest, seed: int, clock: Clock, options: SolverOptions = DEFAULT_OPTIONS
) -> Relaxation | None:
    """Find the smallest changes to the hard bounds with which an allocation exists.

    Parameters
    ----------
    request : RelaxationRequest
    seed : int
        Breaks ties.
    clock : Clock
    options : SolverOptions, optional

    Returns
    -------
    Relaxation or None
        None where a time limit ended the search before any changes were found.
    """
    problem, engine = request.problem, request.engine
    scales = Scales.measure(problem, engine)
    elastic = _ElasticProblem(problem, request.units, scales.per_coupon)
    is_tiny = problem.candidates <= options.sizes.tiny_candidates
    gap = options.relaxation.gap if is_tiny else options.relaxation.gap_of_many
    start = elastic.start(request.proof)
    solution = solve(
        SolveRequest(
            elastic.problem, engine, gap, seed, clock, start, use_highs=False, options=options
        )
    )
    plan: Plan | MeasuredChoice | None = solution.plan
    bound = solution.bound
    if is_tiny and solution.status != "optimal":
        exact, tighter = _solve_exactly(elastic.problem, engine, clock, options)
        bound = min(bound, tighter)
        if exact is not None and (plan is None or exact.objective > plan.objective):
            plan = exact
    if plan is None:
        return None
    total = float(elastic.problem.violation(plan.activity) @ elastic.share)
    at_least = max(0.0, -bound / elastic.factor)
    return Relaxation(_changes(problem, elastic, plan), plan.usage, total, min(at_least, total))


def _changes(
    problem: Problem, elastic: _ElasticProblem, plan: Plan | MeasuredChoice
) -> list[BoundChange]:
    """The bounds that an allocation violates, each as far as rounding may want it."""
    error = plan.usage_error if isinstance(plan, Plan) else np.zeros(plan.usage.shape)
    activity_error = abs(elastic.problem.rows) @ error.ravel()
    changes = []
    for at in np.flatnonzero(elastic.problem.violation(plan.activity) > 0).tolist():
        row, is_min = int(elastic.row[at]), bool(elastic.is_min[at])
        bound = problem.lower[row] if is_min else problem.upper[row]
        rounding = 0.0 if problem.integer[row] else ROUNDING_SHARE * abs(plan.activity[at])
        margin = activity_error[at] + rounding
        would_do = plan.activity[at] - margin if is_min else plan.activity[at] + margin
        changes.append(BoundChange(row, is_min, float(bound), float(would_do)))
    return changes


def _solve_exactly(
    problem: Problem, engine: Engine, clock: Clock, options: SolverOptions
) -> tuple[MeasuredChoice | None, float]:
    """The best allocation that HiGHS finds, and its bound."""
    nothing = np.zeros(problem.candidates, np.uint8)
    everything = np.ones(problem.candidates, bool)
    no_prices = np.zeros((1 + problem.quantities, *problem.objective.shape[1:]), np.float32)
    best, _ = engine.choose(no_prices)
    repair = Repair(problem, engine, Scales.measure(problem, engine), options.repair)
    # what HiGHS may be off is a share of about the most that it can be
    worst = repair.measure(nothing).objective
    tolerance = options.relaxation.gap * abs(worst)
    limits = CoreLimits(tolerance, worst, clock.left, options.relaxation.nodes)
    core = solve_core(Core(problem, nothing, everything, best), limits, options.core)
    if core.chosen is None:
        return None, np.inf
    return repair.measure(core.chosen), core.bound


class _ElasticProblem:
    """The campaign in which every hard bound is a soft row of its own, and violating it is all that counts.

    Attributes
    ----------
    problem : Problem
    row : ndarray of int64, shape (n_bounds,)
        Row of each bound in the campaign.
    is_min : ndarray of bool, shape (n_bounds,)
    share : ndarray of float64, shape (n_bounds,)
        What violating the bound by 1 adds to the sum of changes.
    factor : float
        Objective lost per unit of that sum: a typical coupon in a typical bound costs 1.
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

    def start(self, proof: NDArray[np.float64]) -> WarmStart | None:
        """Prices in the direction of a proof, as far as they go; without prices the dual has a kink."""
        prices = np.where(
            self.is_min, np.minimum(proof[self.row], 0.0), np.maximum(proof[self.row], 0.0)
        )
        largest = float((np.abs(prices) / self.problem.penalty).max(initial=0.0))
        return WarmStart(prices / largest) if largest > 0 else None
