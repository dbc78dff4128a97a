"""Steps of each price's distance from its cap, where value goes with weight: by how much a limit's coupons are off.

Below its cap by a share d, a limit leaves a share d of the value of all its coupons. Customers compare what is left of
different limits, and so it is ratios of these shares that their choices answer to. By how much activities answer varies
far less from limit to limit than by how much they answer to prices: all shares are multiplied at once, each by a power
of what its limit has beside what is asked of it. The power falls where a limit's share turns, and rises where it goes
on in one direction.

References
----------
Riedmiller, Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", 1993.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..options import ChargeOptions
from .lagrangian import Evaluation, Lagrangian


class NearCaps(NamedTuple):
    """Prices next to their caps.

    Attributes
    ----------
    evaluation : Evaluation
        The dual there.
    distance : ndarray of float64, shape (n_rows,)
        Share of its cap by which each price is below it.
    residual : float
        How far activities are off the bounds, in typical coupons.
    """

    evaluation: Evaluation
    distance: NDArray[np.float64]
    residual: float


def descend_near_caps(
    dual: Lagrangian,
    caps: NDArray[np.float64],
    start: NDArray[np.float64],
    coupon: NDArray[np.float64],
    residual: Callable[[Evaluation], float],
    near: float,
    watch: Callable[[Evaluation], bool],
    options: ChargeOptions,
) -> NearCaps:
    """Bring choices near upper bounds by steps of each price's distance from its cap.

    Parameters
    ----------
    dual : Lagrangian
        Every row of its problem has an upper bound and no lower one.
    caps : ndarray of float64, shape (n_rows,)
        Price of each row at which none of its coupons is worth anything.
    start : ndarray of float64, shape (n_rows,)
        Share of its cap by which each price is below it at first.
    coupon : ndarray of float64, shape (n_rows,)
        What a typical coupon weighs.
    residual : callable
        How far an evaluation's activities are off the bounds, in typical coupons.
    near : float
        Residual that is near enough.
    watch : callable
        Called with every evaluation; True stops.
    options : ChargeOptions

    Returns
    -------
    NearCaps
        Those of the least residual.
    """
    wanted, distance = np.maximum(dual.problem.upper, 0.0) + coupon, start
    power, last = np.full(len(caps), options.first_power), np.zeros(len(caps))
    best: NearCaps | None = None
    stalled = 0
    for made in range(1 + options.steps):
        found = NearCaps(dual.evaluate(caps * (1.0 - distance)), distance, 0.0)
        found = found._replace(residual=residual(found.evaluation))
        is_better = best is None or found.residual < options.progress_share * best.residual
        stalled = 0 if is_better else stalled + 1
        best = found if best is None or found.residual < best.residual else best
        is_over = best.residual <= near or stalled == options.stalls or made == options.steps
        if watch(found.evaluation) or is_over:
            break
        has = np.maximum(found.evaluation.activity, 0.0) + coupon
        towards = np.clip(np.log(wanted / has), -options.longest, options.longest)
        towards[(distance >= 1.0) & (towards > 0.0)] = 0.0
        turned = towards * last
        power[turned < 0.0] *= options.shortening
        power[turned > 0.0] *= options.growth
        np.minimum(power, options.longest_power, out=power)
        last = towards
        distance = np.minimum(distance * np.exp(power * towards), 1.0)
    assert best is not None
    return best
