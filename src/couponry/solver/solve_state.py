"""What a solve knows so far: the best allocation, the best bound, and the search for better prices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..utils.arrays.fixed_order import dot_in_order
from ..utils.clock import Clock
from ..utils.errors import CertificateError
from ..utils.process.cached_property import cached_property
from .assertions import are_on, assert_allocation, assert_dual
from .dual.search.price_point import PricePoint
from .dual.search.price_search import PriceSearch
from .dual.warm_start import WarmStart
from .exact.feasibility_search import FeasibilitySearch
from .infeasibility.infeasible_set import InfeasibleSet
from .infeasibility.unreachable_rows import unreachable_prices
from .infeasibility.work import Work
from .options import DEFAULT_OPTIONS, SolverOptions
from .plan import Plan
from .primal.repair import MeasuredChoice, Repair
from .problem import Problem
from .work_counts import VainWork

LEAST_GAP = 2.0**-51
"""Relative gap between neighbouring float64 numbers, at most: bounds are rounded up, objectives are not."""

LEAST_SIZE = 1e-300
"""What stands for a bound of 0 where a gap is divided by it."""


@dataclass(frozen=True)
class SolveRequest:
    """What a solve is asked for.

    Attributes
    ----------
    problem : Problem
    engine : Engine
        Makes the passes over the problem's candidates.
    gap : float
        Asked relative gap between objective and bound.
    seed : int
        Breaks ties.
    clock : Clock
        Its time limit ends the solve.
    start : WarmStart, optional
        Prices to start from, where some are known.
    is_start_good : bool, default False
        Whether these may be as good as any: they are tried as they are, and nobody asks for the choice without prices.
    use_highs : bool, default True
        Whether HiGHS may be given what prices leave undecided.
    enough : float, optional
        Bound below which nobody asks for more: what is known elsewhere is better.
    options : SolverOptions, optional
    """

    problem: Problem
    engine: Engine
    gap: float
    seed: int
    clock: Clock
    start: WarmStart | None = None
    is_start_good: bool = False
    use_highs: bool = True
    enough: float = -np.inf
    options: SolverOptions = DEFAULT_OPTIONS


class SolveState:
    """The best allocation and the best bound so far; each stage of a solve improves one or the other.

    Parameters
    ----------
    request : SolveRequest

    Attributes
    ----------
    search : PriceSearch
        The search for prices, with the scales and the Lagrangian dual of the problem.
    best : Plan or None
        The best feasible allocation.
    bound : float
        No allocation is worth more; infinite before the first one is certified.
    best_prices : ndarray of float64, shape (n_rows,)
        Prices that the bound is from.
    method : str
        "dual", or "dual+milp" once HiGHS has improved or proved anything.
    customers_cut_off : int
        Customers whose search for the best choice was cut off, in the pass that the bound is from.
    start_point : PricePoint or None
        Prices that a search with more patience or under noise starts from.
    diverged : bool
        Whether the first search ended with a dual below what any allocation is worth.
    conflict_sought : bool
        Whether a proof was looked for that nothing is feasible.
    fewest_given : bool
        Whether it was tried to give everybody as few coupons as rules allow.
    fewest : Plan or None
        That allocation, where all candidates are in memory and it keeps all limits, until it is filled.
    feasibility : FeasibilitySearch or None
        The search for a first allocation, where there was one.
    certificate : InfeasibleSet or None
        That proof.
    work : Work or None
        What may be done since one was looked for.
    """

    def __init__(self, request: SolveRequest):
        self.request = request
        self.problem = request.problem
        self.engine = request.engine
        self.gap = request.gap
        self.best: Plan | None = None
        self.bound = np.inf
        self._vain_work = VainWork(request.problem, request.engine, request.clock, request.options)
        self.clock = request.clock.until(lambda: self._vain_work.is_enough)
        self.options = request.options
        with self.clock.stage("dual"):
            self.search = PriceSearch(
                request.problem,
                request.engine,
                request.gap,
                request.seed,
                self.clock,
                request.options,
                warm=request.start is not None,
            )
        self.scales = self.search.scales
        self.lagrangian = self.search.lagrangian
        self.best_prices = self.search.prices
        self.method = "dual"
        self.customers_cut_off = 0
        self.start_point: PricePoint | None = None
        self.diverged = False
        self.conflict_sought = False
        self.fewest_given = False
        self.fewest: Plan | None = None
        self.feasibility: FeasibilitySearch | None = None
        self.certificate: InfeasibleSet | None = None
        self.work: Work | None = None
        self._asserts = are_on()
        self._packing_slack = np.inf  # between the bound and the dual value as packed

    @property
    def is_tiny(self) -> bool:
        """Whether HiGHS takes the campaign as a whole."""
        return self.problem.candidates <= self.options.sizes.tiny_candidates

    @property
    def fits_in_memory(self) -> bool:
        """Whether all candidates may be looked at as they are given."""
        return self.problem.candidates <= self.options.sizes.in_memory_candidates

    @cached_property
    def unreachable_prices(self) -> NDArray[np.float64] | None:
        """Prices of the rows that all candidates together do not keep, (n_rows,): a pass where somebody asks first."""
        return unreachable_prices(self.problem, self.engine)

    @property
    def is_open(self) -> bool:
        """Whether the gap is still wider than asked, by more than what float64 tells apart."""
        return self.relative_gap > self.gap + LEAST_GAP

    @property
    def relative_gap(self) -> float:
        """The gap between the best allocation and the bound; infinite without an allocation."""
        if self.best is None:
            return np.inf
        constant = self.problem.constant
        return relative_gap(self.bound + constant, self.best.objective + constant)

    @property
    def is_exhausted(self) -> bool:
        """Whether what is left of the gap is mostly what packing takes from the bound, which no search gets back."""
        if self.best is None:
            return False
        return self.bound - self.best.objective <= 2.0 * self._packing_slack

    def certify(self, point: PricePoint) -> None:
        """Take the dual bound at these prices."""
        evaluation = point.evaluation
        prices = evaluation.prices
        if np.isinf(evaluation.bound):
            evaluation = self.lagrangian.certify(prices)
        if self._asserts:
            assert_dual(self.problem, prices, evaluation.bound)
        self._packing_slack = min(self._packing_slack, evaluation.bound - point.plain_dual)
        if evaluation.bound < self.bound:
            self.customers_cut_off = evaluation.cut_off
        self.improve_bound(evaluation.bound, prices)

    def improve_by_dual(self, bound: float, prices: NDArray[np.float64]) -> None:
        """Keep a bound that prices give by themselves if it is the best so far; see `improve_bound`."""
        if self._asserts:
            assert_dual(self.problem, prices, bound)
        self.improve_bound(bound, prices)

    def improve_bound(self, bound: float, prices: NDArray[np.float64]) -> None:
        """Keep a bound, and the prices with it, if it is the best so far.

        Raises
        ------
        CertificateError
            Where the best allocation is worth more, by more than rounding.
        """
        if bound < self.bound:
            self.bound, self.best_prices = self._checked(bound, self.best, prices), prices
            self._tell_clock()

    def offer(self, plan: Plan) -> None:
        """Keep an allocation if it is the best so far.

        Raises
        ------
        CertificateError
            Where it is worth more than the bound, by more than rounding.
        """
        if plan.feasible and (self.best is None or plan.objective > self.best.objective):
            self.bound = self._checked(self.bound, plan, self.best_prices)
            self.best = plan
            self._tell_clock()
            self.clock.say(f"objective {plan.objective:,.6g}")

    def settle_for(self, measured: MeasuredChoice) -> None:
        """Take an allocation that keeps all limits in the best one's place, though it may be worth less."""
        self.best = None
        self.offer_measured(measured)

    def _tell_clock(self) -> None:
        """Have events say how the solve stands."""
        constant = self.problem.constant
        objective = None if self.best is None else self.best.objective + constant
        self.clock.stands(self.bound + constant, objective, self.relative_gap)
        self._vain_work.note(self.relative_gap)

    def count(self, repair: Repair) -> float:
        """Count what a repair took since it was last counted, in candidates passed over."""
        work = repair.more_work(self.options.work)
        self._vain_work.count_repair(work)
        return work

    def offer_measured(self, measured: MeasuredChoice) -> None:
        """Keep an allocation of all candidates in memory if it is the best so far."""
        if self._asserts:
            assert_allocation(self.problem, measured)
        self.offer(
            Plan(
                self.engine,
                self.problem.no_prices(),
                np.arange(self.problem.customers),
                measured.chosen,
                measured.usage,
                np.zeros(measured.usage.shape),
                measured.activity,
                measured.objective,
                measured.feasible,
                measured.moves,
            )
        )

    def offer_as_given(self, plan: Plan) -> Plan:
        """Keep an allocation of few free customers, all candidates in memory, if it is the best so far.

        Returns
        -------
        Plan
            With the sums of the values as given.
        """
        measured = self.repair().measure(plan.whole_choice(), plan.moves)
        if self._asserts:
            assert_allocation(self.problem, measured)
        exact = replace(
            plan,
            usage=measured.usage,
            usage_error=np.zeros(measured.usage.shape),
            activity=measured.activity,
            objective=measured.objective,
            feasible=measured.feasible,
        )
        self.offer(exact)
        return exact

    def _checked(self, bound: float, plan: Plan | None, prices: NDArray[np.float64]) -> float:
        """A bound that is not below an allocation's objective, which is there only by rounding."""
        if plan is None or bound >= plan.objective:
            return bound
        size = self.problem.largest_usage_size(plan.usage[0])
        rounding = self.problem.objective_rounding(size)
        # limits are kept but for rounding, and the prices say what that is worth
        rounding += dot_in_order(np.abs(prices), self.problem.activity_rounding(size))
        return checked_bound(bound, plan.objective, rounding)

    def repair(self) -> Repair:
        """Repair and filling over all candidates."""
        return Repair(self.problem, self.engine, self.scales, self.options.repair)


def checked_bound(bound: float, objective: float, rounding: float) -> float:
    """Make sure that a bound and the objective of an allocation do not contradict each other.

    Parameters
    ----------
    bound : float
        What no allocation is worth more than.
    objective : float
        What an allocation is worth.
    rounding : float
        What rounding may have made of their difference.

    Returns
    -------
    float
        The bound; the objective where the bound is below it by no more than rounding.

    Raises
    ------
    CertificateError
        Where it is below it by more.
    """
    if not objective - bound <= rounding:
        raise CertificateError(
            f"an allocation is worth {objective!r}, above the bound {bound!r} on every allocation"
        )
    return max(bound, objective)


def relative_gap(bound: float, objective: float) -> float:
    """Relative distance between a bound and an objective.

    Returns
    -------
    float
        (bound - objective) / abs(bound); 0 where both are the same, infinite where there is no bound, and the largest
        number that there is beside a bound of 0, or next to it.
    """
    if bound == objective or np.isinf(bound):
        return 0.0 if bound == objective else np.inf
    with np.errstate(over="ignore"):
        gap = np.float64(bound - objective) / (abs(bound) or LEAST_SIZE)
    return float(min(gap, np.finfo(np.float64).max))
