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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....engines.changes import Alternatives
from ....engines.protocol import FixedChoices
from ...packed import HeldCandidates
from ..lagrangian import Evaluation, Lagrangian
from ..newton.curvature import Curvature, KnownCurvature
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
    quicker, or leaves too much of them, and near enough that few need be free.

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
    free, quick = options.free_search, share_quick_to_repair(problem, coupons, search.gap, options)
    off = search.violations.residual(evaluation.prices, evaluation.activity)
    if off > free.most_left_share * coupons:
        return False
    is_far = search.violation(evaluation) > free.quick_share * quick * coupons
    return is_far or search.violations.left_worth(evaluation) > _most_left(search, evaluation)


def _most_left(search: PriceSearch, evaluation: Evaluation) -> float:
    """What may be left of limits at their prices, by the dual value of everybody."""
    return search.options.free_search.left_gaps * search.gap * abs(evaluation.dual)


def are_passes_dear(search: PriceSearch) -> bool:
    """Tell whether prices may go on for free customers alone since passes are dear, from known prices or none.

    The search ends while the choice is so far off the limits then that moves take longer than steps.

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


def take_curvature(
    search: PriceSearch, sample: Lagrangian, prices: NDArray[np.float64], found: Alternatives
) -> None:
    """Have a search know the curvature at some prices.

    Parameters
    ----------
    search : PriceSearch
    sample : Lagrangian
        The dual over a sample of customers.
    prices : ndarray of float64, shape (n_rows,)
    found : Alternatives
        Of the sample at these prices.
    """
    unit, options = search.typical_worth * search.coupons, search.options.curvature
    curvature = Curvature(sample, search.space, search.scales, unit, options)
    search.curvature = curvature.told_by(found, prices).by_row()


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
    everybody : Evaluation
        At the prices at which they were fixed.
    is_of_fixed : bool, default False
        Whether it is the very choice of which they were fixed, so that what is left of it is free customers'.

    Attributes
    ----------
    dual : Lagrangian
        Over free customers.
    activity : ndarray of float64, shape (n_rows,)
    """

    def __init__(
        self,
        search: PriceSearch,
        fixed: FixedChoices,
        activity: NDArray[np.float64],
        everybody: Evaluation,
        *,
        is_of_fixed: bool = False,
    ):
        self.activity = activity
        self._most_left = _most_left(search, everybody)
        self._search = search
        held = HeldCandidates(fixed.engine.shard, fixed.rules, (), fixed.free_fine)
        lower, upper = search.problem.lower - activity, search.problem.upper - activity
        part = replace(search.problem, packed=held, lower=lower, upper=upper)
        self.dual = Lagrangian(part, fixed.engine)
        self._violations = ViolationMeasure(part, search.scales.per_coupon)
        if is_of_fixed:
            self.dual.known = self._what_is_left(fixed, everybody)

    def _what_is_left(self, fixed: FixedChoices, everybody: Evaluation) -> Evaluation:
        """Free customers' evaluation at the prices at which all others were fixed, without a pass."""
        dual, prices = self.dual, everybody.prices
        usage = everybody.usage - dual.usage(fixed.usage)
        worth = float((dual.reduced(prices) * usage).sum()) + dual.support(prices)
        return Evaluation(prices, worth, dual.problem.rows @ usage.ravel(), usage)

    def descend(self, prices: NDArray[np.float64]) -> Evaluation:
        """Make steps while they bring free customers' choice nearer to the limits.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
            At which all others were fixed.

        Returns
        -------
        Evaluation
            Of free customers: the one nearest to the limits.
        """
        search, options, scales = self._search, self._search.options, self._search.scales
        dual, known, free = self.dual, search.curvature, options.free_search
        assert known is not None
        space = PriceSpace.for_problem(
            dual.problem, scales.price_scale(search.typical_worth), search.price_caps
        )
        curvature = KnownCurvature(dual, space, known)
        newton = Newton(dual, curvature, scales, options.newton, known=known, stretch=free.stretch)
        most_left = _MostLeft(self._most_left, search.typical_worth)
        nearest = _Nearest(dual.evaluate(prices), space, self._violations, most_left)
        stop = stop_without_noise(
            NearEnough(
                np.inf,
                free.enough_by_candidate * dual.engine.candidates,
                free.stalled_share * search.coupons,
                options.price_search.progress_share,
                free.stalled_steps,
            ),
            nearest.coupons_off,
            lambda _: 0.0,
        )

        def watch(found: Evaluation) -> bool:
            search.evaluations += 1
            nearest.look_at(found)
            return search.is_out_of_time

        newton.descend(nearest.evaluation, free.steps, stop, watch)
        self._keep_wide_rows(newton, nearest)
        return nearest.evaluation

    def _keep_wide_rows(self, newton: Newton, nearest: _Nearest) -> None:
        """Make one more step where rows that nearly all coupons count in are violated: single moves there are dear.

        Whoever is looked at may move anything then. The step leaves other rows where they are.
        """
        search, problem, found = self._search, self.dual.problem, nearest.evaluation
        wide = search.scales.is_wide(search.options.repair.wide_row)
        over = problem.hard & wide & (problem.violation(found.activity) > 0)
        if not over.any() or search.is_out_of_time:
            return
        space = nearest.space
        point, slope = space.point(found.prices), space.gradient(problem, found.activity)
        stays = ((point <= 0.0) & (slope > 0.0)) | ((point >= space.highest) & (slope < 0.0))
        further = search.options.free_search.wide_row_step * slope
        slope = np.where(over[space.row], further, np.where(stays, slope, 0.0))
        nearest.look_at(self.dual.evaluate(newton.prices_to_change(found, slope)))
        search.evaluations += 1


class _MostLeft(NamedTuple):
    """What may be left of limits at their prices, and what more of it is worth.

    Attributes
    ----------
    worth : float
        In units of the objective.
    coupon : float
        Worth that counts as much as a coupon of violation.
    """

    worth: float
    coupon: float


class _Nearest:
    """The evaluation that is nearest to the limits, of those that are no worse a bound than the first.

    Parameters
    ----------
    evaluation : Evaluation
        The first.
    space : PriceSpace
        Rows at its price caps do not count.
    violations : ViolationMeasure
    most_left : _MostLeft
    """

    def __init__(
        self,
        evaluation: Evaluation,
        space: PriceSpace,
        violations: ViolationMeasure,
        most_left: _MostLeft,
    ):
        self.evaluation = evaluation
        self.space = space
        self._violations = violations
        self._most_left = most_left
        self._first, self._least = evaluation.dual, self.coupons_off(evaluation)

    def coupons_off(self, evaluation: Evaluation) -> float:
        """By how many typical coupons rows are violated whose price could still rise, or too much is left of them."""
        left = self._violations.left_worth(evaluation) - self._most_left.worth
        violated = self._violations.coupons(evaluation, self.space)
        return violated + max(0.0, left) / self._most_left.coupon

    def look_at(self, found: Evaluation) -> None:
        """Keep an evaluation if it is nearer."""
        coupons = self.coupons_off(found)
        if coupons < self._least and found.dual <= self._first:
            self.evaluation, self._least = found, coupons
