"""Answers of workers with a table of a given size, for what sending and adding them takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tables:
    """Answers with a table of so many cells for each task."""

    cells: int

    def __call__(self, shards: tuple[int, ...], threads: int) -> tuple[NDArray[np.int64], ...]:
        """See `couponry.engines.cluster.runner.Task`."""
        return (np.full(self.cells, len(shards), np.int64),)
