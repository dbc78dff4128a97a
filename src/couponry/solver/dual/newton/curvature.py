"""Second derivatives of the dual, estimated from a sample of customers.

When prices move a little, candidates change hands whose decision costs little to change, and each takes with it what it
stands against: one coupon is allocated in place of another, or one more or one less. The more candidates are that near
to a change, the more the dual is curved:

    H = sum over changes c of density(c at loss 0) * w(c) w(c)',   w(c): what the change moves each row by

The density is that of the losses within a bandwidth, which each item has for itself: it holds a share of the item's
candidates (a nearest-neighbour estimate). Items may differ by orders of magnitude: where nearly all candidates of one
are tied, those of the next may lie far apart. Where every weight is 1, H is a graph Laplacian over the rows, and
therefore sparse.

H is an estimate of the generalised Hessian of the expected dual. The semismooth Newton method on a smoothed dual rests
on the same matrix.

References
----------
Loftsgaarden, Quesenberry, "A nonparametric estimate of a multivariate density function", 1965.
Qi, Sun, "A nonsmooth version of Newton's method", 1993.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....engines.changes import Alternatives
from ....kernels import PARTS, NearChanges
from ....utils.lazy_imports import sparse as sp
from ...log_histogram import LogHistogram
from ...options import CurvatureOptions
from ...problem import Problem
from ..lagrangian import Lagrangian, as_float32
from ..price_space import PriceSpace
from ..scaling import Scales
from .row_curvature import ListedCurvature, RowCurvature

ALONE, IN_PLACE = 0.5, 0.25
"""What a change counts for: where one coupon comes or goes, and where two candidates change places.

A half, since a loss of 0 or more is one side of a difference only, and the other side is as likely. A quarter, since of
two candidates that may change places each is listed. Both follow from how losses are counted, and tune nothing.
"""


class Curvature:
    """The Hessian of the dual as a sample tells it, in coordinates of a price space.

    Parameters
    ----------
    sample : Lagrangian
        The dual over a sample of customers.
    space : PriceSpace
    scales : Scales
    unit : float
        Unit of the dual value.
    options : CurvatureOptions
    """

    def __init__(
        self,
        sample: Lagrangian,
        space: PriceSpace,
        scales: Scales,
        unit: float,
        options: CurvatureOptions,
    ):
        self.sample = sample
        self.space = space
        self.unit = unit
        self._scales = scales
        self._options = options
        self._coefficient = _by_quantity(sample.problem, scales)
        # where each row has one coordinate, changes name these: nothing has to be put into their order
        self._has_coordinates = np.array_equal(np.sort(space.row), np.arange(space.rows))
        self._listed_row = scales.row
        if self._has_coordinates:
            self._listed_row = np.argsort(space.row).astype(np.int32)[scales.row]

    def at(self, prices: NDArray[np.float64]) -> RowCurvature | ListedCurvature:
        """Estimate the Hessian at some prices.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)

        Returns
        -------
        RowCurvature or ListedCurvature
        """
        table = self._table(prices)
        return self._told(self.sample.engine.alternatives(as_float32(table), briefly=True), table)

    def told_by(
        self, found: Alternatives, prices: NDArray[np.float64]
    ) -> RowCurvature | ListedCurvature:
        """Estimate the Hessian at some prices, where the sample's alternatives are known.

        Parameters
        ----------
        found : Alternatives
            Of the sample at these prices.
        prices : ndarray of float64, shape (n_rows,)

        Returns
        -------
        RowCurvature or ListedCurvature
        """
        return self._told(found, self._table(prices))

    def _told(
        self, found: Alternatives, table: NDArray[np.float64]
    ) -> RowCurvature | ListedCurvature:
        """The Hessian at a price table, where the sample's alternatives are known."""
        sample, scales, rows = self.sample, self._scales, self.space.rows
        width = self._bandwidths(found, LogHistogram.of_losses(table))
        factor = np.sqrt(ALONE * sample.scale / self.unit / width.astype(np.float64))
        near = NearChanges(
            width,
            factor,
            np.sqrt(IN_PLACE / ALONE),
            scales.ptr,
            self._listed_row,
            self._coefficient,
        )
        indptr, column, product = sample.engine.products_of_changes(found, near, rows)
        matrix = sp.csr_array((product, column, indptr), shape=(rows, rows))
        bandwidth = _by_row(width.ravel(), scales, rows)
        if self._has_coordinates:
            return ListedCurvature(matrix, bandwidth, self.unit, self.space.row)
        return RowCurvature(matrix, bandwidth, self.unit)

    def _table(self, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """The price table at some prices."""
        return self.sample.price_table(self.sample.reduced(prices))

    def _bandwidths(self, found: Alternatives, histogram: LogHistogram) -> NDArray[np.float32]:
        """Of each cell the loss that enough of its candidates are below; next to 0 where ties leave none above 0."""
        options, engine = self._options, self.sample.engine
        cells = self.sample.problem.objective.shape[1:]
        together = engine.candidates < options.candidates_per_cell * cells[0] * cells[1]
        counted = (1, cells[1]) if together else cells
        width = np.empty(counted[0] * counted[1])

        def find(some: slice, count: NDArray[np.int64]) -> None:
            all_of_cell = count[:, -1:]
            wanted = np.maximum(options.nearest * PARTS, options.near_share * all_of_cell)
            wanted = np.minimum(wanted, all_of_cell)
            width[some] = histogram.edges[(count >= wanted).argmax(axis=1)]

        histogram.cumulative(engine, found, counted, then=find)
        return np.ascontiguousarray(np.broadcast_to(width.reshape(counted), cells), np.float32)


class KnownCurvature:
    """A Hessian that is known, wherever prices are; see `Curvature`.

    Parameters
    ----------
    sample : Lagrangian
        Over the customers whose dual is minimised.
    space : PriceSpace
    known : RowCurvature
    """

    def __init__(self, sample: Lagrangian, space: PriceSpace, known: RowCurvature):
        self.sample = sample
        self.space = space
        self.unit = known.unit
        self._known = known

    def at(self, prices: NDArray[np.float64]) -> RowCurvature:
        """Return it, whatever the prices."""
        return self._known


def _by_quantity(problem: Problem, scales: Scales) -> NDArray[np.float64]:
    """Weights of listed pairs of a cell and a row: per coupon, and per unit of each quantity."""
    item = scales.cell % problem.low.shape[1]
    by_quantity = np.zeros((len(scales.row), 1 + problem.quantities))
    by_quantity[:, 0] = scales.coefficient[:, 0]
    for c, slope in enumerate(scales.coefficient.T[1:]):  # noise, which comes last, is in no row
        quantity = problem.quantity_of[c]
        by_quantity[:, 0] += slope * problem.low[c][item]
        by_quantity[:, 1 + quantity] += slope * problem.step[c][item]
    return by_quantity


def _by_row(width: NDArray[np.float32], scales: Scales, rows: int) -> NDArray[np.float64]:
    """Mean over the cells of each row, and over all cells where it has none."""
    total = np.bincount(scales.row, weights=width[scales.cell], minlength=rows)
    count = np.bincount(scales.row, minlength=rows)
    mean = width.mean(dtype=np.float64)
    return np.asarray(np.divide(total, count, out=np.full(rows, mean), where=count > 0))
