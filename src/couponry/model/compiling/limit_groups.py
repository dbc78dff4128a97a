"""What each limit is about: items, segments of customers, groups with their bounds, and what it sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import Unsupported
from ..customers import Customers
from ..items import Items
from ..limit_bounds import GroupBounds, negative_denominator, read_bounds
from ..limits import Limit
from .measures import Amount, Amounts

MAX_SEGMENTS = 65_536
"""Segments are numbered in 16 bits."""


@dataclass(frozen=True)
class LimitGroups:
    """One limit, looked up in a campaign's tables.

    Attributes
    ----------
    limit : Limit
    item, group : ndarray of int64, shape (n_pairs,)
        Pairs of an item that the limit is about, and the number of a group that it is in.
    bounds : list of (value, float or None, float or None)
        Value, min and max of each group.
    segments : ndarray of bool, shape (n_segments,)
        The segments of customers that the limit is about.
    above : Amount
        What is summed; of a ratio, its first column.
    below : Amount or None
        The second column of a ratio.
    """

    limit: Limit
    item: NDArray[np.int64]
    group: NDArray[np.int64]
    bounds: GroupBounds
    segments: NDArray[np.bool_]
    above: Amount
    below: Amount | None


def look_up_limit(
    limit: Limit, items: Items, amounts: Amounts, segments: NDArray[np.bool_]
) -> LimitGroups:
    """Look a limit up in a campaign's tables.

    Parameters
    ----------
    limit : Limit
    items : Items
    amounts : Amounts
    segments : ndarray of bool, shape (n_segments,)
        The segments of customers that the limit is about.

    Returns
    -------
    LimitGroups
        Of this limit.

    Raises
    ------
    InvalidInput
        Where the limit makes no sense for these tables.
    """
    about = items.where(limit.where, limit.label)
    if limit.by is None:
        item = np.flatnonzero(about)
        group = item * 0
        bounds: GroupBounds = [(None, limit.min, limit.max)]
    elif limit.table is None:
        item, group, bounds = _same_bounds(limit, items, about)
    else:
        item, group, bounds = _bounds_by_group(limit, items, about)
    names = limit.columns()
    above = amounts.of(names[0], limit.label)
    below = amounts.of(names[1], limit.label) if limit.ratio is not None else None
    if below is not None:
        _refuse_negative(below, items, amounts, limit)
    if items.segment is not None:
        inside = segments[items.segment[item]]
        item, group, segments = item[inside], group[inside], np.ones(1, bool)
    return LimitGroups(limit, item, group, bounds, segments, above, below)


def _same_bounds(
    limit: Limit, items: Items, about: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], GroupBounds]:
    """Items, groups and bounds of a limit by a column, whose bounds are the same for every group."""
    by = str(limit.by)
    every_item, every_group, values = items.groups(by, limit.label)
    item, group = every_item[about[every_item]], every_group[about[every_item]]
    # a role that some group has no candidates in takes nothing from what is promised for the group
    others = {name: test for name, test in limit.where.items() if name != "role"}
    whichever_role = items.where(others, limit.label) if by != "role" else about
    present = np.unique(every_group[whichever_role[every_item]])
    bounds: GroupBounds = [(values[g], limit.min, limit.max) for g in present]
    return item, np.searchsorted(present, group), bounds


def _bounds_by_group(
    limit: Limit, items: Items, about: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], GroupBounds]:
    """Items, groups and bounds of a limit by a column, with a table of bounds."""
    item, group, values = items.groups(str(limit.by), limit.label)
    item, group = item[about[item]], group[about[item]]
    bounds = read_bounds(limit, values)
    row_of = {key: row for row, (key, _, _) in enumerate(bounds)}
    renumber = np.array([row_of.get(value, -1) for value in values], np.int64)
    known = renumber[group] >= 0 if len(values) else group >= 0
    return item[known], renumber[group[known]] if len(values) else group, bounds


def _refuse_negative(below: Amount, items: Items, amounts: Amounts, limit: Limit) -> None:
    """Refuse a ratio to something negative: it has no meaning as a linear row."""
    least = amounts.least(below)
    if (least < 0).any():
        offer = items.offers["offer"][int(items.offer[int((least < 0).argmax())])].as_py()
        raise negative_denominator(limit, offer)


def segment_customers(
    limits: Sequence[Limit], customers: Customers
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Divide customers into segments, which limits tell apart.

    Parameters
    ----------
    limits : sequence of Limit
    customers : Customers

    Returns
    -------
    segment : ndarray of uint16, shape (n_customers,), or (1,) where limits tell no customers apart
        Segment of each customer.
    masks : ndarray of bool, shape (n_limits, n_segments)
        The segments that each limit is about.

    Raises
    ------
    InvalidInput
        Where a condition on customers makes no sense.
    Unsupported
        Where there are too many segments.
    """
    filters = []
    for limit in limits:
        limit.check()
        if limit.customers:
            filters.append(customers.inside(limit.customers, limit.label))
    if not filters:
        return np.zeros(1, np.uint16), np.ones((len(limits), 1), bool)
    segment, kinds = np.zeros(len(filters[0]), np.int32), np.zeros((1, 0), bool)
    for mask in filters:  # segments that it splits are told apart, in the order of what they are in
        split = 2 * segment + mask
        present = np.bincount(split, minlength=2 * len(kinds)) > 0
        segment = (np.cumsum(present, dtype=np.int32) - 1)[split]
        number = np.flatnonzero(present)
        kinds = np.column_stack([kinds[number // 2], number % 2 == 1])
        if len(kinds) > MAX_SEGMENTS:
            raise Unsupported(
                f"limits: they tell more than {MAX_SEGMENTS:,} segments of customers apart"
            )
    masks, column = [], 0
    for limit in limits:
        masks.append(kinds[:, column] if limit.customers else np.ones(len(kinds), bool))
        column += bool(limit.customers)
    return segment.astype(np.uint16), np.stack(masks)
