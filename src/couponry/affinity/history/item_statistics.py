"""What a history says about its items: how many buy them, how many again, how lately, how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...utils.blocks import blocks
from .purchase_history import PurchaseHistory

# prior of a repeat rate: a tenth of two buyers
REPEATERS, BUYERS = 0.2, 2.0
# prior of the time between purchases of an item: three gaps of four weeks
GAPS, GAP_WEEKS = 3.0, 4.0


@dataclass(frozen=True)
class ItemStatistics:
    """Of each of P items: buyers, repeaters (float64 (P): customers who bought it, and more than once), popularity
    (float64 (P, H): decayed purchases of all customers), gap (float64 (P): weeks between a customer's purchases)."""

    buyers: NDArray[np.float64]
    repeaters: NDArray[np.float64]
    popularity: NDArray[np.float64]
    gap: NDArray[np.float64]

    @classmethod
    def of(cls, history: PurchaseHistory) -> ItemStatistics:
        """Sums in the order of the pairs, so that blocks do not matter."""
        count, half_lives = len(history.items), len(history.half_lives)
        buyers, repeaters, spans, gaps = np.zeros((4, count))
        popularity = np.zeros((half_lives, count))
        for part in blocks(len(history)):
            item, times = history.item[part], history.pairs.times[part]
            np.add.at(buyers, item, 1.0)
            again = times > 1
            np.add.at(repeaters, item[again], 1.0)
            span = history.pairs.last[part] - history.pairs.first[part]
            np.add.at(spans, item, span.astype(np.float64))
            np.add.at(gaps, item, (times - 1).astype(np.float64))
            for h, decay in enumerate(history.decay(part).T):
                np.add.at(popularity[h], item, decay.astype(np.float64))
        weeks = spans / history.periods_a_week
        gap = (weeks + GAPS * GAP_WEEKS) / (gaps + GAPS)
        return cls(buyers, repeaters, popularity.T.copy(), gap)

    @property
    def repeat_rate(self) -> NDArray[np.float64]:
        """Share of the buyers who bought more than once (P), drawn to a tenth where there are few."""
        return (self.repeaters + REPEATERS) / (self.buyers + BUYERS)
