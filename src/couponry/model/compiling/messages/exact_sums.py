"""Sums of numbers without any rounding, so that they do not depend on order, nor on how many added them up."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

MANTISSA_BITS = 53
"""Bits of a float64 below its exponent, the implied one included."""

LOW_BITS = 32
"""Bits of a mantissa that are summed apart from the others: 2^31 numbers may be added in int64."""


def exact_sum(values: NDArray[np.float64]) -> Fraction:
    """Add up numbers.

    Parameters
    ----------
    values : ndarray of float64
        Finite.

    Returns
    -------
    Fraction
        Their sum; float() rounds it once.
    """
    mantissa, exponent = np.frexp(values.ravel())
    whole = np.ldexp(mantissa, MANTISSA_BITS).astype(np.int64)
    total = Fraction(0)
    for power in np.unique(exponent).tolist():
        some = whole[exponent == power]
        high, low = some >> LOW_BITS, some & ((1 << LOW_BITS) - 1)
        number = (int(high.sum()) << LOW_BITS) + int(low.sum())
        total += Fraction(2) ** (power - MANTISSA_BITS) * number
    return total
