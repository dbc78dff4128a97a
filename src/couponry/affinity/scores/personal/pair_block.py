"""Pairs of some customers, and what several of their features are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...history.history_readings import Part
from ...history.purchase_history import PurchaseHistory
from ..item_neighbours import recent_weights

Floats = NDArray[np.floating]
Named = dict[str, Floats]
"""Features by name, in float64."""


@dataclass(frozen=True)
class PairBlock:
    """Pairs of the customers start <= i < stop, and what several features of theirs are made of.

    Attributes
    ----------
    history : PurchaseHistory
    start, stop : int
        Range of customers.
    asked : ndarray of int64, shape (n_pairs,), optional
        Which of all pairs of these customers, ascending; None: all.
    """

    history: PurchaseHistory
    start: int
    stop: int
    asked: NDArray[np.int64] | None = None

    @cached_property
    def whole(self) -> PairBlock:
        """All pairs of these customers."""
        return self if self.asked is None else PairBlock(self.history, self.start, self.stop)

    @cached_property
    def part(self) -> Part:
        """Which pairs of the history."""
        first, end = (int(self.history.indptr[customer]) for customer in (self.start, self.stop))
        return slice(first, end) if self.asked is None else self.asked + first

    @cached_property
    def count(self) -> NDArray[np.int64]:
        """Pairs of each customer, those that are not asked about as well."""
        return np.diff(self.history.indptr[self.start : self.stop + 1])

    @cached_property
    def customer(self) -> NDArray[np.int64]:
        """Customer of each pair, counted from `start`."""
        if self.asked is not None:
            return self.whole.customer[self.asked]
        return np.repeat(np.arange(self.stop - self.start), self.count)

    @cached_property
    def item(self) -> NDArray[np.int64]:
        """Item of each pair."""
        return self.history.item[self.part].astype(np.int64)

    @cached_property
    def decay(self) -> NDArray[np.float64]:
        """Decayed purchases, shape (n_pairs, n_half_lives)."""
        return self.history.decay(self.part).astype(np.float64)

    @cached_property
    def recent(self) -> NDArray[np.float32]:
        """How much was bought lately, as `recent_weights` has it."""
        return recent_weights(self.history, self.part)

    def decayed(self, h: int) -> NDArray[np.float64]:
        """Decayed purchases at one half-life.

        Parameters
        ----------
        h : int
            Which.

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
        """
        return self.history.decay_at(self.part, h).astype(np.float64)

    @cached_property
    def trip_decay(self) -> NDArray[np.float64]:
        """Decayed trips, shape (n_customers, n_half_lives)."""
        return self.history.trip_decay(slice(self.start, self.stop)).astype(np.float64)

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """Purchases of each pair."""
        return self.history.pairs.times[self.part].astype(np.float64)

    @cached_property
    def since(self) -> Floats:
        """Weeks since each pair's last purchase."""
        return (self.now - self.history.pairs.last[self.part]) / self.periods_per_week

    @cached_property
    def gap(self) -> Floats:
        """Weeks between each pair's purchases; of a single one, what the customer's time lets expect."""
        times = self.times
        return np.where(times > 1, self.span / np.maximum(times - 1, 1), self.known / 2 + 2)

    @cached_property
    def span(self) -> Floats:
        """Weeks from each pair's first purchase to its last."""
        states = self.history.pairs
        return (states.last[self.part] - states.first[self.part]) / self.periods_per_week

    @cached_property
    def known(self) -> Floats:
        """Weeks since the first trip of each pair's customer."""
        first_trip = self.history.trips.first[self.start : self.stop]
        return (self.now - first_trip)[self.customer] / self.periods_per_week

    @property
    def now(self) -> int:
        """First period after the history."""
        return self.history.until + 1

    @property
    def periods_per_week(self) -> float:
        """Periods in a week, as a number to divide by."""
        return float(self.history.periods_a_week)

    @property
    def half_life_names(self) -> list[str]:
        """Half-lives as they stand in the names of features."""
        return [f"{half_life:g}" for half_life in self.history.half_lives]

    @property
    def middle(self) -> int:
        """Which half-life group and basket features are about: three quarters up the list."""
        n_half_lives = len(self.history.half_lives)
        return n_half_lives // 2 + n_half_lives // 4 if n_half_lives else 0
