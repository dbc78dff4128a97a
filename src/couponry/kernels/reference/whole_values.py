"""Values as whole numbers, whose sums are exact."""

from __future__ import annotations

import math

import numpy as np

from ..contract import Amounts, Prices, Sums


def whole_values(value: Prices | Amounts) -> tuple[Sums, int]:
    """Float values as whole numbers in the same order, none of them 0, and the power of two they were scaled by.

    Sums of all of them stay below 2^62. The lowest bits count candidates that are worth nothing or less: a choice is
    better with fewer of them.
    """
    n = len(value)
    bits = 0
    while n >> bits > 0:
        bits += 1
    largest = 0.0
    for j in range(n):
        largest = max(largest, abs(np.float64(value[j])))
    shift = min(900, 61 - 2 * bits - math.frexp(largest)[1])
    scale = math.ldexp(1.0, shift)
    whole = np.empty(n, np.int64)
    for j in range(n):
        w = np.int64(math.floor(np.float64(value[j]) * scale + 0.5))
        if value[j] > 0.0:
            w = max(w, np.int64(1))
            whole[j] = w << bits
        else:
            whole[j] = (w << bits) - 1
    return whole, shift + bits


def slack_in_units(slack: int, shift: int, unit: int) -> np.int64:
    """What a search that was cut off may have fallen short by, in whole units of 2^unit, rounded up.

    slack: in the whole numbers of a customer whose values were scaled by 2^shift.
    """
    return np.int64(math.ceil(math.ldexp(np.float64(slack), -shift - unit))) + 1
