"""What is undecided of customers' choices once prices hardly move: candidates that are close to another decision.

Letters as in contract.py; T tiles, R rows of tiles.
"""

from __future__ import annotations

from typing import NamedTuple

from .contract import Bounds, Offsets, Prices, Quantities

TOGETHER = 16
"""Customers of a tile, side by side."""

MOST_CANDIDATES = 64
"""Candidates of a customer, at most."""


class Undecided(NamedTuple):
    """Customers of one segment side by side, those of a tile with about as many undecided candidates each.

    A row of a tile has one candidate of each of its customers; who has fewer candidates has none in the last rows.

    Attributes
    ----------
    segment : ndarray of uint16, shape (T,)
        Of each tile's customers.
    ptr : ndarray of int64, shape (T + 1,)
        Rows of tile t are ``ptr[t]:ptr[t + 1]``, at most `MOST_CANDIDATES`.
    slots : ndarray of int32, shape (T, TOGETHER)
        Coupons that each customer is given of these candidates, at most.
    item : ndarray of int32, shape (R, TOGETHER)
        Item of each candidate; 0 where there is none.
    own : ndarray of float32, shape (R, TOGETHER)
        Reduced value of each candidate but for what its item is worth a coupon; -inf where there is none.
    held : ndarray of uint16, shape (R,)
        IN/OUT: which candidates of a row are chosen, a bit for each customer.
    """

    segment: Quantities
    ptr: Offsets
    slots: Bounds
    item: Bounds
    own: Prices
    held: Quantities
