"""Questions about every candidate at once, which engines over shards answer where these are few, gathered here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...kernels import LocalSearch, LossWeights, NearChanges, OpenRows, Rooms, StepModel, load
from ..changes import Alternatives
from ..cut_off import CutOff
from ..exchanges import Exchanges
from ..local import LocalEngine
from .recipe import ShardRecipe


class WholeQuestions:
    """Asks an engine over everybody in this process; the methods are described in `engines.protocol.Engine`."""

    _recipe: ShardRecipe

    @property
    def _whole(self) -> LocalEngine:
        """Everybody, gathered."""
        raise NotImplementedError

    def choose_exactly(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> CutOff:
        """See `Engine.choose_exactly`."""
        return self._whole.choose_exactly(exact, reduced, chosen)

    def alternatives(self, price: NDArray[np.float32]) -> Alternatives:
        """See `Engine.alternatives`."""
        return self._whole.alternatives(price)

    def count_losses(
        self,
        found: Alternatives,
        weights: LossWeights,
        first_bin: int,
        shape: tuple[int, int, int, int],
    ) -> NDArray[np.int64]:
        """See `Engine.count_losses`."""
        return self._whole.count_losses(found, weights, first_bin, shape)

    def products_of_changes(
        self, found: Alternatives, near: NearChanges, rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """See `Engine.products_of_changes`."""
        return self._whole.products_of_changes(found, near, rows)

    def minimise_model(
        self,
        model: StepModel,
        right: NDArray[np.float64],
        step: NDArray[np.float64],
        tolerance: float,
        steps: int,
    ) -> int:
        """See `Engine.minimise_model`."""
        kernels = load(self._recipe.backend).unchecked
        made: int = kernels.minimise_model(model, right, step, tolerance, steps)
        return made

    def regret(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> NDArray[np.float64]:
        """See `Engine.regret`."""
        return self._whole.regret(exact, reduced, chosen)

    def improve(
        self, search: LocalSearch, stop: Callable[[], bool], enough: float = np.inf
    ) -> tuple[int, float]:
        """See `Engine.improve`."""
        return self._whole.improve(search, stop, enough)

    def exchanges(
        self, search: LocalSearch, open_rows: OpenRows, rooms: Rooms, width: int
    ) -> Exchanges:
        """See `Engine.exchanges`."""
        return self._whole.exchanges(search, open_rows, rooms, width)
