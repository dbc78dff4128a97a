"""The search for prices: on samples of customers first, then on everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....engines.protocol import Engine
from ....utils.clock import Clock
from ...options import SolverOptions
from ...problem import Problem
from ...work_counts import cutting_planes_work
from .. import cutting_planes
from ..lagrangian import CertifiedLagrangian, Evaluation, Lagrangian
from ..newton.curvature import Curvature
from ..newton.row_curvature import RowCurvature
from ..newton.steps import Newton
from ..price_caps import find_price_caps
from ..price_space import PriceSpace
from ..projected_quasi_newton import method_for
from ..quasi_newton import Effort
from ..sampling import Samples
from ..scaling import Scales
from ..warm_start import WarmStart, corrected_dual, with_known_usage
from .descent import (
    Descent,
    NearEnough,
    coupons_quick_to_repair,
    near_share_from_start,
    stop_among_ties,
    stop_at_sampling_error,
    stop_under_noise,
    stop_without_noise,
)
from .price_point import PricePoint
from .violation import ViolationMeasure


class PriceSearch:
    """Prices of one problem, better and better ones.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    gap : float
        Asked relative gap.
    seed : int
        Of the noise.
    clock : Clock
    options : SolverOptions
    warm : bool, default False
        Whether prices are known to begin with, so that nobody asks for the choice without any.

    Attributes
    ----------
    prices : ndarray of float64, shape (n_rows,)
        The present prices.
    evaluations : int
        Evaluations of the dual so far.
    diverged : bool
        Whether the dual fell below what any allocation is worth.
    curvature : RowCurvature or None
        Of the dual over everybody without noise, near the prices of the last descent.
    lagrangian : Lagrangian
        The dual over everybody.
    whole : Lagrangian
        The same, of which every evaluation is certified where a pass is dear.
    samples : Samples
    scales : Scales
    space : PriceSpace
        Coordinates of the prices, within their bounds.
    price_caps : ndarray of float64, shape (n_rows,)
        Highest price of each row's upper bound.
    open_space : PriceSpace
        The same without price caps: under noise, a coupon may be worth more than nothing at its cap.
    violations : ViolationMeasure
    coupons : float
        Coupons of everybody's best choice without prices; at least 1.
    typical_worth : float
        Objective of one of these coupons, the unit in which prices are scaled.
    unpriced_dual : float
        Dual value without prices.
    reserved_seconds : float
        Seconds that are kept for repair and certificate.
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        gap: float,
        seed: int,
        clock: Clock,
        options: SolverOptions,
        *,
        warm: bool = False,
    ):
        self.problem, self.engine = problem, engine
        self.gap, self.seed = gap, seed
        self.clock, self.options = clock, options
        self.lagrangian = self.whole = Lagrangian(problem, engine)
        if problem.candidates > options.sizes.in_memory_candidates:
            self.whole = CertifiedLagrangian(problem, engine)
        self.samples = Samples(engine, len(problem.lower), options.sampling)
        self.prices = np.zeros(len(problem.lower))
        self.evaluations = 0
        self.diverged = False
        self.curvature: RowCurvature | None = None
        reserve = options.price_search.time_reserve
        self.reserved_seconds = reserve * clock.left if np.isfinite(clock.left) else 0.0
        self._measure_sizes(warm)

    def _measure_sizes(self, warm: bool) -> None:
        """Look once at everybody, or at a sample, without prices: how large things are."""
        problem, options = self.problem, self.options
        is_many = problem.candidates > options.sizes.in_memory_candidates
        dual = self.samples.first_for_start(problem) if warm and is_many else None
        dual = dual or (self.samples.dual(problem, 0) if len(self.samples) else self.lagrangian)
        self.scales = Scales.measure(problem, dual.engine)
        self.violations = ViolationMeasure(problem, self.scales.per_coupon)
        dual = self.samples.for_sizes(problem, dual, options)
        self._unpriced, self._sized_on = dual.evaluate(self.prices), dual.engine
        self.coupons: float = max(1.0, self._unpriced.usage[0].sum())
        self.typical_worth = self._typical_worth()
        self.unpriced_dual = self._unpriced.dual
        # no allocation is worth less: below about this the dual only proves that there is none
        worst = dual.largest_sum(-problem.objective)
        self._lowest_dual = -np.inf
        if problem.hard.all():
            search, is_whole = options.price_search, dual.scale == 1.0
            margin = search.divergence_margin if is_whole else search.sample_divergence_margin
            self._lowest_dual = -worst - margin * abs(worst)
        row_scale = self.scales.price_scale(self.typical_worth)
        self.price_caps = find_price_caps(problem, self.scales, options.price_caps)
        self.price_caps *= options.price_caps.share
        self.space = PriceSpace.for_problem(problem, row_scale, self.price_caps)
        self.open_space = PriceSpace.for_problem(problem, row_scale)

    def _typical_worth(self) -> float:
        """Objective of a typical coupon."""
        objective = self.problem.objective
        gained: float = float(np.abs(objective * self._unpriced.usage).sum()) / self.coupons
        if gained > 0:
            return gained
        total = float(np.abs(objective * self.scales.everything).sum())
        return total / self.problem.candidates or 1.0

    @property
    def is_smooth(self) -> bool:
        """Whether there are customers enough for Newton's method."""
        problem, options = self.problem, self.options.price_search
        many = problem.candidates >= options.newton_candidates
        return many and problem.customers >= options.newton_customers

    @property
    def is_out_of_time(self) -> bool:
        """Whether no more than the reserve is left."""
        return self.clock.left < self.reserved_seconds

    @property
    def has_few_prices(self) -> bool:
        """Whether cutting planes may find the least dual: few prices, and a campaign that is quick to pass over."""
        options = self.options.cutting_planes
        few = len(self.space.row) <= options.prices
        return few and self.problem.candidates <= options.candidates

    def violation(self, evaluation: Evaluation) -> float:
        """By how many typical coupons the hard rows are violated in all."""
        return self.violations.coupons(evaluation)

    def is_far(self, evaluation: Evaluation) -> bool:
        """Whether a choice is too far off the limits for repair to be worth its while."""
        options = self.options.price_search
        far = max(options.far_coupons, options.far_share * self.coupons)
        return self.violation(evaluation) > far

    def are_tied(self, evaluation: Evaluation) -> bool:
        """Whether a choice is far off the limits, but hardly off those whose price could still rise."""
        below_caps = self.violations.coupons(evaluation, self.space)
        share = self.options.price_search.tied_share
        return self.is_far(evaluation) and below_caps <= share * self.violation(evaluation)

    def point(self, evaluation: Evaluation) -> PricePoint:
        """Prices that were found without noise."""
        return PricePoint(self.whole, self.samples, evaluation, evaluation.dual)

    def without_prices(self) -> PricePoint | None:
        """Everybody's best choice without prices, unless limits are far from being kept."""
        if self.violation(self._unpriced) > self.options.price_search.near_share * self.coupons:
            return None
        if len(self.samples) == 0 and self.whole is self.lagrangian:
            return self.point(self._unpriced)
        return self.point(self.whole.evaluate(np.zeros(len(self.prices))))

    def at_start(self, start: WarmStart) -> PricePoint:
        """Prices that are known, with the bound there."""
        self.prices = self._within_bounds(start)
        return self.point(self.lagrangian.certify(self.prices))

    def first_prices(self, start: WarmStart | None) -> PricePoint:
        """Prices from those that are known, or from none: on samples, then on everybody."""
        if start is not None and self.is_smooth:
            return self._warm_prices(start)
        levels = range(len(self.samples))
        if start is not None:
            self.prices = self._within_bounds(start)
            levels = levels[-1:]
        for level in levels:
            self._descend_sample(level, is_far=level == 0 and start is None)
        tolerance = self.gap * self.options.price_search.gain_tolerance
        is_far = len(self.samples) == 0
        return self.point(self.descend(Descent(self.whole, self.samples, tolerance, is_far)))

    def least_dual(self) -> PricePoint:
        """Prices of the least dual, as far as the asked gap tells."""
        space, options = self.space, self.options.cutting_planes
        coupon = self.typical_worth * self.scales.per_coupon[space.row] / space.scale
        size, share = abs(self.unpriced_dual), options.tolerance * self.gap
        # with nothing to gain without prices, as in a relaxation, the dual value itself is the measure
        tolerance = cutting_planes.Tolerance(share * size, share if size == 0 else 0.0)

        made = 0

        def seconds(_: float) -> float:
            nonlocal made
            self.evaluations += 1
            made += options.groups
            work = cutting_planes_work(self.problem, len(space.row), made, self.options.work)
            self.clock.counted.candidates += work
            return self.clock.left - self.reserved_seconds

        self.prices = cutting_planes.descend(
            self.lagrangian, space, self.prices, coupon, tolerance, seconds, options
        )
        return self.point(self.lagrangian.evaluate(self.prices))

    def patient_prices(self) -> PricePoint:
        """Prices from the present ones, with more patience."""
        options = self.options.price_search
        tolerance = options.patience * self.gap * options.gain_tolerance
        is_far = not self.is_smooth
        return self.point(
            self.descend(Descent(self.whole, self.samples, tolerance, is_far, near_share=0.0))
        )

    def _within_bounds(self, start: WarmStart) -> NDArray[np.float64]:
        """Prices within the bounds that they have here: a limit may have lost its min or max since."""
        return self.space.prices(self.space.point(start.prices))

    def _warm_prices(self, start: WarmStart) -> PricePoint:
        """From prices of a campaign that was much the same: a sample that stands for everybody, then everybody.

        The passes that tell how good prices are certify them, too.
        """
        options = self.options.price_search
        self.prices, curvature = self._within_bounds(start), start.curvature
        start = replace(start, prices=self.prices)
        if curvature is None:
            samples, steps = self.samples.for_start(self.problem), options.warm_steps
        else:
            samples = self.samples.for_known_curvature(self.problem)
            steps = tuple(max(1, int(options.known_curvature_passes * s.scale)) for s in samples)
        tolerance, near = self.gap * options.gain_tolerance, options.near_share
        for sample, most in zip(samples, steps, strict=False):
            start = with_known_usage(start, self.lagrangian)
            assert start.known is not None
            close = corrected_dual(sample, start.known, self.prices)
            self.descend(
                Descent(
                    close, self.samples, tolerance, False, near, steps=most, curvature=curvature
                )
            )
            if self.diverged:
                self.prices, self.diverged = start.prices, False
        return self.point(self.descend(self._certified_descent(curvature)))

    def _certified_descent(self, curvature: RowCurvature | None) -> Descent:
        """The descent over everybody from prices that are near, of which every pass is certified."""
        options = self.options.price_search
        tolerance = self.gap * options.warm_gain_tolerance
        near = near_share_from_start(self.problem, self.coupons, self.gap, self.options)
        dual = CertifiedLagrangian(self.problem, self.engine)
        stalled = 1 if curvature is None else options.known_curvature_stalled_steps
        return Descent(
            dual, self.samples, tolerance, False, near, stalled_steps=stalled, curvature=curvature
        )

    def _descend_sample(self, level: int, is_far: bool) -> None:
        """Prices from a sample. Limits on few coupons may be unattainable in it: their prices are held back."""
        options, before = self.options.price_search, self.prices
        sample = self.samples.dual(self.problem, level)
        tolerance = self.gap * options.gain_tolerance
        self.descend(Descent(sample, self.samples, tolerance, is_far, options.near_share))
        if self.diverged:
            self.prices, self.diverged = before, False
        most = options.sample_price_cap * self.typical_worth * self.scales.per_coupon
        self.prices = np.clip(self.prices, -most, most)

    def descend(self, descent: Descent) -> Evaluation:
        """Minimise a dual from the present prices: by quasi-Newton steps first, from prices that are far."""
        if descent.is_far:
            evaluation = self._minimise_roughly(descent)
        else:
            evaluation = descent.dual.evaluate(self.prices)
            self.evaluations += 1
        has_time = self.clock.left > self.reserved_seconds
        if self.is_smooth and not self.diverged and has_time:
            evaluation = self._minimise_by_newton(descent, evaluation)
        self.prices = evaluation.prices
        self.clock.say(
            f"dual {evaluation.dual:,.6g}, {self.violation(evaluation):,.0f} coupons off the limits, "
            f"after {self.engine.passes:.1f} passes"
        )
        return evaluation

    def watch(self, evaluation: Evaluation) -> bool:
        """Count an evaluation; whether to stop, for want of time or because the dual has no minimum."""
        self.evaluations += 1
        self.diverged = evaluation.dual < self._lowest_dual
        return self.is_out_of_time or self.diverged

    def _space(self, descent: Descent) -> PriceSpace:
        return self.open_space if descent.noise else self.space

    def _minimise_roughly(self, descent: Descent) -> Evaluation:
        """By quasi-Newton steps."""
        options, dual, space = self.options.quasi_newton, descent.dual, self._space(descent)
        is_brief = dual.engine.candidates > self.options.sizes.in_memory_candidates
        passes = options.smooth_passes if self.is_smooth else options.passes
        if is_brief and descent.tolerance > 0.0:
            passes = min(passes, options.passes_over_many)
        effort = Effort(self.typical_worth * self.coupons, passes, descent.tolerance)
        method = method_for(len(space.row), self.is_smooth, options)
        if dual.engine is self._sized_on and dual.problem is self.problem:
            dual.known = self._unpriced
        return method(dual, space, self.prices, effort, self.watch, options)

    def _minimise_by_newton(self, descent: Descent, evaluation: Evaluation) -> Evaluation:
        """By Newton's method, from prices that are near."""
        dual, options = descent.dual, self.options
        sample = descent.samples.for_curvature(dual.problem)
        if dual.engine.candidates < sample.engine.candidates:
            sample = dual
        space, unit = self._space(descent), self.typical_worth * self.coupons
        curvature = Curvature(sample, space, self.scales, unit, options.curvature)
        is_whole = dual.scale == 1.0
        newton = Newton(
            dual,
            curvature,
            self.scales,
            options.newton,
            is_far=descent.is_far,
            least_price=options.noise.first_box * descent.noise,
            known=descent.curvature,
        )
        steps = descent.steps
        if steps is None:
            search = options.price_search
            steps = search.newton_steps if is_whole else search.sample_steps
        found = newton.descend(evaluation, steps, self._stopping_rule(descent), self.watch)
        if is_whole and not descent.noise:
            self.curvature = newton.last_curvature
        return found

    def _stopping_rule(self, descent: Descent) -> Callable[[Evaluation, float], bool]:
        """When a descent has come near enough to the limits."""
        options, noise = self.options.price_search, self.options.noise
        near_share, violations = descent.near_share, self.violations
        if near_share is None:
            enough = coupons_quick_to_repair(self.problem, self.coupons, options)
        else:
            enough = near_share * self.coupons
        if descent.noise:
            stalled = noise.near_shares[0] * self.coupons
            near = NearEnough(descent.tolerance, enough, stalled, options.progress_share)
            return stop_under_noise(
                near, lambda found: violations.coupons_under_noise(found, descent.noise)
            )
        steps = 1 if near_share is None else descent.stalled_steps
        stalled = options.near_share * self.coupons if steps else 0.0
        progress = options.progress_share
        near = NearEnough(descent.tolerance, enough, stalled, progress, max(1, steps))
        stop = stop_without_noise(
            near,
            lambda found: violations.coupons(found, self.space),
            lambda found: options.negligible_share * violations.coupons(found),
        )
        scale, tied = descent.dual.scale, options.tied_gain_tolerance * self.gap
        if scale == 1.0 or descent.steps is not None:
            return stop_among_ties(stop, self.are_tied, tied)
        stop = stop_at_sampling_error(
            stop,
            lambda found: violations.in_sampling_errors(found, scale, self.space),
            options.sampling_error_share,
        )
        return stop_among_ties(stop, self.is_far, tied)
