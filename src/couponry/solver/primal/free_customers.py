"""Regret thresholds that decide which customers are left free for repair.

At good prices everybody's best choice nearly keeps the limits. Little is missing, and many customers could give it at
next to no loss. So repair needs few customers, those whose choice changes at the least cost. A sample tells up to which
regret an item has several times the candidates that must leave or come. Customers with such a candidate are left free;
one pass fixes all others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...kernels import PARTS, LossWeights
from ..dual.lagrangian import Lagrangian, as_float32
from ..dual.scaling import Scales
from ..log_histogram import RESOLVED_OCTAVES, LogHistogram
from ..options import FreeCustomerOptions
from ..problem import Problem
from .fixed_customers import NEVER_FREE

LARGEST_THRESHOLD = 3e38
"""A float32 that is above every regret."""


class CouponNeeds:
    """How many coupons of each row a choice should have fewer and more of, to meet the rows.

    A row that is violated should come to its bound, and so should one that has a price.

    Parameters
    ----------
    problem : Problem
    prices : ndarray of float64, shape (n_rows,)
    activity : ndarray of float64, shape (n_rows,)
    per_coupon : ndarray of float64, shape (n_rows,)
        Weights under which a typical coupon's weight in a row counts as 1.
    error : ndarray of float64, shape (n_rows,)
        What activities can be off from those of the attributes as given, by which bounds are tightened.
    likely_error : ndarray of float64, shape (n_rows,)
        What these activities are likely off at most: a row so near its bound may need coupons either way.

    Attributes
    ----------
    more, fewer : ndarray of float64, shape (n_rows,)
        Typical coupons.
    share_to_leave : ndarray of float64, shape (n_rows,)
        Share of a row's activity that has to leave.
    """

    def __init__(
        self,
        problem: Problem,
        prices: NDArray[np.float64],
        activity: NDArray[np.float64],
        per_coupon: NDArray[np.float64],
        error: NDArray[np.float64],
        likely_error: NDArray[np.float64],
    ):
        upper = problem.upper - error
        lower = np.minimum(problem.lower + error, upper)

        def beyond(activity: NDArray[np.float64]) -> NDArray[np.float64]:
            wanted = np.clip(activity, lower, upper)
            wanted = np.where((prices > 0) & np.isfinite(upper), upper, wanted)
            wanted = np.where((prices < 0) & np.isfinite(lower), lower, wanted)
            return activity - wanted

        self.more = np.maximum(0.0, -beyond(activity - likely_error)) * per_coupon
        over = np.maximum(0.0, beyond(activity + likely_error))
        self.fewer = over * per_coupon
        # a share, since what is allocated may weigh less than a typical coupon
        self.share_to_leave = np.divide(over, activity, out=np.zeros(len(over)), where=activity > 0)
        self._per_coupon = per_coupon

    def raise_to(self, over: NDArray[np.float64], under: NDArray[np.float64]) -> None:
        """Need at least as much as repair left undone.

        Parameters
        ----------
        over, under : ndarray of float64, shape (n_rows,)
            By how much activities are still over and under their bounds.
        """
        self.fewer = np.maximum(self.fewer, over * self._per_coupon)
        self.more = np.maximum(self.more, under * self._per_coupon)

    def raise_beside(
        self, missed: NDArray[np.float64], scales: Scales, wide: float
    ) -> NDArray[np.bool_]:
        """Need as many coupons, either way, of rows that share items with those that repair left something of.

        What a row still needs, repair could do only with coupons that the rows beside it ask for.

        Parameters
        ----------
        missed : ndarray of float64, shape (n_rows,)
            By how much activities are still off their bounds.
        scales : Scales
        wide : float
            Share of all items from which on a row is beside any other, and says nothing.

        Returns
        -------
        ndarray of bool, shape (n_rows,)
            Which rows these are.
        """
        is_wide = scales.is_wide(wide)
        coupons = np.where(is_wide, 0.0, missed * self._per_coupon)
        of_cell, beside = np.zeros(len(scales.ptr) - 1), np.zeros(len(missed))
        np.maximum.at(of_cell, scales.cell, coupons[scales.row])
        np.maximum.at(beside, scales.row, of_cell[scales.cell])
        beside[is_wide] = 0.0
        self.fewer, self.more = np.maximum(self.fewer, beside), np.maximum(self.more, beside)
        return beside > 0.0


class RegretCounts:
    """How many candidates of a sample can leave or come at what regret, at some prices.

    Parameters
    ----------
    sample : Lagrangian
        Over a sample of customers.
    prices : ndarray of float64, shape (n_rows,)
    scales : Scales
    options : FreeCustomerOptions

    Attributes
    ----------
    histogram : LogHistogram
        Bins of regret.
    count : ndarray of int64, shape (2 * n_counted, n_bins - 1)
        `PARTS` for each candidate, by direction (0 leaves, 1 comes), counted cell and bin whose regret is in that bin
        or a lower one. A candidate that weighs less in the limits than its cell's mean counts as so much less.
    found : Alternatives
        Of the sample at these prices, until somebody asks for others of it briefly.
    are_together : bool
        Whether all segments are counted together, so that there is a counted cell for each item: a sample has too few
        candidates of an item in a segment to tell more.
    """

    def __init__(
        self,
        sample: Lagrangian,
        prices: NDArray[np.float64],
        scales: Scales,
        options: FreeCustomerOptions,
    ):
        self.sample = sample
        table = sample.price_table(sample.reduced(prices))
        self.found = found = sample.engine.alternatives(as_float32(table), briefly=True)
        segments, items = sample.problem.objective.shape[1:]
        self.are_together = is_few_by_cell(sample, options)
        cells = (1, items) if self.are_together else (segments, items)
        many = sample.problem.objective[0].size > options.finely_counted_cells
        is_coarse = many and not self.are_together
        octaves = options.coarse_octaves if is_coarse else RESOLVED_OCTAVES
        self.histogram = LogHistogram.of_losses(table, octaves)
        self.count = self.histogram.cumulative(
            sample.engine,
            found,
            cells,
            by_decision=True,
            weights=_relative_weights(sample, scales, options, cells),
        )

    def by_cell(self, scales: Scales) -> NDArray[np.float64]:
        """Say how many candidates of the sample can leave and come at any regret.

        Parameters
        ----------
        scales : Scales

        Returns
        -------
        ndarray of float64, shape (2, n_segments * n_items)
            For each direction. Where segments are counted together, each has a share of them by its candidates.
        """
        there_are = self.count[:, -1].reshape(2, -1) / PARTS
        if not self.are_together:
            return there_are
        everything = scales.everything[0]
        shared = there_are[:, None] * share_of_cells(everything)
        return np.asarray(shared.reshape(2, everything.size))


def is_few_by_cell(sample: Lagrangian, options: FreeCustomerOptions) -> bool:
    """Tell whether a sample has too few candidates of an item in a segment for segments to be told apart."""
    _, segments, items = sample.problem.objective.shape
    few = options.candidates_per_cell * segments * items > sample.engine.candidates
    return bool(segments > 1 and few)


def share_of_cells(everything: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each segment's share of the candidates of each item, (n_segments, n_items)."""
    total = everything.sum(axis=0)
    share = np.divide(everything, total, out=np.zeros(everything.shape), where=total > 0)
    return np.asarray(share)


