"""Counts of what a pass cut off, kept by each worker in whole numbers so that their sum depends on no order."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import MAX_QUANTITY

RESOLUTION_BITS = 30
"""A pass counts slack in units of the largest worth of one coupon, divided by 2 to this power."""

APART = 16
"""Numbers from one worker's counts to the next one's: processors hand each other 64 or 128 bytes at a time."""


class CutOff(NamedTuple):
    """What searches for customers' best choices leave open that were cut off.

    Attributes
    ----------
    customers : int
        Customers whose search was cut off.
    slack : float
        Upper bound on what their best choices are worth beyond those found, over all of these customers.
    """

    customers: int
    slack: float


class CutOffCounts:
    """Customers whose search was cut off, and the slack that this leaves, added up by workers.

    Parameters
    ----------
    workers : int
    largest : float
        Upper bound on the absolute reduced value of one coupon.

    Attributes
    ----------
    unit : int
        Slack is counted in units of 2 ** unit.
    by_worker : list of ndarray of int64, shape (2,)
        OUT of the kernels: customers and units of slack, one array for each worker.
    """

    def __init__(self, workers: int, largest: float):
        self.unit = math.frexp(largest)[1] - RESOLUTION_BITS
        self._counts = np.zeros((workers, APART), np.int64)
        self.by_worker = [counts[:2] for counts in self._counts]

    @classmethod
    def at_prices(cls, workers: int, price: NDArray[np.float32]) -> CutOffCounts:
        """Make the counts for a pass at some prices.

        Parameters
        ----------
        workers : int
        price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)

        Returns
        -------
        CutOffCounts
        """
        largest = float(np.abs(price[0]).max(initial=0.0))
        # in float64: the largest value may be more than float32 holds
        quantities = np.abs(price[1:]).sum(axis=0, dtype=np.float64).max(initial=0.0)
        return cls(workers, largest + (MAX_QUANTITY + 1.0) * float(quantities))

    def total(self) -> CutOff:
        """Add up what all workers cut off.

        Returns
        -------
        CutOff
        """
        customers, units = np.add.reduce(self._counts, axis=0)[:2].tolist()
        return CutOff(customers, units * 2.0**self.unit)
