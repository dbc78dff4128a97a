"""The search for prices where value goes with weight: next to their caps, with a charge on each coupon.

Where every coupon of a limit is worth the same multiple of its weight there, the best price of a scarce limit is its
cap. Nothing that it limits is then worth anything, and everybody's best choice is tied with all others and with none.
What is left to be found is who fills the limits. A charge on each coupon, the same for all and next to nothing, tells
tied choices apart: fewer and heavier coupons are better. Prices with it are below their caps by about the charge, and
answer to it alone. An allocation loses no more by it than the charge for each of its coupons.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...problem import Problem
from ..cap_steps import NearCaps, descend_near_caps
from ..lagrangian import Evaluation, Lagrangian
from ..price_caps import goes_with_weight
from .descent import Descent
from .price_point import PricePoint
from .price_search import PriceSearch


class ChargedSearch:
    """Prices of a problem in which value goes with weight.

    Parameters
    ----------
    search : PriceSearch
        Its present prices are moved where some are found.
    """

    def __init__(self, search: PriceSearch):
        self._search = search
        self._options = options = search.options.charge
        self._share = options.gaps * search.gap
        self._charge = self._share * search.typical_worth
        self._caps = search.price_caps / search.options.price_caps.share
        objective = search.problem.objective.copy()
        objective[0] -= self._charge
        self._problem: Problem = replace(search.problem, objective=objective)

    def point(self) -> PricePoint | None:
        """Look for prices on samples, then on everybody.

        Returns
        -------
        PricePoint or None
            None where value does not go with weight, customers are few, or limits stay far from being kept or filled.
        """
        search, options = self._search, self._options
        tolerance = options.mismatch * self._share
        is_fit = search.is_smooth and goes_with_weight(
            search.problem, search.scales, self._caps, tolerance
        )
        if not is_fit:
            return None
        duals = [search.samples.dual(self._problem, level) for level in range(len(search.samples))]
        whole = Lagrangian(self._problem, search.engine)
        near = min(options.near_share * search.coupons, options.most_coupons)
        distance = np.full(len(self._caps), self._share)
        for dual in [*duals, whole]:
            found = self._near_caps(dual, distance, near if dual is whole else 0.0)
            distance = found.distance
            if search.is_out_of_time or found.residual > options.far_share * search.coupons:
                return None
        evaluation = found.evaluation
        if found.residual > options.most_coupons or search.is_far(evaluation):
            evaluation = self._nearer(whole, evaluation, near)
        is_off = self._residual(evaluation) > options.usable_share * search.coupons
        if is_off or search.is_far(evaluation):
            return None
        search.prices = evaluation.prices
        plain = search.whole.evaluate(evaluation.prices)
        evaluation = replace(evaluation, bound=plain.bound, cut_off=plain.cut_off)
        return PricePoint(whole, search.samples, evaluation, plain.dual)

    def _near_caps(self, dual: Lagrangian, start: NDArray[np.float64], near: float) -> NearCaps:
        """Steps over a sample or over everybody."""
        search, coupon = self._search, 1.0 / self._search.scales.per_coupon
        residual, options = self._residual, self._options
        return descend_near_caps(
            dual, self._caps, start, coupon, residual, near, search.watch, options
        )

    def _nearer(self, whole: Lagrangian, evaluation: Evaluation, near: float) -> Evaluation:
        """Newton's method, from where steps by themselves come to."""
        search = self._search
        before, search.prices = search.prices, evaluation.prices
        tolerance = search.options.noise.gain_tolerance * search.gap
        share = near / search.coupons
        descent = Descent(whole, search.samples, tolerance, False, share, self._charge)
        found = search.descend(descent)
        search.prices = before
        return found if self._residual(found) < self._residual(evaluation) else evaluation

    def _residual(self, evaluation: Evaluation) -> float:
        return self._search.violations.residual(evaluation.prices, evaluation.activity)
