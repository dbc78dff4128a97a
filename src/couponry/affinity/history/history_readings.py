"""What a history tells of its pairs and of the customers' trips as of now."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...kernels.affinity_contract import Pairs
from ...utils.arrays.bits import LOWEST, WORD, count_bits
from ...utils.checks import is_whole, shown
from ...utils.errors import InvalidInput
from .decay import decay_factors

Part = slice | NDArray[np.int64]
"""Some pairs, or customers: a range, or positions."""


class HistoryReadings:
    """Readings of pairs and trips; a base of `PurchaseHistory`, which has what is read."""

    pairs: Pairs
    trips: Pairs
    half_lives: tuple[float, ...]
    unit: str
    start: int
    until: int

    def decay(self, pairs: Part, as_of: int | None = None) -> NDArray[np.float32]:
        """Compute decayed counts of pairs as of the end of a period.

        Parameters
        ----------
        pairs : slice or ndarray of int64
            Which pairs.
        as_of : int, optional
            A period from `until` on; default: `until`.

        Returns
        -------
        ndarray of float32, shape (n_pairs, n_half_lives)
            Periods in which each was bought, those of long ago counting less.

        Raises
        ------
        InvalidInput
            If the period is before `until`.
        """
        return self._decayed(self.pairs, pairs, as_of)

    def decay_at(self, pairs: Part, h: int) -> NDArray[np.float32]:
        """Compute decayed counts of pairs at one half-life as of the end of the history.

        Parameters
        ----------
        pairs : slice or ndarray of int64
            Which pairs.
        h : int
            Which of the half-lives.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            As `decay` has it.
        """
        half_life, periods = self.half_lives[h : h + 1], self.until - self.start + 1
        factors = decay_factors(half_life, self.unit, periods)[:, 0]
        age = self.until - self.pairs.last[pairs]  # int32: taken in a third of the time of int64
        decayed: NDArray[np.float32] = self.pairs.decay[:, h][pairs] * factors.take(age)
        return decayed

    def trip_decay(self, customers: Part, as_of: int | None = None) -> NDArray[np.float32]:
        """Compute decayed trips of customers as of the end of a period.

        Parameters
        ----------
        customers : slice or ndarray of int64
            Which customers.
        as_of : int, optional
            A period from `until` on; default: `until`.

        Returns
        -------
        ndarray of float32, shape (n_customers, n_half_lives)
            Periods in which each came, those of long ago counting less.

        Raises
        ------
        InvalidInput
            If the period is before `until`.
        """
        return self._decayed(self.trips, customers, as_of)

    def bought_within(self, pairs: Part, periods: int) -> NDArray[np.int32]:
        """Count in how many of the last periods up to `until` pairs were bought.

        Parameters
        ----------
        pairs : slice or ndarray of int64
            Which pairs.
        periods : int
            How many periods, from 1 to 64.

        Returns
        -------
        ndarray of int32, shape (n_pairs,)
            From 0 to `periods`.

        Raises
        ------
        InvalidInput
            If there are more than 64 periods, or none.
        """
        return self._within(self.pairs, pairs, periods)

    def trips_within(self, customers: Part, periods: int) -> NDArray[np.int32]:
        """Count in how many of the last periods up to `until` customers came.

        Parameters
        ----------
        customers : slice or ndarray of int64
            Which customers.
        periods : int
            How many periods, from 1 to 64.

        Returns
        -------
        ndarray of int32, shape (n_customers,)
            From 0 to `periods`.

        Raises
        ------
        InvalidInput
            If there are more than 64 periods, or none.
        """
        return self._within(self.trips, customers, periods)

    def last_gap(self, pairs: Part) -> NDArray[np.int32]:
        """Return how many periods before the last purchase the one before it was.

        Parameters
        ----------
        pairs : slice or ndarray of int64
            Which pairs.

        Returns
        -------
        ndarray of int32, shape (n_pairs,)
            From 1 to 63; 0 where there is none, or it is longer ago.
        """
        before = self.pairs.recent[pairs] & ~np.uint64(1)
        lowest = before & (~before + np.uint64(1))
        return np.where(before > 0, count_bits(lowest - np.uint64(1)), np.int32(0))

    def gap_variance(self, pairs: Part) -> NDArray[np.float64]:
        """Compute the variance of the gaps between the periods in which pairs were bought.

        Parameters
        ----------
        pairs : slice or ndarray of int64
            Which pairs.

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
            In squared periods, divided by the number of gaps: 0 where there is one gap; NaN where there is none.
        """
        return _gap_variance(self.pairs, pairs)

    def trip_gap_variance(self, customers: Part) -> NDArray[np.float64]:
        """Compute the variance of the gaps between the periods in which customers came.

        Parameters
        ----------
        customers : slice or ndarray of int64
            Which customers.

        Returns
        -------
        ndarray of float64, shape (n_customers,)
            As that of `gap_variance`.
        """
        return _gap_variance(self.trips, customers)

    def _decayed(self, states: Pairs, part: Part, as_of: int | None) -> NDArray[np.float32]:
        as_of = self.until if as_of is None else as_of
        if as_of < self.until:
            raise InvalidInput(
                f"as_of: expected {self.until} (the last period of the history) or later, got {as_of}"
            )
        factors = decay_factors(self.half_lives, self.unit, as_of - self.start + 1)
        age = as_of - states.last[part].astype(np.int64)
        decayed: NDArray[np.float32] = states.decay[part] * factors[age]
        return decayed

    def _within(self, states: Pairs, part: Part, periods: int) -> NDArray[np.int32]:
        if not is_whole(periods) or not 1 <= periods <= WORD:
            raise InvalidInput(
                f"periods: expected a whole number from 1 to {WORD}, got {shown(periods)}"
            )
        age = self.until - states.last[part].astype(np.int64)
        seen = np.maximum(periods - age, 0)  # of the periods up to the last purchase
        return count_bits(states.recent[part] & LOWEST[seen])


def _gap_variance(states: Pairs, part: Part) -> NDArray[np.float64]:
    gaps = states.times[part].astype(np.int64) - 1
    span = states.last[part].astype(np.int64) - states.first[part]
    difference = gaps * states.squared_gaps[part] - span * span  # exact, so never below 0
    variance = np.full(len(gaps), np.nan)
    np.divide(difference, gaps * gaps, out=variance, where=gaps > 0)
    return variance
