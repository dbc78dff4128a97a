"""Prices that go on for free customers alone, once all others' choice is fixed.

When prices move a little, hardly anybody but free customers would choose otherwise: they are those whose choice changes
at the least cost. So the dual over them, with what fixed customers leave of the limits, has about the slopes and the
curvature that the dual over everybody has, and a pass over them takes as small a share of a pass as they are customers.
A step moves many coupons at once, each of which repair would have to look for.

References
----------
Joachims, "Making large-scale SVM learning practical", 1998, section 3: what is unlikely to move is left out
("shrinking").
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....engines.protocol import FixedChoices
from ...packed import HeldCandidates
from ..lagrangian import Evaluation, Lagrangian
from ..newton.curvature import KnownCurvature
from ..newton.steps import Newton
from ..price_space import PriceSpace
from .descent import (
    Descent,
    NearEnough,
    may_copy_a_share,
    share_quick_to_repair,
    stop_without_noise,
)
from .price_point import PricePoint
from .price_search import PriceSearch
from .violation import ViolationMeasure


def may_go_on(search: PriceSearch, evaluation: Evaluation) -> bool:
    """Tell whether prices may go on for free customers alone.

    The curvature is known and a share of everybody is no burden; the choice is too far off the limits for repair to be
    quicker, and near enough that few need be free.

    Parameters
    ----------
    search : PriceSearch
        Its last descent was over everybody.
    evaluation : Evaluation
        Of everybody.
    """
    problem, options, coupons = search.problem, search.options, search.coupons
    if search.curvature is None or not may_copy_a_share(problem, options):
        return False
    quick = share_quick_to_repair(problem, coupons, search.gap, options)
    left = search.violations.residual(evaluation.prices, evaluation.activity)
    is_near = left <= options.free_search.most_left_share * coupons
    return is_near and search.violation(evaluation) > quick * coupons


def may_go_on_from_none(search: PriceSearch) -> bool:
    """Tell whether prices may go on for free customers alone, where none were known to begin with.

    Where passes are dear, the search ends while the choice is so far off the limits that moves take longer than steps.

    Parameters
    ----------
    search : PriceSearch
        Its last descent was over everybody.
    """
    is_dear = search.problem.candidates >= search.options.price_search.dear_candidates
    return is_dear and search.curvature is not None


def is_left_too_far(search: PriceSearch, evaluation: Evaluation) -> bool:
    """Tell whether a descent ended early for prices to go on for free customers alone, which they may not.

    Parameters are those of `may_go_on`.
    """
    problem, options, coupons = search.problem, search.options, search.coupons
    if search.curvature is None or not may_copy_a_share(problem, options):
        return False
    quick = share_quick_to_repair(problem, coupons, search.gap, options)
    return search.violation(evaluation) > quick * coupons and not may_go_on(search, evaluation)


def go_on_for_everybody(search: PriceSearch, prices: NDArray[np.float64]) -> PricePoint:
    """Let everybody's prices go on to where repair is quicker than another pass, as without a start.

    Parameters
    ----------
    search : PriceSearch
    prices : ndarray of float64, shape (n_rows,)
        Near those that are looked for.
    """
    search.prices = prices
    tolerance = search.gap * search.options.price_search.gain_tolerance
    descent = Descent(search.whole, search.samples, tolerance, False, curvature=search.curvature)
    return search.point(search.descend(descent))


class FreeSearch:
    """The search for prices that keep what fixed customers leave of the limits.

    Parameters
    ----------
    search : PriceSearch
        Of the whole problem.
    fixed : FixedChoices
        Who is fixed, and who is free.
    activity : ndarray of float64, shape (n_rows,)
        Of fixed customers.

    Attributes
    ----------
    dual : Lagrangian
        Over free customers.
    activity : ndarray of float64, shape (n_rows,)
    """

    def __init__(self, search: PriceSearch, fixed: FixedChoices, activity: NDArray[np.float64]):
        self.activity = activity
        self._search = search
        held = HeldCandidates(fixed.engine.shard, fixed.rules, (), fixed.free_fine)
        lower, upper = search.problem.lower - activity, search.problem.upper - activity
        part = replace(search.problem, packed=held, lower=lower, upper=upper)
        self.dual = Lagrangian(part, fixed.engine)

    def descend(self, prices: NDArray[np.float64]) -> Evaluation:
        """Make steps while they bring free customers' choice nearer to the limits.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
            At which all others were fixed.

        Returns
        -------
        Evaluation
            Of free customers.
        """
        search, options, scales = self._search, self._search.options, self._search.scales
        dual, known, free = self.dual, search.curvature, options.free_search
        assert known is not None
        space = PriceSpace.for_problem(
            dual.problem, scales.price_scale(search.typical_worth), search.price_caps
        )
        curvature = KnownCurvature(dual, space, known)
        newton = Newton(dual, curvature, scales, options.newton, known=known, stretch=free.stretch)
        violations = ViolationMeasure(dual.problem, scales.per_coupon)
        stop = stop_without_noise(
            NearEnough(
                np.inf,
                free.enough_share * search.coupons,
                free.stalled_share * search.coupons,
                options.price_search.progress_share,
                free.stalled_steps,
            ),
            lambda found: violations.coupons(found, space),
            lambda _: 0.0,
        )
        return newton.descend(dual.evaluate(prices), free.steps, stop, self._watch)

    def _watch(self, _: Evaluation) -> bool:
        self._search.evaluations += 1
        return self._search.is_out_of_time
