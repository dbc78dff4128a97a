"""The search for prices: on samples of customers first, then on everybody, and with noise where ties are in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...utils.clock import Clock
from ..problem import Problem
from . import cutting_planes
from .cutting_planes import CUT_CANDIDATES, FEW_PRICES
from .lagrangian import Certified, Evaluation, Lagrangian
from .newton import Newton
from .price_caps import choke_prices
from .quasi_newton import PriceSpace, minimise
from .sampling import Samples
from .scaling import Scales
from .smoothing import Smoothing
from .warm_start import Start, as_everybody

# over the smallest sample, or over everybody where there is none; fewer where that is many candidates
QUASI_NEWTON_PASSES, FEWER_PASSES = 100, 20
MANY = 4_000_000  # candidates
NEWTON_STEPS, SAMPLE_STEPS = 32, 20  # on everybody and on each sample, at most
DEAREST = 20.0  # price of a typical coupon's weight, in typical worths, that a sample may ask
TOLERANCE = 5e-3  # share of the asked gap that an iteration must gain for the dual to go on
# the same from prices that are known: what repair then closes, no step need bring nearer; of all coupons, and in gaps
WARM_TOLERANCE = 0.1
WARM_NEAR, WARM_NEAR_GAPS = 1.5e-3, 3.0
WARM_STEPS = 2, 2  # on a small sample and on a larger one, at most
# from here on the dual is smooth enough for Newton's method
NEWTON_CANDIDATES, NEWTON_CUSTOMERS = 1 << 17, 5_000
CHOKE = (
    1 - 1e-4
)  # of its choke price, at most: below it everybody takes what is worth next to nothing
# of the coupons that were off before (with noise, a step earlier): what leaves as many is not followed by another step
STALLED = 0.7
LITTLE = 0.05  # of what limits are missed by, where the rest is at choke prices

# noise against ties, as shares of a typical coupon's worth
AMPLITUDES: tuple[float, ...] = (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4)
LAST_AMPLITUDES = (
    3e-4,
    1e-4,
)  # once more by quasi-Newton steps, where Newton's method did not get there
LITTLE_NOISE = 0.3  # of the asked gap
NOISE_REACH = 0.1  # of the noise, that prices may move at first: it makes ties so wide
BLUR = 0.5  # asked gaps that noise may add to the dual for its prices to be worth rounding
# share of the asked gap that an iteration must gain while there is more noise than that
BLURRED_TOLERANCE = 0.03

# a choice is near enough to the limits to be repaired, rather than to be brought nearer by another step, where that is
# quicker: in the time in which one coupon is repaired a pass sees so many candidates, and more for each pair of a
# chosen and another candidate of a customer
REPAIR, REPAIR_PAIR = 150_000.0, 60.0
TIED_REPAIR, TIED_COUPONS = 20_000.0, 8_000.0
# of all coupons: near at most; and enough in a sample, to take its prices to the next one
NEAR_SHARE = 1e-3
GETS_NEARER = (
    0.7  # of the coupons that were off before: as long as they are fewer, Newton's method goes on
)
NEAR_SHARES_WITH_NOISE = (1e-2, 1e-3, 1e-4)  # one after the other
# a choice this far from the limits, in coupons and as a share of all, is not repaired
FAR_COUPONS = 500
FAR_SHARE = 0.03


@dataclass(frozen=True)
class Found:
    """Prices worth rounding: a dual, maybe with noise, samples of its customers, and its evaluation at the prices.

    plain: the dual value without noise.
    """

    lagrangian: Lagrangian
    samples: Samples
    now: Evaluation
    plain: float


class PriceSearch:
    """Prices of one problem, better and better ones; `prices` are the present ones.

    evaluations: of the dual so far. diverged: the dual fell below what any allocation is worth. started: prices are
    known to begin with, so that nobody asks for the choice without any.
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        gap: float,
        seed: int,
        clock: Clock,
        *,
        started: bool = False,
    ):
        self.problem = problem
        self.engine = engine
        self.gap = gap
        self.seed = seed
        self.clock = clock
        self.lagrangian = Lagrangian(problem, engine)
        self.samples = Samples(engine, len(problem.lower))
        self.prices = np.zeros(len(problem.lower))
        self.evaluations = 0
        self.diverged = False
        # seconds kept for repair and certificate
        self.reserve = 0.3 * clock.left if np.isfinite(clock.left) else 0.0

        dual = self.samples.dual(problem, 0) if len(self.samples) else self.lagrangian
        if started and problem.candidates > MANY:
            dual = next(iter(self.samples.for_start(problem)), dual)
        self.scales = Scales.of(problem, dual.engine)
        self._free = dual.evaluate(self.prices)
        self.coupons = max(1.0, self._free.usage[0].sum())
        self.worth = self._worth()
        self.unlimited = self._free.dual
        # no allocation is worth less than about this: below it the dual only proves that there is none
        worst = dual.most(-problem.objective)
        self._lowest = -np.inf
        if problem.hard.all():
            self._lowest = -worst - (1e-3 if dual is self.lagrangian else 0.1) * abs(worst)
        row_scale, choke = self.scales.price_scale(self.worth), choke_prices(problem, self.scales)
        self._space = PriceSpace.of(problem, row_scale, choke * CHOKE)
        self._open_space = PriceSpace.of(problem, row_scale)  # noise may be worth more than nothing

    @property
    def many(self) -> bool:
        """Whether there are customers enough for Newton's method."""
        problem = self.problem
        return problem.candidates >= NEWTON_CANDIDATES and problem.customers >= NEWTON_CUSTOMERS

    def off(self, now: Evaluation, space: PriceSpace | None = None) -> float:
        """By how many typical coupons the hard rows are missed, in all, or those whose price in a space could rise."""
        counted = self.problem.hard
        if space is not None:
            counted = counted & space.unchoked(now.prices)
        missed = np.where(counted, self.problem.missed(now.activity), 0.0)
        return float((missed * self.scales.per_coupon).sum())

    def _off_with_noise(self, now: Evaluation, noise: float) -> float:
        """By how many typical coupons hard rows are missed, or not used up though their price is more than noise."""
        problem, per_coupon = self.problem, self.scales.per_coupon
        counted = np.abs(now.prices) > noise * per_coupon
        bound = np.where(now.prices > 0, problem.upper, problem.lower)
        spare = np.where(counted & np.isfinite(bound), np.abs(bound - now.activity), 0.0)
        missed = np.maximum(spare, problem.missed(now.activity))
        return float((np.where(problem.hard, missed, 0.0) * per_coupon).sum())

    def is_far(self, now: Evaluation) -> bool:
        """Whether a choice is too far from the limits for repair to be worth its while."""
        return self.off(now) > max(FAR_COUPONS, FAR_SHARE * self.coupons)

    def free(self) -> Found | None:
        """Everybody's best choice without prices, unless limits are far from being kept."""
        if len(self.samples) == 0:
            return self._found(self._free)
        if self.off(self._free) > NEAR_SHARE * self.coupons:
            return None
        return self._found(self.lagrangian.evaluate(np.zeros(len(self.prices))))

    def first(self, start: Start | None) -> Found:
        """From prices that are known, or from none: samples, then everybody."""
        if start is not None and self.many:
            return self._again(start)
        levels = range(len(self.samples))
        if start is not None:
            self.prices = self._within(start)
            levels = levels[-1:]
        for level in levels:
            self._descend_sample(level, quasi=level == 0 and start is None)
        tolerance = self.gap * TOLERANCE
        quasi = len(self.samples) == 0
        return self._found(self._descend(self.lagrangian, self.samples, tolerance, quasi))

    def _within(self, start: Start) -> NDArray[np.float64]:
        """Prices within the bounds that they have here: a limit may have lost its min or max since."""
        return self._space.prices(self._space.point(start.prices))

    def _again(self, start: Start) -> Found:
        """From prices of a campaign that was much the same: a sample that stands for everybody, then everybody.

        The passes that tell how good prices are certify them, too.
        """
        self.prices = self._within(start)
        start = replace(start, prices=self.prices)
        for sample, steps in zip(self.samples.for_start(self.problem), WARM_STEPS, strict=False):
            close = as_everybody(sample, self.lagrangian, start)
            self._descend(close, self.samples, self.gap * TOLERANCE, False, NEAR_SHARE, steps=steps)
            if self.diverged:
                self.prices, self.diverged = start.prices, False
        dual, tolerance = Certified(self.problem, self.engine), self.gap * WARM_TOLERANCE
        near = min(WARM_NEAR, WARM_NEAR_GAPS * self.gap)
        return self._found(self._descend(dual, self.samples, tolerance, quasi=False, near=near))

    @property
    def space(self) -> PriceSpace:
        """Coordinates of the prices, within their bounds."""
        return self._space

    @property
    def few_prices(self) -> bool:
        """Whether cutting planes may find the least dual: few prices, and a campaign that is quick to pass over."""
        return len(self._space.row) <= FEW_PRICES and self.problem.candidates <= CUT_CANDIDATES

    def to_the_end(self) -> Found:
        """The least dual there is, as far as a tenth of the asked gap tells."""
        space = self._space
        coupon = self.worth * self.scales.per_coupon[space.row] / space.scale
        tolerance = 0.1 * self.gap * abs(self._free.dual)

        def stop() -> bool:
            self.evaluations += 1
            return self.clock.left < self.reserve

        self.prices = cutting_planes.descend(
            self.lagrangian, space, self.prices, coupon, tolerance, stop
        )
        return self._found(self.lagrangian.evaluate(self.prices))

    def closer(self) -> Found:
        """The same with more patience."""
        tolerance = 0.1 * self.gap * TOLERANCE
        quasi = not self.many
        return self._found(self._descend(self.lagrangian, self.samples, tolerance, quasi, near=0.0))

    def without_ties(self, after: Found) -> Iterator[Found]:
        """Prices under less and less noise, from those found without.

        By Newton's method from where quasi-Newton steps have come near: it needs few steps from one amplitude to the
        next. Where hardly a limit is missed but at its choke price, only coupons that are worth next to nothing are
        in the way, and little noise will do.
        """
        smoothing = Smoothing(self.problem, self.engine, self.seed)
        samples = Samples(smoothing.engine, len(self.prices))
        amplitudes = AMPLITUDES
        off = self.off(after.now, self._space)
        close = self.is_far(after.now) and off <= 2 * LITTLE * self.off(after.now)
        if close:
            least = max(LITTLE_NOISE * self.gap, AMPLITUDES[-1])
            amplitudes = tuple(a for a in AMPLITUDES if a <= least)
        for amplitude in amplitudes:
            noisy = smoothing.lagrangian(amplitude * self.worth)
            if self.many:
                yield from self._settle_noise(
                    noisy, samples, amplitude * self.worth, quasi=not close
                )
                close = True
            else:
                tolerance = 0.1 * self.gap * TOLERANCE
                yield self._with_noise(noisy, samples, amplitude * self.worth, tolerance, True, 1.0)
            if self.diverged or self.clock.left < self.reserve:
                return
        if self.many:  # Newton's method went round in circles
            for amplitude in LAST_AMPLITUDES:
                noisy = smoothing.lagrangian(amplitude * self.worth)
                yield self._with_noise(noisy, samples, amplitude * self.worth, 0.0, True, 0.0)

    def _settle_noise(
        self, noisy: Lagrangian, samples: Samples, noise: float, quasi: bool
    ) -> Iterator[Found]:
        """Prices at one amplitude, nearer and nearer to the limits where there is little enough noise."""
        tolerance = BLURRED_TOLERANCE * self.gap
        last = np.inf
        first = (1.0,) if quasi else ()
        for share in (*first, *NEAR_SHARES_WITH_NOISE):
            near = share
            if share < 1.0:
                near = min(share, self._quick_with_noise() / self.coupons)
            found = self._with_noise(noisy, samples, noise, tolerance, quasi, near)
            blurred = found.now.dual - found.plain > BLUR * self.gap * abs(found.plain)
            if blurred or self.diverged or self.clock.left < self.reserve:
                break
            quasi = False
            off = self._off_with_noise(found.now, noise)
            while near * self.coupons < off < GETS_NEARER * last and self.is_far(found.now):
                found = self._with_noise(noisy, samples, noise, tolerance, quasi, near)
                last, off = off, self._off_with_noise(found.now, noise)
            if share < 1.0:
                yield found
            if off > near * self.coupons:
                break  # Newton's method does not get there

    def _with_noise(
        self,
        noisy: Lagrangian,
        samples: Samples,
        noise: float,
        tolerance: float,
        quasi: bool,
        near: float,
    ) -> Found:
        with self.clock.stage("dual"):
            now = self._descend(noisy, samples, tolerance, quasi, near, noise)
            return Found(noisy, samples, now, self.lagrangian.evaluate(now.prices).dual)

    def _found(self, now: Evaluation) -> Found:
        return Found(self.lagrangian, self.samples, now, now.dual)

    def _worth(self) -> float:
        """Objective of a typical coupon, the unit in which prices are scaled."""
        objective = self.problem.objective
        gained = float(np.abs(objective * self._free.usage).sum()) / self.coupons
        if gained > 0:
            return gained
        total = float(np.abs(objective * self.scales.everything).sum())
        return total / self.problem.candidates or 1.0

    def _quick_to_repair(self) -> float:
        """Coupons off the limits that are repaired in the time of a pass, about."""
        customers = max(1, self.problem.customers)
        chosen, candidates = self.coupons / customers, self.problem.candidates / customers
        repair = REPAIR + REPAIR_PAIR * chosen * max(0.0, candidates - chosen)
        return min(self.problem.candidates / repair, NEAR_SHARE * self.coupons)

    def _quick_with_noise(self) -> float:
        """The same where all that is in the way is worth next to nothing, and single coupons of few candidates move."""
        return self.problem.candidates / TIED_REPAIR + TIED_COUPONS

    def _descend_sample(self, level: int, quasi: bool) -> None:
        """Prices from a sample. Limits on few coupons may be out of any reach in it: their prices are held back."""
        before = self.prices
        sample = self.samples.dual(self.problem, level)
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
        noise: float = 0.0,
        steps: int | None = None,
    ) -> Evaluation:
        """Minimise a dual from the present prices: by quasi-Newton steps first, from prices that are far.

        tolerance: what a step must gain for the next one to be made, as a share of the dual value. near: and how far
        from the limits the choice may stay, as a share of all coupons; None: until repair is quicker. noise: in the
        dual, in units of the objective; without, prices end at the choke prices, at which limits may stay missed.
        steps: of Newton's method, at most.
        """
        space = self._open_space if noise else self._space
        unit = self.worth * self.coupons
        most_off = self._quick_to_repair() if near is None else near * self.coupons

        def watch(now: Evaluation) -> bool:
            self.evaluations += 1
            self.diverged = now.dual < self._lowest
            return self.clock.left < self.reserve or self.diverged

        before = [np.inf, np.inf]  # coupons off the limits

        def enough(now: Evaluation, promised: float) -> bool:
            off = self._off_with_noise(now, noise) if noise else self.off(now, space)
            earlier, last = before
            before[:] = last, off
            if promised > tolerance * abs(now.dual):
                return False
            if noise:
                stalled = STALLED * earlier < off < NEAR_SHARES_WITH_NOISE[0] * self.coupons
                return stalled or off <= max(most_off, 1.0)
            if near is None and STALLED * last < off < NEAR_SHARE * self.coupons:
                return True
            return off <= max(most_off, 1.0) or off <= LITTLE * self.off(now)

        if quasi:
            few = dual.engine.candidates > MANY and tolerance > 0.0
            passes = FEWER_PASSES if few else QUASI_NEWTON_PASSES
            now = minimise(dual, space, self.prices, unit, passes, tolerance, watch)
        else:
            now = dual.evaluate(self.prices)
            self.evaluations += 1
        if self.many and not self.diverged and self.clock.left > self.reserve:
            close = samples.for_curvature(dual.problem)
            if dual.engine.candidates < close.engine.candidates:
                close = dual
            reach = NOISE_REACH * noise
            newton = Newton(dual, close, space, self.scales, unit, far=quasi, reach=reach)
            if steps is None:
                steps = NEWTON_STEPS if dual.scale == 1.0 else SAMPLE_STEPS
            now = newton.descend(now, steps, enough, watch)
        self.prices = now.prices
        self.clock.say(
            f"dual {now.dual:,.6g}, {self.off(now):,.0f} coupons off the limits, "
            f"after {self.engine.passes:.1f} passes"
        )
        return now
