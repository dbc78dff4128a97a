"""Compile limits to linear rows over usage tables, and to what is measured of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.lazy_imports import sparse as sp
from ..customers import Customers
from ..items import Items
from ..limits import Limit
from .limit_groups import LimitGroups, look_up_limit, segment_customers
from .measures import Amount, Amounts

WHOLE_ROUNDING = 1e-9
"""Share of itself by which a bound on a whole number may miss one and still be taken for it."""

RATIO_ROUNDING = 2.0**-51
"""What rounding may leave of a - m * b where these are the same, as a share of their sizes."""

LARGEST_WHOLE = 2.0**26
"""Whole numbers whose sums over as many coupons as there may be are exact in float64, at most."""


@dataclass(frozen=True)
class Measure:
    """One limit for one group: what it is called and asked to be.

    Attributes
    ----------
    name : str
        Of the limit.
    group : str or None
        Value of the limit's column `by`.
    sum : str
        What is summed; of a ratio both columns.
    min, max : float or None
    mode : str
    penalty : float
        0.0 where the limit has none.
    """

    name: str
    group: str | None
    sum: str
    min: float | None
    max: float | None
    mode: str
    penalty: float


@dataclass(frozen=True)
class CompiledLimits:
    """Limits as linear functions of a usage table, which is flattened: n_cells = (1 + n_attributes) * segments * items.

    Attributes
    ----------
    segment : ndarray of uint16, shape (n_customers or 1,)
        Segment of each customer.
    segments : int
        How many segments there are.
    attributes : list of str
        Names of the attributes.
    objective : ndarray of float64, shape (1 + n_attributes, segments, n_items)
        Objective of a coupon, and of a unit of each attribute.
    measures : list of Measure
        One for each limit and group.
    numerator, denominator : csr_array of float64, shape (n_measures, n_cells)
        A row of the denominator is empty unless the limit is a ratio.
    is_ratio : ndarray of bool, shape (n_measures,)
    rows : csr_array of float64, shape (n_rows, n_cells)
        The rows to be kept, as `Problem` has them, like all that follow.
    lower, upper : ndarray of float64, shape (n_rows,)
    penalty : ndarray of float64, shape (n_rows,)
    integer : ndarray of bool, shape (n_rows,)
    measure_of_row : ndarray of int64, shape (n_rows,)
        What each row is of.
    looked_up : list of LimitGroups
        What each limit is about.
    """

    segment: NDArray[np.uint16]
    segments: int
    attributes: list[str]
    objective: NDArray[np.float64]
    measures: list[Measure]
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
        lost = 0.0
        for measure, value in zip(self.measures, achieved.tolist(), strict=True):
            if measure.mode == "soft":
                low = -math.inf if measure.min is None else measure.min
                high = math.inf if measure.max is None else measure.max
                lost += measure.penalty * max(0.0, low - value, value - high)
        return lost

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
        penalty = np.array([m.penalty if m.mode == "soft" else 0.0 for m in self.measures])
        worth = float((self.objective * usage).sum()) - self.penalties(achieved)
        return worth, float((np.abs(self.objective) * error).sum() + (penalty * off).sum())


class _Cells(NamedTuple):
    """Cells of a usage table: a coupon and attributes, by segment and item."""

    attributes: list[str]
    n_segments: int
    n_items: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the table."""
        return 1 + len(self.attributes), self.n_segments, self.n_items

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class _LimitRow:
    """The bounds of a linear row, and the measure that it is of."""

    lower: float
    upper: float
    penalty: float
    integer: bool
    measure: int


