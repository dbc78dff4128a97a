"""Steps of each price by itself, where prices are many and near: how much each limit's own candidates say.

The stock of an offer in a shop is a limit on a dozen coupons. No sample says what its price does to it, and what it
does to the others' stocks is spread over all of them. How many candidates of an offer are nearly tied is known from all
shops together, and so how far a price has to move for one coupon more or less. Each price moves as far as its own limit
asks for, all of them at once. It moves less far where it has just gone too far, and further where it has not: this also
makes up for what limits do to each other.

References
----------
Riedmiller, Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", 1993.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...engines.undecided.passes import UndecidedPasses
from ...engines.workers import even_cuts, share_out
from ...kernels import PARTS, PriceSteps
from ...utils.arrays.blocks import CACHED_SIZE
from ...utils.arrays.membership import distinct
from ...utils.lazy_imports import sparse as sp
from ..log_histogram import LogHistogram
from ..options import CurvatureOptions, RowStepOptions
from ..problem import Problem
from .lagrangian import Lagrangian, as_float32
from .newton.curvature import ALONE
from .price_space import PriceSpace
from .scaling import Scales


@dataclass(frozen=True)
class RowDensity:
    """How activities answer to their own prices, estimated from all candidates of the same items.

    Attributes
    ----------
    slope : ndarray of float64, shape (n_rows,)
        By how much an activity falls as its price rises by one.
    width : ndarray of float64, shape (n_rows,)
        Price within which that was counted.
    """

    slope: NDArray[np.float64]
    width: NDArray[np.float64]

    @classmethod
    def at(
        cls,
        sample: Lagrangian,
        prices: NDArray[np.float64],
        scales: Scales,
        options: CurvatureOptions,
    ) -> RowDensity:
        """Estimate it at some prices.

        Parameters
        ----------
        sample : Lagrangian
            Over a sample of customers.
        prices : ndarray of float64, shape (n_rows,)
        scales : Scales
        options : CurvatureOptions

        Returns
        -------
        RowDensity
        """
        table = as_float32(sample.price_table(sample.reduced(prices)))
        found = sample.engine.alternatives(table, briefly=True)
        items = table.shape[2]
        histogram = LogHistogram.of_losses(table)
        at, near, of_item = np.empty((3, items), np.int64)

        def find(some: slice, count: NDArray[np.int64]) -> None:
            all_of_item = count[:, -1:]
            wanted = np.maximum(options.nearest * PARTS, options.near_share * all_of_item)
            at[some] = (count < np.minimum(wanted, all_of_item)).sum(axis=1)
            last = np.minimum(at[some], count.shape[1] - 1)[:, None]
            near[some] = np.take_along_axis(count, last, axis=1)[:, 0]
            of_item[some] = all_of_item[:, 0]

        histogram.cumulative(sample.engine, found, (1, items), then=find)
        width = histogram.edges[at]
        per_candidate = ALONE * near / np.maximum(of_item, 1) / width
        item, row, rows = scales.cell % items, scales.row, len(prices)
        candidates = scales.everything[0].ravel()[scales.cell]
        weight = per_candidate[item] * candidates
        slope = np.bincount(row, weights=scales.mean**2 * weight, minlength=rows)
        together = np.bincount(row, weights=width[item], minlength=rows)
        typical = together / np.maximum(np.bincount(row, minlength=rows), 1)
        return cls(slope.astype(float), typical * scales.per_coupon)

    def floored(self, share: float) -> NDArray[np.float64]:
        """Return slopes that are no less than a share of the median, shape (n_rows,)."""
        some = self.slope[self.slope > 0]
        return np.maximum(self.slope, share * float(np.median(some)) if len(some) else 1.0)


class RowActivities:
    """What activities come to at some prices, and no more than that: a fraction of what an evaluation takes.

    A price table, and the activities that usage makes, are linear: one matrix says what a row's price takes off each
    entry of the table, and its transpose what each entry of a usage table adds to the row.

    Parameters
    ----------
    dual : Lagrangian
        Over everybody.

    Attributes
    ----------
    engine : Engine
    may_decide : bool
        Whether nobody has said yet how far prices may still move.
    """

    def __init__(self, dual: Lagrangian):
        problem = dual.problem
        rows, shape = problem.rows.tocoo(), problem.objective.shape
        size, items = shape[1] * shape[2], shape[2]
        attribute, cell = np.divmod(rows.coords[1].astype(np.int64), size)
        row, weight = rows.coords[0].astype(np.int64), rows.data
        of_coupon, of_quantity = weight.copy(), np.zeros(len(weight))
        plane = np.zeros(len(weight), np.int64)
        for c, quantity in enumerate(problem.quantity_of.tolist()):
            own = attribute == 1 + c
            item = cell[own] % items
            of_coupon[own] *= problem.low[c][item]
            of_quantity[own] = weight[own] * problem.step[c][item]
            plane[own] = 1 + quantity
        both = np.concatenate([of_coupon, of_quantity[plane > 0]])
        at = np.concatenate([cell, (plane * size + cell)[plane > 0]])
        place, number = distinct(at)
        of_row = np.concatenate([row, row[plane > 0]])
        shape_of_charge = len(place), len(problem.lower)
        charge = sp.csr_array((both, (number, of_row)), shape=shape_of_charge)
        self.engine, self._scale = dual.engine, dual.scale
        self._charge, self._use = charge, sp.csr_array(charge.T)
        # each row may count the coupons of one entry, in their order
        own = np.arange(len(problem.lower))
        self._is_identity = charge.shape == (len(own), len(own)) and bool(
            np.array_equal(charge.indices, own) and (charge.data == 1.0).all()
        )
        base = dual.price_table(problem.objective)
        self._table = as_float32(base)
        # all of the first entries, as a rule: a slice is quicker than a list
        is_first = len(place) > 0 and place[-1] == len(place) - 1
        self._place: NDArray[np.int64] | slice = slice(0, len(place)) if is_first else place
        self._base = base.ravel()[self._place]
        self._undecided: UndecidedPasses | None = None
        self.may_decide = True

    def at(
        self, prices: NDArray[np.float64], reach: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Let everybody choose, by one pass.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
        reach : ndarray of float64, shape (n_rows,), optional
            By how much each price may still move, about, where prices are near: the first pass that is told decides on
            most candidates, and further ones are over the others alone. Nothing is decided where coupons are not all
            that limits sum, or the engine cannot tell.

        Returns
        -------
        ndarray of float64, shape (n_rows,)

        Raises
        ------
        OverflowError
            Where prices are beyond float32.
        """
        charged = prices if self._is_identity else self._charge @ prices
        self._table.reshape(-1)[self._place] = as_float32(self._base - charged)
        if reach is not None and self.may_decide:
            self.may_decide = False
            self._undecided = self._left_undecided(reach)
            if self._undecided is not None:
                return self._activity(self._undecided.usage)
        if self._undecided is not None:
            return self._activity(self._undecided.at(self._table[0]))
        return self._activity(self.engine.evaluate(self._table))

    def _left_undecided(self, reach: NDArray[np.float64]) -> UndecidedPasses | None:
        """Passes over what is undecided at the table's prices, where these may still move so far."""
        engine, cells = self.engine, self._table[0].size
        moved = reach if self._is_identity else abs(self._charge) @ reach
        bar = np.zeros(self._table.size, np.float32)
        bar[self._place] = moved + moved.mean()  # its own price, and that of what comes instead
        if bar[cells:].any():
            return None
        return engine.undecided(self._table, bar[:cells].reshape(self._table.shape[1:]))

    def _activity(self, counted: NDArray[np.int64]) -> NDArray[np.float64]:
        usage = counted.reshape(-1)[self._place] * self._scale
        return np.asarray(usage if self._is_identity else self._use @ usage)


