"""Repair with those customers free to whom it matters least, all others fixed at their best choice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import FixedChoices
from ...engines.subset import positions_of
from ...utils.errors import OutOfTime
from ..dual.lagrangian import CertifiedLagrangian, Evaluation, Lagrangian
from ..dual.search.free_search import (
    FreeSearch,
    are_passes_dear,
    go_on_for_everybody,
    is_left_too_far,
    may_go_on,
    take_curvature,
)
from ..dual.search.price_point import PricePoint
from ..options import FreeCustomerOptions, RepairOptions
from ..packed import CandidatesElsewhere
from ..plan import Plan
from ..primal.exchange import ExchangeSearch
from ..primal.fixed_customers import (
    activity_error,
    fix_customers,
    fixed_usage,
    free_problem,
    likely_activity_error,
    no_free_customers,
    plan_of,
    with_earlier_choice,
)
from ..primal.free_customers import (
    LARGEST_THRESHOLD,
    CouponNeeds,
    RegretCounts,
    is_few_by_cell,
    regret_thresholds,
)
from ..primal.repair import MeasuredChoice, Repair
from ..solve_state import SolveState


def is_worth_exchanging(state: SolveState, choice: MeasuredChoice) -> bool:
    """Whether the gap stays open with an allocation that exchanges may improve."""
    return choice.feasible and state.is_open and state.clock.left > 0


def wanted(state: SolveState) -> float:
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


@dataclass(frozen=True)
class _Within:
    """Customers that were left free first: repair is among them, and all others stay fixed.

    Attributes
    ----------
    fixed : FixedChoices
        All others, and those customers.
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
        Price table at which all others were fixed.
    chosen : ndarray of uint8, shape (n_free_candidates,)
        Choice of those customers at the prices that went on for them.
    usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Of everybody at the price table.
    """

    fixed: FixedChoices
    price: NDArray[np.float32]
    chosen: NDArray[np.uint8]
    usage: NDArray[np.float64]


class FreeCustomerRepair:
    """Repair with those customers free to whom it matters least, and with more of them where that was not enough.

    Parameters
    ----------
    state : SolveState
    dual : Lagrangian
        Over the customers of whom some are left free.
    evaluation : Evaluation
        Prices at which they choose, and everybody's activity and usage.
    regrets : RegretCounts
        At about these prices.
    candidates_per_coupon : float
        Candidates wanted for each coupon that a limit needs, at first.
    within : _Within, optional
        Where some were left free before.
    """

    def __init__(
        self,
        state: SolveState,
        dual: Lagrangian,
        evaluation: Evaluation,
        regrets: RegretCounts,
        candidates_per_coupon: float,
        within: _Within | None = None,
    ):
        self._state = state
        self._dual = dual
        self._evaluation = evaluation
        self._regrets = regrets
        self._per_coupon = candidates_per_coupon
        self._within = within
        self._needs = _needs(state, evaluation, is_violated_alone=within is not None)
        self._price = dual.choice_table(evaluation.prices)
        self._reduced = state.lagrangian.reduced(evaluation.prices)
        self._may_go_on = True
        self._earlier: tuple[NDArray[np.int64], NDArray[np.uint8]] | None = None
        self._left: _Repaired | None = None  # by the try before

    @classmethod
    def at(
        cls, state: SolveState, point: PricePoint, *, is_anew: bool = False
    ) -> FreeCustomerRepair:
        """Make one at prices that a search found; is_anew: after prices had gone on for free customers."""
        problem, samples, options = point.lagrangian.problem, point.samples, state.options
        prices, free = point.evaluation.prices, options.free_customers
        is_known = state.request.start is not None and not is_anew
        goes_on = is_known and may_go_on(state.search, point.evaluation)
        regret = options.sampling.warm_regret if goes_on else options.sampling.regret
        sample = samples.for_regrets(problem, regret)
        if is_few_by_cell(sample, free):  # a smaller one says as much
            sample = samples.for_tied_prices(problem, problem.objective.shape[2])
        regrets = RegretCounts(sample, prices, state.scales, free)
        is_tied = point.lagrangian.engine is not state.engine  # its prices were found under noise
        per_coupon = free.candidates_per_tied_coupon if is_tied else free.candidates_per_coupon
        if goes_on:
            per_coupon = options.free_search.free_candidates_per_coupon
        if isinstance(problem.packed, CandidatesElsewhere) and not is_tied:
            samples.let_go()  # free customers are about to be held instead
        return cls(state, point.lagrangian, point.evaluation, regrets, per_coupon)

    def run(self) -> bool:
        """Offer an allocation after each try; whether the last one keeps all limits."""
        state, problem, free = self._state, self._state.problem, self._free_options
        if self._is_known_and_whole and is_left_too_far(state.search, self._evaluation):
            return self._is_repaired_anew(self._evaluation.prices)
        factor = np.full(len(problem.lower), self._per_coupon)
        near = no_free_customers(problem)
        for later in reversed(range(self._tries)):
            # who was free stays free, and as it was allocated
            more = regret_thresholds(self._needs, state.scales, self._regrets, factor, free)
            near = np.maximum(near, more)
            if later == 0 and self._is_little_left:
                near = np.full_like(near, LARGEST_THRESHOLD)
            if self._is_too_long(near):
                state.clock.say("too many would have to move in the time that is left")
                if state.clock.left < state.search.reserved_seconds:
                    raise OutOfTime
                return False
            repaired = self._repair(near, is_last=later == 0)
            if repaired is None:
                return False
            self._left = repaired
            broken = problem.hard & (repaired.violation > 0)
            if not broken.any():
                return True
            over, under = (
                np.where(broken, np.maximum(0.0, miss), 0.0)
                for miss in (repaired.over, repaired.under)
            )
            self._needs.raise_to(over, under)
            if self._within is not None:
                wide = state.options.repair.wide_row
                broken |= self._needs.raise_beside(over + under, state.scales, wide)
            factor[broken] *= free.more_candidates
        return False

    @property
    def _is_little_left(self) -> bool:
        """Whether so little is left by tries among few of the free customers that all of these are quick to try."""
        state, left = self._state, self._left
        if self._within is None or left is None:
            return False
        broken = np.where(state.problem.hard, left.violation, 0.0)
        most = state.options.free_search.last_try_coupons
        return float((broken * state.scales.per_coupon).sum()) <= most

    @property
    def _free_options(self) -> FreeCustomerOptions:
        """Who is left free, and for how long: single moves among few of the free customers ask for more of them."""
        options = self._state.options
        if self._within is None:
            return options.free_customers
        few = options.free_search
        return replace(
            options.free_customers, spare_candidates=few.spare_candidates, rounds=few.rounds
        )

    @property
    def _tries(self) -> int:
        """Tries, at most."""
        options = self._state.options
        if self._within is not None:
            return options.free_search.tries
        free = options.free_customers
        return free.tries_before_all if self._state.fits_in_memory else free.tries

    def _repair(self, near: NDArray[np.float32], *, is_last: bool) -> _Repaired | None:
        """One try: fix all customers but those that the thresholds single out, and repair these; None ends them."""
        fixed = self._fixed(near)
        if self._goes_on:
            return self._repaired_within(fixed)
        if self._goes_on_as_passes_are_dear:
            self._may_go_on = False
            if self._after_prices_went_on(fixed).run():
                return self._nothing_left
        if self._are_as_many_as_all(fixed):
            return None
        if self._are_tried(fixed) and not is_last:
            return self._left
        options, free = self._state.options.repair, self._free_options
        is_last &= self._within is None and not self._state.fits_in_memory
        return self._repair_free(
            fixed, options if is_last else replace(options, rounds=free.rounds)
        )

    def _fixed(self, near: NDArray[np.float32]) -> FixedChoices:
        """Fix all customers but those that the thresholds single out."""
        problem, engine = self._state.problem, self._dual.engine
        if self._within is None:
            return fix_customers(problem, engine, self._price, near)
        others = self._within.fixed
        fixed = engine.fix(self._price, near, others.free_fine)
        return fixed._replace(
            usage=others.usage + fixed.usage, fine_usage=others.fine_usage + fixed.fine_usage
        )

    @property
    def _goes_on(self) -> bool:
        """Whether prices go on for free customers before these are repaired."""
        may = self._is_known_and_whole and self._earlier is None
        return may and may_go_on(self._state.search, self._evaluation)

    @property
    def _is_whole(self) -> bool:
        """Whether these are everybody's prices, and have not gone on yet."""
        is_first = self._may_go_on and self._within is None
        return is_first and self._dual is self._state.search.whole

    @property
    def _is_known_and_whole(self) -> bool:
        """Whether these are everybody's prices, from known ones, that have not gone on yet."""
        return self._is_whole and self._state.request.start is not None

    @property
    def _goes_on_as_passes_are_dear(self) -> bool:
        """Whether they do since passes are dear, and the search ended early for that."""
        return self._is_whole and are_passes_dear(self._state.search)

    def _repaired_within(self, fixed: FixedChoices) -> _Repaired | None:
        """Let prices go on for free customers, and repair few of them; begin anew where that leaves limits violated."""
        part = self._after_prices_went_on(fixed)
        if part.run() or self._is_repaired_anew(part._evaluation.prices):
            return self._nothing_left
        return None

    @property
    def _nothing_left(self) -> _Repaired:
        nothing = np.zeros(len(self._state.problem.lower))
        return _Repaired(nothing, nothing)

    def _after_prices_went_on(self, fixed: FixedChoices) -> FreeCustomerRepair:
        """Let prices go on for free customers; repair is among few of them then."""
        state, problem = self._state, self._state.problem
        usage = fixed_usage(problem, fixed)
        regrets, prices = self._regrets, self._evaluation.prices
        take_curvature(state.search, regrets.sample, prices, regrets.found)
        activity, everybody = problem.rows @ usage.ravel(), self._evaluation
        is_same = isinstance(self._dual, CertifiedLagrangian)  # what it evaluates it fixes
        search = FreeSearch(state.search, fixed, activity, everybody, is_of_fixed=is_same)
        found = search.descend(prices)
        chosen, _ = search.dual.choose(found.prices)
        evaluation = replace(
            found, activity=search.activity + found.activity, usage=usage + found.usage
        )
        per_coupon = state.options.free_search.candidates_per_coupon
        within = _Within(fixed, self._price, chosen, self._evaluation.usage)
        return FreeCustomerRepair(state, search.dual, evaluation, self._regrets, per_coupon, within)

    def _is_repaired_anew(self, prices: NDArray[np.float64]) -> bool:
        """Let everybody's prices go on, as they do without a start, and repair there; whether that keeps all limits.

        Repair of all who were free may take several times as long as a solve without a start.
        """
        state = self._state
        state.clock.say("few of the free customers were not enough")
        point = go_on_for_everybody(state.search, prices)
        state.certify(point)
        anew = FreeCustomerRepair.at(state, point, is_anew=True)
        anew._may_go_on = False
        return anew.run()

    def _repair_free(self, fixed: FixedChoices, options: RepairOptions) -> _Repaired:
        """Repair and fill free customers' choice, and exchange among them where the gap stays open."""
        state, problem = self._state, self._state.problem
        chosen = fixed.free_choice
        if self._earlier is not None:
            chosen = with_earlier_choice(fixed, *self._earlier)
        usage = fixed_usage(problem, fixed)
        activity = problem.rows @ usage.ravel()
        part = free_problem(problem, state.scales, fixed, activity, state.options.free_customers)
        fixed = fixed._replace(free_fine=part.fine)  # nobody asks for it any more
        state.clock.say(f"{len(fixed.free):,} customers are free")
        repair = Repair(part, fixed.engine, state.scales, options, activity)
        worth = float((problem.objective * usage).sum())
        filling, is_warm = state.options.free_customers, state.request.start is not None
        gaps = filling.warm_filled_gaps if is_warm else filling.filled_gaps
        unfilled = gaps * state.gap * abs(state.bound)
        enough = state.bound - unfilled - worth
        found = repair.repair_and_fill(chosen, self._reduced, state.clock.check, enough)
        plan = self._offered(fixed, usage, activity, found)
        if is_worth_exchanging(state, found):
            at, how = self._evaluation.prices, state.options.exchanges
            search = ExchangeSearch(part, fixed.engine, repair, at, how)
            found = search.improve(found, wanted(state) - plan.objective, state.clock.check)
            self._offered(fixed, usage, activity, found)
        state.count(repair)
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
        problem, engine, price = self._state.problem, self._dual.engine, self._price
        at_price = self._evaluation.usage
        if self._within is not None:  # who was left free first is listed, with these among them
            others, chosen = self._within.fixed, self._within.chosen.copy()
            chosen[positions_of(others.engine.shard.indptr, fixed.free)] = found.chosen
            found = replace(found, chosen=chosen)
            fixed, engine, price = others, self._state.engine, self._within.price
            at_price = self._within.usage
        plan = plan_of(problem, engine, price, fixed, usage, activity, found)
        plan = replace(plan, usage_at_price=at_price)
        if self._within is not None and not plan.feasible:
            return plan  # more of those who were left free are next
        if self._state.fits_in_memory:
            return self._state.offer_as_given(plan)
        self._state.offer(plan)
        return plan

    def _are_tried(self, fixed: FixedChoices) -> bool:
        """Whether these are the customers of the try before, of those who were left free first."""
        if self._within is None or self._earlier is None:
            return False
        return np.array_equal(fixed.free, self._earlier[0])

    def _are_as_many_as_all(self, fixed: FixedChoices) -> bool:
        """Whether all may be free as well, and repair of all takes about as long."""
        state = self._state
        most = state.options.free_customers.most_share_before_all * state.problem.candidates
        return state.fits_in_memory and fixed.engine.candidates > most

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


def _needs(state: SolveState, evaluation: Evaluation, *, is_violated_alone: bool) -> CouponNeeds:
    """What the limits need to be met, packing's error included; or what those that are violated need."""
    problem, coupons, prices = state.problem, evaluation.usage[0], evaluation.prices
    if is_violated_alone:  # what is left of others is the less, the nearer prices came
        prices = np.zeros(len(prices))
    error = activity_error(problem, coupons)
    unsure = likely_activity_error(problem, coupons, state.options.free_customers)
    return CouponNeeds(problem, prices, evaluation.activity, state.scales.per_coupon, error, unsure)
