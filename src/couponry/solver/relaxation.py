"""Feasibility relaxation: the smallest changes to bounds with which an infeasible campaign has an allocation.

Every hard bound may be violated, at a price, and nothing else counts (elastic programming; Chinneck and Dravnieks
1991): the sum of all changes, each as a share of the bound that is changed, is made as small as it can be. That is a
campaign of soft limits, and is solved like one. Its allocation keeps the changed bounds, which proves that they will
do; the dual bound says that no smaller changes would.

A ratio changes by what its row A - m * B misses, divided by B, which is no linear cost. B is first taken as large as it
can be, which overstates no change and gives a bound. Then changes are measured as they are near the best allocation
known, to first order, which soon comes to one that no small step makes better. Last, intervals of B are told apart, in
each of which the least that a change can be is linear in A and B, until the bound is as close as asked (branch and
bound; Falk and Soland 1969).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..utils.clock import Clock
from .dual.lagrangian import Lagrangian
from .dual.price_space import PriceSpace
from .dual.stretched_prices import stretched
from .dual.warm_start import WarmStart
from .infeasibility.elastic_problem import ElasticProblem, RelaxationRequest
from .infeasibility.few_changes import few_give_way
from .infeasibility.unreachable_rows import RowReach
from .options import DEFAULT_OPTIONS, SolverOptions
from .plan import Plan
from .problem import Problem
from .solve import PRICES_AND_REPAIR, solve
from .solve_state import SolveRequest

ANY_GAP = 1e9
"""Gap asked where any allocation will do."""

MOST_REPEATS = 4
"""Solves near the best allocation before, at most: each gains less than the one before."""

LEAST_PART = 0.1
"""Share of an interval of denominators that is cut off, at least."""

LEAST_GAIN = 1e-4
"""Share of the sum of changes by which one is understated before its ratio's denominators are cut."""

ROUNDING_SHARE = 1e-9
"""Share of an activity by which a changed bound is looser, so that sums in another order keep it, too."""


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
    within = _within_reach(search, request)
    if within is not None:
        return within
    few = _where_few_give_way(search, request)
    search.begin()
    enough = np.inf if few is None else search.total(few) * (1.0 - search.gap)
    first, bound = search.solve(elastic.problem(), enough)
    best, at_least = first, search.least_total(bound)
    if search.total(few) < search.total(first):
        best = few
    elif first is not None and elastic.shares(first)[elastic.is_ratio].any():
        best = _near_at_hand(search, first)
        whole = _Interval(at_least, first, np.zeros(len(elastic.row)), elastic.most)
        best, at_least = _by_intervals(search, whole, best)
    total = search.total(best)
    if best is None or not np.isfinite(total):
        return None
    return Relaxation(_changes(elastic, best), best.usage, total, min(at_least, total))


def _within_reach(search: _Search, request: RelaxationRequest) -> Relaxation | None:
    """The changes of the bounds alone that no allocation keeps, as all candidates together tell.

    None where there are none, one is a ratio's, or no allocation is found with no more than these.
    """
    asked, elastic = request.problem, search.elastic
    reach = RowReach.of(asked, request.scales)
    problem = reach.within(asked)
    if problem is None or (request.is_ratio & (reach.short(asked) | reach.beyond(asked))).any():
        return None
    plan = search.solve_within(problem)
    if plan is None:
        return None
    total = search.total(plan)
    at_least = float(elastic.least_shares(reach).sum())
    return Relaxation(_changes(elastic, plan), plan.usage, total, min(at_least, total))


def _where_few_give_way(search: _Search, request: RelaxationRequest) -> Plan | None:
    """An allocation that keeps all bounds but those that give way most cheaply, or as many of the others as it can."""
    are_few = len(search.elastic.row) <= search.options.cutting_planes.prices
    if search.is_tiny or are_few:  # whose changes are as good as any
        return None
    few = few_give_way(request, search.elastic, search.options.relaxation)
    if few is None:
        return None
    kept = search.solve_within(few.problem, few.gap)
    return search.solve_within(few.all_soft, few.gap) if kept is None else kept


