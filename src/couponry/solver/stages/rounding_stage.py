"""From everybody's best choice at prices to an allocation that keeps all limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import FixedChoices
from ...utils.errors import OutOfTime
from ..dual.lagrangian import Evaluation
from ..dual.search.price_point import PricePoint
from ..plan import Plan
from ..primal.exact_dual import exact_dual
from ..primal.exchange import ExchangeSearch
from ..primal.fixed_customers import (
    fix_customers,
    fixed_usage,
    free_problem,
    likely_activity_error,
    no_free_customers,
    plan_of,
    usage_error,
    with_earlier_choice,
)
from ..primal.free_customers import (
    CouponNeeds,
    RegretCounts,
    is_few_by_cell,
    regret_thresholds,
)
from ..primal.repair import MeasuredChoice, Repair
from ..solve_state import SolveState


def round_to_integers(state: SolveState, point: PricePoint) -> None:
    """Repair and fill everybody's best choice, and take the bound in float64 where that may help.

    In campaigns too large to hold only some customers are left free for repair. A choice that is too far off the
    limits is left alone while there is time to look for better prices, and any where the time is up and there is an
    allocation.
    """
    if state.best is not None and state.clock.left <= 0:
        return
    with state.clock.stage("rounding"):
        search = state.search
        if search.is_far(point.evaluation) and state.clock.left > search.reserved_seconds:
            state.clock.say("too far off the limits to be repaired")
        elif state.fits_in_memory:
            _round_everybody(state, point)
        else:
            _FreeCustomerRepair(state, point).run()


def _round_everybody(state: SolveState, point: PricePoint) -> None:
    """Repair with every customer free."""
    prices = point.evaluation.prices
    chosen, _ = point.lagrangian.choose(prices)
    reduced = state.lagrangian.reduced(prices)
    repair = state.repair()
    try:
        repaired = repair.repair_and_fill(chosen, reduced, state.clock.check)
        state.offer_measured(repaired)
    finally:
        state.clock.counted.candidates += repair.work(state.options.work)
    is_worth_it = state.is_open and state.clock.left > 0
    if is_worth_it and state.problem.candidates <= state.options.core.candidates:
        state.improve_by_dual(exact_dual(repair, state.lagrangian, chosen, prices).bound, prices)
    if _is_worth_exchanging(state, repaired):
        search = ExchangeSearch(
            state.problem, state.engine, repair, prices, state.options.exchanges
        )
        missing = _wanted(state) - repaired.objective
        state.offer_measured(search.improve(repaired, missing, state.clock.check))


def _is_worth_exchanging(state: SolveState, choice: MeasuredChoice) -> bool:
    """Whether the gap stays open with an allocation that exchanges may improve."""
    return choice.feasible and state.is_open and state.clock.left > 0


def _wanted(state: SolveState) -> float:
    """The objective from which on nothing more is filled or exchanged."""
    return state.bound - state.options.free_customers.filled_gaps * state.gap * abs(state.bound)


@dataclass(frozen=True)
class _Repaired:
    """By how much each row is still over and under its bounds after a try with a few customers free, (n_rows,)."""

    over: NDArray[np.float64]
    under: NDArray[np.float64]

    @property
    def violation(self) -> NDArray[np.float64]:
        return np.maximum(0.0, np.maximum(self.under, self.over))


class _FreeCustomerRepair:
    """Repair with those customers free to whom it matters least, and with more of them where that was not enough."""

    def __init__(self, state: SolveState, point: PricePoint):
        self._state = state
        self._lagrangian = point.lagrangian
        self._evaluation = point.evaluation
        self._needs = _needs(state, point.evaluation)
        problem, samples = point.lagrangian.problem, point.samples
        sample = samples.for_regrets(problem)
        if is_few_by_cell(sample, state.options.free_customers):  # a smaller one says as much
            sample = samples.for_tied_prices(problem, problem.objective.shape[2])
        self._regrets = RegretCounts(
            sample, point.evaluation.prices, state.scales, state.options.free_customers
        )
        self._price = point.lagrangian.choice_table(point.evaluation.prices)
        self._reduced = state.lagrangian.reduced(point.evaluation.prices)
        self._earlier: tuple[NDArray[np.int64], NDArray[np.uint8]] | None = None

    def run(self) -> None:
        """Offer an allocation after each try."""
        state, problem, options = self._state, self._state.problem, self._state.options
        is_tied = self._lagrangian is not state.search.whole  # its prices were found under noise
        free = options.free_customers
        per_coupon = free.candidates_per_tied_coupon if is_tied else free.candidates_per_coupon
        factor = np.full(len(problem.lower), per_coupon)
        near = no_free_customers(problem)
        for _ in range(options.free_customers.tries):
            # who was free stays free, and as it was allocated
            more = regret_thresholds(
                self._needs, state.scales, self._regrets, factor, options.free_customers
            )
            near = np.maximum(near, more)
            if self._is_too_long(near):
                state.clock.say("too many would have to move in the time that is left")
                if state.clock.left < state.search.reserved_seconds:
                    raise OutOfTime
                return
            repaired = self._repair(near)
            broken = problem.hard & (repaired.violation > 0)
            if not broken.any():
                return
            factor[broken] *= options.free_customers.more_candidates
            over, under = (
                np.where(broken, np.maximum(0.0, miss), 0.0)
                for miss in (repaired.over, repaired.under)
            )
            self._needs.raise_to(over, under)

    def _repair(self, near: NDArray[np.float32]) -> _Repaired:
        """One try: fix all customers but those that the thresholds single out, and repair these."""
        state, problem = self._state, self._state.problem
        fixed = fix_customers(problem, self._lagrangian.engine, self._price, near)
        chosen = fixed.free_choice
        if self._earlier is not None:
            chosen = with_earlier_choice(fixed, *self._earlier)
        usage = fixed_usage(problem, fixed)
        activity = problem.rows @ usage.ravel()
        part = free_problem(problem, state.scales, fixed, activity, state.options.free_customers)
        fixed = fixed._replace(free_fine=part.fine)  # nobody asks for it any more
        state.clock.say(f"{len(fixed.free):,} customers are free")
        repair = Repair(part, fixed.engine, state.scales, state.options.repair, activity)
        worth = float((problem.objective * usage).sum())
        options, is_warm = state.options.free_customers, state.request.start is not None
        gaps = options.warm_filled_gaps if is_warm else options.filled_gaps
        unfilled = gaps * state.gap * abs(state.bound)
        enough = state.bound - unfilled - worth
        found = repair.repair_and_fill(chosen, self._reduced, state.clock.check, enough)
        plan = self._offered(fixed, usage, activity, found)
        if _is_worth_exchanging(state, found):
            prices = self._evaluation.prices
            search = ExchangeSearch(part, fixed.engine, repair, prices, state.options.exchanges)
            missing = _wanted(state) - plan.objective
            found = search.improve(found, missing, state.clock.check)
            self._offered(fixed, usage, activity, found)
        self._earlier = fixed.free, found.chosen
        return _Repaired(found.activity - part.upper, part.lower - found.activity)

    def _offered(
        self,
        fixed: FixedChoices,
        usage: NDArray[np.float64],
        activity: NDArray[np.float64],
        found: MeasuredChoice,
    ) -> Plan:
        """Offer fixed customers' choice with the one that was found for free ones."""
        problem, engine = self._state.problem, self._lagrangian.engine
        plan = plan_of(problem, engine, self._price, fixed, usage, activity, found)
        self._state.offer(plan)
        return plan

    def _is_too_long(self, near: NDArray[np.float32]) -> bool:
        """Whether a time limit leaves too little to repair all who are left free, as a sample tells."""
        clock, sample = self._state.clock, self._regrets.sample
        if np.isinf(clock.left):
            return False
        price = sample.choice_table(self._evaluation.prices)
        nothing = np.empty((0, sample.engine.candidates), np.uint8)
        free = sample.engine.fix(price, near, nothing).engine.candidates
        share = free / max(1, sample.engine.candidates)
        speed = self._state.options.free_customers.repaired_per_second
        return share * self._state.problem.candidates > speed * clock.left


def _needs(state: SolveState, evaluation: Evaluation) -> CouponNeeds:
    """What the limits need to be met, packing's error included."""
    problem, coupons = state.problem, evaluation.usage[0]
    error = abs(problem.rows) @ usage_error(problem, coupons).ravel()
    unsure = likely_activity_error(problem, coupons, state.options.free_customers)
    return CouponNeeds(
        problem, evaluation.prices, evaluation.activity, state.scales.per_coupon, error, unsure
    )
