"""Newton's method on the dual, from prices that are near already: few passes over everybody.

Each step minimises a quadratic model of the dual (gradient of everybody, curvature of a sample; see `curvature`)
within bounds on the prices and a box about them (a trust region; Conn, Gould and Toint 2000), by a primal-dual active
set method (Hintermueller, Ito and Kunisch 2003). Each side of the box grows
where a step was too short and shrinks where it went too far, for limits differ in how far a model of them holds, and
damping (Levenberg 1944) keeps limits that are sums of others from making the model singular.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...utils.lazy_imports import sparse as sp
from ...utils.lazy_imports import sparse_linalg
from .curvature import Curvature
from .lagrangian import Evaluation, Lagrangian
from .quasi_newton import PriceSpace
from .scaling import Scales

# share of a limit's curvature that is added to it, at first, at most and at least; less where a step gains more
# than the model promised by so much, more where it gains nothing
DAMPING, MOST_DAMPING, LEAST_DAMPING = 1e-5, 1e-4, 1e-8
UNDERRATED, DAMPS = 1.5, 10.0
FLOOR = 1e-3  # of the typical curvature, added to each: where nothing near moves a limit, its price goes to the box
# the first box, from prices that are near and from ones that are not, and the smallest, in bandwidths per coupon
REACH, FAR_REACH, LEAST_REACH = 1.0, 8.0, 0.02
GROWS, GROWS_FAST, SHRINKS = 2.0, 4.0, 0.3
HELD_BACK = 0.7  # everywhere, where a step gained nothing
STEEP, OVERSHOT = (
    0.5,
    0.5,
)  # slope after a step, of the same and of the other sign, as a share of the slope before
LITTLE = 2e-3  # of what counts in a limit: it is met where it is so little off
ACTIVE_SETS = 8  # tried for one step, at most: a few more would gain a thousandth
SETTLED = (
    1 / 500
)  # of the coordinates may still change sides: what that is worth is far below the model's error
# steps that one curvature is good for, if they gain what it promises, give or take a share; and passes over so many
# candidates for each in the sample cost more than taking it anew
USES, FORETOLD = 2, 0.5
DEAR = 128
CG_STEPS, CG_TOLERANCE = 300, 1e-2  # far below what a sample's curvature is off


class Newton:
    """Steps from prices to better prices; `dual` is minimised, curvature comes from `sample`.

    unit: of the dual value, in which the model is scaled. far: whether the prices to start from may be far off.
    reach: of the first box at least, in units of the objective per coupon.
    """

    def __init__(
        self,
        dual: Lagrangian,
        sample: Lagrangian,
        space: PriceSpace,
        scales: Scales,
        unit: float,
        far: bool = False,
        reach: float = 0.0,
    ):
        self._dual = dual
        self._space = space
        self._curvature = Curvature(sample, space, scales, unit)
        self._dear = dual.engine.candidates > DEAR * sample.engine.candidates
        # coordinate for a price of 1 per coupon
        self._coupon = scales.per_coupon[space.row] / space.scale
        self._unit = unit
        self._bandwidths = FAR_REACH if far else REACH
        self._least_reach = reach
        self._box: NDArray[np.float64] | None = None
        self._damping = DAMPING

    def descend(
        self,
        now: Evaluation,
        steps: int,
        enough: Callable[[Evaluation, float], bool],
        watch: Callable[[Evaluation], bool],
    ) -> Evaluation:
        """The best evaluation after at most so many steps from `now`.

        enough: called with the present evaluation and what the next step promises. watch: called with every
        evaluation; both stop when they say True.
        """
        matrix: sp.csr_array | None = None
        last = np.zeros(len(self._coupon))
        least = LEAST_REACH
        used = 0
        for _ in range(steps):
            if matrix is None:
                (matrix, bandwidth), used = self._curvature.at(now.prices), 0
                if self._box is None:
                    reach = np.maximum(self._bandwidths * bandwidth, self._least_reach)
                    self._box = reach * self._coupon
                box = self._box
            point = self._space.point(now.prices)
            slope = self._slope(now)
            step, promised = _Model(matrix, self._damping).minimum(
                slope,
                np.maximum(-point, -box),
                np.minimum(self._space.limit - point, box),
            )
            if enough(now, promised * self._unit) or promised <= 0.0:
                break
            then = self._dual.evaluate(self._space.prices(point + step))
            gain = (now.dual - then.dual) / self._unit
            little = LITTLE * np.abs(now.activity[self._space.row]) * self._space.scale / self._unit
            _resize(box, step, last, slope, self._slope(then), little, gain > 0.0)
            if gain <= 0.0:
                least *= HELD_BACK
            np.maximum(box, least * bandwidth * self._coupon, out=box)
            last = step
            if gain > UNDERRATED * promised:
                self._damping = max(self._damping / DAMPS, LEAST_DAMPING)
            elif gain <= 0.0:
                self._damping = min(self._damping * DAMPS, MOST_DAMPING)
            if gain <= 0.0 and used > 0:
                matrix = None
            if gain > 0.0:
                now, least = then, LEAST_REACH
                used += 1
                if self._dear or used == USES or abs(gain - promised) > FORETOLD * promised:
                    matrix = None
            if watch(then):
                break
        return now

    def _slope(self, now: Evaluation) -> NDArray[np.float64]:
        return self._space.gradient(self._dual.problem, now.activity) / self._unit


def _resize(
    box: NDArray[np.float64],
    step: NDArray[np.float64],
    last: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    little: NDArray[np.float64],
    gained: bool,
) -> None:
    """Shrink the box where a step went too far, grow it where one was too short; slopes before and after.

    A slope that is little is as good as none: a limit that is met may have to follow where others take it, which is
    where it went with the last step, too.
    """
    across = (step * before < 0) & (before * after < 0)
    too_far = across & (np.abs(after) > OVERSHOT * np.abs(before)) & (np.abs(after) > little)
    at_end = np.abs(step) >= 0.99 * box
    downhill = (step * before < 0) & (before * after > 0)
    steep = downhill & (np.abs(after) > STEEP * np.abs(before))
    follows = (step * last > 0) & (np.abs(after) <= little)
    box[too_far] = SHRINKS * np.abs(step[too_far])
    if gained:
        box[at_end & (downhill | follows) & ~steep] *= GROWS
        box[at_end & steep] *= GROWS_FAST
    else:
        box *= HELD_BACK


class _Model:
    """A damped quadratic model, minimised within a box."""

    def __init__(self, matrix: sp.csr_array, share: float = DAMPING):
        diagonal = matrix.diagonal()
        positive = diagonal[diagonal > 0]
        floor = FLOOR * float(np.median(positive)) if len(positive) else 1.0
        self._matrix = matrix
        self._damping = share * (diagonal + floor)
        self._diagonal = diagonal + self._damping

    def _times(self, step: NDArray[np.float64]) -> NDArray[np.float64]:
        """The damped matrix times a step."""
        return self._matrix @ step + self._damping * step

    def minimum(
        self, gradient: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """The best step between low (<= 0) and high (>= 0), and the decrease it promises."""
        # which end of its interval each coordinate is at: -1, 1, or 0 for neither
        end = np.where((low >= 0) & (gradient > 0), -1, 0)
        step, guess = np.zeros((2, len(gradient)))
        for _ in range(ACTIVE_SETS):
            free = end == 0
            step = np.where(end < 0, low, np.where(end > 0, high, 0.0))
            right = np.where(free, -(gradient + self._times(step)), 0.0)
            guess = self._solve(free, right, np.where(free, guess, 0.0))
            step[free] = guess[free]
            slope = gradient + self._times(step)
            now = np.where(free, np.where(step < low, -1, np.where(step > high, 1, 0)), end)
            now[(end < 0) & (slope < 0)] = 0
            now[(end > 0) & (slope > 0)] = 0
            if (now != end).sum() <= SETTLED * len(end):
                break
            end = now
        step = np.clip(step, low, high)
        decrease = -(gradient @ step + 0.5 * step @ self._times(step))
        # the active sets may have gone round in a circle: downhill along the gradient is safe
        if decrease <= 0.0:
            step = np.clip(-gradient / self._diagonal, low, high)
            curved = step @ self._times(step)
            step *= min(1.0, -(gradient @ step) / curved) if curved > 0.0 else 1.0
            decrease = -(gradient @ step + 0.5 * step @ self._times(step))
        return step, float(decrease)

    def _solve(
        self,
        free: NDArray[np.bool_],
        right: NDArray[np.float64],
        guess: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The free coordinates' step, by conjugate gradients: damping keeps the matrix well conditioned.

        The others' are 0 in `right` and `guess` and stay so.
        """
        shape = self._matrix.shape
        matrix = sparse_linalg.LinearOperator(
            shape, lambda step: np.where(free, self._times(step), 0.0)
        )
        inverse = sparse_linalg.LinearOperator(shape, lambda slope: slope / self._diagonal)
        solved, _ = sparse_linalg.cg(
            matrix, right, guess, rtol=CG_TOLERANCE, maxiter=CG_STEPS, M=inverse
        )
        return np.asarray(solved)
