"""Second derivatives of the dual, estimated from a sample of customers.

When prices move a little, a candidate whose decision costs little to change may change it, and what stands against it
with it: one coupon is given up for another, or one more or one less is given. With so many candidates within so small
a loss of changing, the dual is curved:

    H = sum over changes c of density(c at loss 0) * w(c) w(c)',   w(c): what the change moves each row by

and the density is that of the losses, taken within a bandwidth (a kernel estimate of the generalised Hessian of the
expected dual; the semismooth Newton method of Qi and Sun 1993 on a smoothed dual rests on the same matrix). Where
every weight is 1 it is a graph Laplacian over the rows, and therefore sparse.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..engines.gather import positions_of
from .dual import PriceSpace
from .lagrangian import Lagrangian, as_float32
from .problem import cell_of
from .scales import Scales

NEAR = 1 / 16  # share of the candidates whose change is within the bandwidth
LOOKED_AT = 100_000  # losses, evenly spread, that the bandwidth is told from
# A loss of 0 or more shows one side of a difference only, as often as not the other one lies behind it. And of two
# candidates that may change places, each is asked.
ALONE, IN_PLACE = 0.5, 0.25


class Curvature:
    """The Hessian of the dual at some prices, in coordinates of a price space: `matrix` (V, V).

    bandwidth: of reduced value, that it was taken within.
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
        some = loss[:: max(1, len(loss) // LOOKED_AT)]
        some = some[np.isfinite(some)]
        self.bandwidth = float(np.quantile(some, NEAR)) if len(some) else 0.0
        # ties leave no width; what is left of it is far below any value
        self.bandwidth = max(self.bandwidth, 1e-7 * float(np.abs(table[0]).max(initial=1e-30)))

        near = np.flatnonzero(loss < self.bandwidth)
        other = partner[near]
        swapped = np.flatnonzero(other >= 0)
        size = np.full(len(near), np.sqrt(ALONE * sample.scale / self.bandwidth / unit))
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