def descend_by_rows(
    activities: RowActivities,
    problem: Problem,
    space: PriceSpace,
    start: NDArray[np.float64],
    density: RowDensity,
    per_coupon: NDArray[np.float64],
    coupons: float,
    watch: Callable[[], bool],
    options: RowStepOptions,
) -> NDArray[np.float64]:
    """Bring choices near the limits from prices that are near, by steps of each price by itself.

    Parameters
    ----------
    activities : RowActivities
    problem : Problem
    space : PriceSpace
    start : ndarray of float64, shape (n_rows,)
    density : RowDensity
        At about these prices.
    per_coupon : ndarray of float64, shape (n_rows,)
        Weights under which a typical coupon's weight in a row counts as 1.
    coupons : float
        All of them, about.
    watch : callable
        Called with every pass; True stops.
    options : RowStepOptions

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        The prices of the least residual: by how many typical coupons activities are off the bounds of hard rows that
        have a price, and beyond others.
    """
    steps = _RowSteps(activities.engine, problem, space, start, density, per_coupon, options)
    best, fewest, stalled, before = start, np.inf, 0, start
    for made in range(1 + options.steps):
        prices = steps.prices
        is_near = fewest <= options.decided_share and activities.may_decide
        is_near &= problem.candidates <= options.decided_candidates
        activity = activities.at(prices, steps.reach(before) if is_near else None)
        before, off = prices, steps.move(activity) / coupons
        stalled = stalled + 1 if off > options.progress_share * fewest else 0
        if off < fewest:
            best, fewest = prices, off
        is_over = off <= options.near_share or stalled == options.stalls or made == options.steps
        if watch() or is_over:
            break
    return best


