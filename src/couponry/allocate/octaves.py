"""Positive numbers counted in bins of a quarter of an octave: how much of each group lies below what."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

QUARTERS = 21  # bits of a float32 below a quarter of an octave
OCTAVES = 40  # below the largest number that is told apart
BINS = 4 * OCTAVES + 2  # the last one for what is larger


class Octaves:
    """Bins of numbers up to about `most`. edges: float64 (BINS), their upper ends."""

    def __init__(self, most: float):
        self._low = (int(np.float32(most).view(np.int32)) >> QUARTERS) - 4 * OCTAVES
        ends = (np.arange(BINS) + self._low + 1) << QUARTERS
        self.edges = ends.astype(np.int32).view(np.float32).astype(np.float64)

    def bin_of(self, numbers: NDArray[np.floating]) -> NDArray[np.int32]:
        """Bin of each number; what is below 0 counts as 0, and infinity is in the last one."""
        with np.errstate(over="ignore"):
            bits = np.maximum(numbers, 0).astype(np.float32).view(np.int32) >> QUARTERS
        return np.clip(bits - np.int32(self._low), 0, BINS - 1)

    def reached(
        self,
        numbers: NDArray[np.floating],
        group: NDArray[np.integer],
        groups: int,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[Any]:
        """How many numbers of each group are in each bin or one before it, (groups, BINS - 1): not the last.

        int64; or float64, the sums of their weights.
        """
        place = group * np.int64(BINS) + self.bin_of(numbers)
        counted = np.bincount(place, weights, groups * BINS).reshape(groups, BINS)
        return np.asarray(counted[:, :-1].cumsum(axis=1))
