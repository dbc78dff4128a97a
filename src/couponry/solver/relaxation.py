"""Feasibility relaxation: the smallest changes to bounds with which an infeasible campaign has an allocation.

Every hard bound may be violated, at a price, and nothing else counts (elastic programming; Chinneck and Dravnieks
1991): the sum of all changes, each as a share of the bound that is changed, is made as small as it can be. That is a
campaign of soft limits, and is solved like one. Its allocation keeps the changed bounds, which proves that they will
do; the dual bound says that no smaller changes would.

A ratio changes by what its row A - m * B misses, divided by B. As for soft limits on ratios, B is first taken as large
as it can be, which overstates no change and gives the bound; then as it came out, which is right at that allocation.
In the smallest campaigns intervals of B are then told apart, in each of which it is taken as large as it can be there,
until the bound is as close as asked (branch and bound over the denominators).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..utils.clock import Clock
from .dual.scaling import Scales
from .dual.warm_start import WarmStart
from .exact.core_milp import Core, CoreLimits, solve_core
from .infeasibility.elastic_problem import ElasticProblem, RelaxationRequest
from .options import DEFAULT_OPTIONS, SolverOptions
from .plan import Plan
from .primal.repair import MeasuredChoice, Repair
from .problem import Problem
from .solve import solve
from .solve_state import SolveRequest

MOST_REPEATS = 4
"""Solves with denominators as they came out, at most: each gains less than the one before."""

LEAST_END = 1e-3
"""Share of an interval's upper end at which it is cut, at least, however small a denominator came out."""

ROUNDING_SHARE = 1e-9
"""Share of an activity by which a changed bound is looser, so that sums in another order keep it, too."""

Allocation = Plan | MeasuredChoice
"""An allocation, of a campaign of any size or of a tiny one."""


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

    Raises
    ------
    OutOfTime
        The same, while denominators of ratios were still looked at.
    """
    search = _Search(request, seed, clock, options)
    elastic = search.elastic
    first, bound = search.solve(elastic.most)
    best, at_least = first, search.least_total(bound)
    if first is not None and elastic.shares(first)[elastic.is_ratio].any():
        best = _by_denominators_found(search, first)
        if search.has_few_candidates:
            best, at_least = _by_intervals(search, _Interval(at_least, first, elastic), best)
    total = search.total(best)
    if best is None or not np.isfinite(total):
        return None
    return Relaxation(_changes(elastic, best), best.usage, total, min(at_least, total))


def _by_denominators_found(search: _Search, first: Allocation) -> Allocation:
    """The best of a series of allocations, each with changes measured by the denominators of the one before."""
    best = first
    for _ in range(MOST_REPEATS):
        if search.is_late:
            return best
        again, _ = search.solve(search.elastic.denominators(best))
        if again is None or search.total(again) >= search.total(best):
            break
        best = again
    if search.is_late:
        return best
    kept, _ = search.solve(search.elastic.most, keep_ratios=True)
    return kept if kept is not None and search.total(kept) < search.total(best) else best


class _Interval:
    """Denominators between some ends, and what is known of allocations that have such.

    Attributes
    ----------
    at_least : float
        No changes have a smaller sum.
    plan : Plan, MeasuredChoice or None
        An allocation that is the best as if denominators were at the upper ends.
    least, most : ndarray of float64, shape (n_bounds,)
    """

    def __init__(
        self,
        at_least: float,
        plan: Allocation | None,
        elastic: ElasticProblem,
        ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    ):
        self.at_least, self.plan, self._elastic = at_least, plan, elastic
        self.least, self.most = (np.zeros(len(elastic.row)), elastic.most) if ends is None else ends

    def halves(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """The ends of both halves, cut where the allocation's changes are most understated."""
        elastic = self._elastic
        if self.plan is None:
            below = np.sqrt(np.maximum(self.least, LEAST_END * self.most) * self.most)
            off = np.where(elastic.is_ratio, self.most / below, -np.inf)
        else:
            below = elastic.denominators(self.plan)
            stated = elastic.missed(self.plan) / (elastic.unit * self.most)
            off = np.where(elastic.is_ratio, elastic.shares(self.plan) - stated, -np.inf)
        k = int(np.argmax(off))
        cut = float(
            np.sqrt(np.clip(below[k], LEAST_END * self.most[k], self.most[k]) * self.most[k])
        )
        lower, upper = self.most.copy(), self.least.copy()
        lower[k] = upper[k] = max(cut, float(self.least[k]))
        return [(self.least, lower), (upper, self.most)]