def _relative_weights(
    sample: Lagrangian, scales: Scales, options: FreeCustomerOptions, cells: tuple[int, int]
) -> LossWeights:
    """The least that each candidate weighs in any attribute that limits sum, in means of its cell, at most 1."""
    problem, everything = sample.problem, scales.everything
    summed = np.flatnonzero(scales.coefficient[:, 1:].any(axis=0))
    means: NDArray[np.float64] = scales.means.reshape(everything.shape)
    if cells[0] < everything.shape[1]:  # of each item, whatever the segments
        means = (means * share_of_cells(everything[0])).sum(axis=1, keepdims=True)
    lines: list[NDArray[np.float64]] = []  # of each attribute, in means: see `LossWeights`
    for c in summed.tolist():
        mean = means[1 + c]
        inverse = np.divide(1.0, mean, out=np.ones(cells), where=mean > 0)
        lines += [x * inverse for x in (problem.low[c], problem.step[c])]
    line = np.array(lines, np.float64).reshape(2 * len(summed), *cells)
    return LossWeights(line, problem.quantity_of[summed].astype(np.int64), options.least_weight)


def regret_thresholds(
    needs: CouponNeeds,
    scales: Scales,
    regrets: RegretCounts,
    factor: NDArray[np.float64],
    options: FreeCustomerOptions,
) -> NDArray[np.float32]:
    """Find the regrets up to which a candidate that leaves or comes leaves its customer free.

    Parameters
    ----------
    needs : CouponNeeds
    scales : Scales
    regrets : RegretCounts
    factor : ndarray of float64, shape (n_rows,)
        Candidates wanted for each coupon that a row needs.
    options : FreeCustomerOptions

    Returns
    -------
    ndarray of float32, shape (n_levels, 2, n_segments, n_items)
        For candidates that leave (0) and come (1). Each level holds for half of the customers of the level before.
    """
    sample, edges, count = regrets.sample, regrets.histogram.edges, regrets.count
    _, segments, items = sample.problem.objective.shape
    per_million = options.spare_candidates_per_million
    spare = options.spare_candidates + per_million * sample.scale * sample.engine.customers / 1e6
    there_are = regrets.by_cell(scales)
    target = _wanted_by_cell(needs, factor, spare, scales, there_are).ravel() / sample.scale
    if regrets.are_together:
        return _shared_thresholds(target, regrets, scales, options)
    some = np.flatnonzero(target > 0)  # hardly any, where few coupons are left to be moved
    threshold, level = _by_counts(target[some], edges, count[some], options)
    by_level = np.full((options.halvings, len(target)), NEVER_FREE, np.float32)
    levels = np.arange(options.halvings)[:, None]
    by_level[:, some] = np.where(levels >= level, threshold, NEVER_FREE)
    return by_level.reshape(options.halvings, 2, segments, items)


