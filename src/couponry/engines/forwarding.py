"""An engine that has another one answer: the base of those that keep answers, or gather candidates first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..kernels import (
    LocalSearch,
    LossWeights,
    NearChanges,
    OpenRows,
    Rooms,
    Rules,
    Shard,
    StepModel,
)
from .changes import Alternatives
from .cut_off import CutOff
from .exchanges import Exchanges
from .protocol import Engine, FixedChoices


class ForwardingEngine:
    """Has another engine answer; the methods are described in `engines.protocol.Engine`."""

    @property
    def _asked(self) -> Engine:
        """The engine that answers."""
        raise NotImplementedError

    @property
    def shard(self) -> Shard:
        """The candidates."""
        return self._asked.shard

    @property
    def most_candidates(self) -> int:
        """The most candidates of one customer."""
        return self._asked.most_candidates

    def of_customers(self, customers: NDArray[np.int64]) -> tuple[Shard, Rules]:
        """See `Engine.of_customers`."""
        return self._asked.of_customers(customers)

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Engine.choose`."""
        return self._asked.choose(price)

    def choose_exactly(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> CutOff:
        """See `Engine.choose_exactly`."""
        return self._asked.choose_exactly(exact, reduced, chosen)

    def alternatives(self, price: NDArray[np.float32]) -> Alternatives:
        """See `Engine.alternatives`."""
        return self._asked.alternatives(price)

    def count_losses(
        self,
        found: Alternatives,
        weights: LossWeights,
        first_bin: int,
        shape: tuple[int, int, int, int],
    ) -> NDArray[np.int64]:
        """See `Engine.count_losses`."""
        return self._asked.count_losses(found, weights, first_bin, shape)

    def products_of_changes(
        self, found: Alternatives, near: NearChanges, rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """See `Engine.products_of_changes`."""
        return self._asked.products_of_changes(found, near, rows)

    def minimise_model(
        self,
        model: StepModel,
        right: NDArray[np.float64],
        step: NDArray[np.float64],
        tolerance: float,
        steps: int,
    ) -> int:
        """See `Engine.minimise_model`."""
        return self._asked.minimise_model(model, right, step, tolerance, steps)

    def fix(
        self,
        price: NDArray[np.float32],
        regret_threshold: NDArray[np.float32],
        fine: NDArray[np.uint8],
    ) -> FixedChoices:
        """See `Engine.fix`."""
        return self._asked.fix(price, regret_threshold, fine)

    def blocks(
        self,
        price: NDArray[np.float32],
        free: NDArray[np.int64],
        free_choice: NDArray[np.uint8],
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """See `Engine.blocks`."""
        return self._asked.blocks(price, free, free_choice)

    def regret(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> NDArray[np.float64]:
        """See `Engine.regret`."""
        return self._asked.regret(exact, reduced, chosen)

    def improve(
        self, search: LocalSearch, stop: Callable[[], bool], enough: float = np.inf
    ) -> tuple[int, float]:
        """See `Engine.improve`."""
        return self._asked.improve(search, stop, enough)

    def exchanges(
        self, search: LocalSearch, open_rows: OpenRows, rooms: Rooms, width: int
    ) -> Exchanges:
        """See `Engine.exchanges`."""
        return self._asked.exchanges(search, open_rows, rooms, width)
