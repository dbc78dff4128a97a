"""The solve: dual prices, a repaired allocation, the certificate, and the exact core where the gap asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import OutOfTime
from .clock import Clock
from .core import NODES, most_coupons, solve_core
from .dual import PriceSpace, minimise, row_scale
from .engine import Engine
from .infeasible import Certificate, ExactProver, PriceProver, find_conflict
from .lagrangian import Evaluation, Lagrangian
from .problem import Problem
from .rounding import Rounded, Rounding
from .smoothing import Smoothing, scatter

# the dual: samples of customers first
FIRST_SAMPLE = 1 << 19  # candidates in the smallest sample
SAMPLE_GROWTH = 8
SAMPLE_PASSES = 200  # at most, over a sample
DEAREST = 20.0  # price of a typical coupon's weight, in typical worths, that a sample may ask
FULL_PASSES = 100  # at most, over everybody, each time the dual is taken up again
TOLERANCE = 5e-3  # share of the asked gap that an iteration must gain for the dual to go on
# noise against ties, as shares of a typical coupon's worth
AMPLITUDES = (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4)

# repair: a choice this far from the limits, in coupons and as a share of all, is not repaired
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
    no feasible allocation). rounded: the allocation, or None. prices: (L), signed. bound: no allocation is worth
    more. method: dual, or dual+milp where the exact core improved or proved the result. nit: dual evaluations.
    """

    status: str
    message: str
    rounded: Rounded | None
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


def solve(problem: Problem, engine: Engine, gap: float, seed: int, clock: Clock) -> Solution:
    """Solve a problem over an engine to a relative gap, or as far as the clock allows."""
    return _Solve(problem, engine, gap, seed, clock).run()


