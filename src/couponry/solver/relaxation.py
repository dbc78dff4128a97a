"""Feasibility relaxation: the smallest changes to bounds with which an infeasible campaign has an allocation.

Every hard bound may be violated, at a price, and nothing else counts (elastic programming; Chinneck and Dravnieks
1991): the sum of all changes, each as a share of the bound that is changed, is made as small as it can be. That is a
campaign of soft limits, and is solved like one. Its allocation keeps the changed bounds, which proves that they will
do; the dual bound says that no smaller changes would.

A ratio changes by what its row A - m * B misses, divided by B. As for soft limits on ratios, B is first taken as large
as it can be, which overstates no change and gives the bound; then as it came out, which is right at that allocation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..utils.clock import Clock
from ..utils.lazy_imports import sparse as sp
from .dual.lagrangian import Lagrangian
from .dual.scaling import Scales
from .dual.warm_start import WarmStart
from .exact.core_milp import Core, CoreLimits, solve_core
from .options import DEFAULT_OPTIONS, SolverOptions
from .plan import Plan
from .primal.repair import MeasuredChoice, Repair
from .problem import Problem
from .solve import solve
from .solve_state import SolveRequest

MOST_REPEATS = 4
"""Solves with denominators as they came out, at most: each gains less than the one before."""

LEAST_DENOMINATOR = 1e-3
"""Least denominator, as a share of the most that it can be; with one near 0 a change would cost anything."""

ROUNDING_SHARE = 1e-9
"""Share of an activity by which a changed bound is looser, so that sums in another order keep it, too."""


@dataclass(frozen=True)
class RelaxationRequest:
    """An infeasible problem, and what is known of it.

    Attributes
    ----------
    problem : Problem
    engine : Engine
    asked : ndarray of float64, shape (n_rows, 2)
        Each row's lower and upper bound as the user gave it, not rounded; of a ratio 0.
    units : ndarray of float64, shape (n_rows, 2)
        What a change of each bound is measured by, in the limit's own unit.
    is_ratio : ndarray of bool, shape (n_rows,)
    denominators : csr_array of float64, shape (n_rows, n_cells)
        Second sums of ratios; the rows of others are empty.
    proof : ndarray of float64, shape (n_rows,)
        Prices that prove that nothing is feasible, where some are known: the search starts in their direction.
    """

    problem: Problem
    engine: Engine
    asked: NDArray[np.float64]
    units: NDArray[np.float64]
    is_ratio: NDArray[np.bool_]
    denominators: sp.csr_array
    proof: NDArray[np.float64]


@dataclass(frozen=True)
class BoundChange:
    """A bound that has to give way.

    Attributes
    ----------
    row : int
    is_min : bool
        True for the row's lower bound, False for its upper one.
    would_do : float
        Activity of the row that would do instead; of a ratio's row, how far it is off 0.
    """

    row: int
    is_min: bool
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
    search = _Search(request, seed, clock, options)
    first, bound = search.solve(search.elastic.most)
    best = first
    at = search.elastic.is_ratio
    if first is not None and at.any() and search.elastic.missed(first)[at].any():
        for _ in range(MOST_REPEATS):
            again, _ = search.solve(search.elastic.denominators(best))
            if search.total(again) >= search.total(best):
                break
            best = again
        kept, _ = search.solve(search.elastic.most, keep_ratios=True)
        best = kept if search.total(kept) < search.total(best) else best
    total = search.total(best)
    if best is None or not np.isfinite(total):
        return None
    at_least = max(0.0, -bound / search.elastic.factor)
    changes = _changes(search.elastic, best)
    return Relaxation(changes, best.usage, total, min(at_least, total))


class _Search:
    """Solves of the elastic problem, with denominators of ratios as they are given."""

    def __init__(self, request: RelaxationRequest, seed: int, clock: Clock, options: SolverOptions):
        self._engine, self._seed, self._clock, self._options = request.engine, seed, clock, options
        self.elastic = _ElasticProblem(request)
        self._is_tiny = request.problem.candidates <= options.sizes.tiny_candidates
        self._start = self.elastic.start(request.proof)

    def total(self, plan: Plan | MeasuredChoice | None) -> float:
        """Sum of the changes that an allocation asks for; infinite without one."""
        return np.inf if plan is None else float(self.elastic.shares(plan).sum())

    def solve(
        self, denominators: NDArray[np.float64], keep_ratios: bool = False
    ) -> tuple[Plan | MeasuredChoice | None, float]:
        """The best allocation with changes measured by these denominators, and the bound."""
        options, problem = self._options, self.elastic.problem(denominators, keep_ratios)
        gap = options.relaxation.gap if self._is_tiny else options.relaxation.gap_of_many
        solution = solve(
            SolveRequest(
                problem, self._engine, gap, self._seed, self._clock, self._start, use_highs=False,
                options=options,
            )
        )  # fmt: skip
        plan: Plan | MeasuredChoice | None = solution.plan
        bound = solution.bound
        if self._is_tiny and solution.status not in ("optimal", "infeasible"):
            exact, tighter = _solve_exactly(problem, self._engine, self._clock, options)
            bound = min(bound, tighter)
            if exact is not None and (plan is None or exact.objective > plan.objective):
                plan = exact if exact.feasible else plan
        return plan, bound


def _changes(elastic: _ElasticProblem, plan: Plan | MeasuredChoice) -> list[BoundChange]:
    """The bounds that an allocation violates, each as far as rounding may want it."""
    error = plan.usage_error if isinstance(plan, Plan) else np.zeros(plan.usage.shape)
    activity = elastic.activity(plan)
    activity_error = abs(elastic.rows) @ error.ravel()
    changes = []
    for at in np.flatnonzero(elastic.missed(plan) > 0).tolist():
        is_min = bool(elastic.is_min[at])
        rounding = 0.0 if elastic.integer[at] else ROUNDING_SHARE * abs(activity[at])
        margin = activity_error[at] + rounding
        would_do = activity[at] - margin if is_min else activity[at] + margin
        changes.append(BoundChange(int(elastic.row[at]), is_min, float(would_do)))
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
    row : ndarray of int64, shape (n_bounds,)
        Row of each bound in the campaign.
    is_min, is_ratio, integer : ndarray of bool, shape (n_bounds,)
    rows : csr_array of float64, shape (n_bounds, n_cells)
    lower, upper : ndarray of float64, shape (n_bounds,)
    unit : ndarray of float64, shape (n_bounds,)
        Change that counts as a share of 1, in the limit's own unit.
    most : ndarray of float64, shape (n_bounds,)
        The most that each ratio's denominator can be; 1 of other bounds.
    factor : float
        Objective lost per unit of the sum of shares: a typical coupon in a typical bound costs 1.
    """

    def __init__(self, request: RelaxationRequest):
        problem = request.problem
        lower = np.flatnonzero(problem.hard & np.isfinite(problem.lower))
        upper = np.flatnonzero(problem.hard & np.isfinite(problem.upper))
        self.row = np.concatenate([lower, upper])
        self.is_min = np.arange(len(self.row)) < len(lower)
        side = (~self.is_min).astype(int)
        asked, none = request.asked[self.row, side], np.full(len(self.row), np.inf)
        self.lower = np.where(self.is_min, asked, -none)
        self.upper = np.where(self.is_min, none, asked)
        self.unit = request.units[self.row, side]
        self.rows = sp.csr_array(problem.rows[self.row])
        self.integer = problem.integer[self.row]
        self._denominator = sp.csr_array(request.denominators[self.row])
        self.is_ratio = request.is_ratio[self.row]
        self._problem = problem
        self.most = np.ones(len(self.row))
        for at in np.flatnonzero(self.is_ratio).tolist():
            table = self._denominator[[at]].toarray().reshape(problem.objective.shape)
            alone = Lagrangian(replace(problem, objective=table), request.engine)
            self.most[at] = alone.bound(np.zeros(len(problem.lower)))
        self._is_fixed = self.most <= 0  # over nothing no change of the ratio would do
        self.most[self._is_fixed] = 1.0
        per_coupon = Scales.measure(problem, request.engine).per_coupon[self.row]
        self.factor = 1.0 / float(np.median(1.0 / (self.unit * self.most * per_coupon)))

    def problem(self, denominators: NDArray[np.float64], keep_ratios: bool) -> Problem:
        """The campaign with changes measured by these denominators; or with ratios kept as they are."""
        penalty = self.factor / (self.unit * denominators)
        kept = self.is_ratio if keep_ratios else self._is_fixed
        penalty = np.where(kept, np.inf, penalty)
        return replace(
            self._problem,
            objective=np.zeros_like(self._problem.objective),
            rows=self.rows,
            lower=self.lower,
            upper=self.upper,
            penalty=penalty,
            integer=self.integer,
        )

    def activity(self, plan: Plan | MeasuredChoice) -> NDArray[np.float64]:
        """What each bound's row comes to."""
        return np.asarray(self.rows @ plan.usage.ravel())

    def missed(self, plan: Plan | MeasuredChoice) -> NDArray[np.float64]:
        """How far each bound's row is outside it."""
        activity = self.activity(plan)
        off = np.where(self.is_min, self.lower - activity, activity - self.upper)
        return np.asarray(np.maximum(0.0, off))

    def denominators(self, plan: Plan | MeasuredChoice | None) -> NDArray[np.float64]:
        """The denominators of ratios as they came out, not too near 0; 1 of other bounds."""
        if plan is None:
            return self.most
        below = np.asarray(self._denominator @ plan.usage.ravel())
        return np.where(self.is_ratio, np.maximum(below, LEAST_DENOMINATOR * self.most), 1.0)

    def shares(self, plan: Plan | MeasuredChoice) -> NDArray[np.float64]:
        """The change of each bound that an allocation asks for, as a share; infinite of a ratio to nothing."""
        missed = self.missed(plan)
        below = np.asarray(self._denominator @ plan.usage.ravel())
        divisor = self.unit * np.where(self.is_ratio, below, 1.0)
        shares = np.zeros(len(missed))
        with np.errstate(divide="ignore"):
            np.divide(missed, divisor, out=shares, where=missed > 0)
        return shares

    def start(self, proof: NDArray[np.float64]) -> WarmStart | None:
        """Prices in the direction of a proof, as far as they go; without prices the dual has a kink."""
        prices = np.where(
            self.is_min, np.minimum(proof[self.row], 0.0), np.maximum(proof[self.row], 0.0)
        )
        penalty = self.factor / (self.unit * self.most)
        largest = float((np.abs(prices) / penalty).max(initial=0.0))
        return WarmStart(prices / largest) if largest > 0 else None
