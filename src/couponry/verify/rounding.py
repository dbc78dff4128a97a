"""Sums in float64, and what rounding may do to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9  # relative: what sums of the same numbers in another order may differ by
# for each coupon, relative to the column's range: what a claimed sum may admit to be off, in large campaigns
PACKED = 2.0**-24

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


def sum_by(group: Integers, amount: Floats, groups: int) -> Floats:
    """Sum of the amounts in each group."""
    return np.bincount(group, weights=amount, minlength=groups).astype(float)


def finite(claimed: Any) -> float | None:
    """A claim as a number, None where it is no finite one."""
    number = isinstance(claimed, (int, float)) and not isinstance(claimed, bool)
    return float(claimed) if number and math.isfinite(claimed) else None


def is_close(claimed: Any, true: float, error: float) -> bool:
    """Whether a claim is right but for rounding; null is right for NaN."""
    if claimed is None:
        return math.isnan(true)
    number = finite(claimed)
    return number is not None and abs(number - true) <= error + ROUNDING * abs(true)
