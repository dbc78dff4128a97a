"""Second derivatives of the dual, estimated from a sample of customers.

When prices move a little, a candidate whose decision costs little to change may change it, and what stands against it
with it: one coupon is given up for another, or one more or one less is given. With so many candidates within so small
a loss of changing, the dual is curved:

    H = sum over changes c of density(c at loss 0) * w(c) w(c)',   w(c): what the change moves each row by

and the density is that of the losses, taken within a bandwidth of each item's own, which holds so many of its
candidates (a nearest-neighbour estimate, Loftsgaarden and Quesenberry 1965, of the generalised Hessian of the expected
dual; the semismooth Newton method of Qi and Sun 1993 on a smoothed dual rests on the same matrix). Items may differ by
orders of magnitude: where nearly all of one's candidates are tied, the next one's may lie far apart. Where
every weight is 1 it is a graph Laplacian over the rows, and therefore sparse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....engines.cells import candidate_cells
from ....engines.subset import positions_of
from ....utils.lazy_imports import sparse as sp
from ...log_histogram import LogHistogram
from ...options import CurvatureOptions
from ..lagrangian import Lagrangian, as_float32
from ..price_space import PriceSpace
from ..scaling import Scales

ALONE, IN_PLACE = 0.5, 0.25
"""What a change counts where one coupon comes or goes, and where two candidates change places.

A loss of 0 or more shows one side of a difference only, as often as not the other one lies behind it. And of two
candidates that may change places, each is asked.
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
        self._cell = candidate_cells(sample.engine.shard, sample.problem.objective.shape[2])

    def at(self, prices: NDArray[np.float64]) -> tuple[sp.csr_array, NDArray[np.float64]]:
        """Estimate the Hessian at some prices.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)

        Returns
        -------
        matrix : csr_array of float64, shape (n_coordinates, n_coordinates)
        bandwidth : ndarray of float64, shape (n_coordinates,)
            Reduced value within which changes counted, as a mean over the items of each coordinate.
        """
        sample, scales, space, cell = self.sample, self._scales, self.space, self._cell
        table = sample.price_table(sample.reduced(prices))
        chosen, partner, loss = sample.engine.alternatives(as_float32(table))
        most = float(np.abs(table[0]).max(initial=1e-30))
        width = _bandwidths(loss, cell, most, table[0].size, self._options)

        near = np.flatnonzero(loss < width[cell])
        partner = partner[near]
        swapped = partner >= 0
        density = np.float64(
            ALONE * sample.scale / self.unit
        )  # divided in float64, by widths in float32
        size = np.sqrt(density / width[cell[near]])
        size[swapped] *= np.sqrt(IN_PLACE / ALONE)
        size = np.where(chosen[near], size, -size)
        moved = self._moved(near, size) + self._moved(partner, np.where(swapped, -size, 0.0))
        by_row = sp.csr_array(moved.T @ moved)
        if not np.array_equal(space.row, np.arange(space.rows)):  # rows with two prices, or none
            by_row = by_row[space.row][:, space.row]
        side = space.sign * space.scale
        by_row.data *= side[by_row.indices] * np.repeat(side, np.diff(by_row.indptr))
        return by_row, _by_row(width, scales, space.rows)[space.row]

    def _moved(self, position: NDArray[np.int64], factor: NDArray[np.float64]) -> sp.csr_array:
        """What a candidate moves each row by, times a factor, CSR (changes, L); a negative position moves none."""
        problem, shard, scales = self.sample.problem, self.sample.engine.shard, self._scales
        cell = self._cell[position]
        times = np.where(position >= 0, scales.ptr[cell + 1] - scales.ptr[cell], 0)
        indptr = np.zeros(len(position) + 1, np.int32)
        np.cumsum(times, out=indptr[1:])
        some = np.flatnonzero(times)
        listed = positions_of(scales.ptr, cell[some])  # in which rows
        weight = scales.coefficient[listed, 0]
        for c, slope in enumerate(scales.coefficient.T[1:]):
            if not slope.any():
                continue
            item, quantity = shard.item[position], shard.quantity[problem.quantity_of[c]][position]
            amount = problem.low[c][item] + problem.step[c][item] * quantity
            weight = weight + slope[listed] * np.repeat(amount, times)
        entries = weight * np.repeat(factor, times), scales.row[listed], indptr
        return sp.csr_array(entries, shape=(len(position), len(problem.lower)))


def _bandwidths(
    loss: NDArray[np.float32],
    cell: NDArray[np.int64],
    most: float,
    cells: int,
    options: CurvatureOptions,
) -> NDArray[np.float32]:
    """Of each cell the loss that enough of its candidates are below, (cells); where ties leave none, next to none."""
    bins = LogHistogram(4 * most)
    count = bins.cumulative(loss, cell, cells)
    all_of_cell = count[:, -1:]
    wanted = np.maximum(options.nearest, options.near_share * all_of_cell)
    wanted = np.minimum(wanted, all_of_cell)
    return np.asarray(bins.edges[(count < wanted).sum(axis=1)], np.float32)


def _by_row(width: NDArray[np.float32], scales: Scales, rows: int) -> NDArray[np.float64]:
    """Mean over the cells of each row (L), and over all cells where it has none."""
    total = np.bincount(scales.row, weights=width[scales.cell], minlength=rows)
    count = np.bincount(scales.row, minlength=rows)
    mean = width.mean(dtype=np.float64)
    return np.asarray(np.divide(total, count, out=np.full(rows, mean), where=count > 0))
