"""The search for prices under noise, less and less of it, where ties are in the way.

Newton's method goes from one amplitude to the next, from where quasi-Newton steps have come near: it needs few steps
for that. Where hardly a limit is violated but at its price cap, only coupons that are worth next to nothing are in the
way, and little noise will do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..lagrangian import Lagrangian
from ..sampling import Samples
from ..smoothing import Smoothing
from .descent import Descent
from .price_point import PricePoint
from .price_search import PriceSearch


@dataclass(frozen=True)
class _Noisy:
    """The dual under noise of one amplitude, in units of the objective, and samples of its customers."""

    lagrangian: Lagrangian
    samples: Samples
    amplitude: float


class NoiseSearch:
    """Prices under noise, found from those without.

    Parameters
    ----------
    search : PriceSearch
        Its present prices are the first ones, and are moved.
    """

    def __init__(self, search: PriceSearch):
        self._search = search
        self._options = search.options.noise
        self._smoothing = Smoothing(search.problem, search.engine, search.seed)
        self._samples = Samples(self._smoothing.engine, len(search.prices), search.options.sampling)

    def prices(self, after: PricePoint) -> Iterator[PricePoint]:
        """Look for prices under one amplitude after the other.

        Parameters
        ----------
        after : PricePoint
            The prices that were found without noise.

        Yields
        ------
        PricePoint
            Prices that are worth rounding.
        """
        search, options = self._search, self._options
        amplitudes = options.amplitudes
        is_near = search.are_tied(after.evaluation)
        if is_near:
            largest = max(options.small_gaps * search.gap, amplitudes[-1])
            amplitudes = tuple(a for a in amplitudes if a <= largest)
        for amplitude in amplitudes:
            noisy = self._noisy(amplitude)
            if search.is_smooth:
                yield from self._nearer_and_nearer(noisy, is_far=not is_near)
                is_near = True
            else:
                patience = search.options.price_search
                tolerance = patience.patience * search.gap * patience.gain_tolerance
                yield self._point(noisy, tolerance, True, 1.0)
            if search.diverged or search.is_out_of_time:
                return
        if search.is_smooth:  # Newton's method went round in circles
            for amplitude in options.last_amplitudes:
                yield self._point(self._noisy(amplitude), 0.0, True, 0.0)

    def _noisy(self, amplitude: float) -> _Noisy:
        """The dual under noise of an amplitude, in typical worths."""
        noise = amplitude * self._search.typical_worth
        return _Noisy(self._smoothing.lagrangian(noise), self._samples, noise)

    def _nearer_and_nearer(self, noisy: _Noisy, is_far: bool) -> Iterator[PricePoint]:
        """Prices at one amplitude, nearer and nearer to the limits where there is little enough noise."""
        search, options = self._search, self._options
        violations = search.violations
        tolerance = options.gain_tolerance * search.gap
        last = np.inf
        first = (1.0,) if is_far else ()
        for share in (*first, *options.near_shares):
            near = share
            if share < 1.0:
                near = min(share, self._coupons_quick_to_repair() / search.coupons)
            point = self._point(noisy, tolerance, is_far, near)
            if self._is_blurred(point) or search.diverged or search.is_out_of_time:
                break
            is_far = False
            coupons = violations.coupons_under_noise(point.evaluation, noisy.amplitude)
            progress = search.options.price_search.progress_share
            while near * search.coupons < coupons < progress * last and search.is_far(
                point.evaluation
            ):
                point = self._point(noisy, tolerance, is_far, near)
                last = coupons
                coupons = violations.coupons_under_noise(point.evaluation, noisy.amplitude)
            if share < 1.0:
                yield point
            if coupons > near * search.coupons:
                break  # Newton's method does not get there

    def _is_blurred(self, point: PricePoint) -> bool:
        """Whether noise adds so much to the dual that its prices are not worth rounding."""
        added = point.evaluation.dual - point.plain_dual
        return added > self._options.blur_gaps * self._search.gap * abs(point.plain_dual)

    def _point(
        self, noisy: _Noisy, tolerance: float, is_far: bool, near_share: float
    ) -> PricePoint:
        """Minimise the dual under noise from the present prices."""
        search = self._search
        descent = Descent(
            noisy.lagrangian, noisy.samples, tolerance, is_far, near_share, noisy.amplitude
        )
        with search.clock.stage("dual"):
            evaluation = search.descend(descent)
            plain = search.whole.evaluate(evaluation.prices)
        evaluation = replace(evaluation, bound=plain.bound, cut_off=plain.cut_off)
        return PricePoint(noisy.lagrangian, noisy.samples, evaluation, plain.dual)

    def _coupons_quick_to_repair(self) -> float:
        """Coupons off the limits that are quick to repair where all that is in the way is worth next to nothing."""
        options = self._options
        return self._search.problem.candidates / options.repair_candidates + options.repair_coupons
