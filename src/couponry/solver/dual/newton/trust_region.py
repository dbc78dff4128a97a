"""The box about the prices within which a model of the dual is believed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...options import NewtonOptions


class StepOutcome(NamedTuple):
    """What a step came to. Arrays are float64 of shape (n_coordinates,).

    Attributes
    ----------
    step : ndarray
    last_step : ndarray
        The step before it; 0 before the first one.
    slope_before, slope_after : ndarray
        Slopes of the dual.
    met_slope : ndarray
        Slope that is as good as none: the limit is met.
    has_gained : bool
        Whether the dual is lower than before.
    """

    step: NDArray[np.float64]
    last_step: NDArray[np.float64]
    slope_before: NDArray[np.float64]
    slope_after: NDArray[np.float64]
    met_slope: NDArray[np.float64]
    has_gained: bool


class TrustRegion:
    """A box about the prices, each side of which follows how far the model held for its limit.

    Parameters
    ----------
    sides : ndarray of float64, shape (n_coordinates,)
        How far the box reaches at first, in coordinates of the prices.
    options : NewtonOptions

    Attributes
    ----------
    sides : ndarray of float64, shape (n_coordinates,)
        How far it reaches now.
    """

    def __init__(self, sides: NDArray[np.float64], options: NewtonOptions):
        self.sides = sides
        self._options = options
        self._least = options.least_box

    def update(
        self,
        outcome: StepOutcome,
        bandwidth: NDArray[np.float64],
        coupon: NDArray[np.float64],
    ) -> None:
        """Resize the box after a step.

        Parameters
        ----------
        outcome : StepOutcome
        bandwidth : ndarray of float64, shape (n_coordinates,)
            Reduced value within which the curvature was taken.
        coupon : ndarray of float64, shape (n_coordinates,)
            Coordinate for a price of 1 per typical coupon.
        """
        self._resize(outcome)
        if not outcome.has_gained:
            self._least *= self._options.failed_step_shrinkage
        np.maximum(self.sides, self._least * bandwidth * coupon, out=self.sides)
        if outcome.has_gained:
            self._least = self._options.least_box

    def _resize(self, outcome: StepOutcome) -> None:
        """Shrink sides where the step went too far, and grow those where it was too short.

        A limit that is met may have to follow where others take it, which is where it went with the last step, too.
        """
        options, sides, step = self._options, self.sides, outcome.step
        before, after = outcome.slope_before, outcome.slope_after
        is_met = np.abs(after) <= outcome.met_slope
        is_across = (step * before < 0) & (before * after < 0)
        is_too_far = is_across & (np.abs(after) > options.overshot_slope * np.abs(before)) & ~is_met
        is_at_end = np.abs(step) >= 0.99 * sides
        is_downhill = (step * before < 0) & (before * after > 0)
        is_steep = is_downhill & (np.abs(after) > options.steep_slope * np.abs(before))
        follows = (step * outcome.last_step > 0) & is_met
        sides[is_too_far] = options.shrinkage * np.abs(step[is_too_far])
        if outcome.has_gained:
            sides[is_at_end & (is_downhill | follows) & ~is_steep] *= options.growth
            sides[is_at_end & is_steep] *= options.fast_growth
        else:
            sides *= options.failed_step_shrinkage
