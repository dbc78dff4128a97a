"""Limits as sparse rows over the cells of a usage table: what groups sum, what that is divided by, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import Unsupported
from ...utils.lazy_imports import sparse as sp
from .limit_groups import LimitGroups
from .measures import Amount
from .selections import Selection

WHOLE_ROUNDING = 1e-9
"""Share of itself by which a bound on a whole number may miss one and still be taken for it."""

RATIO_ROUNDING = 2.0**-51
"""What rounding may leave of a - m * b where these are the same, as a share of their sizes."""

LARGEST_WHOLE = 2.0**26
"""Whole numbers whose sums over as many coupons as there may be are exact in float64, at most."""

MAX_WEIGHTS = 1 << 28
"""Weights that one limit may have: some gigabytes."""


class Cells(NamedTuple):
    """Cells of a usage table: a coupon and attributes, by segment and item."""

    attributes: list[str]
    n_segments: int
    n_items: int
    segment_of_item: NDArray[np.int64] | None = None
    """Where items tell segments, and cells do not."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the table."""
        return 1 + len(self.attributes), self.n_segments, self.n_items

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class LimitMatrices:
    """What is measured of a limit, and the rows that it asks to be kept.

    Attributes
    ----------
    above, below : csr_array of float64, shape (n_groups, n_cells)
        What each group sums, and what that is divided by; a row of the latter is empty where nothing is.
    weights : csr_array of float64, shape (n_rows, n_cells)
    lower, upper, penalty : ndarray of float64, shape (n_rows,)
    integer : ndarray of bool, shape (n_rows,)
    group : ndarray of int64, shape (n_rows,)
        Which group each row is of.
    """

    above: sp.csr_array
    below: sp.csr_array
    weights: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    penalty: NDArray[np.float64]
    integer: NDArray[np.bool_]
    group: NDArray[np.int64]

    @classmethod
    def of(
        cls, groups: LimitGroups, parts: Sequence[NDArray[np.int64] | None], cells: Cells
    ) -> LimitMatrices:
        """Make the rows of a limit.

        Parameters
        ----------
        groups : LimitGroups
        parts : sequence of ndarray of int64, shape (n_segments,), or None
            For each of its selections: the part of the customers that each segment is in; None: every part is of the
            one segment that there is.
        cells : Cells

        Returns
        -------
        LimitMatrices
        """
        above = sum_of_groups(groups.above, groups.selection, parts[0], cells)
        below = below_of_groups(groups, parts[-1], cells)
        bounds = groups.bounds
        if groups.limit.mode == "report":
            none, nothing = np.zeros(0), np.zeros(0, np.int64)
            return cls(above, below, above[:0], none, none, none, none.astype(bool), nothing)
        if groups.below is not None:
            return cls._of_ratio(groups, above, below)
        group = np.flatnonzero(~np.isnan(bounds.low) | ~np.isnan(bounds.high))
        lower = np.where(np.isnan(bounds.low), -np.inf, bounds.low)[group]
        upper = np.where(np.isnan(bounds.high), np.inf, bounds.high)[group]
        whole = _counts_whole_numbers(groups)
        if whole and groups.limit.mode == "hard":
            with np.errstate(invalid="ignore"):
                lower = np.where(
                    np.isfinite(lower), np.ceil(lower - WHOLE_ROUNDING * abs(lower)), lower
                )
                upper = np.where(
                    np.isfinite(upper), np.floor(upper + WHOLE_ROUNDING * abs(upper)), upper
                )
        weights = above if len(group) == len(bounds) else above[group]
        penalty = np.full(len(group), _penalty(groups))
        return cls(above, below, weights, lower, upper, penalty, np.full(len(group), whole), group)

    @classmethod
    def _of_ratio(
        cls, groups: LimitGroups, above: sp.csr_array, below: sp.csr_array
    ) -> LimitMatrices:
        """Two rows for each group, above - min * below >= 0 and above - max * below <= 0, where it has the bounds."""
        ends = np.stack([groups.bounds.low, groups.bounds.high], axis=1)
        group, side = np.nonzero(~np.isnan(ends))
        weights = _less(above[group], ends[group, side], below[group])
        lower, upper = np.where(side == 0, 0.0, -np.inf), np.where(side == 0, np.inf, 0.0)
        penalty = np.full(len(group), _penalty(groups))
        return cls(above, below, weights, lower, upper, penalty, np.zeros(len(group), bool), group)


def _penalty(groups: LimitGroups) -> float:
    """Objective lost per unit; infinite where the limit is hard."""
    return float(groups.limit.penalty or 0.0) if groups.limit.mode == "soft" else math.inf


def _counts_whole_numbers(groups: LimitGroups) -> bool:
    """Whether all that a limit sums are whole numbers: then a hard row's bounds are rounded to whole numbers, too."""
    constant = groups.above.constant[groups.selection.item]
    whole = not groups.above.slopes and bool((constant % 1 == 0).all())
    return whole and bool((np.abs(constant) <= LARGEST_WHOLE).all())


