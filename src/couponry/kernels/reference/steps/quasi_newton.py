"""A step that the last ones tell: the two loops of a quasi-Newton method of limited memory.

References
----------
Nocedal, "Updating quasi-Newton matrices with limited storage", 1980.
"""

from __future__ import annotations

import numpy as np

from ...contract import Amounts, Flags
from .model_step import dot


def quasi_newton_step(
    steps: Amounts,
    turned: Amounts,
    free: Flags,
    slope: Amounts,
    least_curvature: float,
    step: Amounts,
) -> None:
    """Say where the last steps tell the least value to be: the two loops of limited memory, over free coordinates.

    Parameters
    ----------
    steps : ndarray of float64, shape (M, N)
        The last steps, the latest one last.
    turned : ndarray of float64, shape (M, N)
        By how much slopes changed with each.
    free : ndarray of uint8, shape (N,)
        Coordinates that may move.
    slope : ndarray of float64, shape (N,)
    least_curvature : float
        Steps count whose product with the change of slopes is more than so many times its square.
    step : ndarray of float64, shape (N,)
        OUT: 0 at coordinates that are not free.
    """
    many, n = steps.shape
    moved, changed = np.zeros((many, n), np.float64), np.zeros((many, n), np.float64)
    product, share = np.zeros(many, np.float64), np.zeros(many, np.float64)
    for i in range(n):
        step[i] = slope[i] if free[i] else 0.0
        for t in range(many):
            if free[i]:
                moved[t, i], changed[t, i] = steps[t, i], turned[t, i]
    scale = 0.0
    for t in range(many - 1, -1, -1):
        square = dot(changed[t], changed[t])
        product[t] = dot(moved[t], changed[t])
        if not product[t] > least_curvature * square:
            product[t] = 0.0
            continue
        scale = product[t] / square if scale == 0.0 else scale
        share[t] = dot(moved[t], step) / product[t]
        for i in range(n):
            step[i] = step[i] - share[t] * changed[t, i]
    if scale == 0.0:
        scale = 1.0 / max(1.0, np.sqrt(dot(step, step)))
    for i in range(n):
        step[i] = scale * step[i]
    for t in range(many):
        if product[t] == 0.0:
            continue
        rest = share[t] - dot(changed[t], step) / product[t]
        for i in range(n):
            step[i] = step[i] + rest * moved[t, i]
    for i in range(n):
        step[i] = -step[i]