class _Solve:
    """One solve's state: the best allocation, bound and prices so far."""

    def __init__(self, problem: Problem, engine: Engine, gap: float, seed: int, clock: Clock):
        self.problem = problem
        self.engine = engine
        self.gap = gap
        self.seed = seed
        self.clock = clock
        self.lagrangian = Lagrangian(problem, engine)
        self.best: Rounded | None = None
        self.bound = np.inf
        self.prices = np.zeros(len(problem.lower))
        self.best_prices = self.prices
        self.method = "dual"
        self.nit = 0
        self.diverged = False
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

    def _limited(self) -> Certificate | None:
        """Everything after the choice without prices; a certificate where nothing is feasible."""
        small = self.problem.candidates <= SMALL_CANDIDATES
        self._first_prices()
        certificate = self._conflict() if self.diverged else None
        if self._open() and certificate is None and small:
            certificate = self._exact_core()
        if self._open() and certificate is None and not self.diverged:
            self._closer_prices()
            if self.best is None:
                certificate = self._conflict()
        if self._open() and certificate is None and not small:
            certificate = self._exact_core()
        return certificate

    # ---- stages

    def _unlimited(self) -> bool:
        """Without prices: the best choice of everybody, and whether it keeps every limit."""
        with self.clock.stage("dual"):
            chosen, free = self.lagrangian.choose(self.prices)
            self._certify()
            coupons = max(1.0, free.usage[0].sum())
            self.worth = self._worth(free, coupons)
            self.unlimited = free.dual
            # no allocation is worth less than this: below it the dual only proves that there is none
            worst = self.lagrangian.most(-self.problem.objective)
            self.lowest = -worst - 1e-3 * abs(worst) if self.problem.hard.all() else -np.inf
        with self.clock.stage("rounding"):
            self.rounding = Rounding(self.problem, self.engine)
            found = self.rounding.measure(chosen)
            self.coupons = coupons
        if found.feasible and not self.problem.missed(found.activity).any():
            self.best = found
        return not self._open()

    def _worth(self, free: Evaluation, coupons: float) -> float:
        """Objective of a typical coupon, the unit in which prices are scaled."""
        gained = float(np.abs(self.problem.objective * free.usage).sum()) / coupons
        if gained > 0:
            return gained
        everything = self.problem.everything
        total = float(np.abs(self.problem.objective * everything).sum())
        return total / self.problem.candidates or 1.0

    def _first_prices(self) -> None:
        """Dual method on samples, then on everybody; then repair and fill."""
        with self.clock.stage("dual"):
            self.space = PriceSpace.of(self.problem, row_scale(self.problem, self.worth))
            size = FIRST_SAMPLE
            while size * 2 < self.problem.candidates:
                self._descend_sample(size / self.problem.candidates)
                size *= SAMPLE_GROWTH
            self._descend(self.lagrangian, FULL_PASSES, self.gap * TOLERANCE)
            self._certify()
        self.near = self._round(self.lagrangian)

    def _closer_prices(self) -> None:
        """Again with more patience, and where that does not help, with noise against ties."""
        tolerance = 0.1 * self.gap * TOLERANCE
        if self.near:  # far off, many ties: a closer look at the same kink would not help
            with self.clock.stage("dual"):
                self._descend(self.lagrangian, FULL_PASSES, tolerance)
                self._certify()
            self._round(self.lagrangian)
        smoothing = Smoothing(self.problem, self.engine, self.seed)
        for amplitude in AMPLITUDES:
            if not self._open() or self.diverged or self.clock.left < self.reserve:
                break
            with self.clock.stage("dual"):
                noisy = smoothing.lagrangian(amplitude * self.worth)
                self._descend(noisy, FULL_PASSES, tolerance)
                self._certify()
            self._round(noisy)

    def _conflict(self) -> Certificate | None:
        """A proof by prices that nothing is feasible, if there is one; it needs rules that nest."""
        if not self.problem.nested:
            return None
        with self.clock.stage("infeasibility"):
            prover = PriceProver(self.problem, self.engine, self.worth, self.clock)
            return find_conflict(self.problem, prover)

    def _descend_sample(self, share: float) -> None:
        """Prices from a sample. Limits on few coupons may be out of any reach in it: their prices are held back."""
        before = self.prices
        self._descend(self._sample(share), SAMPLE_PASSES, self.gap * TOLERANCE)
        if self.diverged:
            self.prices, self.diverged = before, False
        most = DEAREST * self.worth * self.rounding.per_coupon
        self.prices = np.clip(self.prices, -most, most)

    def _sample(self, share: float) -> Lagrangian:
        """The dual over a random share of the customers; a smaller share's customers are among a larger one's."""
        customers = np.arange(self.problem.customers, dtype=np.uint64)
        keep = scatter(customers) < np.uint64(int(share * 2.0**64))
        part = self.engine.sample(keep)
        return Lagrangian(self.problem, part, self.problem.customers / max(1, part.customers))

    def _descend(self, lagrangian: Lagrangian, max_passes: int, tolerance: float) -> None:
        def watch(now: Evaluation) -> bool:
            self.nit += 1
            self.diverged = now.dual < self.lowest
            return self.clock.left < self.reserve or self.diverged

        unit = self.worth * self.coupons
        found = minimise(lagrangian, self.space, self.prices, unit, max_passes, tolerance, watch)
        self.prices = found.prices
        self.clock.say(f"dual {found.dual:,.6g} after {self.engine.passes:.1f} passes")

    def _certify(self) -> None:
        """The dual bound at these prices; greedy choices under rules that do not nest give none."""
        if not self.problem.nested:
            self.best_prices = self.prices
            return
        self._bound(self.lagrangian.bound(self.prices))

    def _bound(self, bound: float) -> None:
        """Keep a bound at the present prices, and the prices with it, if it is the best so far."""
        if bound < self.bound:
            self.bound, self.best_prices = bound, self.prices

    def _round(self, lagrangian: Lagrangian) -> bool:
        """An allocation from everybody's best choice under a dual, and the bound in float64 where it is needed.

        False where the choice was too far from the limits for repair to be worth its while.
        """
        with self.clock.stage("rounding"):
            chosen, _ = lagrangian.choose(self.prices)
            activity = self.rounding.activity(chosen)
            off = self.rounding.coupons_off(activity)
            if off > max(FAR_COUPONS, FAR_SHARE * self.coupons) and self.clock.left > self.reserve:
                self.clock.say(f"{off:,.0f} coupons off the limits: not repaired")
                return False
            reduced = self.lagrangian.reduced(self.prices)
            found = self.rounding.round(chosen, activity, reduced, self.clock.check, self._enough)
            self._offer(found)
            if self.problem.nested and self._open() and self.problem.candidates <= CORE_CANDIDATES:
                _, inner = self.rounding.exact_choice(chosen, reduced)
                self._bound(inner + self.lagrangian.support(self.prices))
        return True

    def _offer(self, found: Rounded) -> None:
        """Keep an allocation if it is the best so far."""
        if found.feasible and (self.best is None or found.objective > self.best.objective):
            self.best = found
            self.clock.say(
                f"objective {found.objective:,.6g}, gap {relative_gap(self.bound, found.objective):.2e}"
            )

    def _enough(self, found: Rounded) -> bool:
        return relative_gap(self.bound, found.objective) <= self.gap

    def _open(self) -> bool:
        return self.best is None or relative_gap(self.bound, self.best.objective) > self.gap

    def _exact_core(self) -> Certificate | None:
        """Give HiGHS what the prices leave undecided; a certificate where it proves that nothing is feasible."""
        problem = self.problem
        if problem.candidates > CORE_CANDIDATES:
            return None
        with self.clock.stage("milp"):
            reduced = self.lagrangian.reduced(self.best_prices)
            chosen, _ = self.lagrangian.choose(self.best_prices)
            free = np.ones(problem.candidates, bool)
            if problem.nested:
                chosen, free = self._undecided(chosen, reduced)
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
                self._offer(self.rounding.measure(core.chosen))
                again = self.rounding.round(
                    core.chosen,
                    self.rounding.activity(core.chosen),
                    reduced,
                    lambda: None,
                    self._enough,
                )
                self._offer(again)
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
        self, chosen: NDArray[np.uint8], reduced: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Everybody's exact choice at the best prices, and the candidates that dual and best allocation leave open.

        Choice, dual and regrets are all of the same prices and in float64, so that what is settled is settled.
        """
        chosen, inner = self.rounding.exact_choice(chosen, reduced)
        if self.best is None:
            return chosen, np.ones(self.problem.candidates, bool)
        dual = inner + self.lagrangian.support(self.best_prices)
        rounding = 1e-9 * (abs(dual) + abs(inner) + abs(self.best.objective))
        regret = self.engine.regret(self.problem.exact, reduced, chosen)
        return chosen, regret <= dual - self.best.objective + rounding

    # ---- result

    def _solution(self, certificate: Certificate | None) -> Solution:
        rounded, bound = self.best, float(self.bound)
        if rounded is not None:
            status = "optimal" if not self._open() else "feasible"
            reached = relative_gap(bound, rounded.objective)
            message = f"gap {reached:.2e}, asked {self.gap:.2e}"
        elif certificate is not None:
            status, message = "infeasible", certificate.message
        else:
            status, message = (
                "unsolved",
                "stopped with no feasible allocation, and none proved impossible",
            )
        return Solution(
            status, message, rounded, self.best_prices, bound, self.method, self.nit, certificate
        )
