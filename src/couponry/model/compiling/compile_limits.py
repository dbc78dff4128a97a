"""Compile limits to linear rows over usage tables, and to what is measured of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.roles import ROLES
from ...data.sizes.too_large import check_cells
from ...utils.lazy_imports import sparse as sp
from ...utils.process.cached_property import cached_property
from ..customers import Customers
from ..items import Items
from ..limits import Limit
from .customer_parts import Segments
from .limit_groups import LimitGroups, limit_selections, look_up_limit
from .limit_measures import Measures
from .limit_rows import Cells, LimitMatrices, objective_table, stacked, sum_of_groups
from .measures import Amount, Amounts


@dataclass(frozen=True)
class CompiledLimits:
    """Limits as linear functions of a usage table, which is flattened: n_cells = (1 + n_attributes) * segments * items.

    Attributes
    ----------
    segment : ndarray of uint16, shape (n_customers or 1,)
        Segment of each customer.
    segments : int
        How many segments there are.
    segment_of_item : ndarray of int64, shape (n_items,), or None
        Segment of each item's customers, where customers of one unit are in several: there is one segment of units.
    attributes : list of str
        Names of the attributes.
    objective : ndarray of float64, shape (1 + n_attributes, segments, n_items)
        Objective of a coupon, and of a unit of each attribute.
    measures : Measures
        One for each limit and group.
    numerator, denominator : csr_array of float64, shape (n_measures, n_cells)
        A row of the denominator is empty unless the limit is a ratio.
    is_ratio : ndarray of bool, shape (n_measures,)
        Whether it is one sum divided by another: a ratio, a share, or relative to other coupons.
    rows : csr_array of float64, shape (n_rows, n_cells)
        The rows to be kept, as `Problem` has them, like all that follow.
    lower, upper : ndarray of float64, shape (n_rows,)
    penalty : ndarray of float64, shape (n_rows,)
    integer : ndarray of bool, shape (n_rows,)
    measure_of_row : ndarray of int64, shape (n_rows,)
        What each row is of.
    looked_up : list of LimitGroups
        What each limit is about.
    parts : list of (ndarray of int64, ndarray of int64), shape (n_segments,) each
        The part of the customers that each segment is in for what each limit sums, and for what that is divided by; -1:
        none.
    """

    segment: NDArray[np.uint16]
    segments: int
    segment_of_item: NDArray[np.int64] | None
    attributes: list[str]
    objective: NDArray[np.float64]
    measures: Measures
    numerator: sp.csr_array
    denominator: sp.csr_array
    is_ratio: NDArray[np.bool_]
    rows: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    penalty: NDArray[np.float64]
    integer: NDArray[np.bool_]
    measure_of_row: NDArray[np.int64]
    looked_up: list[LimitGroups]
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]]

    @property
    def per_ratio(self) -> NDArray[np.bool_]:
        """Whether the penalty of each row is per unit of a ratio, not of the row, shape (n_rows,)."""
        return self.is_ratio[self.measure_of_row] & np.isfinite(self.penalty)

    def penalties(self, achieved: NDArray[np.float64]) -> float:
        """Sum up the objective lost to soft limits that are violated; a ratio to nothing (NaN) violates none.

        Parameters
        ----------
        achieved : ndarray of float64, shape (n_measures,)
            What each measure comes to.

        Returns
        -------
        float
            In units of the objective.
        """
        soft, measures = self._soft, self.measures
        low, high, value = measures.low[soft], measures.high[soft], achieved[soft]
        # fmax passes over what is no bound, and over a ratio to nothing
        missed = np.fmax(np.fmax(low - value, value - high), 0.0)
        return float(np.cumsum(np.append(0.0, measures.penalty[soft] * missed))[-1])

    @cached_property
    def _soft(self) -> NDArray[np.int64]:
        """Numbers of the measures that are soft."""
        return np.flatnonzero(self.measures.of_mode("soft"))

    def achieved(self, usage: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute what each measure comes to.

        Parameters
        ----------
        usage : ndarray of float64, shape (1 + n_attributes, segments, n_items)

        Returns
        -------
        ndarray of float64, shape (n_measures,)
            NaN for a ratio to nothing.
        """
        flat = usage.ravel()
        total = self.numerator @ flat
        below = np.where(self.is_ratio, self.denominator @ flat, 1.0)
        achieved: NDArray[np.float64] = np.full(len(total), np.nan)
        np.divide(total, below, out=achieved, where=below != 0)
        return achieved

    def resolution(self, usage: NDArray[np.float64]) -> NDArray[np.float64]:
        """Say what a typical coupon moves each measure by: no more can be asked of a limit than that it is so near.

        A typical coupon weighs the mean of those given, in what is summed and in what that is divided by.

        Parameters
        ----------
        usage : ndarray of float64, shape (1 + n_attributes, segments, n_items)

        Returns
        -------
        ndarray of float64, shape (n_measures,)
            0 where nothing is given.
        """
        flat = usage.ravel()
        size, below = np.abs(self.numerator @ flat), self.denominator @ flat
        cells = Cells([], usage.shape[1], usage.shape[2], self.segment_of_item)
        number = Amount(np.ones(usage.shape[2]))
        coupons: list[NDArray[np.float64]] = [np.zeros((2, 0))]
        begin = 0
        for groups, (own, other) in zip(self.looked_up, self.parts, strict=True):
            begin, first = begin + len(groups.bounds), begin
            if groups.above.is_number:  # of coupons: what is summed is how many there are
                given = size[first:begin]
            else:
                given = sum_of_groups(number, groups.selection, own, cells) @ usage[0].ravel()
            others = given
            if groups.below_selection is not groups.selection:
                whole = sum_of_groups(number, groups.below_selection, other, cells)
                others = (whole @ usage[0].ravel())[groups.below_of]
            coupons.append(np.stack([given, others]))
        given, others = np.concatenate(coupons, axis=1)
        each = np.divide(size, given, out=np.zeros(len(size)), where=given > 0)
        if not self.is_ratio.any():
            return np.asarray(each)
        achieved = np.abs(np.nan_to_num(self.achieved(usage)))
        of_whole = np.divide(achieved, others, out=np.zeros(len(size)), where=others > 0)
        of_ratio = np.divide(each, below, out=np.zeros(len(size)), where=below > 0) + of_whole
        return np.asarray(np.where(self.is_ratio, of_ratio, each))

    def achieved_error(
        self, usage: NDArray[np.float64], error: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Bound how far `achieved` is off.

        Parameters
        ----------
        usage, error : ndarray of float64, shape (1 + n_attributes, segments, n_items)
            The usage table, and how far it may be off.

        Returns
        -------
        ndarray of float64, shape (n_measures,)
        """
        off = abs(self.numerator) @ error.ravel()
        below = np.where(self.is_ratio, self.denominator @ usage.ravel(), 1.0)
        below_off = abs(self.denominator) @ error.ravel()
        ratio = np.abs(np.nan_to_num(self.achieved(usage)))
        # of a sum that may be nothing a trace is taken to be there
        least = np.maximum(below - below_off, 1e-9 * below)
        bound: NDArray[np.float64] = np.zeros(len(off))
        np.divide(off + ratio * below_off, least, out=bound, where=least > 0)
        return bound

    def worth(self, usage: NDArray[np.float64], error: NDArray[np.float64]) -> tuple[float, float]:
        """Compute the value column's sum less penalties, and bound how far that is off.

        Parameters
        ----------
        usage, error : ndarray of float64, shape (1 + n_attributes, segments, n_items)
            The usage table, and how far it may be off.

        Returns
        -------
        tuple of two floats
            The sum, and its error.
        """
        achieved, off = self.achieved(usage), self.achieved_error(usage, error)
        penalty = np.zeros(len(self.measures))
        penalty[self._soft] = self.measures.penalty[self._soft]
        worth = float((self.objective * usage).sum()) - self.penalties(achieved)
        return worth, float((np.abs(self.objective) * error).sum() + (penalty * off).sum())


def compile_limits(
    limits: Sequence[Limit],
    objective: Amount,
    items: Items,
    amounts: Amounts,
    customers: Customers,
    *,
    everybody: bool = False,
) -> CompiledLimits:
    """Compile limits, over the segments of customers that they tell apart.

    Parameters
    ----------
    limits : sequence of Limit
    objective : Amount
        What is maximised.
    items : Items
    amounts : Amounts
        Looks up what limits sum.
    customers : Customers
    everybody : bool
        Compile over one segment, as if each limit, and each of its groups, were about all customers.

    Returns
    -------
    CompiledLimits
        Of all limits.

    Raises
    ------
    InvalidInput
        Where a limit makes no sense for these tables, or there is too little memory for what limits tell apart.
    Unsupported
        Where limits tell too many segments apart.
    """
    segments, looked_up = Segments(customers), []
    for limit in limits:
        limit.check()
        groups = look_up_limit(limit, items, amounts, customers)
        looked_up.append(groups)
        for chosen in groups.selections if not everybody else ():
            segments.tell_apart(chosen.customers)
    n_segments = segments.count if items.segment is None else 1
    check_cells(n_segments, len(items))
    cells = Cells(list(amounts.attributes), n_segments, len(items), items.segment)
    parts = [
        (
            segments.part_of_each(groups.selection.customers),
            segments.part_of_each(groups.below_selection.customers),
        )
        for groups in (() if everybody else looked_up)
    ]
    found = [
        LimitMatrices.of(groups, (None, None) if everybody else parts[n], cells)
        for n, groups in enumerate(looked_up)
    ]
    segment = np.zeros(1, np.uint16) if items.segment is not None else segments.segment
    if items.segment is None and customers.units is not None:
        segment = customers.units.first_of_each(segment)
    return _put_together(looked_up, found, segment, objective_table(objective, cells), cells, parts)


def segment_of_customers(
    limits: Sequence[Limit], offers: pa.Table, customers: Customers, *, has_roles: bool
) -> NDArray[np.uint16]:
    """Find the segment of each customer, before there are items that may tell it.

    Parameters
    ----------
    limits : sequence of Limit
    offers : pyarrow.Table
    customers : Customers
    has_roles : bool
        Whether candidates have roles.

    Returns
    -------
    ndarray of uint16, shape (n_customers,), or (1,) where limits tell no customers apart

    Raises
    ------
    InvalidInput
        Where a limit makes no sense for these tables.
    """
    n, roles = offers.num_rows, 1 + len(ROLES)
    role = np.tile(np.arange(roles), n) if has_roles else None
    items = Items(offers, np.arange(n).repeat(roles if has_roles else 1), role, has_roles)
    segments = Segments(customers)
    for limit in limits:
        limit.check()
        _, (own, _), (below, _) = limit_selections(limit, items, customers)
        segments.tell_apart(own.customers)
        segments.tell_apart(below.customers)
    return segments.segment


def _put_together(
    looked_up: list[LimitGroups],
    found: list[LimitMatrices],
    segment: NDArray[np.uint16],
    objective: NDArray[np.float64],
    cells: Cells,
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> CompiledLimits:
    """Limits one after the other."""
    sizes = [len(groups.bounds) for groups in looked_up]
    first = np.cumsum([0, *sizes])
    of_rows = [n + rows.group for n, rows in zip(first.tolist(), found, strict=False)]
    none = np.zeros(0)
    return CompiledLimits(
        segment=segment,
        segments=cells.n_segments,
        segment_of_item=cells.segment_of_item,
        attributes=cells.attributes,
        objective=objective,
        measures=Measures([g.limit for g in looked_up], [g.bounds for g in looked_up]),
        numerator=stacked([rows.above for rows in found], cells),
        denominator=stacked([rows.below for rows in found], cells),
        is_ratio=np.array([g.below is not None for g in looked_up], bool).repeat(sizes),
        rows=stacked([rows.weights for rows in found], cells),
        lower=np.concatenate([none, *(rows.lower for rows in found)]),
        upper=np.concatenate([none, *(rows.upper for rows in found)]),
        penalty=np.concatenate([none, *(rows.penalty for rows in found)]),
        integer=np.concatenate([none.astype(bool), *(rows.integer for rows in found)]),
        measure_of_row=np.concatenate([none.astype(np.int64), *of_rows]),
        looked_up=looked_up,
        parts=parts,
    )
