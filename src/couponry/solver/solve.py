"""The solve: dual prices, a repaired allocation, the certificate, and the exact core where the gap asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..utils.clock import Clock
from ..utils.errors import OutOfTime
from .conflict import InfeasibleSet, find_infeasible_set
from .dual.lagrangian import Evaluation, Lagrangian, as_float32
from .dual.price_search import Found, PriceSearch
from .dual.sampling import Samples
from .dual.warm_start import Start
from .exact.core_milp import Core, CoreLimits, solve_core
from .exact.neighbourhood_search import NeighbourhoodSearch, PricedChoice
from .exact.restricted_master import RestrictedMaster, is_worth_a_master
from .highs_prover import HighsProver
from .options import DEFAULT_OPTIONS, SolverOptions
from .plan import Plan
from .price_prover import PriceProver
from .primal.fixed_customers import (
    fix_customers,
    fixed_usage,
    free_problem,
    likely_activity_error,
    no_free_customers,
    usage_error,
    with_earlier_choice,
)
from .primal.free_customers import CouponNeeds, RegretCounts, regret_thresholds
from .primal.repair import MeasuredChoice, Repair
from .problem import Problem

# repair
WHOLE = 4_000_000  # candidates up to which everybody may move
FACTOR = 2.0  # candidates near enough to move for each coupon that must ...
MORE = 8.0  # ... more of them for the limits that stay broken
TRIES = 4
MOVED_A_SECOND = 1e6  # candidates of movers that are gathered, repaired and filled in it, about
# of the asked gap: an allocation of many that is as good as that is not filled any more
FILLED = 0.5

# the exact core
SMALL_CANDIDATES = 20_000  # up to here HiGHS is asked as soon as the gap stays open once
CORE_CANDIDATES = 2_000_000  # beyond, it is never asked
CORE_VARIABLES = 60_000  # undecided candidates that it is given at most
FEW_VARIABLES = (
    1_000  # of these up to which it is left to search at once; more are first solved at the root
)
ROOT = 1  # nodes that are looked at there
CLOSE = 5.0  # a gap at most this many times the asked one is close ...
MANY_VARIABLES = 20_000  # from here on a node takes long ...
FEW_NODES = 500  # ... and HiGHS then looks at so many nodes only


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    status: optimal (within the asked gap), feasible (stopped earlier), infeasible (proved), unsolved (stopped with
    no feasible allocation). plan: the allocation, or None. prices: (L), signed. bound: no allocation is worth
    more. method: dual, or dual+milp where the exact core improved or proved the result. nit: dual evaluations.
    cut_off: customers whose search for the best choice was cut off, in the pass that the bound is from.
    """

    status: str
    message: str
    plan: Plan | None
    prices: NDArray[np.float64]
    bound: float
    method: str
    nit: int
    cut_off: int = 0
    certificate: InfeasibleSet | None = None


def relative_gap(bound: float, objective: float) -> float:
    """(bound - objective) / abs(bound), 0 where both are 0, infinite where there is no bound."""
    if bound == objective or np.isinf(bound):
        return 0.0 if bound == objective else np.inf
    return (bound - objective) / max(abs(bound), 1e-300)


