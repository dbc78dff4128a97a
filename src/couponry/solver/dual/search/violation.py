"""How far a choice is off the limits, counted in typical coupons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....utils.arrays.blocks import CACHED_SIZE, blocks
from ...problem import Problem
from ..lagrangian import Evaluation
from ..price_space import PriceSpace


class ViolationMeasure:
    """Violation of hard rows, in typical coupons.

    Parameters
    ----------
    problem : Problem
    per_coupon : ndarray of float64, shape (n_rows,)
        Weights under which a typical coupon's weight in a row counts as 1.
    """

    def __init__(self, problem: Problem, per_coupon: NDArray[np.float64]):
        self._problem = problem
        self._per_coupon = per_coupon
        self._are_hard = bool(problem.hard.all())

    def coupons(self, evaluation: Evaluation, space: PriceSpace | None = None) -> float:
        """Sum the violations of the hard rows, or of those whose price in a space could still rise.

        Parameters
        ----------
        evaluation : Evaluation
        space : PriceSpace, optional
            Rows at its price caps do not count.

        Returns
        -------
        float
            Typical coupons.
        """
        counted = self._problem.hard
        if space is not None:
            counted = counted & space.below_cap(evaluation.prices)
        violation = np.where(counted, self._problem.violation(evaluation.activity), 0.0)
        return float((violation * self._per_coupon).sum())

    def coupons_under_noise(self, evaluation: Evaluation, noise: float) -> float:
        """Sum the violations, and what is left of rows whose price is more than noise.

        Parameters
        ----------
        evaluation : Evaluation
        noise : float
            In units of the objective.

        Returns
        -------
        float
            Typical coupons.
        """
        return self.residual(evaluation.prices, evaluation.activity, noise)

    def residual(
        self, prices: NDArray[np.float64], activity: NDArray[np.float64], noise: float = 0.0
    ) -> float:
        """Sum the violations, and what is left of rows whose price is more than noise, at some activities.

        Parameters
        ----------
        prices, activity : ndarray of float64, shape (n_rows,)
        noise : float, default 0
            In units of the objective.

        Returns
        -------
        float
            Typical coupons.
        """
        return sum(
            self._residual(part, prices[part], activity[part], noise)
            for part in blocks(len(prices), CACHED_SIZE)
        )

    def _residual(
        self,
        part: slice,
        prices: NDArray[np.float64],
        activity: NDArray[np.float64],
        noise: float,
    ) -> float:
        """The residual of some rows, few enough for a processor's caches."""
        per_coupon, off = self._per_coupon[part], np.zeros(len(prices))
        least = noise * per_coupon if noise else 0.0
        for bound, sign in (self._problem.upper[part], 1.0), (self._problem.lower[part], -1.0):
            is_bound = np.isfinite(bound)
            if not is_bound.any():
                continue
            beyond = sign * (activity - bound)
            np.maximum(off, beyond, out=off)
            if not is_bound.all():
                beyond[~is_bound] = 0.0
            np.maximum(off, -beyond * (sign * prices > least), out=off)  # what is left of it
        if not self._are_hard:
            off[~self._problem.hard[part]] = 0.0
        return float((off * per_coupon).sum())

    def left_worth(self, evaluation: Evaluation) -> float:
        """Sum what is left of rows at their prices: so much the dual value is above what a choice is worth.

        Parameters
        ----------
        evaluation : Evaluation

        Returns
        -------
        float
            In units of the objective.
        """
        problem, prices, activity = self._problem, evaluation.prices, evaluation.activity
        worth = 0.0
        for bound, sign in (problem.upper, 1.0), (problem.lower, -1.0):
            counted = (sign * prices > 0) & np.isfinite(bound)
            left = np.maximum(0.0, sign * (bound - activity)[counted])
            worth += float((sign * prices[counted] * left).sum())
        return worth

    def in_sampling_errors(self, evaluation: Evaluation, scale: float, space: PriceSpace) -> float:
        """Tell how far a sample's choice is off the limits, beside what the sample itself is off.

        A row is off by what it is violated, or short of its bound where it has a price. What a sample says of a row of
        n coupons is off by the square root of n, about.

        Parameters
        ----------
        evaluation : Evaluation
            Scaled up to everybody.
        scale : float
            Customers in all for each one in the sample.
        space : PriceSpace
            Rows at its price caps do not count.

        Returns
        -------
        float
            Root of the mean square over the rows, as a share of that of the errors; 0 where nothing can be off.
        """
        problem, prices, activity = self._problem, evaluation.prices, evaluation.activity
        bound = np.where(prices > 0, problem.upper, problem.lower)
        counted = (prices != 0) & np.isfinite(bound)
        residual = np.where(counted, np.abs(bound - activity), 0.0)
        off = np.maximum(residual, problem.violation(activity)) * self._per_coupon
        off[~space.below_cap(prices)] = 0.0
        error = (scale * np.abs(activity) * self._per_coupon)[off > 0].sum()
        return float(np.sqrt((off**2).sum() / error)) if error > 0 else 0.0
