"""Prices where limits differ in their customers alone, and are too many for samples: tied first, then each its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..lagrangian import Lagrangian
from ..price_caps import find_price_caps
from ..price_space import PriceSpace
from ..projected_quasi_newton import minimise_projected
from ..quasi_newton import Effort
from ..row_steps import RowActivities, RowDensity, descend_by_rows
from ..scaling import Scales
from ..tied_prices import TiedProblem
from ..warm_start import WarmStart
from .price_point import PricePoint
from .price_search import PriceSearch


class TiedSearch:
    """Prices of limits that differ in their customers alone.

    Parameters
    ----------
    search : PriceSearch
        Its present prices are moved.
    """

    def __init__(self, search: PriceSearch):
        self._search = search

    def point(self, start: WarmStart | None) -> PricePoint | None:
        """Find one price for limits that differ in their customers alone, and then each its own.

        Parameters
        ----------
        start : WarmStart or None
            Prices that are known, in place of the former.

        Returns
        -------
        PricePoint or None
            None where prices are few, samples tell them, tying them leaves about as many, their dual falls without
            end, or the limits are still far from being kept.
        """
        search = self._search
        if len(search.samples) > 0 or not search.is_smooth:
            return None
        found = self._prices(start, search.gap * search.options.price_search.gain_tolerance)
        if found is None:
            return None
        search.prices = found
        evaluation = search.whole.evaluate(found)
        return None if search.is_far(evaluation) else search.point(evaluation)

    def _prices(self, start: WarmStart | None, tolerance: float) -> NDArray[np.float64] | None:
        """Prices of all rows; an iteration that gains less than the tolerance is the last one with tied prices."""
        search, options = self._search, self._search.options
        problem = search.problem
        tied = TiedProblem.of(problem, options.tied_prices)
        if tied is None:
            return None
        sample = search.samples.for_tied_prices(problem, len(tied.problem.lower))
        if start is None:
            prices = self._tied_prices(tied, sample, tolerance)
        else:
            prices = search.space.prices(search.space.point(start.prices))
        if search.diverged:
            search.diverged = False
            return None
        density = RowDensity.at(sample, prices, search.scales, options.curvature)
        return descend_by_rows(
            RowActivities(search.lagrangian),
            problem,
            search.space,
            prices,
            density,
            search.scales.per_coupon,
            search.coupons,
            self._count,
            options.row_steps,
        )

    def _tied_prices(
        self, tied: TiedProblem, sample: Lagrangian, tolerance: float
    ) -> NDArray[np.float64]:
        """Prices of all rows, the same for those that are tied, by quasi-Newton steps on a sample."""
        search, problem, options = self._search, tied.problem, self._search.options
        scales = Scales(problem, np.asarray(tied.summed(search.scales.everything), float))
        caps = find_price_caps(problem, scales, options.price_caps) * options.price_caps.share
        space = PriceSpace.for_problem(problem, scales.price_scale(search.typical_worth), caps)
        unit = search.typical_worth * search.coupons
        effort = Effort(unit, options.tied_prices.passes, tolerance)
        dual, nothing = tied.dual(sample.engine, sample.scale), np.zeros(space.rows)
        found = minimise_projected(dual, space, nothing, effort, search.watch, options.quasi_newton)
        return np.asarray(found.prices[tied.tie])

    def _count(self) -> bool:
        """Count a pass that tells no dual value; whether to stop, for want of time."""
        self._search.evaluations += 1
        return self._search.is_out_of_time
