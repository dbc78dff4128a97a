"""What the solver asks of an engine: prices in, usage out. Engines know nothing of the solver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rows, Rules, Shard


class Settled(NamedTuple):
    """A choice that stands, but for some customers who may still change theirs.

    counted: int64 (1 + C, S, K), usage of all but the movers, in quantities. fine_counted: int64 (C, S, K), the sums
    of where in their quantities' steps their coupons lie, 0 to 255 each.
    movers: int64, their numbers, ascending. chosen: uint8, their candidates' choice. fine: uint8 (C, candidates of
    theirs). engine: over the movers alone, in memory. rules: theirs.
    """

    counted: NDArray[np.int64]
    fine_counted: NDArray[np.int64]
    movers: NDArray[np.int64]
    chosen: NDArray[np.uint8]
    fine: NDArray[np.uint8]
    engine: Engine
    rules: Rules


class Engine(Protocol):
    """Passes over the candidates of a problem; tables are (1 + C, S, K). See engines.local for the meaning."""

    @property
    def name(self) -> str: ...

    @property
    def threads(self) -> int: ...

    @property
    def passes(self) -> float: ...

    @property
    def shard(self) -> Shard: ...

    @property
    def customers(self) -> int: ...

    @property
    def candidates(self) -> int: ...

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]: ...

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]: ...

    def alternatives(
        self, price: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]: ...

    def settle(
        self, price: NDArray[np.float32], near: NDArray[np.float32], fine: NDArray[np.uint8]
    ) -> Settled: ...

    def blocks(
        self, price: NDArray[np.float32], movers: NDArray[np.int64], chosen: NDArray[np.uint8]
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]: ...

    def sample(self, customers: NDArray[np.int64]) -> Engine: ...

    def with_rules(self, rules: Rules) -> Engine: ...

    def with_noise(self, seed: int) -> Engine: ...

    def regret(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> NDArray[np.float64]: ...

    def improve(
        self,
        mode: int,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        objective: NDArray[np.float64],
        rows: Rows,
        item_helps: NDArray[np.uint8],
        activity: NDArray[np.float64],
        chosen: NDArray[np.uint8],
        stop: Callable[[], bool],
    ) -> int: ...
