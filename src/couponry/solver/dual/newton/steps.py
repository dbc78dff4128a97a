"""Newton's method on the dual, from prices that are near already: few passes over everybody.

Each step minimises a quadratic model of the dual: slope of everybody, curvature of a sample (see `curvature`). It does
so within bounds on the prices and within a box about them, a trust region, each side of which grows where a step was
too short and shrinks where it went too far, for limits differ in how far a model of them holds. Damping keeps limits
that are sums of others from making the model singular.

References
----------
Conn, Gould, Toint, "Trust-Region Methods", 2000.
Levenberg, "A method for the solution of certain non-linear problems in least squares", 1944.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ....utils.lazy_imports import sparse as sp
from ...options import NewtonOptions
from ..lagrangian import Evaluation, Lagrangian
from ..scaling import Scales
from .curvature import Curvature, KnownCurvature
from .quadratic_model import QuadraticModel
from .row_curvature import ListedCurvature, RowCurvature
from .trust_region import StepOutcome, TrustRegion


class Newton:
    """Steps from prices to better prices.

    Parameters
    ----------
    dual : Lagrangian
        The dual that is minimised.
    curvature : Curvature or KnownCurvature
        Its second derivatives, estimated from a sample.
    scales : Scales
    options : NewtonOptions
    is_far : bool, default False
        Whether the prices to start from may be far off.
    least_price : float, default 0
        What the first box lets a price move by at least, in units of the objective per typical coupon.
    known : RowCurvature, optional
        Curvature near the prices to start from. It serves every step until one gains far from what it promised; only
        then is the sample asked.

    stretch : float, optional
        What the curvature is stretched by at first. Each step then tells more, of each limit by itself. Default: it is
        taken as it is, unless there is noise.

    """

    def __init__(
        self,
        dual: Lagrangian,
        curvature: Curvature | KnownCurvature,
        scales: Scales,
        options: NewtonOptions,
        *,
        is_far: bool = False,
        least_price: float = 0.0,
        known: RowCurvature | None = None,
        stretch: float | None = None,
    ):
        self._dual = dual
        self._curvature = curvature
        self._space = space = curvature.space
        self._unit = curvature.unit
        self._options = options
        sample = curvature.sample.engine
        self._passes_are_dear = (
            dual.engine.candidates > options.fresh_curvature_ratio * sample.candidates
        )
        # coordinate for a price of 1 per coupon
        self._coupon = scales.per_coupon[space.row] / space.scale
        self._bandwidths = options.far_box if is_far else options.box
        self._least_price = least_price
        self._region: TrustRegion | None = None
        self._damping = options.damping
        self._known = known
        self._learns = stretch is not None or least_price > 0.0
        self._stretch = np.full(len(self._coupon), 1.0 if stretch is None else stretch)
        self._last: RowCurvature | ListedCurvature | None = None
        self._placed: tuple[sp.csr_array, NDArray[np.float64]] | None = None  # that, by coordinate

    def descend(
        self,
        start: Evaluation,
        steps: int,
        is_enough: Callable[[Evaluation, float], bool],
        watch: Callable[[Evaluation], bool],
    ) -> Evaluation:
        """Make steps while they are worth it.

        Parameters
        ----------
        start : Evaluation
            The dual at the prices to start from.
        steps : int
            Steps, at most.
        is_enough : callable
            Called with the present evaluation and the gain that the next step promises; True stops.
        watch : callable
            Called with every evaluation; True stops.

        Returns
        -------
        Evaluation
            The best one.
        """
        present, last = start, np.zeros(len(self._coupon))
        matrix: sp.csr_array | None = None
        used = 0
        for _ in range(steps):
            if matrix is None:
                (matrix, bandwidth), used = self._curvature_at(present.prices), 0
                region = self._trust_region(bandwidth)
            point = self._space.point(present.prices)
            slope = self._slope(present)
            model = QuadraticModel(
                self._stretched(matrix), self._damping, self._options, self._dual.engine
            )
            step, promised = model.minimum(
                slope,
                np.maximum(-point, -region.sides),
                np.minimum(self._space.highest - point, region.sides),
            )
            if is_enough(present, promised * self._unit) or promised <= 0.0:
                break
            following = self._dual.evaluate(self._space.prices(point + step))
            gain = (present.dual - following.dual) / self._unit
            outcome = StepOutcome(
                step, last, slope, self._slope(following), self._met_slope(present), gain > 0.0
            )
            region.update(outcome, bandwidth, self._coupon)
            self._learn(model, outcome)
            self._adapt_damping(gain, promised)
            last, used = step, used + (gain > 0.0)
            if self._is_used_up(used, gain, promised):
                matrix, self._known = None, None
            if gain > 0.0:
                present = following
            if watch(following):
                break
        return present

    def prices_to_change(
        self, present: Evaluation, slope: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Say at which prices the model has slopes that are less by these, after a descent.

        Parameters
        ----------
        present : Evaluation
            From whose prices on.
        slope : ndarray of float64, shape (n_coordinates,)
            Of the dual value. 0 keeps a slope as it is.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        (matrix, _), point = self._curvature_at(present.prices), self._space.point(present.prices)
        model = QuadraticModel(
            self._stretched(matrix), self._damping, self._options, self._dual.engine
        )
        step, _ = model.minimum(slope / self._unit, -point, self._space.highest - point)
        return self._space.prices(point + step)

    def _curvature_at(
        self, prices: NDArray[np.float64]
    ) -> tuple[sp.csr_array, NDArray[np.float64]]:
        """The curvature that is known, or a sample's at some prices, and its bandwidths, by coordinate."""
        known = self._known
        found = self._curvature.at(prices) if known is None else known
        if self._placed is None or found is not self._last:
            self._last, self._placed = found, found.in_space(self._space)
        return self._placed

    @property
    def last_curvature(self) -> RowCurvature | None:
        """That of the last step."""
        return None if self._last is None else self._last.by_row()

    @property
    def _is_under_noise(self) -> bool:
        return self._least_price > 0.0

    def _stretched(self, matrix: sp.csr_array) -> sp.csr_array:
        """The curvature, each limit's stretched by what its slope was seen to change by beside what was foretold."""
        if not self._learns:
            return matrix
        root = np.sqrt(self._stretch)
        data = matrix.data * root[matrix.indices] * np.repeat(root, np.diff(matrix.indptr))
        return sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)

    def _learn(self, model: QuadraticModel, outcome: StepOutcome) -> None:
        """Compare what slopes changed by with what the model foretold, where that tells of a limit's curvature."""
        if not self._learns:
            return
        options = self._options
        foretold = model.slope_change(outcome.step)
        seen = outcome.slope_after - outcome.slope_before
        tells = (foretold * outcome.step > 0) & (foretold * seen > 0)
        tells &= np.maximum(np.abs(foretold), np.abs(seen)) > outcome.met_slope
        noise = options.stretch_noise / (self._coupon * self._unit)  # slope of so many coupons
        ratio = np.where(tells, (np.abs(seen) + noise) / (np.abs(foretold) + noise), 1.0)
        self._stretch *= np.clip(ratio, 1 / options.most_stretch, options.most_stretch)

    def _trust_region(self, bandwidth: NDArray[np.float64]) -> TrustRegion:
        """The box about the prices; the first curvature says how large it is at first."""
        if self._region is None:
            price = np.maximum(self._bandwidths * bandwidth, self._least_price)
            self._region = TrustRegion(price * self._coupon, self._options)
        return self._region

    def _slope(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Slopes of the dual, in its unit."""
        return self._space.gradient(self._dual.problem, evaluation.activity) / self._unit

    def _met_slope(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Slope by which a limit may be off and still be met."""
        share = self._options.met_share
        activity = np.abs(evaluation.activity[self._space.row])
        return share * activity * self._space.scale / self._unit

    def _adapt_damping(self, gain: float, promised: float) -> None:
        """Damp less where a step gained far more than the model promised, and more where it gained nothing."""
        options = self._options
        if gain > options.underestimated * promised:
            self._damping = max(self._damping / options.damping_factor, options.least_damping)
        elif gain <= 0.0:
            self._damping = min(self._damping * options.damping_factor, options.most_damping)

    def _is_used_up(self, used: int, gain: float, promised: float) -> bool:
        """Whether a curvature that was used for so many steps, and gained so much, is not to be used for another."""
        options = self._options
        was_wrong = abs(gain - promised) > options.prediction_error * promised
        if self._known is not None:
            return was_wrong
        if gain <= 0.0:
            return used > 0
        uses = options.uses_under_noise if self._is_under_noise else options.curvature_uses
        return self._passes_are_dear or used == uses or was_wrong
