"""Positive numbers counted in bins of a quarter of an octave: how much of each group lies below what."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

QUARTERS = 21  # bits of a float32 below a quarter of an octave
OCTAVES = (
    26  # that are told apart below the largest number: float32 values are no closer to each other
)


class Octaves:
    """Bins of numbers up to about `most`. edges: float64 (bins), their upper ends.

    What is smaller counts to the first bin, and what is larger to the last.
    """

    def __init__(self, most: float):
        self._low = (int(np.float32(most).view(np.int32)) >> QUARTERS) - 4 * OCTAVES
        ends = (np.arange(4 * OCTAVES + 2) + self._low + 1) << QUARTERS
        self.edges = ends.astype(np.int32).view(np.float32).astype(np.float64)

    def bin_of(self, numbers: NDArray[np.floating]) -> NDArray[np.int32]:
        """Bin of each number; what is below 0 counts as 0, and infinity is in the last one."""
        with np.errstate(over="ignore"):
            bits = numbers.astype(np.float32, copy=False).view(np.int32) >> QUARTERS
        bits -= np.int32(self._low)
        return np.clip(bits, 0, len(self.edges) - 1, out=bits)

    def reached(
        self,
        numbers: NDArray[np.floating],
        group: NDArray[np.integer],
        groups: int,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[Any]:
        """How many numbers of each group are in each bin or one before it, (groups, bins - 1): not the last.

        int64; or float64, the sums of their weights.
        """
        bins = len(self.edges)
        place = group * np.int64(bins)
        place += self.bin_of(numbers)
        counted = np.bincount(place, weights, groups * bins).reshape(groups, bins)[:, :-1]
        return np.cumsum(counted, axis=1, out=counted)  # in place: these tables are large