def compile_limits(
    limits: Sequence[Limit],
    objective: Amount,
    items: Items,
    amounts: Amounts,
    customers: Customers,
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

    Returns
    -------
    CompiledLimits
        Of all limits.

    Raises
    ------
    InvalidInput
        Where a limit makes no sense for these tables.
    Unsupported
        Where limits tell too many segments apart.
    """
    segment, masks = _segments(limits, items, customers)
    looked_up = [
        look_up_limit(limit, items, amounts, mask)
        for limit, mask in zip(limits, masks, strict=True)
    ]
    n_segments = masks.shape[1] if items.segment is None else 1
    cells = _Cells(list(amounts.attributes), n_segments, len(items))
    above = [_matrix(groups.above, groups, cells) for groups in looked_up]
    below = [_matrix(groups.below, groups, cells) for groups in looked_up]
    first = np.cumsum([0, *(len(groups.bounds) for groups in looked_up)]).tolist()
    found = list(map(_rows, looked_up, above, below, first))
    rows = [row for of_limit, _ in found for row in of_limit]
    return CompiledLimits(
        segment=segment,
        segments=cells.n_segments,
        attributes=cells.attributes,
        objective=_objective_table(objective, cells),
        measures=[measure for groups in looked_up for measure in _measures(groups)],
        numerator=_stacked(above, cells),
        denominator=_stacked(below, cells),
        is_ratio=np.array([g.below is not None for g in looked_up for _ in g.bounds], bool),
        rows=_stacked([weights for _, weights in found], cells),
        lower=np.array([row.lower for row in rows], float),
        upper=np.array([row.upper for row in rows], float),
        penalty=np.array([row.penalty for row in rows], float),
        integer=np.array([row.integer for row in rows], bool),
        measure_of_row=np.array([row.measure for row in rows], np.int64),
        looked_up=looked_up,
    )


def _segments(
    limits: Sequence[Limit], items: Items, customers: Customers
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Segment of each unit, and the segments that each limit is about; one where customers of units are in several."""
    segment, masks = segment_customers(limits, customers)
    if items.segment is not None:
        return np.zeros(1, np.uint16), masks
    return segment if customers.units is None else customers.units.first_of_each(segment), masks


def _measures(groups: LimitGroups) -> list[Measure]:
    """What is measured of a limit, for each of its groups."""
    limit = groups.limit
    return [
        Measure(
            name=limit.name,
            group=None if limit.by is None else str(value),
            sum=" / ".join(limit.columns()),
            min=low,
            max=high,
            mode=limit.mode,
            penalty=float(limit.penalty or 0.0),
        )
        for value, low, high in groups.bounds
    ]


def _rows(
    groups: LimitGroups, above: sp.csr_array, below: sp.csr_array, first: int
) -> tuple[list[_LimitRow], sp.csr_array]:
    """The rows that a limit asks to be kept, and their weights; `first` is the number of its first measure.

    A ratio is two rows, above - min * below >= 0 and above - max * below <= 0. Where every weight is a whole number
    a hard row's bounds are rounded to whole numbers too.
    """
    limit, rows = groups.limit, []
    of_ratios: list[sp.csr_array] = []
    if limit.mode == "report":
        return [], above[:0]
    penalty = float(limit.penalty or 0.0) if limit.mode == "soft" else math.inf
    constant = groups.above.constant[groups.item]
    whole = not groups.above.slopes and bool((constant % 1 == 0).all())
    whole = whole and bool((np.abs(constant) <= LARGEST_WHOLE).all())
    for g, (_, low, high) in enumerate(groups.bounds):
        if groups.below is not None:
            if low is not None:
                of_ratios.append(_less(above[[g]], low, below[[g]]))
                rows.append(_LimitRow(0.0, math.inf, penalty, False, first + g))
            if high is not None:
                of_ratios.append(_less(above[[g]], high, below[[g]]))
                rows.append(_LimitRow(-math.inf, 0.0, penalty, False, first + g))
        elif low is not None or high is not None:
            lower = -math.inf if low is None else low
            upper = math.inf if high is None else high
            if whole and limit.mode == "hard":
                lower = np.ceil(lower - WHOLE_ROUNDING * abs(lower))
                upper = np.floor(upper + WHOLE_ROUNDING * abs(upper))
            rows.append(_LimitRow(lower, upper, penalty, whole, first + g))
    if of_ratios:
        return rows, sp.csr_array(sp.vstack(of_ratios, format="csr"))
    return rows, above[[row.measure - first for row in rows]]


def _less(above: sp.csr_array, bound: float, below: sp.csr_array) -> sp.csr_array:
    """Weights above - bound * below; 0 where nothing but rounding is left, so that a ratio just kept is kept."""
    weights = above - bound * below
    noise = RATIO_ROUNDING * (abs(above) + abs(bound) * abs(below))
    return sp.csr_array(weights.multiply(abs(weights) > noise))


def _stacked(parts: list[sp.csr_array], cells: _Cells) -> sp.csr_array:
    """Matrices one below the other."""
    if not parts:
        return sp.csr_array((0, cells.size))
    return sp.csr_array(sp.vstack(parts, format="csr"))


def _objective_table(objective: Amount, cells: _Cells) -> NDArray[np.float64]:
    """Objective of a coupon, and of a unit of each attribute, as a usage table."""
    item = np.arange(cells.n_items)
    every_segment = np.ones(cells.n_segments, bool)
    flat = _sum_by_group(objective, item, item * 0, (1, every_segment), cells)
    table: NDArray[np.float64] = flat.toarray().reshape(cells.shape)
    return table


def _matrix(amount: Amount | None, groups: LimitGroups, cells: _Cells) -> sp.csr_array:
    """An amount summed over each group of a limit, shape (n_groups, n_cells); empty for None."""
    if amount is None:
        return sp.csr_array((len(groups.bounds), cells.size))
    target = len(groups.bounds), groups.segments
    return _sum_by_group(amount, groups.item, groups.group, target, cells)


def _sum_by_group(
    amount: Amount,
    item: NDArray[np.int64],
    group: NDArray[np.int64],
    target: tuple[int, NDArray[np.bool_]],
    cells: _Cells,
) -> sp.csr_array:
    """The amount of each item in the row of its group; target: number of groups, and mask of the segments."""
    n_groups, segments = target
    coefficients = [(0, amount.constant)]
    coefficients += [
        (1 + cells.attributes.index(name), slope) for name, slope in amount.slopes.items()
    ]
    segment = np.flatnonzero(segments)
    row, column, value = [], [], []
    for a, coefficient in coefficients:
        weight = coefficient[item]
        used = weight != 0
        cell = (a * cells.n_segments + segment[:, None]) * cells.n_items + item[used][None, :]
        column.append(cell.ravel())
        row.append(np.broadcast_to(group[used], cell.shape).ravel())
        value.append(np.broadcast_to(weight[used], cell.shape).ravel())
    coo = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
    return sp.csr_array(coo, shape=(n_groups, cells.size))
