"""An allocation of everybody, in little: the price table that decides most of it, and the coupons of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine


@dataclass(frozen=True)
class Plan:
    """Everybody's best choice at a price table, but for the movers, whose candidates' choice is listed.

    price: float32 (1 + C, S, K). movers: int64, ascending customer numbers. chosen: uint8, their candidates' choice.
    usage: float64 (1 + C, S, K) of everybody. error: (1 + C, S, K), what that may be off, at worst, from sums of the
    attributes as given; 0 where these were summed. activity: (L).
    objective: no more than the value column's sum, as given, less the penalties of missed soft rows.
    feasible: no hard row is missed, whatever the error, and nobody is short of coupons. moves: made to get there.
    """

    engine: Engine
    price: NDArray[np.float32]
    movers: NDArray[np.int64]
    chosen: NDArray[np.uint8]
    usage: NDArray[np.float64]
    error: NDArray[np.float64]
    activity: NDArray[np.float64]
    objective: float
    feasible: bool
    moves: int

    @property
    def coupons(self) -> int:
        return int(self.usage[0].sum())

    def blocks(self) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """Customers from start to stop, and their candidates' choice, in order."""
        return self.engine.blocks(self.price, self.movers, self.chosen)

    def everybody(self) -> NDArray[np.uint8]:
        """The choice of all candidates at once, uint8 (e): for campaigns that are no burden to hold."""
        return np.concatenate([chosen for _, _, chosen in self.blocks()])