class _RowSteps:
    """The next step of each coordinate, which depends on the one before.

    Parameters
    ----------
    engine : Engine
        Whose kernels move prices.
    problem : Problem
    space : PriceSpace
    start : ndarray of float64, shape (n_rows,)
    density : RowDensity
    per_coupon : ndarray of float64, shape (n_rows,)
    options : RowStepOptions
    """

    def __init__(
        self,
        engine: Engine,
        problem: Problem,
        space: PriceSpace,
        start: NDArray[np.float64],
        density: RowDensity,
        per_coupon: NDArray[np.float64],
        options: RowStepOptions,
    ):
        row, hard = space.row, np.where(problem.hard, per_coupon, 0.0)
        self._engine, self._space = engine, space
        self._slope = density.floored(options.slope_floor)
        self._pace = options.growth, options.shortening, options.longest_length
        self._options, self._per_coupon = options, per_coupon
        self._steps = PriceSteps(
            row=row,
            bound=np.where(space.sign > 0, problem.upper[row], problem.lower[row]),
            side=space.sign * space.scale,
            weight=space.sign * hard[row],
            curvature=self._slope[row] * space.scale**2,
            longest=options.longest * density.width[row] / space.scale,
            highest=space.highest,
            point=space.point(start),
            last=np.zeros(len(row)),
            length=np.full(len(row), options.first_length),
        )

    @property
    def prices(self) -> NDArray[np.float64]:
        """Where prices stand now, shape (n_rows,)."""
        return self._space.prices(self._steps.point)

    def reach(self, before: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much each price may still move, about, (n_rows,); before: what they were a step before, (n_rows,)."""
        options, prices = self._options, self.prices
        coupon = 1.0 / np.maximum(self._slope, 1e-300)
        return options.reach_coupons * coupon + options.reach_steps * np.abs(prices - before)

    def move(self, activity: NDArray[np.float64]) -> float:
        """Move prices as far as activities at them ask for, (n_rows,); by how many typical coupons these are off."""
        cuts = even_cuts(len(self._steps.row), CACHED_SIZE)
        off = np.zeros(len(cuts) - 1)

        def work(worker: int, start: int, stop: int) -> None:
            for at in range(start, stop, CACHED_SIZE):
                end = min(at + CACHED_SIZE, stop)
                off[at // CACHED_SIZE] = self._engine.kernels.move_prices(
                    self._steps, activity, at, end, *self._pace
                )

        share_out(work, cuts, self._engine.threads)
        return float(off.sum())
