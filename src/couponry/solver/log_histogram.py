"""Cumulative histograms over logarithmic bins, four per factor of two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MANTISSA_BITS_DROPPED = 21
"""Bits of a float32 below its exponent and the top two bits of its mantissa: what a bin does not tell apart."""

RESOLVED_OCTAVES = 26
"""Factors of two that are resolved below the largest value; float32 differences are no finer."""


class LogHistogram:
    """Logarithmic bins for positive numbers, and cumulative counts by group.

    A bin is read off the bit pattern of a float32, so that binning needs no logarithm. Values below the first bin
    count in the first, values above the last in the last.

    Parameters
    ----------
    largest : float
        About the largest value that must be resolved.

    Attributes
    ----------
    edges : ndarray of float64, shape (n_bins,)
        Upper edge of each bin, ascending.
    """

    def __init__(self, largest: float):
        top = int(np.float32(largest).view(np.int32)) >> MANTISSA_BITS_DROPPED
        self._first = top - 4 * RESOLVED_OCTAVES
        bins = np.arange(4 * RESOLVED_OCTAVES + 2)
        ends = (bins + self._first + 1) << MANTISSA_BITS_DROPPED
        self.edges = ends.astype(np.int32).view(np.float32).astype(np.float64)

    def bins(self, values: NDArray[np.floating]) -> NDArray[np.int32]:
        """Find the bin of each value.

        Parameters
        ----------
        values : ndarray of float, shape (n,)
            What is below 0 counts as 0; infinity is in the last bin.

        Returns
        -------
        ndarray of int32, shape (n,)
        """
        with np.errstate(over="ignore"):
            bits = values.astype(np.float32, copy=False).view(np.int32) >> MANTISSA_BITS_DROPPED
        bits -= np.int32(self._first)
        return np.clip(bits, 0, len(self.edges) - 1, out=bits)

    def cumulative(
        self,
        values: NDArray[np.floating],
        group: NDArray[np.integer],
        n_groups: int,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[Any]:
        """Count, for each group and bin, the values in that bin or a lower one.

        Parameters
        ----------
        values : ndarray of float, shape (n,)
        group : ndarray of int, shape (n,)
            Group of each value, from 0 to n_groups - 1.
        n_groups : int
        weights : ndarray of float64, shape (n,), optional
            Summed instead of counting.

        Returns
        -------
        ndarray of int64, or float64 where weights are given, shape (n_groups, n_bins - 1)
            Without the last bin, which holds everything.
        """
        n_bins = len(self.edges)
        place = group * np.int64(n_bins)
        place += self.bins(values)
        counts = np.bincount(place, weights, n_groups * n_bins).reshape(n_groups, n_bins)[:, :-1]
        return np.cumsum(counts, axis=1, out=counts)  # in place: these tables are large
