"""Rounding of an attribute's values to 16 bits, and 8 more, over the range of each item."""

from __future__ import annotations

import numpy as np

from ..contract import Amounts, Flags, Items, Prices, Quantities


def span(item: Items, values: Prices | Amounts, low: Amounts, high: Amounts) -> None:
    """Widen the range of each item to its values.

    Parameters
    ----------
    item : ndarray of uint16 or uint32, shape (e,)
    values : ndarray of float32 or float64, shape (e,)
        Values of one attribute.
    low, high : ndarray of float64, shape (K,)
        IN/OUT: least and largest value of each item.
    """
    for e in range(len(item)):
        k = np.int64(item[e])
        v = np.float64(values[e])
        if v < low[k]:
            low[k] = v
        if v > high[k]:
            high[k] = v


def quantise(
    item: Items,
    values: Prices | Amounts,
    low: Amounts,
    step: Amounts,
    quantity: Quantities,
    fine: Flags,
    error: Amounts,
    fine_error: Amounts,
) -> None:
    """Round values to low[k] + step[k] * quantity, and say where in the quantity's step they lie.

    Parameters
    ----------
    item : ndarray of uint16 or uint32, shape (e,)
    values : ndarray of float32 or float64, shape (e,)
        Values of one attribute.
    low : ndarray of float64, shape (K,)
        Least value of each item; see `span`.
    step : ndarray of float64, shape (K,)
        What one unit of quantity stands for; 0 where all values of an item are the same.
    quantity : ndarray of uint16, shape (e,)
        OUT: a value is about low[k] + step[k] * quantity.
    fine : ndarray of uint8, shape (e,)
        OUT: and, closer, about low[k] + step[k] * (quantity - 1/2 + fine / 256).
    error, fine_error : ndarray of float64, shape (K,)
        IN/OUT: widened to the largest error of either.
    """
    for e in range(len(item)):
        k = np.int64(item[e])
        v = np.float64(values[e])
        q = np.float64(0.0)
        f = np.float64(0.0)
        steps = np.float64(0.0)
        if step[k] > 0.0:
            parts = np.floor(((v - low[k]) / step[k] + 0.5) * 256.0 + 0.5)
            if parts > 16777215.0:
                parts = np.float64(16777215.0)
            q = np.floor(parts / 256.0)
            f = parts - 256.0 * q
            steps = parts / 256.0 - 0.5
        quantity[e] = np.uint16(q)
        fine[e] = np.uint8(f)
        scaled = step[k] * q
        miss = abs(v - (low[k] + scaled))
        if miss > error[k]:
            error[k] = miss
        scaled = step[k] * steps
        miss = abs(v - (low[k] + scaled))
        if miss > fine_error[k]:
            fine_error[k] = miss
