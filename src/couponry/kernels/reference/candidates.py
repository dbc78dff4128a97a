"""Kernels that take candidates in: offers numbered, order and values checked, values rounded to 16 bits and 8 more."""

from __future__ import annotations

import numpy as np

from ..contract import Amounts, Bounds, Flags, Ids, Integer, Items, Prices, Quantities, Sums
from .purchases import ascending


def number_offers(ids: Ids, least: Integer, number: Bounds, offer: Items) -> int:
    """Look the ids of offers up in a table of the numbers of all ids from the least to the largest.

    Parameters
    ----------
    ids : ndarray of int32 or int64, shape (r,)
    least : int
        The least id.
    number : ndarray of int32, shape (ids up to the largest,)
        Number of each id; -1 where there is no offer of it.
    offer : ndarray of uint16 or uint32, shape (r,)
        OUT: number of each row's offer, up to the first row that has none.

    Returns
    -------
    int
        The first row whose id is of no offer, or r.
    """
    last = least + len(number) - 1
    for r in range(len(ids)):
        if ids[r] < least or ids[r] > last:
            return r
        found = number[np.int64(ids[r]) - least]
        if found < 0:
            return r
        offer[r] = found
    return len(ids)


def find_customers(customer: Ids, offer: Items, start: Sums) -> int:
    """Find where each customer's rows begin, if rows come by customer and then by offer, no pair of them twice.

    Parameters
    ----------
    customer : ndarray of int32 or int64, shape (r,)
        Any numbers in the order of customers.
    offer : ndarray of uint16 or uint32, shape (r,)
    start : ndarray of int64, shape (r,)
        OUT: first row of each customer; anything where rows do not come so.

    Returns
    -------
    int
        How many customers there are; where rows do not come so, less than 0: minus the first that ought to be before
        another.
    """
    customers = 0
    for r in range(len(customer)):
        if r > 0 and customer[r] == customer[r - 1]:
            if offer[r] <= offer[r - 1]:
                return -r
        elif r > 0 and customer[r] < customer[r - 1]:
            return -r
        else:
            start[customers] = r
            customers += 1
    return customers


def find_stretches(customer: Ids, offer: Items, begin: Sums) -> int:
    """Find stretches of rows of one customer whose offers ascend, wherever else that customer's rows may be.

    Parameters
    ----------
    customer : ndarray of int32 or int64, shape (r,)
    offer : ndarray of uint16 or uint32, shape (r,)
    begin : ndarray of int64, shape (r + 1,)
        OUT: first row of each stretch, and r behind the last of them.

    Returns
    -------
    int
        How many stretches there are.
    """
    stretches = 0
    for r in range(len(customer)):
        if r == 0 or customer[r] != customer[r - 1] or offer[r] <= offer[r - 1]:
            begin[stretches] = r
            stretches += 1
    begin[stretches] = len(customer)
    return stretches


def order_stretches(
    customer: Sums, begin: Sums, offer: Items, order: Sums, start: Sums, stretch: Sums
) -> int:
    """Find the order of rows by customer, and then by offer.

    Parameters
    ----------
    customer : ndarray of int64, shape (s,)
        Of each stretch: any numbers in the order of customers.
    begin : ndarray of int64, shape (s + 1,)
        First row of each stretch, and r; its offers ascend.
    offer : ndarray of uint16 or uint32, shape (r,)
    order : ndarray of int64, shape (r,)
        OUT: the rows in order.
    start : ndarray of int64, shape (s,)
        OUT: where in `order` the rows of each customer begin.
    stretch : ndarray of int64, shape (s,)
        OUT: the first stretch of each customer; behind them others.

    Returns
    -------
    int
        How many customers there are; less than 0 where a pair of customer and offer is there twice: minus the first row
        whose pair is in a row before.
    """
    stretch[:] = ascending(customer)  # of which those that come are not overwritten
    customers, placed, k, twice = 0, 0, 0, len(offer)
    while k < len(stretch):
        first, one = placed, stretch[k]
        while k < len(stretch) and customer[stretch[k]] == customer[one]:
            for r in range(begin[stretch[k]], begin[stretch[k] + 1]):
                order[placed] = r
                placed += 1
            k += 1
        start[customers] = first
        stretch[customers] = one
        customers += 1
        rows = order[first:placed].copy()
        by_offer = ascending(offer[rows].astype(np.int64))
        for j in range(len(rows)):
            order[first + j] = rows[by_offer[j]]
        for j in range(first + 1, placed):
            if offer[order[j]] == offer[order[j - 1]]:
                twice = min(twice, order[j])
    return -twice if twice < len(offer) else customers


def find_outside(values: Prices | Amounts, low: float, high: float) -> int:
    """Find the first value that is not within bounds.

    Parameters
    ----------
    values : ndarray of float32 or float64, shape (r,)
    low, high : float
        Bounds, which are within.

    Returns
    -------
    int
        The first row whose value is less, or more, or no number; r where there is none.
    """
    for r in range(len(values)):
        if not (values[r] >= low and values[r] <= high):
            return r
    return len(values)


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
