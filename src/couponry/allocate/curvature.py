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

from .dual import PriceSpace
from .lagrangian import Lagrangian, as_float32
from .problem import cell_of

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
        self, sample: Lagrangian, space: PriceSpace, prices: NDArray[np.float64], unit: float
    ):
        problem, shard = sample.problem, sample.engine.shard
        table = sample.price_table(sample.reduced(prices))
        chosen, partner, loss = sample.engine.alternatives(as_float32(table))
        some = loss[:: max(1, len(loss) // LOOKED_AT)]
        some = some[np.isfinite(some)]
        self.bandwidth = float(np.quantile(some, NEAR)) if len(some) else 0.0
        # ties leave no width; what is left of it is far below any value
        self.bandwidth = max(self.bandwidth, 1e-7 * float(np.abs(table[0]).max(initial=1e-30)))

        near = np.flatnonzero(loss < self.bandwidth)
        other = partner[near]
        swapped = other >= 0
        size = np.sqrt(np.where(swapped, IN_PLACE, ALONE))
        size = np.where(chosen[near], size, -size)
        change = np.concatenate([np.arange(len(near)), np.flatnonzero(swapped)])
        position = np.concatenate([near, other[swapped]])
        factor = np.concatenate([size, -size[swapped]])
        _, segments, items = problem.objective.shape
        cells = segments * items
        cell = cell_of(shard, items, position)
        item = cell % items
        columns, values = [cell], [factor]
        for c, quantity in enumerate(problem.quantity_of):
            amount = (
                problem.low[c][item] + problem.step[c][item] * shard.quantity[quantity][position]
            )
            columns.append((1 + c) * cells + cell)
            values.append(factor * amount)
        usage = sp.csr_array(
            (
                np.concatenate(values),
                (np.tile(change, len(columns)), np.concatenate(columns)),
            ),
            shape=(len(near), problem.rows.shape[1]),
        )
        moved = sp.csr_array(usage @ problem.rows.T)  # (changes, L)
        by_row = sp.csr_array(moved.T @ moved)
        weight = np.sqrt(sample.scale / self.bandwidth / unit)
        factors = sp.diags_array(space.sign * space.scale * weight)
        self.matrix = sp.csr_array(factors @ by_row[space.row][:, space.row] @ factors)
