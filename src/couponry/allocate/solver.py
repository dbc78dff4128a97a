"""The solve: dual prices, a repaired allocation, the certificate, and the exact core where the gap asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..errors import OutOfTime
from .clock import Clock
from .core import NODES, most_coupons, solve_core
from .dual import PriceSpace, minimise
from .infeasible import Certificate, ExactProver, PriceProver, find_conflict
from .lagrangian import Evaluation, Lagrangian, as_float32
from .movers import Needs, thresholds
from .newton import Newton
from .plan import Plan
from .problem import Problem
from .rounding import Rounded, Rounding
from .sampling import CLOSE_LOOK, Samples
from .scales import Scales
from .settling import part_of, settle, settled_usage, usage_error
from .smoothing import Smoothing

# the dual: samples of customers first
# over the smallest sample, or over everybody where there is none; fewer where that is many candidates
QUASI_NEWTON_PASSES, FEWER_PASSES = 100, 20
NEWTON_STEPS = 16  # on each sample and on everybody, at most
DEAREST = 20.0  # price of a typical coupon's weight, in typical worths, that a sample may ask
TOLERANCE = 5e-3  # share of the asked gap that an iteration must gain for the dual to go on
# from here on the dual is smooth enough for Newton's method
NEWTON_CANDIDATES, NEWTON_CUSTOMERS = 1 << 17, 5_000
STUCK_SHARE = 0.1  # of all coupons: a choice this far from the limits after quasi-Newton steps is full of ties
# noise against ties, as shares of a typical coupon's worth
AMPLITUDES = (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4)
BLUR = 0.5  # asked gaps that noise may add to the dual for its prices to be worth rounding
# share of the asked gap that an iteration must gain while there is more noise than that
BLURRED_TOLERANCE = 0.03

# repair
WHOLE = 4_000_000  # candidates up to which everybody may move
FACTOR = 3.0  # candidates near enough to move for each coupon that must ...
MORE = 8.0  # ... more of them for the limits that stay broken
TRIES = 4
# a choice is near enough to the limits to be repaired, rather than to be brought nearer by another step, where each
# coupon off takes less time to move than a pass takes for so many pairs of a chosen and another candidate
PAIRS = 500.0
# of all coupons: near at most; and enough in a sample, to take its prices to the next one
NEAR_SHARE = 1e-3
NEAR_SHARE_WITH_NOISE = 1e-2
# a choice this far from the limits, in coupons and as a share of all, is not repaired
FAR_COUPONS = 500
FAR_SHARE = 0.03

# the exact core
SMALL_CANDIDATES = 20_000  # up to here HiGHS is asked as soon as the gap stays open once
CORE_CANDIDATES = 2_000_000  # beyond, it is never asked
CORE_VARIABLES = 60_000  # undecided candidates that it is given at most
CORE_SECONDS = 300.0  # that it is given at most
CLOSE = 5.0  # a gap at most this many times the asked one is close ...
FEW_NODES = 500  # ... and HiGHS then looks at so many nodes only


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    status: optimal (within the asked gap), feasible (stopped earlier), infeasible (proved), unsolved (stopped with
    no feasible allocation). plan: the allocation, or None. prices: (L), signed. bound: no allocation is worth
    more. method: dual, or dual+milp where the exact core improved or proved the result. nit: dual evaluations.
    """

    status: str
    message: str
    plan: Plan | None
    prices: NDArray[np.float64]
    bound: float
    method: str
    nit: int
    certificate: Certificate | None = None


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
    start: NDArray[np.float64] | None = None,
) -> Solution:
    """Solve a problem over an engine to a relative gap, or as far as the clock allows.

    start: prices (L) to start from, signed, where some are known.
    """
    return _Solve(problem, engine, gap, seed, clock, start).run()


