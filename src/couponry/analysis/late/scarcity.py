"""By how much the prices of rows have to rise for late customers to ask for about as much as there is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .demand import LateMarket, floored

PASSES = 12
"""Passes that prices are found by: after so many, coupons are worth within a thousandth of the most they could be."""

DAMPING = 0.6
"""Share of a step: several rows may be about the same coupons."""

MOST_OCTAVES = 6.0
"""Factors of two by which a row may be asked for more than it has, as far as one step goes."""


def raised_prices(market: LateMarket) -> NDArray[np.float64]:
    """Find about by how much prices have to rise.

    As prices rise, the coupons that are asked for of a row become fewer as an exponential law would have it of coupons
    whose worth beyond their prices, for what they use, is on average what it is. Each pass tells that of all rows.

    Parameters
    ----------
    market : LateMarket

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        0 where a row has enough.
    """
    charges = market.charges
    left = np.maximum(market.room.left()[0], 1) / charges.unit
    is_bounded, full = np.isfinite(charges.up), market.full_cells()
    raised = np.zeros(len(charges.unit))
    for _ in range(PASSES):
        priced = market.priced(raised)
        price = floored(priced.price, full)
        usage = market.engine(priced).evaluate(price)
        used, worth = _of_rows(market, usage, np.where(full, 0.0, price))
        asks = is_bounded & (used > 0)
        factor = np.log2(np.where(asks, used, 1.0) / np.where(asks, left, 1.0))
        rate = np.maximum(worth, 0.0) / np.where(asks, used, 1.0)
        step = np.clip(factor, -MOST_OCTAVES, MOST_OCTAVES) * np.log(2.0) * rate
        raised = np.maximum(0.0, raised + DAMPING * np.where(asks, step, -raised))
    return raised


def _of_rows(
    market: LateMarket, usage: NDArray[np.int64], price: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What packed coupons use of each row, and what those that do are worth beyond their prices."""
    charges, rows = market.charges, len(market.charges.unit)
    used, worth = np.zeros((2, rows))
    gained = (price * usage).sum(axis=0)
    for kind, pair in market.pairs.used(usage):
        item = charges.item[pair]
        count, *sums = usage[:, kind, item].astype(float)
        amount = charges.of_coupon[pair] * count
        for q, each in enumerate(sums):
            amount += charges.of_quantity[pair, q] * each
        counts = amount > 0
        row = charges.row[pair[counts]]
        used += np.bincount(row, amount[counts], minlength=rows)
        worth += np.bincount(row, gained[kind[counts], item[counts]], minlength=rows)
    return used / charges.unit, worth
