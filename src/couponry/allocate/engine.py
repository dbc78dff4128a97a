"""What the solver asks of an engine: prices in, usage out. Engines know nothing of the solver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rows, Rules


class Engine(Protocol):
    """Passes over the candidates of a problem; tables are (1 + C, S, K). See engines.local for the meaning."""

    name: str
    threads: int
    passes: float

    @property
    def customers(self) -> int: ...

    @property
    def candidates(self) -> int: ...

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]: ...

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]: ...

    def sample(self, keep: NDArray[np.bool_]) -> Engine: ...

    def with_rules(self, rules: Rules) -> Engine: ...

    def with_channel(self, quantity: NDArray[np.uint16]) -> Engine: ...

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
        movers: NDArray[np.bool_],
        interrupt: Callable[[], None],
    ) -> int: ...