def _by_counts(
    target: NDArray[np.float64],
    edges: NDArray[np.float64],
    count: NDArray[np.int64],
    options: FreeCustomerOptions,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The regret at which a sample has what is wanted, and the first level that it holds for, of some cells each.

    Where the sample surely has more at that regret than are wanted, a share of the customers is enough: a half, a
    quarter, and so on.
    """
    wanted = PARTS * np.maximum(target, options.sampled_candidates)
    most = count[:, -1]
    # whole numbers are compared as such: no more than there are, where there are enough
    least = np.ceil(np.minimum(wanted, most)).astype(np.int64)
    last = len(edges) - 1
    at = np.where(most >= wanted, (count >= least[:, None]).argmax(axis=1), last)
    threshold = np.where(at < last, edges[at], np.inf)
    have = np.take_along_axis(count, np.minimum(at, last - 1)[:, None], axis=1)[:, 0] / PARTS
    surely = np.maximum(have - options.sampling_error * np.sqrt(have), 0.0)
    with np.errstate(divide="ignore"):
        level = np.nan_to_num(np.floor(np.log2(surely / target)), neginf=0.0)
    return np.minimum(threshold, LARGEST_THRESHOLD), np.clip(level, 0, options.halvings - 1)


def _shared_thresholds(
    target: NDArray[np.float64],
    regrets: RegretCounts,
    scales: Scales,
    options: FreeCustomerOptions,
) -> NDArray[np.float32]:
    """Thresholds where segments are counted together: each cell has its share of what its item has at any regret."""
    edges, count = regrets.histogram.edges, regrets.count
    shape = scales.everything.shape[1:]
    cells, bins = shape[0] * shape[1], count.shape[1]
    some = np.flatnonzero(target > 0)
    share = share_of_cells(scales.everything[0]).ravel()[some % cells]
    of_item = np.divide(target[some], share, out=np.full(len(some), np.inf), where=share > 0)
    of_item = np.maximum(of_item, options.sampled_candidates)
    # counts of one item after the other are one ascending list: all cells are looked up at once
    above = float(count.max(initial=0)) + 1.0
    line = some // cells * shape[1] + some % shape[1]
    listed = (count + above * np.arange(len(count))[:, None]).ravel()
    place = np.searchsorted(listed, above * line + np.minimum(PARTS * of_item, above - 0.5))
    at = place - bins * line
    threshold = np.full((1, 2, *shape), NEVER_FREE, np.float32)
    found = np.where(at < bins, edges[np.minimum(at, bins - 1)], LARGEST_THRESHOLD)
    threshold.reshape(-1)[some] = found
    return threshold


def _wanted_by_cell(
    needs: CouponNeeds,
    factor: NDArray[np.float64],
    spare: float,
    scales: Scales,
    there_are: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Candidates wanted of each cell to leave (0) and to come (1), (2, n_cells): rows share by how many there are."""
    cell, row, weight = scales.cell, scales.row, scales.mean
    wanted = np.zeros((2, there_are.shape[1]))
    for direction, (for_positive, for_negative) in enumerate(
        ((needs.fewer, needs.more), (needs.more, needs.fewer))
    ):
        need = np.where(weight > 0, for_positive[row], for_negative[row])
        need = need * factor[row] + spare * (need > 0)
        # where the sample has none, whoever there is may be one of few
        share = np.maximum(there_are[direction][cell], 1e-6) * (need > 0)
        total = np.bincount(row, weights=share, minlength=len(needs.more))[row]
        part = np.divide(need * share, total, out=np.zeros(len(cell)), where=total > 0)
        np.maximum.at(wanted[direction], cell, part)
    all_leave = (needs.share_to_leave * factor >= 1.0)[row] & (weight > 0)
    wanted[0, cell[all_leave]] = np.inf
    return wanted
