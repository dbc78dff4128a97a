"""First prices: the dual minimised by L-BFGS-B on scaled prices within bounds.

With many customers the dual is smooth for all practical purposes. With few it has kinks, and the method stops at one
of them; what is left of the gap is then for the exact core to close.

References
----------
Byrd, Lu, Nocedal, Zhu, "A limited memory algorithm for bound constrained optimization", 1995.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..options import QuasiNewtonOptions
from .lagrangian import Evaluation, Lagrangian
from .price_space import PriceSpace


class Effort(NamedTuple):
    """How long a minimisation goes on.

    Attributes
    ----------
    unit : float
        Unit of the dual value for stopping rules: the objective of a typical coupon times coupons.
    passes : int
        Evaluations, at most, about.
    tolerance : float
        Stop when an iteration gains less than this share of the dual value.
    """

    unit: float
    passes: int
    tolerance: float


def minimise(
    lagrangian: Lagrangian,
    space: PriceSpace,
    start: NDArray[np.float64],
    effort: Effort,
    watch: Callable[[Evaluation], bool],
    options: QuasiNewtonOptions,
) -> Evaluation:
    """Minimise the dual from given prices.

    Parameters
    ----------
    lagrangian : Lagrangian
    space : PriceSpace
    start : ndarray of float64, shape (n_rows,)
        Prices to start from.
    effort : Effort
    watch : callable
        Called with every evaluation; True stops.
    options : QuasiNewtonOptions

    Returns
    -------
    Evaluation
        The one of least dual value.
    """
    best: Evaluation | None = None

    def value_and_gradient(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal best
        evaluation = lagrangian.evaluate(space.prices(point))
        if best is None or evaluation.dual < best.dual:
            best = evaluation
        if watch(evaluation):
            raise StopIteration
        slope = space.gradient(lagrangian.problem, evaluation.activity)
        return evaluation.dual / effort.unit, slope / effort.unit

    # stopped by `watch`, or the prices grow without end
    with contextlib.suppress(StopIteration, OverflowError):
        scipy.optimize.minimize(
            value_and_gradient,
            space.point(start),
            jac=True,
            method="L-BFGS-B",
            bounds=scipy.optimize.Bounds(0.0, space.highest),
            options={
                "maxcor": options.memory,
                "maxfun": effort.passes,
                "maxiter": effort.passes,
                "ftol": effort.tolerance,
                "gtol": 0.0,
            },
        )
    if best is None:
        raise RuntimeError("the dual was never evaluated")
    return best