class _Solve:
    """One solve's state: the best allocation, bound and prices so far."""

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        gap: float,
        seed: int,
        clock: Clock,
        start: NDArray[np.float64] | None = None,
    ):
        self.problem = problem
        self.start = start
        self.engine = engine
        self.gap = gap
        self.seed = seed
        self.clock = clock
        self.lagrangian = Lagrangian(problem, engine)
        self.samples = Samples(engine)
        self.best: Plan | None = None
        self.bound = np.inf
        self.prices = np.zeros(len(problem.lower))
        self.best_prices = self.prices
        self.method = "dual"
        self.nit = 0
        self.diverged = False
        self.slack = np.inf  # between the bound and the dual value as packed
        # seconds kept for repair and certificate
        self.reserve = 0.3 * clock.left if np.isfinite(clock.left) else 0.0

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

    @property
    def many(self) -> bool:
        """Whether there are customers enough for Newton's method."""
        problem = self.problem
        return problem.candidates >= NEWTON_CANDIDATES and problem.customers >= NEWTON_CUSTOMERS

    def _limited(self) -> Certificate | None:
        """Everything after the choice without prices; a certificate where nothing is feasible."""
        tiny = self.problem.candidates <= SMALL_CANDIDATES
        self._first_prices()
        certificate = self._conflict() if self.diverged else None
        if self._open() and certificate is None and tiny:
            certificate = self._exact_core()
        if self._open() and certificate is None and not self.diverged:
            self._closer_prices()
            if self.best is None:
                certificate = self._conflict()
        if self._open() and certificate is None and not tiny:
            certificate = self._exact_core()
        return certificate

    # ---- stages

    def _unlimited(self) -> bool:
        """Without prices: the best choice of everybody, and whether it keeps every limit."""
        with self.clock.stage("dual"):
            dual = self.lagrangian
            if len(self.samples):
                dual = self.samples.dual(self.problem, 0)
            self.scales = Scales.of(self.problem, dual.engine)
            free = dual.evaluate(self.prices)
            self.coupons = max(1.0, free.usage[0].sum())
            self.worth = self._worth(free)
            self.unlimited = free.dual
            # no allocation is worth less than about this: below it the dual only proves that there is none
            worst = dual.most(-self.problem.objective)
            self.lowest = -np.inf
            if self.problem.hard.all():
                self.lowest = -worst - (1e-3 if dual is self.lagrangian else 0.1) * abs(worst)
            self.space = PriceSpace.of(self.problem, self.scales.price_scale(self.worth))
        if len(self.samples) and self._off(free.activity) > NEAR_SHARE * self.coupons:
            return False
        with self.clock.stage("dual"):
            if dual is not self.lagrangian:
                free = self.lagrangian.evaluate(self.prices)
            self._certify(free)
        if self._off(free.activity) <= 1:
            self._round(self.lagrangian, free, self.samples)
        return not self._open()

    def _worth(self, free: Evaluation) -> float:
        """Objective of a typical coupon, the unit in which prices are scaled."""
        gained = float(np.abs(self.problem.objective * free.usage).sum()) / self.coupons
        if gained > 0:
            return gained
        total = float(np.abs(self.problem.objective * self.scales.everything).sum())
        return total / self.problem.candidates or 1.0

    def _off(self, activity: NDArray[np.float64]) -> float:
        """By how many typical coupons activities miss the hard rows, in all."""
        missed = np.where(self.problem.hard, self.problem.missed(activity), 0.0)
        return float((missed * self.scales.per_coupon).sum())

    def _quick_to_repair(self) -> float:
        """Coupons off the limits that are repaired in the time of a pass, about."""
        customers = max(1, self.problem.customers)
        chosen, candidates = self.coupons / customers, self.problem.candidates / customers
        pairs = max(1.0, chosen * max(1.0, candidates - chosen))
        return min(self.problem.candidates / (PAIRS * pairs), NEAR_SHARE * self.coupons)

    def _first_prices(self) -> None:
        """The dual on samples, then on everybody; then repair and fill."""
        with self.clock.stage("dual"):
            levels = range(len(self.samples))
            if self.start is not None:
                # into the bounds that prices have here: a limit may have lost its min or max since
                self.prices = self.space.prices(self.space.point(self.start))
                levels = levels[-1:]
            for level in levels:
                self._descend_sample(level)
            now = self._descend(
                self.lagrangian, self.samples, self.gap * TOLERANCE, quasi=not len(self.samples)
            )
            self._certify(now)
        self.near = self._round(self.lagrangian, now, self.samples)

    def _closer_prices(self) -> None:
        """Again with more patience, and where that does not help, with noise against ties."""
        tolerance = 0.1 * self.gap * TOLERANCE
        if self.near:  # far off, many ties: a closer look at the same kink would not help
            with self.clock.stage("dual"):
                now = self._descend(
                    self.lagrangian, self.samples, tolerance, quasi=not self.many, near=0.0
                )
                self._certify(now)
            self._round(self.lagrangian, now, self.samples)
        if self._exhausted():
            return
        smoothing = Smoothing(self.problem, self.engine, self.seed)
        if self.many:
            self._fade_noise(smoothing, newton=True)
        if not self.many or self.best is None:
            self._fade_noise(smoothing, newton=False)

    def _fade_noise(self, smoothing: Smoothing, newton: bool) -> None:
        """The dual under less and less noise, and allocations from it.

        By Newton's method only where there is little noise left: it needs few steps from one amplitude to the next.
        """
        samples = Samples(smoothing.engine)
        rough = BLURRED_TOLERANCE * self.gap if newton else 0.1 * self.gap * TOLERANCE
        for amplitude in AMPLITUDES:
            if not self._open() or self.diverged or self.clock.left < self.reserve:
                break
            with self.clock.stage("dual"):
                noisy = smoothing.lagrangian(amplitude * self.worth)
                now = self._descend(noisy, samples, rough, quasi=not newton, near=1.0)
                plain = self.lagrangian.evaluate(now.prices)
                blurred = now.dual - plain.dual > BLUR * self.gap * abs(plain.dual)
                if newton and blurred and amplitude > AMPLITUDES[-1]:
                    continue
                if newton:
                    now = self._descend(
                        noisy, samples, rough, quasi=False, near=NEAR_SHARE_WITH_NOISE
                    )
                    plain = self.lagrangian.evaluate(now.prices)
                self._certify(plain)
            self._round(noisy, now, samples)

    def _conflict(self) -> Certificate | None:
        """A proof by prices that nothing is feasible, if there is one; it needs rules that nest."""
        if not self.problem.nested:
            return None
        with self.clock.stage("infeasibility"):
            prover = PriceProver(self.problem, self.engine, self.scales, self.worth, self.clock)
            return find_conflict(self.problem, prover)

    def _descend_sample(self, level: int) -> None:
        """Prices from a sample. Limits on few coupons may be out of any reach in it: their prices are held back."""
        before = self.prices
        sample = self.samples.dual(self.problem, level)
        quasi = level == 0 and self.start is None
        self._descend(sample, self.samples, self.gap * TOLERANCE, quasi, near=NEAR_SHARE)
        if self.diverged:
            self.prices, self.diverged = before, False
        most = DEAREST * self.worth * self.scales.per_coupon
        self.prices = np.clip(self.prices, -most, most)

    def _descend(
        self,
        dual: Lagrangian,
        samples: Samples,
        tolerance: float,
        quasi: bool,
        near: float | None = None,
    ) -> Evaluation:
        """Minimise a dual from the present prices: by quasi-Newton steps first, from prices that are far.

        tolerance: what a step must gain for the next one to be made, as a share of the dual value. near: and how far
        from the limits the choice may stay, as a share of all coupons; None: until repair is quicker.
        """
        unit = self.worth * self.coupons

        def watch(now: Evaluation) -> bool:
            self.nit += 1
            self.diverged = now.dual < self.lowest
            return self.clock.left < self.reserve or self.diverged

        def enough(now: Evaluation, promised: float) -> bool:
            return promised <= tolerance * abs(now.dual) and self._off(now.activity) <= max(
                coupons_off, 1.0
            )

        coupons_off = self._quick_to_repair() if near is None else near * self.coupons

        if quasi:
            passes = FEWER_PASSES if dual.engine.candidates > WHOLE else QUASI_NEWTON_PASSES
            now = minimise(dual, self.space, self.prices, unit, passes, tolerance, watch)
        else:
            now = dual.evaluate(self.prices)
            self.nit += 1
        off = self._off(now.activity)
        stuck = quasi and off > STUCK_SHARE * self.coupons
        if self.many and not stuck and not self.diverged and self.clock.left > self.reserve:
            close = samples.close_look(dual.problem)
            if dual.engine.candidates < close.engine.candidates:
                close = dual
            newton = Newton(dual, close, self.space, self.scales.per_coupon, unit)
            now = newton.descend(now, NEWTON_STEPS, enough, watch)
        self.prices = now.prices
        self.clock.say(
            f"dual {now.dual:,.6g}, {self._off(now.activity):,.0f} coupons off the limits, "
            f"after {self.engine.passes:.1f} passes"
        )
        return now

    def _certify(self, now: Evaluation) -> None:
        """The dual bound at these prices; greedy choices under rules that do not nest give none."""
        if not self.problem.nested:
            self.best_prices = self.prices
            return
        bound = self.lagrangian.bound(self.prices)
        self.slack = min(self.slack, bound - now.dual)
        self._bound(bound)

    def _exhausted(self) -> bool:
        """Whether what is left of the gap is mostly what packing takes from the bound, which no search gets back."""
        return self.best is not None and self.bound - self.best.objective <= 2.0 * self.slack

    def _bound(self, bound: float) -> None:
        """Keep a bound at the present prices, and the prices with it, if it is the best so far."""
        if bound < self.bound:
            self.bound, self.best_prices = bound, self.prices

    def _round(self, lagrangian: Lagrangian, now: Evaluation, samples: Samples) -> bool:
        """An allocation from everybody's best choice under a dual, and the bound in float64 where it is needed.

        False where the choice was too far from the limits for repair to be worth its while.
        """
        with self.clock.stage("rounding"):
            off = self._off(now.activity)
            if off > max(FAR_COUPONS, FAR_SHARE * self.coupons) and self.clock.left > self.reserve:
                self.clock.say(f"{off:,.0f} coupons off the limits: not repaired")
                return False
            if not self.small:
                self._round_movers(lagrangian, now, samples)
                return True
            chosen, _ = lagrangian.choose(now.prices)
            reduced = self.lagrangian.reduced(now.prices)
            rounding = Rounding(self.problem, self.engine, self.scales)
            self._offer(self._plan(rounding.round(chosen, reduced, self.clock.check)))
            if self.problem.nested and self._open() and self.problem.candidates <= CORE_CANDIDATES:
                _, inner = rounding.exact_choice(chosen, reduced)
                self._bound(inner + self.lagrangian.support(now.prices))
        return True

    def _round_movers(self, lagrangian: Lagrangian, now: Evaluation, samples: Samples) -> None:
        """An allocation in which those move to whom it matters least; more of them where that was not enough."""
        problem = self.problem
        needs = Needs(problem, now.prices, now.activity, self.scales.per_coupon)
        close = samples.close_look(lagrangian.problem, CLOSE_LOOK)
        price = as_float32(lagrangian.price_table(lagrangian.reduced(now.prices)))
        reduced = self.lagrangian.reduced(now.prices)
        factor = np.full(len(problem.lower), FACTOR)
        for _ in range(TRIES):
            near = thresholds(needs, self.scales, close, now.prices, factor)
            settled = settle(problem, lagrangian.engine, price, near)
            usage = settled_usage(problem, settled)
            activity = problem.rows @ usage.ravel()
            part = part_of(problem, self.scales, settled, activity)
            self.clock.say(f"{len(settled.movers):,} customers may move")
            rounding = Rounding(part, settled.engine, self.scales, activity)
            found = rounding.round(settled.chosen, reduced, self.clock.check)
            error = usage_error(problem, usage[0] + found.usage[0])
            # what the penalties may be off is in the movers' already, by their bounds
            worth = float((problem.objective * usage - np.abs(problem.objective) * error).sum())
            self._offer(
                Plan(
                    lagrangian.engine,
                    price,
                    settled.movers,
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

    def _plan(self, rounded: Rounded) -> Plan:
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

    def _exact_core(self) -> Certificate | None:
        """Give HiGHS what the prices leave undecided; a certificate where it proves that nothing is feasible."""
        problem = self.problem
        if problem.candidates > CORE_CANDIDATES:
            return None
        with self.clock.stage("milp"):
            rounding = Rounding(problem, self.engine, self.scales)
            reduced = self.lagrangian.reduced(self.best_prices)
            chosen, _ = self.lagrangian.choose(self.best_prices)
            free = np.ones(problem.candidates, bool)
            if problem.nested:
                chosen, free = self._undecided(rounding, chosen, reduced)
            whole = int(free.sum()) <= CORE_VARIABLES or not problem.nested
            if not whole:
                regret = self.engine.regret(problem.exact, reduced, chosen)
                free = regret <= np.partition(regret, CORE_VARIABLES)[CORE_VARIABLES]
            self.clock.say(f"{int(free.sum()):,} undecided candidates of {len(free):,}")
            expected = self.unlimited if self.best is None else self.best.objective
            core = solve_core(
                problem, chosen, free, most_coupons(problem, self.engine),
                self.gap / 2 * abs(expected), expected, min(self.clock.left, CORE_SECONDS),
                FEW_NODES if self._close() else NODES,
            )  # fmt: skip
            if core.chosen is not None:
                self.method = "dual+milp"
                self._offer(self._plan(rounding.measure(core.chosen)))
                again = rounding.round(core.chosen, reduced, lambda: None)
                self._offer(self._plan(again))
            if whole and self.best is not None and np.isfinite(core.bound):
                proved = max(core.bound, self.best.objective)
                if proved < self.bound:
                    self.bound, self.method = proved, "dual+milp"
        if whole and core.infeasible and self.best is None:
            with self.clock.stage("infeasibility"):
                return find_conflict(problem, ExactProver(problem, self.engine, self.clock))
        return None

    def _close(self) -> bool:
        """Whether the best allocation is good enough not to search long for a better one."""
        if self.best is None:
            return False
        return relative_gap(self.bound, self.best.objective) <= CLOSE * self.gap

    def _undecided(
        self, rounding: Rounding, chosen: NDArray[np.uint8], reduced: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Everybody's exact choice at the best prices, and the candidates that dual and best allocation leave open.

        Choice, dual and regrets are all of the same prices and in float64, so that what is settled is settled.
        """
        chosen, inner = rounding.exact_choice(chosen, reduced)
        if self.best is None:
            return chosen, np.ones(self.problem.candidates, bool)
        dual = inner + self.lagrangian.support(self.best_prices)
        rounding_error = 1e-9 * (abs(dual) + abs(inner) + abs(self.best.objective))
        regret = self.engine.regret(self.problem.exact, reduced, chosen)
        return chosen, regret <= dual - self.best.objective + rounding_error

    # ---- result

    def _solution(self, certificate: Certificate | None) -> Solution:
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
            status, message, plan, self.best_prices, bound, self.method, self.nit, certificate
        )