def solve(
    problem: Problem,
    engine: Engine,
    gap: float,
    seed: int,
    clock: Clock,
    start: Start | None = None,
    *,
    core: bool = True,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Solution:
    """Solve a problem over an engine to a relative gap, or as far as the clock allows.

    start: prices to start from, where some are known. core: whether HiGHS may be given what prices leave undecided.
    """
    return _Solve(problem, engine, gap, seed, clock, start, core, options).run()


class _Solve:
    """One solve's state: the best allocation and bound so far, and the search for prices."""

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        gap: float,
        seed: int,
        clock: Clock,
        start: Start | None,
        core: bool = True,
        options: SolverOptions = DEFAULT_OPTIONS,
    ):
        self.core = core
        self.options = options
        self.problem = problem
        self.engine = engine
        self.gap = gap
        self.seed = seed
        self.clock = clock
        self.start = start
        with clock.stage("dual"):
            self.search = PriceSearch(problem, engine, gap, seed, clock, started=start is not None)
        self.scales = self.search.scales
        self.lagrangian = self.search.lagrangian
        self.best: Plan | None = None
        self.bound = np.inf
        self.best_prices = self.search.prices
        self.method = "dual"
        self.slack = np.inf  # between the bound and the dual value as packed
        self.cut_off = 0

    def run(self) -> Solution:
        certificate = None
        try:
            if not self._unlimited():
                certificate = self._limited()
        except OutOfTime:
            pass
        return self._solution(certificate)

    @property
    def small(self) -> bool:
        """Whether everybody may move, which takes everything in memory."""
        return self.problem.candidates <= WHOLE

    # ---- stages

    def _unlimited(self) -> bool:
        """The best choice of everybody, without prices; whether it keeps every limit."""
        if self.start is not None and not self.small:
            return False
        with self.clock.stage("dual"):
            free = self.search.free()
            if free is None:
                return False
            self._certify(free)
        if self.search.off(free.now) <= 1:
            self._round(free)
        return not self._open()

    def _limited(self) -> InfeasibleSet | None:
        """Everything after the choice without prices; a certificate where nothing is feasible."""
        search, tiny = self.search, self.problem.candidates <= SMALL_CANDIDATES
        with self.clock.stage("dual"):
            found = search.first(self.start)
            self._certify(found)
        self._round(found)
        certificate = self._conflict() if search.diverged else None
        looked = search.diverged
        if (
            self.best is None
            and not looked
            and (tiny or is_worth_a_master(self.problem, self.options.master))
        ):
            certificate, looked = self._conflict(), True
        undecided = certificate is None and not search.diverged
        few = search.few_prices and not tiny
        if self._open() and undecided and few:
            self._to_the_end()
        if self._open() and undecided and is_worth_a_master(self.problem, self.options.master):
            self._master()
        if self._open() and certificate is None and tiny:
            certificate = self._exact_core()
        if self._open() and certificate is None and not search.diverged:
            self._closer(found)
            if self.best is None and not looked:
                certificate = self._conflict()
        if self._open() and certificate is None and not tiny:
            certificate = self._exact_core()
        return certificate

    def _master(self) -> None:
        """Prices and allocations by customers' bundles, where HiGHS chooses among the attractive ones."""
        with self.clock.stage("bundles"):
            repair = Repair(self.problem, self.engine, self.scales, self.options.repair)
            master = RestrictedMaster(
                self.lagrangian,
                repair,
                self.search.space,
                self.scales.per_coupon,
                self.search.worth,
                self.best_prices,
                self.options,
            )
            master.improve_prices(self.gap, self.clock)
            self._bound(master.dual, master.prices)
            reduced = self.lagrangian.reduced(master.prices)
            for tried in master.allocations(self.gap, self.clock):
                if tried.chosen is not None:
                    self.method = "dual+milp"
                    self._offer(self._plan(repair.measure(tried.chosen)))
                    again = repair.repair_and_fill(tried.chosen, reduced, lambda: None)
                    self._offer(self._plan(again))
                if self.best is not None:
                    self._bound(max(tried.bound, self.best.objective), master.prices)
                if not self._open():
                    return

    def _to_the_end(self) -> None:
        """The least dual of a campaign with few prices."""
        with self.clock.stage("dual"):
            found = self.search.to_the_end()
            self._certify(found)
        self._round(found)

    def _closer(self, found: Found) -> None:
        """Again with more patience, and where that does not help, with noise against ties."""
        search = self.search
        if not search.is_far(
            found.now
        ):  # far off, many ties: a closer look at the same kink would not help
            with self.clock.stage("dual"):
                found = search.closer()
                self._certify(found)
            self._round(found)
        if not self._open() or self._exhausted():
            return
        for noisy in search.without_ties(found):
            with self.clock.stage("dual"):
                self._certify(noisy)
            self._round(noisy)
            if not self._open() or self._exhausted():
                return

    def _conflict(self) -> InfeasibleSet | None:
        """A proof by prices that nothing is feasible, if there is one."""
        with self.clock.stage("infeasibility"):
            problem, engine, clock = self.problem, self.engine, self.clock
            prover = PriceProver(
                problem, engine, self.scales, self.search.worth, clock, self.options
            )
            small = problem.candidates <= self.options.sizes.tiny_candidates
            nodes = self.options.conflict.range_nodes
            second = HighsProver(problem, engine, clock, self.options, nodes) if small else None
            return find_infeasible_set(problem, prover, second)

    def _certify(self, found: Found) -> None:
        """The dual bound at these prices."""
        prices = found.now.prices
        now = found.now
        if np.isinf(now.bound):
            now = self.lagrangian.certify(prices)
        self.slack = min(self.slack, now.bound - found.plain)
        if now.bound < self.bound:
            self.cut_off = now.cut_off
        self._bound(now.bound, prices)

    def _exhausted(self) -> bool:
        """Whether what is left of the gap is mostly what packing takes from the bound, which no search gets back."""
        return self.best is not None and self.bound - self.best.objective <= 2.0 * self.slack

    def _bound(self, bound: float, prices: NDArray[np.float64]) -> None:
        """Keep a bound, and the prices with it, if it is the best so far."""
        if bound < self.bound:
            self.bound, self.best_prices = bound, prices

    def _round(self, found: Found) -> None:
        """An allocation from everybody's best choice under a dual, and the bound in float64 where it is needed."""
        with self.clock.stage("rounding"):
            prices = found.now.prices
            if self.search.is_far(found.now) and self.clock.left > self.search.reserve:
                self.clock.say("too far off the limits to be repaired")
                return
            if not self.small:
                self._round_movers(found.lagrangian, found.now, found.samples)
                return
            chosen, _ = found.lagrangian.choose(prices)
            reduced = self.lagrangian.reduced(prices)
            repair = Repair(self.problem, self.engine, self.scales, self.options.repair)
            self._offer(self._plan(repair.repair_and_fill(chosen, reduced, self.clock.check)))
            if self._open() and self.problem.candidates <= CORE_CANDIDATES:
                _, inner = repair.exact_choice(chosen, reduced)
                self._bound(inner + self.lagrangian.support(prices), prices)

    def _round_movers(self, lagrangian: Lagrangian, now: Evaluation, samples: Samples) -> None:
        """An allocation in which those move to whom it matters least; more of them where that was not enough."""
        problem = self.problem
        options = self.options.free_customers
        off = abs(problem.rows) @ usage_error(problem, now.usage[0]).ravel()
        unsure = likely_activity_error(problem, now.usage[0], options)
        needs = CouponNeeds(problem, now.prices, now.activity, self.scales.per_coupon, off, unsure)
        regrets = RegretCounts(
            samples.for_regrets(lagrangian.problem), now.prices, self.scales, options
        )
        price = as_float32(lagrangian.price_table(lagrangian.reduced(now.prices)))
        reduced = self.lagrangian.reduced(now.prices)
        factor = np.full(len(problem.lower), FACTOR)
        near, moved = no_free_customers(problem), None
        for _ in range(TRIES):
            # who was a mover stays one, as what it was given
            more = regret_thresholds(needs, self.scales, regrets, factor, options)
            near = np.maximum(near, more)
            if self._too_many(regrets.sample, now.prices, near):
                self.clock.say("too many would have to move in the time that is left")
                if self.clock.left < self.search.reserve:
                    raise OutOfTime
                return
            fixed = fix_customers(problem, lagrangian.engine, price, near)
            chosen = fixed.free_choice if moved is None else with_earlier_choice(fixed, *moved)
            usage = fixed_usage(problem, fixed)
            activity = problem.rows @ usage.ravel()
            part = free_problem(problem, self.scales, fixed, activity, options)
            self.clock.say(f"{len(fixed.free):,} customers may move")
            repair = Repair(part, fixed.engine, self.scales, self.options.repair, activity)
            worth = float((problem.objective * usage).sum())
            enough = self.bound - FILLED * self.gap * abs(self.bound) - worth
            found = repair.repair_and_fill(chosen, reduced, self.clock.check, enough)
            moved = fixed.free, found.chosen
            error = usage_error(problem, usage[0] + found.usage[0])
            # what the penalties may be off is in the movers' already, by their bounds
            worth -= float((np.abs(problem.objective) * error).sum())
            self._offer(
                Plan(
                    lagrangian.engine,
                    price,
                    fixed.free,
                    found.chosen,
                    usage + found.usage,
                    error,
                    activity + found.activity,
                    worth + found.objective,
                    found.feasible,
                    found.moves,
                )
            )
            broken = problem.hard & (part.missed(found.activity) > 0)
            if not broken.any():
                return
            factor[broken] *= MORE
            over, under = found.activity - part.upper, part.lower - found.activity
            needs.raise_to(
                *(np.where(broken, np.maximum(0.0, miss), 0.0) for miss in (over, under))
            )

    def _too_many(
        self, sample: Lagrangian, prices: NDArray[np.float64], near: NDArray[np.float32]
    ) -> bool:
        """Whether a time limit leaves too little to move all whom these thresholds single out, as a sample has them."""
        if np.isinf(self.clock.left):
            return False
        price = as_float32(sample.price_table(sample.reduced(prices)))
        nothing = np.empty((0, sample.engine.candidates), np.uint8)
        movers = sample.engine.fix(price, near, nothing).engine.candidates
        share = movers / max(1, sample.engine.candidates)
        return share * self.problem.candidates > MOVED_A_SECOND * self.clock.left

    def _plan(self, rounded: MeasuredChoice) -> Plan:
        """A plan in which everybody is listed."""
        return Plan(
            self.engine,
            np.zeros(self.problem.objective.shape, np.float32),
            np.arange(self.problem.customers),
            rounded.chosen,
            rounded.usage,
            np.zeros(rounded.usage.shape),
            rounded.activity,
            rounded.objective,
            rounded.feasible,
            rounded.moves,
        )

    def _offer(self, found: Plan) -> None:
        """Keep an allocation if it is the best so far."""
        if found.feasible and (self.best is None or found.objective > self.best.objective):
            self.best = found
            self.clock.say(
                f"objective {found.objective:,.6g}, gap {relative_gap(self.bound, found.objective):.2e}"
            )

    def _open(self) -> bool:
        return self.best is None or relative_gap(self.bound, self.best.objective) > self.gap

    def _exact_core(self) -> InfeasibleSet | None:
        """Give HiGHS what the prices leave undecided; a certificate where it proves that nothing is feasible."""
        problem = self.problem
        if problem.candidates > CORE_CANDIDATES or not self.core:
            return None
        with self.clock.stage("milp"):
            repair = Repair(problem, self.engine, self.scales, self.options.repair)
            reduced = self.lagrangian.reduced(self.best_prices)
            chosen, _ = self.lagrangian.choose(self.best_prices)
            chosen, free = self._undecided(repair, chosen, reduced)
            many, impossible = int(free.sum()), False
            if FEW_VARIABLES < many <= MANY_VARIABLES:
                impossible = self._core(repair, chosen, free, reduced, ROOT)
            if many > FEW_VARIABLES and self._open() and not impossible:
                self._neighbourhoods(repair, chosen, reduced)
                chosen, free = self._undecided(repair, chosen, reduced)
            if self._open() and not impossible:
                few = self._close() or int(free.sum()) > MANY_VARIABLES
                nodes = FEW_NODES if few else self.options.core.nodes
                impossible = self._core(repair, chosen, free, reduced, nodes)
        if impossible and self.best is None:
            with self.clock.stage("infeasibility"):
                prover = HighsProver(problem, self.engine, self.clock, self.options)
                return find_infeasible_set(problem, prover)
        return None

    def _core(
        self,
        repair: Repair,
        chosen: NDArray[np.uint8],
        free: NDArray[np.bool_],
        reduced: NDArray[np.float64],
        nodes: int,
    ) -> bool:
        """What HiGHS makes of the candidates left open in so many nodes; whether it proves that nothing is feasible."""
        problem = self.problem
        whole = int(free.sum()) <= CORE_VARIABLES
        if not whole:
            regret = self.engine.regret(problem.exact, reduced, chosen)
            free = regret <= np.partition(regret, CORE_VARIABLES)[CORE_VARIABLES]
        self.clock.say(f"{int(free.sum()):,} undecided candidates of {len(free):,}")
        expected = self.search.unlimited if self.best is None else self.best.objective
        tolerance = self.gap / 2 * abs(expected)
        limits = CoreLimits(tolerance, expected, self.clock.left, nodes)
        core = solve_core(Core(problem, chosen, free, chosen), limits, self.options.core)
        if core.chosen is not None:
            self.method = "dual+milp"
            self._offer(self._plan(repair.measure(core.chosen)))
            again = repair.repair_and_fill(core.chosen, reduced, lambda: None)
            self._offer(self._plan(again))
        if whole and self.best is not None and np.isfinite(core.bound):
            proved = max(core.bound, self.best.objective)
            if proved < self.bound:
                self.bound, self.method = proved, "dual+milp"
        return whole and core.infeasible

    def _neighbourhoods(
        self, repair: Repair, ideal: NDArray[np.uint8], reduced: NDArray[np.float64]
    ) -> None:
        """The best allocation made better where prices are least sure, a part of it at a time."""
        regret = self.engine.regret(self.problem.exact, reduced, ideal)
        gap = self.gap * abs(self.bound)
        near = NeighbourhoodSearch(
            repair, PricedChoice(ideal, reduced, regret), gap, self.seed, self.clock, self.options
        )
        while self._open() and not near.is_over:
            best = self.best
            found = near.improve(
                None if best is None else best.everybody(),
                self.search.unlimited if best is None else best.objective,
            )
            if found is not None:
                self.method = "dual+milp"
                self._offer(self._plan(found))

    def _close(self) -> bool:
        """Whether the best allocation is good enough not to search long for a better one."""
        if self.best is None:
            return False
        return relative_gap(self.bound, self.best.objective) <= CLOSE * self.gap

    def _undecided(
        self, repair: Repair, chosen: NDArray[np.uint8], reduced: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Everybody's exact choice at the best prices, and the candidates that dual and best allocation leave open.

        Choice, dual and regrets are all of the same prices and in float64, so that what is settled is settled.
        """
        chosen, inner = repair.exact_choice(chosen, reduced)
        if self.best is None:
            return chosen, np.ones(self.problem.candidates, bool)
        dual = inner + self.lagrangian.support(self.best_prices)
        rounding_error = 1e-9 * (abs(dual) + abs(inner) + abs(self.best.objective))
        regret = self.engine.regret(self.problem.exact, reduced, chosen)
        return chosen, regret <= dual - self.best.objective + rounding_error

    # ---- result

    def _solution(self, certificate: InfeasibleSet | None) -> Solution:
        plan, bound = self.best, float(self.bound)
        if plan is not None:
            status = "optimal" if not self._open() else "feasible"
            reached = relative_gap(bound, plan.objective)
            message = f"gap {reached:.2e}, asked {self.gap:.2e}"
        elif certificate is not None:
            status, message = "infeasible", certificate.message
        else:
            status, message = (
                "unsolved",
                "stopped with no feasible allocation, and none proved impossible",
            )
        return Solution(
            status,
            message,
            plan,
            self.best_prices,
            bound,
            self.method,
            self.search.evaluations,
            self.cut_off,
            certificate,
        )
