"""Cumulative counts of losses over logarithmic bins, four per factor of two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..engines.changes import Alternatives
from ..engines.protocol import Engine
from ..engines.workers import even_cuts, share_out
from ..kernels import LOSS_BITS_DROPPED, MAX_QUANTITY, LossWeights

RESOLVED_OCTAVES = 26
"""Factors of two that are resolved below the largest value; float32 differences are no finer."""

MOST = 1e38
"""The largest value that is resolved: about the largest float32."""

CELLS_TOGETHER = 1 << 8
"""Cells whose counts a thread adds up together."""


class LogHistogram:
    """Logarithmic bins for positive numbers, and cumulative counts by cell, a (segment, item).

    A bin is read off the bit pattern of a float32, so that binning needs no logarithm. Values below the first bin
    count in the first, values above the last in the last.

    Parameters
    ----------
    largest : float
        About the largest value that must be resolved.
    octaves : int, default RESOLVED_OCTAVES
        Factors of two below it that are resolved.

    Attributes
    ----------
    first_bin : int
        The leading bits of what is in the first bin.
    edges : ndarray of float64, shape (n_bins,)
        Upper edge of each bin, ascending.
    """

    def __init__(self, largest: float, octaves: int = RESOLVED_OCTAVES):
        top = int(np.float32(largest).view(np.int32)) >> LOSS_BITS_DROPPED
        self.first_bin = top - 4 * octaves
        bins = np.arange(4 * octaves + 2)
        ends = (bins + self.first_bin + 1) << LOSS_BITS_DROPPED
        self.edges = ends.astype(np.int32).view(np.float32).astype(np.float64)

    @classmethod
    def of_losses(
        cls, table: NDArray[np.floating], octaves: int = RESOLVED_OCTAVES
    ) -> LogHistogram:
        """Return bins for what other decisions lose at a price table.

        Parameters
        ----------
        table : ndarray of float, shape (1 + n_quantities, n_segments, n_items)
        octaves : int, default RESOLVED_OCTAVES
            Factors of two that are resolved, from a few times what any candidate is worth downwards.

        Returns
        -------
        LogHistogram
        """
        worth = np.abs(table[0]) + MAX_QUANTITY * np.abs(table[1:]).sum(axis=0)
        return cls(min(4.0 * float(worth.max(initial=0.0)), MOST) or 1.0, octaves)

    def cumulative(
        self,
        engine: Engine,
        found: Alternatives,
        cells: tuple[int, int],
        *,
        by_decision: bool = False,
        weights: LossWeights | None = None,
        then: Callable[[slice, NDArray[np.int64]], None] | None = None,
    ) -> NDArray[np.int64]:
        """Count, for each cell and bin, the candidates whose loss is in that bin or a lower one.

        Parameters
        ----------
        engine : Engine
        found : Alternatives
            Of its candidates.
        cells : tuple of int
            n_segments, n_items.
        by_decision : bool, default False
            Whether what is chosen is counted apart from what is not.
        weights : LossWeights, optional
            What candidates count as; default: all count the same.
        then : callable, optional
            Called on several threads with some cells and their counts, each cell once.

        Returns
        -------
        ndarray of int64, shape (n_segments * n_items, n_bins - 1), or twice as long
            `couponry.kernels.PARTS` for each candidate of full weight: of what is chosen, then of what is not, where
            these are told apart. Without the last bin, which holds everything.
        """
        if weights is None:
            weights = LossWeights(np.zeros((0, *cells)), np.zeros(0, np.int64), 1.0)
        shape = (1 + by_decision, *cells, len(self.edges))
        counts = engine.count_losses(found, weights, self.first_bin, shape)
        counts = counts.reshape(-1, len(self.edges))[:, :-1]

        def work(worker: int, start: int, stop: int) -> None:
            some = counts[start:stop]
            np.cumsum(some, axis=1, out=some)  # in place: these tables are large
            if then is not None:
                then(slice(start, stop), some)

        share_out(work, even_cuts(len(counts), CELLS_TOGETHER), engine.threads)
        return counts
