"""What decisions on single customers are given, one after another and at the expense of a common account.

Letters as in contract.py; P pairs of an item and a row, A attributes, Q quantities, m numbers that are listed. Each row
counts in whole units of its own, so that sums do not depend on the order of decisions.
"""

from __future__ import annotations

from typing import NamedTuple

from .contract import Amounts, Bounds, Flags, Packing, Prices, Quantities, Rules, Shard, Sums

LARGEST_UNITS = 1 << 60
"""Units of a row, at most: what would be more counts as that, and four of them can be added."""

UNBOUNDED = 1 << 62
"""Units of a bound that no sum reaches."""


class Charges(NamedTuple):
    """What coupons use of each row: of each item its pairs, by row.

    Attributes
    ----------
    ptr : ndarray of int64, shape (K + 1,)
        Pairs of each item.
    row : ndarray of int32, shape (P,)
    of_coupon : ndarray of int64, shape (P,)
        Units that a packed coupon uses; up to 2^45.
    of_quantity : ndarray of int64, shape (P, Q)
        Units more for each unit of each quantity; up to 2^29.
    error : ndarray of int64, shape (P,)
        Units that a packed coupon may use more, or less, than these; up to 2^45.
    weight : ndarray of float64, shape (P, 1 + A)
        Of a coupon whose attributes are beyond what was packed: per coupon, and per unit of each attribute.
    unit : ndarray of float64, shape (L,)
        Units of one, a power of two.
    covers : ndarray of uint8, shape (S, L)
        1 where a row is about a segment.
    """

    ptr: Sums
    row: Bounds
    of_coupon: Sums
    of_quantity: Sums
    error: Sums
    weight: Amounts
    unit: Amounts
    covers: Flags


class Account(NamedTuple):
    """What may be used of each row, and what has been, in its units; all of shape (L,).

    Attributes
    ----------
    above, below : ndarray of int64
        How far what is used may rise, and fall; `UNBOUNDED` where it may by any amount.
    used, error : ndarray of int64
        IN/OUT: what has been used, and how far that may be off.
    pending, pending_error : ndarray of int64
        The same of one customer's choice. Scratch: zeros, and left so.
    """

    above: Sums
    below: Sums
    used: Sums
    error: Sums
    pending: Sums
    pending_error: Sums


class Charged(NamedTuple):
    """A list of what customers were charged, as far as there is room for it.

    Attributes
    ----------
    row : ndarray of int32, shape (m,)
    used, error : ndarray of int64, shape (m,)
    entries : ndarray of int64, shape (1,)
        IN/OUT: how many there are.
    """

    row: Bounds
    used: Sums
    error: Sums
    entries: Sums


class LateChoice(NamedTuple):
    """What is found of each candidate; all OUT, but for coupons that customers have already.

    Attributes
    ----------
    quantity : ndarray of uint16, shape (Q, e)
    value : ndarray of float32, shape (e,)
        Reduced value; less than that of all others together where there is no room.
    beyond : ndarray of uint8, shape (e,)
        1 where attributes are beyond what was packed.
    given : ndarray of uint8, shape (e,)
        IN: 2 where a coupon was given, and charged, before. OUT: 2 there, which is kept, 1 where one is given now.
    refused_by : ndarray of int32, shape (e,)
        The row that has no room for it; -1: none.
    """

    quantity: Quantities
    value: Prices
    beyond: Flags
    given: Flags
    refused_by: Bounds


class Late(NamedTuple):
    """Customers who are decided one after another.

    Attributes
    ----------
    shard : Shard
        Its quantities and given values are not looked at.
    rules : Rules
    exact : ndarray of float64, shape (A, e)
        Attributes as given.
    packing : Packing
    price : ndarray of float32, shape (1 + Q, S, K)
    reduced : ndarray of float64, shape (1 + A, S, K)
        As `price_candidates` takes these two.
    seed : int
        32 bits; breaks ties.
    charges : Charges
    account : Account
    charged : Charged
    choice : LateChoice
    """

    shard: Shard
    rules: Rules
    exact: Amounts
    packing: Packing
    price: Prices
    reduced: Amounts
    seed: int
    charges: Charges
    account: Account
    charged: Charged
    choice: LateChoice
