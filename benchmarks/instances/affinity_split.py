"""Purchases up to a week, what came in the window after it, and earlier windows to fit models on."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from benchmarks.instances.affinity_data import WINDOW, Judged, Level, Truth, ranked
from numpy.typing import NDArray

from couponry.affinity import Catalogue, ItemStatistics, PurchaseHistory

Scores = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating]]
"""Customers and items of pairs, as the truth counts them, and a score of each."""

EARLIER = (2, 1)
"""Windows before the last week, before which the windows begin that models are fitted on. A third one between them
changes nothing when weeks 37-40, 41-44 and 45-48 are predicted."""


class Split:
    """Purchases up to a week, what came in the window after it, and earlier windows to fit models on.

    Attributes
    ----------
    level : Level
    last, weeks : int
        Last week that is known, and weeks that are predicted.
    history, later : PurchaseHistory
    groups : Catalogue or None
    truth, new : Truth
        What was bought in the window; and of it, what was new to the household.
    """

    def __init__(self, level: Level, last: int, weeks: int = WINDOW):
        self.level, self.last, self.weeks = level, last, weeks
        self.history = level.history(1, last)
        self.later = level.history(last + 1, last + weeks)
        names = [name for name in level.groups.column_names if name != "item"]
        self.groups = Catalogue(level.groups, names) if names else None
        self.truth = Truth.after(self.history, self.later)
        self.new = Truth.after(self.history, self.later, new=True)
        self.buyers = ItemStatistics.from_history(self.history).buyers
        self.customer = np.repeat(self.truth.place, np.diff(self.history.indptr))
        self.owned = self.customer * self.truth.items + self.history.item

    @cached_property
    def windows(self) -> list[tuple[PurchaseHistory, PurchaseHistory]]:
        """Histories and windows up to the last week; those that begin before the data, or while shops are closed, are
        left out."""
        ends = [self.last - windows * self.weeks for windows in EARLIER]
        history = self.level.history
        return [
            (history(1, end), history(end + 1, end + self.weeks))
            for end in ends
            if end >= 1 and self.level.sold_in(end + 1)
        ]

    @cached_property
    def happened(self) -> NDArray[np.bool_]:
        """Which pairs of the history were bought again."""
        return np.isin(self.owned, self.truth.keys)

    def own(self, score: NDArray[np.floating]) -> Scores:
        """Scores of the pairs of the history."""
        return self.customer, self.history.item.astype(np.int64), score

    def judged(self, customer: Any, item: Any, score: Any) -> Judged:
        """Lists of all items, household by household; popular items fill them."""
        return self.truth.judged(ranked(self.truth, customer, item, score, self.buyers))

    def judged_new(self, customer: Any, item: Any, score: Any) -> Judged:
        """Lists of items new to the household; popular ones fill them."""
        lists = ranked(self.new, customer, item, score, self.buyers, self.owned)
        return self.new.judged(lists)

    def judge(self, customer: Any, item: Any, score: Any) -> dict[str, float]:
        return self.truth.means(self.judged(customer, item, score))

    def judge_new(self, customer: Any, item: Any, score: Any) -> dict[str, float]:
        return self.new.means(self.judged_new(customer, item, score))