def _by_intervals(search: _Search, root: _Interval, best: Allocation) -> tuple[Allocation, float]:
    """The best allocation, and what no changes are below, by branch and bound over intervals of denominators."""
    options = search.options.relaxation
    heap, number = [(root.at_least, 0, root)], 0
    for _ in range(options.intervals):
        if not heap or heap[0][0] >= search.total(best) * (1.0 - options.gap) or search.is_late:
            break
        interval = heapq.heappop(heap)[2]
        for least, most in interval.halves():
            plan, bound = search.solve(most, least=least)
            at_least = max(interval.at_least, search.least_total(bound))
            if search.total(plan) < search.total(best) and plan is not None:
                best = plan
            number += 1
            half = _Interval(at_least, plan, search.elastic, (least, most))
            heapq.heappush(heap, (at_least, number, half))
    return best, heap[0][0] if heap else root.at_least


class _Search:
    """Solves of the elastic problem, with denominators of ratios as they are given."""

    def __init__(self, request: RelaxationRequest, seed: int, clock: Clock, options: SolverOptions):
        self._engine, self._seed, self._clock, self.options = request.engine, seed, clock, options
        self.elastic = ElasticProblem(request, clock)
        self.is_tiny = request.problem.candidates <= options.sizes.tiny_candidates
        limit = options.relaxation.interval_candidates
        self.has_few_candidates = request.problem.candidates <= limit
        self._start = self.elastic.start(request.proof)
        self._solver_options = options
        if not self.is_tiny:
            self._solver_options = _with_fewer_planes(options, max(1, len(self.elastic.row)))

    @property
    def is_late(self) -> bool:
        """Whether the time limit is over."""
        return self._clock.left <= 0

    def total(self, plan: Allocation | None) -> float:
        """Sum of the changes that an allocation asks for; infinite without one."""
        return np.inf if plan is None else float(self.elastic.shares(plan).sum())

    def least_total(self, bound: float) -> float:
        """The sum of changes that a bound on the objective stands for."""
        return max(0.0, -bound / self.elastic.factor)

    def solve(
        self,
        denominators: NDArray[np.float64],
        keep_ratios: bool = False,
        least: NDArray[np.float64] | None = None,
    ) -> tuple[Allocation | None, float]:
        """The best allocation with changes measured by these denominators, and the bound."""
        options = self.options
        problem = self.elastic.problem(denominators, keep_ratios, least)
        gap = options.relaxation.gap if self.is_tiny else options.relaxation.gap_of_many
        start = self._start
        if start is not None:
            none = np.zeros(len(problem.lower) - len(start.prices))
            start = WarmStart(np.append(start.prices, none))
        solution = solve(
            SolveRequest(
                problem, self._engine, gap, self._seed, self._clock, start, is_start_good=True,
                use_highs=False, options=self._solver_options,
            )
        )  # fmt: skip
        if solution.certificate is not None:
            return None, -np.inf
        plan: Allocation | None = solution.plan
        bound = solution.bound
        if self.is_tiny and solution.status != "optimal":
            exact, tighter = _solve_exactly(problem, self._engine, self._clock, options)
            bound = min(bound, tighter)
            if exact is not None and (plan is None or exact.objective > plan.objective):
                plan = exact if exact.feasible else plan
        return plan, bound


def _with_fewer_planes(options: SolverOptions, prices: int) -> SolverOptions:
    """Options under which cutting planes for so many prices take no longer than the changes are worth."""
    planes, relaxation = options.cutting_planes, options.relaxation
    fewer = replace(
        planes,
        groups=min(planes.groups, 1 + relaxation.plane_coefficients // prices),
        passes=min(planes.passes, 1 + relaxation.plane_passes // prices),
    )
    return replace(options, cutting_planes=fewer)


def _changes(elastic: ElasticProblem, plan: Allocation) -> list[BoundChange]:
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
    best, _ = engine.choose(problem.no_prices())
    repair = Repair(problem, engine, Scales.measure(problem, engine), options.repair)
    # what HiGHS may be off is a share of about the most that it can be
    worst = repair.measure(nothing).objective
    tolerance = options.relaxation.gap * abs(worst)
    limits = CoreLimits(tolerance, worst, clock.left, options.relaxation.nodes)
    core = solve_core(Core(problem, nothing, everything, best), limits, options.core)
    if core.chosen is None:
        return None, -np.inf if core.infeasible else np.inf
    return repair.measure(core.chosen), core.bound
