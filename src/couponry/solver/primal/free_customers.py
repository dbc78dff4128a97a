"""Who may move: the customers to whom the changes that the limits need matter least.

At good prices everybody's best choice nearly keeps the limits. What is missing is little, and many customers could
give it at next to no loss; the rest need not be touched, nor even be looked at again. How little is enough is read
from a sample: a table of how many candidates of each item lose how much by leaving or coming (regret, in bins of a
quarter of an octave) says at which loss an item has enough of them, several times over. One pass then settles everybody
else's choice and picks the movers out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..dual.lagrangian import Lagrangian, as_float32
from ..dual.scaling import Scales
from ..log_histogram import Octaves
from ..problem import Problem, cell_of
from .fixed_customers import NEVER, PIECE

# candidates that a row with any need gets beside, more with more customers
SPARE, SPARE_PER_MILLION = 4.0, 0.2
LIGHT = 1 / 64  # of a cell's mean weight: a candidate counts as so much of one at least
LEVELS = 10  # of customers, each with half of those before
CHANCE = 1.0  # standard deviations that a sample's count may be too large by
SURE = 24  # candidates of a sample that a threshold rests on, or all there are: few say little of what all have


class Needs:
    """By how many coupons of each (segment, item) a choice should change, fewer and more of them, to meet the rows.

    A row is wanted at its bound where it misses it or is priced. off: (L), what activities may be off from those of
    the channels as given, by which bounds are drawn in. unsure: (L), what these activities, of quantities without the
    finer bits beside them, are likely off at most: a row that near its bound may need either.
    """

    def __init__(
        self,
        problem: Problem,
        prices: NDArray[np.float64],
        activity: NDArray[np.float64],
        per_coupon: NDArray[np.float64],
        off: NDArray[np.float64],
        unsure: NDArray[np.float64],
    ):
        upper = problem.upper - off
        lower = np.minimum(problem.lower + off, upper)

        def beyond(activity: NDArray[np.float64]) -> NDArray[np.float64]:
            wanted = np.clip(activity, lower, upper)
            wanted = np.where((prices > 0) & np.isfinite(upper), upper, wanted)
            wanted = np.where((prices < 0) & np.isfinite(lower), lower, wanted)
            return activity - wanted

        self.more = np.maximum(0.0, -beyond(activity - unsure)) * per_coupon  # coupons, by row
        over = np.maximum(0.0, beyond(activity + unsure))
        self.fewer = over * per_coupon
        # share of a row that has to leave: what is held there may weigh less than is typical
        self.leaving = np.divide(over, activity, out=np.zeros(len(over)), where=activity > 0)
        self._per_coupon = per_coupon

    def stay(self, over: NDArray[np.float64], under: NDArray[np.float64]) -> None:
        """Rows that are still so much over and under their bounds (L) once movers have done what they can."""
        self.fewer = np.maximum(self.fewer, over * self._per_coupon)
        self.more = np.maximum(self.more, under * self._per_coupon)


class Regrets:
    """How many candidates of a sample lose how much by leaving or coming, at some prices.

    count: float64 (2 * S * K, bins), candidates of each direction and cell that lose no more than the end of a bin;
    one that weighs less in the limits than its cell's mean counts as so much less, for so much less is met by it.
    """

    def __init__(self, sample: Lagrangian, prices: NDArray[np.float64], scales: Scales):
        self.sample = sample
        shard, items = sample.engine.shard, sample.problem.objective.shape[2]
        table = sample.price_table(sample.reduced(prices))
        chosen, _ = sample.engine.choose(as_float32(table))
        regret = sample.engine.regret(shard.quantity.astype(np.float64), table, chosen)
        cells, cell = table[0].size, cell_of(shard, items)
        self.bins = Octaves(4 * (float(np.abs(table[0]).max(initial=0.0)) or 1.0))
        weights = _weights(sample, scales, cell)
        np.add(cell, cells, out=cell, where=chosen == 0)  # (direction, cell)
        self.count = self.bins.reached(regret, cell, 2 * cells, weights)


def _weights(
    sample: Lagrangian, scales: Scales, cell: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """The least that each candidate weighs in any channel that limits sum, in means of its cell, LIGHT to 1.

    None: limits count coupons alone.
    """
    problem, shard = sample.problem, sample.engine.shard
    summed = np.flatnonzero(scales.coefficient[:, 1:].any(axis=0))
    if len(summed) == 0:
        return None
    tiles = len(scales.means[0]) // problem.low.shape[1]
    lines = []  # of each channel, in means: where weights begin, and what a quantity's step adds
    for c in summed.tolist():
        mean = scales.means[1 + c]
        inverse = np.divide(1.0, mean, out=np.ones(len(mean)), where=mean > 0)
        lines.append(
            [np.tile(x, tiles) * inverse for x in (problem.low[c], problem.step[c])]
            + [shard.quantity[problem.quantity_of[c]]]
        )
    least = np.ones(len(cell))
    for start in range(0, len(cell), PIECE):  # small enough to stay in cache
        part = slice(start, start + PIECE)
        for low, step, quantity in lines:
            weight = step[cell[part]]
            weight *= quantity[part]
            weight += low[cell[part]]
            np.minimum(least[part], weight, out=least[part])
    return np.maximum(least, LIGHT, out=least)


def thresholds(
    needs: Needs, scales: Scales, regrets: Regrets, factor: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The most that a candidate may lose by leaving (0) or coming (1) to make its customer a mover, (H, 2, S, K).

    The kernel `mark` says what the H levels of customers are.

    factor: (L), candidates wanted per coupon that a row needs.
    """
    sample, bins, count = regrets.sample, regrets.bins, regrets.count
    _, segments, items = sample.problem.objective.shape
    spare = SPARE + SPARE_PER_MILLION * sample.scale * sample.engine.customers / 1e6
    wanted = _by_cell(needs, factor, spare, scales, count[:, -1].reshape(2, segments * items))
    target = wanted.ravel() / sample.scale
    reached = count >= np.maximum(target, SURE)[:, None]
    last = len(bins.edges) - 1  # never
    at = np.where(reached.any(axis=1), reached.argmax(axis=1), last)
    threshold = np.where(at < last, bins.edges[at], np.inf)
    # where those stand for too many, for all that chance may have to do with it, some customers' share is enough
    have = np.take_along_axis(count, np.minimum(at, last - 1)[:, None], axis=1)[:, 0]
    surely = np.maximum(have - CHANCE * np.sqrt(have), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.nan_to_num(np.floor(np.log2(surely / target)), neginf=0.0)
    level = np.clip(level, 0, LEVELS - 1)
    near = np.where(np.arange(LEVELS)[:, None] >= level, threshold, NEVER)
    near = np.where(target > 0, near, NEVER)
    return np.minimum(near, 3e38).astype(np.float32).reshape(LEVELS, 2, segments, items)


def _by_cell(
    needs: Needs, factor: NDArray[np.float64], spare: float, scales: Scales, have: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Candidates wanted of each cell, to leave (0) and to come (1): what a row wants is shared out by what there is."""
    cell, row, weight = scales.cell, scales.row, scales.mean
    wanted = np.zeros((2, have.shape[1]))
    for direction, (for_positive, for_negative) in enumerate(
        ((needs.fewer, needs.more), (needs.more, needs.fewer))
    ):
        need = np.where(weight > 0, for_positive[row], for_negative[row])
        need = need * factor[row] + spare * (need > 0)
        # where the sample has none, whoever there is may be one of few
        share = np.maximum(have[direction][cell], 1e-6) * (need > 0)
        total = np.bincount(row, weights=share, minlength=len(needs.more))[row]
        part = np.divide(need * share, total, out=np.zeros(len(cell)), where=total > 0)
        np.maximum.at(wanted[direction], cell, part)
    everybody = (needs.leaving * factor >= 1.0)[row] & (weight > 0)
    wanted[0, cell[everybody]] = np.inf
    return wanted
