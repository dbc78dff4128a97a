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
import scipy.sparse as sp
from numpy.typing import NDArray

from ..engines.gather import positions_of
from .dual import PriceSpace
from .lagrangian import Lagrangian, as_float32
from .octaves import Octaves
from .problem import cell_of
from .scales import Scales

NEAR, NEAREST = (
    1 / 16,
    4,
)  # candidates whose change is within the bandwidth, as a share and at least
# A loss of 0 or more shows one side of a difference only, as often as not the other one lies behind it. And of two
# candidates that may change places, each is asked.
ALONE, IN_PLACE = 0.5, 0.25


class Curvature:
    """The Hessian of the dual at some prices, in coordinates of a price space: `matrix` (V, V).

    bandwidth: (V), of reduced value, that it was taken within, on average of the items of each coordinate.
    """

    def __init__(
        self,
        sample: Lagrangian,
        space: PriceSpace,
        scales: Scales,
        prices: NDArray[np.float64],
        unit: float,
    ):
        table = sample.price_table(sample.reduced(prices))
        chosen, partner, loss = sample.engine.alternatives(as_float32(table))
        cell = cell_of(sample.engine.shard, table.shape[2])
        width = _bandwidths(loss, cell, float(np.abs(table[0]).max(initial=1e-30)), table[0].size)
        self.bandwidth = _by_row(width, scales, space.rows)[space.row]

        near = np.flatnonzero(loss < width[cell])
        other = partner[near]
        swapped = np.flatnonzero(other >= 0)
        size = np.sqrt(ALONE * sample.scale / unit / width[cell[near]])
        size[swapped] *= np.sqrt(IN_PLACE / ALONE)
        size = np.where(chosen[near], size, -size)
        moved = _moved(
            sample,
            scales,
            np.concatenate([near, other[swapped]]),
            np.concatenate([np.arange(len(near)), swapped]),
            np.concatenate([size, -size[swapped]]),
        )
        by_row = sp.csr_array(moved.T @ moved)
        if not np.array_equal(space.row, np.arange(space.rows)):  # rows with two prices, or none
            by_row = by_row[space.row][:, space.row]
        side = space.sign * space.scale
        by_row.data *= side[by_row.indices] * np.repeat(side, np.diff(by_row.indptr))
        self.matrix = by_row


def _bandwidths(
    loss: NDArray[np.float32], cell: NDArray[np.int64], most: float, cells: int
) -> NDArray[np.float64]:
    """Of each cell the loss that enough of its candidates are below, (cells)."""
    bins = Octaves(4 * most)
    count = bins.reached(loss, cell, cells)
    wanted = np.minimum(np.maximum(NEAREST, NEAR * count[:, -1:]), count[:, -1:])
    width = bins.edges[(count < wanted).sum(axis=1)]
    # ties leave no width; what is left of it is far below any value
    return np.maximum(width, 1e-7 * most)


def _by_row(width: NDArray[np.float64], scales: Scales, rows: int) -> NDArray[np.float64]:
    """Mean over the cells of each row (L), and over all cells where it has none."""
    total = np.bincount(scales.row, weights=width[scales.cell], minlength=rows)
    count = np.bincount(scales.row, minlength=rows)
    return np.divide(total, count, out=np.full(rows, width.mean()), where=count > 0)


def _moved(
    sample: Lagrangian,
    scales: Scales,
    position: NDArray[np.int64],
    change: NDArray[np.int64],
    factor: NDArray[np.float64],
) -> sp.csr_array:
    """What each change moves each row by, CSR (changes, L).

    position: candidates that come or go. change, factor: in which change each does, and how much of it.
    """
    problem, shard = sample.problem, sample.engine.shard
    items = problem.objective.shape[2]
    cell = cell_of(shard, items, position)
    listed = positions_of(scales.ptr, cell)  # in which rows
    times = scales.ptr[cell + 1] - scales.ptr[cell]
    weight = scales.coefficient[listed, 0]
    for c, slope in enumerate(scales.coefficient.T[1:]):
        item, quantity = cell % items, shard.quantity[problem.quantity_of[c]]
        amount = problem.low[c][item] + problem.step[c][item] * quantity[position]
        weight = weight + slope[listed] * np.repeat(amount, times)
    entries = weight * np.repeat(factor, times), (np.repeat(change, times), scales.row[listed])
    return sp.csr_array(entries, shape=(int(change.max(initial=-1)) + 1, len(problem.lower)))