def _near_at_hand(search: _Search, first: Plan) -> Plan:
    """The best of a series of allocations, each with ratios measured as they are near the best one before.

    Where the next one's denominators are so far off that it is no better, those between are tried.
    """
    elastic, best = search.elastic, first
    below = elastic.denominators(first)
    for _ in range(MOST_REPEATS):
        if search.is_late:
            break
        again, _ = search.solve(elastic.problem_near(best, below), is_rough=True)
        if again is None:
            break
        total, now = search.total(again), elastic.denominators(again)
        if total < search.total(best):
            is_close = total >= search.total(best) * (1.0 - search.gap)
            best, below = again, now
        else:
            is_close = bool(np.all(np.abs(now / below - 1.0) <= search.gap))
            below = np.sqrt(now * below)
        if is_close:
            break
    return best


@dataclass(frozen=True)
class _Interval:
    """Denominators between some ends, and what is known of allocations that have such.

    Attributes
    ----------
    at_least : float
        No changes have a smaller sum.
    plan : Plan or None
        An allocation that is the best as changes are measured there.
    least, most : ndarray of float64, shape (n_bounds,)
    """

    at_least: float
    plan: Plan | None
    least: NDArray[np.float64]
    most: NDArray[np.float64]

    def parts(
        self, elastic: ElasticProblem, largest: float
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """The ends of both parts, cut at the allocation's denominator whose change is most understated.

        Both parts then measure the allocation's change of that ratio as it is. None where no change is understated.
        """
        width = self.most - self.least
        if self.plan is None:
            below = self.least + 0.5 * width
            off = np.where(elastic.is_ratio, width / self.most, -np.inf)
        else:
            below = elastic.denominators(self.plan)
            off = elastic.understated(self.plan, self.least, self.most, largest)
        if off.max() <= (LEAST_GAIN * largest if np.isfinite(largest) else 0.0):
            return []
        k = int(np.argmax(off))
        end = LEAST_PART * width[k]
        cut = float(np.clip(below[k], self.least[k] + end, self.most[k] - end))
        lower, upper = self.most.copy(), self.least.copy()
        lower[k] = upper[k] = cut
        return [(self.least, lower), (upper, self.most)]


def _by_intervals(search: _Search, root: _Interval, best: Plan) -> tuple[Plan, float]:
    """The best allocation, and what no changes are below, by branch and bound over intervals of denominators."""
    elastic, heap, number = search.elastic, [(root.at_least, 0, root)], 0
    for _ in range(search.intervals):
        enough = search.total(best) * (1.0 - search.gap)
        if heap[0][0] >= enough:
            break
        interval = heap[0][2]
        parts = interval.parts(elastic, search.total(best))
        if not parts:  # what is left is how near solves come to the best
            break
        solved = []
        for ends in parts:
            if search.is_late:
                return best, interval.at_least
            problem = elastic.problem_between(*ends, search.total(best))
            plan, bound = search.solve(problem, enough)
            if plan is not None and search.total(plan) < search.total(best):
                best = plan
            at_least = max(interval.at_least, search.least_total(bound))
            solved.append(_Interval(at_least, plan, *ends))
        heapq.heappop(heap)
        for part in solved:
            number += 1
            heapq.heappush(heap, (part.at_least, number, part))
    return best, heap[0][0]


class _Search:
    """Solves of the elastic problem, with denominators of ratios as they are given."""

    def __init__(self, request: RelaxationRequest, seed: int, clock: Clock, options: SolverOptions):
        self._engine, self._seed, self.options = request.engine, seed, options
        self._real_clock, self._work, self._has_plan = clock, request.work, False
        self.begin()
        self.elastic = ElasticProblem(request, clock)
        self.is_tiny = request.problem.candidates <= options.sizes.tiny_candidates
        self._highs_left = (
            1 + options.relaxation.exact_candidates // request.problem.candidates
            if self.is_tiny
            else 0
        )
        self._start = self.elastic.start(request.proof)
        self._solver_options = (
            _with_small_cores(options)
            if self.is_tiny
            else _with_fewer_planes(options, max(1, len(self.elastic.row)))
        )

    def begin(self) -> None:
        """Begin the work that is kept for the way out."""
        part, work = self._real_clock.of_part(), self._work
        self._clock = part if work is None else part.until(work.for_way_out())

    @property
    def is_late(self) -> bool:
        """Whether the time limit is over."""
        return self._clock.left <= 0

    def total(self, plan: Plan | None) -> float:
        """Sum of the changes that an allocation asks for; infinite without one."""
        return np.inf if plan is None else float(self.elastic.shares(plan).sum())

    def least_total(self, bound: float) -> float:
        """The sum of changes that a bound on the objective stands for."""
        return max(0.0, -bound / self.elastic.factor)

    @property
    def gap(self) -> float:
        """Asked gap of the sum of changes."""
        options = self.options.relaxation
        return options.gap if self.is_tiny else options.gap_of_many

    @property
    def intervals(self) -> int:
        """Intervals of denominators that may be cut in two."""
        options = self.options.relaxation
        return options.intervals if self.is_tiny else options.intervals_of_many

    def solve_within(self, problem: Problem, gap: float = ANY_GAP) -> Plan | None:
        """An allocation that keeps all hard limits of a problem, as far as prices and repair find one."""
        request = SolveRequest(
            problem, self._engine, gap, self._seed, self._clock, use_highs=False, options=self._solver_options
        )  # fmt: skip
        found = solve(request, PRICES_AND_REPAIR).plan
        self._has_plan = self._has_plan or found is not None
        return found

    def solve(
        self, problem: Problem, enough: float = np.inf, is_rough: bool = False
    ) -> tuple[Plan | None, float]:
        """The best allocation of an elastic problem, and the bound on its objective.

        Parameters
        ----------
        problem : Problem
        enough : float
            Sum of changes from which on a bound is as good as any: there is an allocation with hardly more.
        is_rough : bool
            Whether any allocation will do that is about as good as the best.
        """
        gap = self.options.relaxation.gap_of_many if is_rough else self.gap
        start = self._start
        if start is not None:
            none = np.zeros(len(problem.lower) - len(start.prices))
            start = WarmStart(np.append(start.prices, none))
            space = PriceSpace.for_problem(problem, np.ones(len(problem.lower)))
            start = WarmStart(stretched(Lagrangian(problem, self._engine), space, start.prices))
        request = SolveRequest(
            problem, self._engine, gap, self._seed, self._clock, start, is_start_good=True,
            use_highs=self._highs_left > 0, enough=-enough * self.elastic.factor, options=self._solver_options,
        )  # fmt: skip
        solution = solve(request)
        if solution.plan is None and not self._has_plan and self._real_clock.left > 0:
            # some way out there must be, whatever work is done
            solution = solve(replace(request, clock=self._real_clock, gap=ANY_GAP))
        if start is not None and solution.plan is not None:
            self._start = WarmStart(solution.prices[: len(self.elastic.row)])
        self._has_plan = self._has_plan or solution.plan is not None
        self._highs_left -= solution.status != "optimal" or solution.method != "dual"
        return solution.plan, -np.inf if solution.certificate is not None else solution.bound


def _with_fewer_planes(options: SolverOptions, prices: int) -> SolverOptions:
    """Options under which cutting planes for so many prices take no longer than the changes are worth."""
    planes, relaxation = options.cutting_planes, options.relaxation
    fewer = replace(
        planes,
        groups=min(planes.groups, 1 + relaxation.plane_coefficients // prices),
        passes=min(planes.passes, 1 + relaxation.plane_passes // prices),
    )
    return replace(options, cutting_planes=fewer)


def _with_small_cores(options: SolverOptions) -> SolverOptions:
    """Options under which HiGHS is given no more of what prices leave undecided than it soon decides."""
    relaxation = options.relaxation
    most, nodes = relaxation.core_candidates, relaxation.nodes
    core = replace(
        options.core,
        few_variables=most,
        many_variables=most,
        variables=most,
        nodes=nodes,
        few_nodes=nodes,
    )
    return replace(
        options,
        master=replace(options.master, candidates=0),
        core=core,
        neighbourhoods=replace(options.neighbourhoods, rounds=0),
    )


def _changes(elastic: ElasticProblem, plan: Plan) -> list[BoundChange]:
    """The bounds that an allocation violates, each as far as rounding may want it."""
    activity = elastic.activity(plan)
    activity_error = abs(elastic.rows) @ plan.usage_error.ravel()
    changes = []
    for at in np.flatnonzero(elastic.missed(plan) > 0).tolist():
        is_min = bool(elastic.is_min[at])
        rounding = 0.0 if elastic.integer[at] else ROUNDING_SHARE * abs(activity[at])
        margin = activity_error[at] + rounding
        would_do = activity[at] - margin if is_min else activity[at] + margin
        changes.append(BoundChange(int(elastic.row[at]), is_min, float(would_do)))
    return changes
