"""What the solver asks of an engine: prices in, usage out. Engines know nothing of the solver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rows, Rules, Shard


class CutOff(NamedTuple):
    """What searches for customers' best choices that were cut off leave open.

    customers: how many there were. slack: what their best choices may be worth more than those found, at most.
    """

    customers: int
    slack: float

    @classmethod
    def of(cls, cuts: Sequence[NDArray[np.int64]], unit: int) -> CutOff:
        """From what each worker added up, in units of 2^unit."""
        customers, units = (int(total) for total in np.sum(cuts, axis=0))
        return cls(customers, units * 2.0**unit)


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

    def evaluate_within(self, price: NDArray[np.float32]) -> tuple[NDArray[np.int64], CutOff]: ...

    def choose_exactly(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> CutOff: ...

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