def _less(above: sp.csr_array, bound: NDArray[np.float64], below: sp.csr_array) -> sp.csr_array:
    """Weights above - bound * below; 0 where nothing but rounding is left, so that a ratio just kept is kept."""
    priced = sp.csr_array(sp.diags_array(bound) @ below)
    weights = above - priced
    noise = RATIO_ROUNDING * (abs(above) + abs(priced))
    return sp.csr_array(weights.multiply(abs(weights) > noise))


def stacked(parts: Sequence[sp.csr_array], cells: Cells) -> sp.csr_array:
    """Put matrices one below the other.

    Parameters
    ----------
    parts : sequence of csr_array, shape (n, n_cells) each
    cells : Cells

    Returns
    -------
    csr_array of float64
    """
    if not parts:
        return sp.csr_array((0, cells.size))
    if len(parts) == 1:
        return parts[0]
    return sp.csr_array(sp.vstack(parts, format="csr"))


def objective_table(objective: Amount, cells: Cells) -> NDArray[np.float64]:
    """Make a table of the objective of a coupon, and of a unit of each attribute.

    Parameters
    ----------
    objective : Amount
    cells : Cells

    Returns
    -------
    ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
    """
    table = np.zeros(cells.shape)
    table[0] = objective.constant
    for name, slope in objective.slopes.items():
        table[1 + cells.attributes.index(name)] = slope
    return table


def below_of_groups(
    groups: LimitGroups, part: NDArray[np.int64] | None, cells: Cells
) -> sp.csr_array:
    """Sum, for each group of a limit, what its own sum is divided by; nothing where it is not divided.

    Parameters
    ----------
    groups : LimitGroups
    part : ndarray of int64, shape (n_segments,), or None
        Of the selection that it is summed over; see `sum_of_groups`.
    cells : Cells

    Returns
    -------
    csr_array of float64, shape (n_groups, n_cells)
    """
    if groups.below is None:
        return sp.csr_array((len(groups.bounds), cells.size))
    found = sum_of_groups(groups.below, groups.below_selection, part, cells)
    if groups.limit.ratio is not None:
        return found
    weights = int(np.diff(found.indptr)[groups.below_of].sum())
    if weights > MAX_WEIGHTS:
        raise Unsupported(
            f"{groups.limit.label}: its groups and what they are relative to come to {weights:,} weights, "
            f"expected at most {MAX_WEIGHTS:,}: fewer groups, or relative to those of fewer"
        )
    return sp.csr_array(sp.diags_array(groups.below_factor) @ found[groups.below_of])


def sum_of_groups(
    amount: Amount, selection: Selection, part: NDArray[np.int64] | None, cells: Cells
) -> sp.csr_array:
    """Sum an amount over each group of a selection.

    Parameters
    ----------
    amount : Amount
    selection : Selection
    part : ndarray of int64, shape (n_segments,), or None
        The part of the customers that each segment is in, -1 for none; None: every part is of the one segment that
        there is.
    cells : Cells

    Returns
    -------
    csr_array of float64, shape (n_groups, n_cells)
    """
    if part is not None and cells.segment_of_item is not None:
        return _sum_of_items(amount, selection, part[cells.segment_of_item], cells)
    if part is None:
        who, segment = np.arange(len(selection.customers)), np.zeros(len(selection.customers), int)
    else:
        segment = np.flatnonzero(part >= 0)
        who = part[segment]
    coefficients = [(0, amount.constant)]
    coefficients += [
        (1 + cells.attributes.index(name), slope) for name, slope in amount.slopes.items()
    ]
    row, column, value = [], [], []
    for a, coefficient in coefficients:
        weight = coefficient[selection.item]
        used = np.flatnonzero(weight)
        item, of_offers = selection.item[used], selection.part[used]
        group = selection.number[who[:, None], of_offers[None, :]]
        cell = (a * cells.n_segments + segment[:, None]) * cells.n_items + item[None, :]
        there = group >= 0
        column.append(cell[there])
        row.append(group[there])
        value.append(np.broadcast_to(weight[used], cell.shape)[there])
    coo = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
    return sp.csr_array(coo, shape=(selection.count, cells.size))


def _sum_of_items(
    amount: Amount, selection: Selection, part: NDArray[np.int64], cells: Cells
) -> sp.csr_array:
    """The same where each item is of customers of one part, shape (n_items,): there is one segment."""
    who, item = part[selection.item], selection.item
    group = np.where(who >= 0, selection.number[np.maximum(who, 0), selection.part], -1)
    coefficients = [(0, amount.constant)]
    coefficients += [
        (1 + cells.attributes.index(name), slope) for name, slope in amount.slopes.items()
    ]
    row, column, value = [], [], []
    for a, coefficient in coefficients:
        used = np.flatnonzero((group >= 0) & (coefficient[item] != 0))
        row.append(group[used])
        column.append(a * cells.n_items + item[used])
        value.append(coefficient[item[used]])
    coo = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
    return sp.csr_array(coo, shape=(selection.count, cells.size))
