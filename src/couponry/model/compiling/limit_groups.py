"""What each limit is about: cells of items and customers, groups with their bounds, and what it sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..customers import HEADS, Customers
from ..items import Items, column_names
from ..limit_bounds import (
    GroupBounds,
    combined,
    is_of_customers,
    negative_denominator,
    nothing_has_values,
    read_bounds,
    refuse_other_keys,
)
from ..limits import Limit
from .measures import Amount, Amounts
from .selections import Grouping, Selection, item_codes


@dataclass(frozen=True)
class LimitGroups:
    """One limit, looked up in a campaign's tables.

    Attributes
    ----------
    limit : Limit
    bounds : GroupBounds
    above : Amount
        What is summed; of a ratio, its first column.
    selection : Selection
        What each group sums it over.
    below : Amount or None
        What the first sum is divided by: the second column of a ratio, or the same column over other coupons.
    below_selection : Selection
        What that is summed over; `selection` of a ratio, and where nothing is divided.
    below_of : ndarray of int64, shape (n_groups,)
        Which group of `below_selection` each group is divided by.
    below_factor : ndarray of float64, shape (n_groups,)
        What that is multiplied by: 1, but per head.
    """

    limit: Limit
    bounds: GroupBounds
    above: Amount
    selection: Selection
    below: Amount | None
    below_selection: Selection
    below_of: NDArray[np.int64]
    below_factor: NDArray[np.float64]

    @property
    def selections(self) -> tuple[Selection, ...]:
        """What is summed: one, or two where these differ."""
        if self.below_selection is self.selection:
            return (self.selection,)
        return (self.selection, self.below_selection)


def look_up_limit(
    limit: Limit, items: Items, amounts: Amounts, customers: Customers
) -> LimitGroups:
    """Look a limit up in a campaign's tables.

    Parameters
    ----------
    limit : Limit
    items : Items
    amounts : Amounts
    customers : Customers
        Without a table, `by` may name any column of customers, and groups are those of the limit's table.

    Returns
    -------
    LimitGroups
        Of this limit.

    Raises
    ------
    InvalidInput
        Where the limit makes no sense for these tables.
    """
    bounds, (selection, own), (below_selection, below_of) = limit_selections(
        limit, items, customers
    )
    names = limit.columns()
    above = amounts.of(names[0], limit.label)
    below = amounts.of(names[-1], limit.label) if limit.is_divided else None
    factor = np.ones(len(bounds))
    if limit.per_head:
        customers.rows(limit.label)  # who is counted must be listed
        factor = _heads(selection, customers)[own]
        factor = _divided(factor, _heads(below_selection, customers)[below_of])
    if below is not None:
        _refuse_negative(below, items, amounts, limit)
    return LimitGroups(limit, bounds, above, selection, below, below_selection, below_of, factor)


Summed = tuple[Selection, NDArray[np.int64]]
"""What groups sum, and which of it each one."""


def limit_selections(
    limit: Limit, items: Items, customers: Customers
) -> tuple[GroupBounds, Summed, Summed]:
    """Find the groups of a limit, what each sums, and what that is divided by.

    Parameters
    ----------
    limit : Limit
    items : Items
    customers : Customers

    Returns
    -------
    bounds : GroupBounds
    own, below : tuple of Selection and ndarray of int64, shape (n_groups,)
        The same of a ratio, and where nothing is divided.

    Raises
    ------
    InvalidInput
        Where the limit makes no sense for these tables.
    """
    known = column_names(items.offers, items.has_roles)
    of_customers = tuple(
        is_of_customers(name, known, customers, limit.label) for name in limit.by_columns
    )
    if limit.table is None:
        bounds = _same_bounds(limit, items, customers, of_customers)
        if not len(bounds) and limit.vanishes_unmeant:
            raise nothing_has_values(limit)
    else:
        bounds = read_bounds(limit)
        _refuse_other_keys(bounds, limit, items, customers, of_customers)
    grouping = Grouping(limit.by_columns, of_customers, bounds, limit.label)
    own = grouping.select(items, limit.where, limit.customers)
    if limit.whole is None:
        return bounds, own, own
    where, of = limit.whole.get("where", {}), limit.whole.get("customers", {})
    return bounds, own, grouping.select(items, where, of, limit.whole_by)


def _same_bounds(
    limit: Limit, items: Items, customers: Customers, of_customers: tuple[bool, ...]
) -> GroupBounds:
    """Groups of a limit whose bounds are the same for every one: what there is of offers, times what of customers."""
    columns = limit.by_columns
    if not columns:
        return GroupBounds.alike(limit, np.zeros((1, 0), np.int64), ())
    distinct: list[list[Any]] = []
    for name, is_customers in zip(columns, of_customers, strict=True):
        if is_customers:
            distinct.append(customers.labels(name, limit.label)[1])
        else:
            distinct.append(items.groups(name, limit.label)[2])
    offers = [n for n, is_customers in enumerate(of_customers) if not is_customers]
    others = [n for n, is_customers in enumerate(of_customers) if is_customers]
    of_offers = _offers_there(
        limit, items, [columns[n] for n in offers], [distinct[n] for n in offers]
    )
    of_others = _customers_there(limit, customers, [columns[n] for n in others])
    every = np.empty((len(of_others), len(of_offers), len(columns)), np.int64)
    every[:, :, offers] = of_offers[None]
    every[:, :, others] = of_others[:, None]
    code = every.reshape(-1, len(columns))
    return GroupBounds.alike(limit, code[np.lexsort(code.T[::-1])], distinct)


def _offers_there(
    limit: Limit, items: Items, names: list[str], distinct: list[list[Any]]
) -> NDArray[np.int64]:
    """Combinations of values that offers of the limit have, whatever the roles that they have candidates in."""
    if not names:
        return np.zeros((1, 0), np.int64)
    about = items.where(limit.where, limit.label)
    # a role that some group has no candidates in takes nothing from what is promised for the group
    others = {name: test for name, test in limit.where.items() if name != "role"}
    whichever_role = items.where(others, limit.label) if "role" not in names else about
    item, code = item_codes(items, names, distinct, limit.label)
    return np.unique(code[whichever_role[item]], axis=0)


def _customers_there(limit: Limit, customers: Customers, names: list[str]) -> NDArray[np.int64]:
    """Combinations of values that customers of the limit have, with and without candidates."""
    if not names:
        return np.zeros((1, 0), np.int64)
    found = [customers.labels(name, limit.label) for name in names]
    code = np.stack([code for code, _ in found], axis=1)
    there = customers.fulfil(limit.customers, limit.label) & (code >= 0).all(axis=1)
    key = np.unique(combined(code[there], [values for _, values in found]))
    return np.stack(np.unravel_index(key, [max(1, len(v)) for _, v in found]), axis=1)


def _refuse_other_keys(
    bounds: GroupBounds,
    limit: Limit,
    items: Items,
    customers: Customers,
    of_customers: tuple[bool, ...],
) -> None:
    """Refuse a table of bounds whose values are of another type than those of the columns."""
    for name, keys, is_customers in zip(
        limit.by_columns, bounds.distinct, of_customers, strict=True
    ):
        if not is_customers:
            values = items.groups(name, limit.label)[2]
        elif customers.table is None:
            continue
        else:
            values = customers.labels(name, limit.label)[1]
        refuse_other_keys(keys, values, limit, name, "customers" if is_customers else "offers")


def _heads(selection: Selection, customers: Customers) -> NDArray[np.float64]:
    """How many customers of the table customers each group of a selection is about."""
    if not len(selection.customers):
        return np.zeros(selection.count)
    weight = None
    if customers.heads is not None:
        weight = customers.heads[HEADS].to_numpy()
        customers = Customers(customers.heads, pa.array([], pa.int64()))
    heads = np.bincount(
        1 + selection.customers.of_table(customers), weight, 1 + len(selection.customers)
    )[1:]
    return heads[selection.who_of_group()].astype(float)


def _divided(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """One by the other; 0 where the other is nothing."""
    return np.divide(one, other, out=np.zeros(len(one)), where=other > 0)


def _refuse_negative(below: Amount, items: Items, amounts: Amounts, limit: Limit) -> None:
    """Refuse to divide by something negative: it has no meaning as a linear row."""
    least = amounts.least(below)
    if (least < 0).any():
        offer = items.offers["offer"][int(items.offer[int((least < 0).argmax())])].as_py()
        raise negative_denominator(limit, offer)
