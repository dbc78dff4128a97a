"""Which cells of a usage table each group of a limit sums: items by parts of the customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.where.filters import Where
from ...utils.arrays.ragged import ranges
from ..items import Items
from ..limit_bounds import GroupBounds, combined
from .customer_parts import CustomerParts, places

NOWHERE = -1
"""Number of what no group sums."""


@dataclass(frozen=True)
class Selection:
    """The cells that groups sum: a group has the items of one part of the offers, for one part of the customers.

    Attributes
    ----------
    item, part : ndarray of int64, shape (n_pairs,)
        Pairs of an item, and a part of the offers that it is in.
    customers : CustomerParts
    number : ndarray of int64, shape (n_customer_parts, n_offer_parts)
        The group of a part of the customers and one of the offers; -1: none.
    count : int
        How many groups there are.
    """

    item: NDArray[np.int64]
    part: NDArray[np.int64]
    customers: CustomerParts
    number: NDArray[np.int64]
    count: int

    def who_of_group(self) -> NDArray[np.int64]:
        """Return the part of the customers that each group is about, shape (count,)."""
        found = np.zeros(self.count, np.int64)
        who, part = np.nonzero(self.number >= 0)
        found[self.number[who, part]] = who
        return found

    def pairs_of(self, who: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the items that groups of one part of the customers sum, and these groups.

        Parameters
        ----------
        who : int
            Number of the part.

        Returns
        -------
        item, group : ndarray of int64, shape (n,)
        """
        group = self.number[who][self.part]
        inside = group >= 0
        return self.item[inside], group[inside]


@dataclass(frozen=True)
class Grouping:
    """How the groups of a limit are told apart: by columns of offers, and of customers.

    Attributes
    ----------
    columns : tuple of str
        All of them, as the limit has them.
    of_customers : tuple of bool
        Whether each is a column of customers.
    bounds : GroupBounds
    label : str
        The limit, for messages.
    """

    columns: tuple[str, ...]
    of_customers: tuple[bool, ...]
    bounds: GroupBounds
    label: str

    def select(
        self, items: Items, where: Where, customers: Where, by: Sequence[str] | None = None
    ) -> tuple[Selection, NDArray[np.int64]]:
        """Find the cells of the groups, or of what several of them have in common.

        Parameters
        ----------
        items : Items
        where, customers : mapping
            Conditions on offers and on customers.
        by : sequence of str, optional
            Groups of the same value of these columns sum the same. Default: all columns.

        Returns
        -------
        selection : Selection
        of_group : ndarray of int64, shape (n_groups,)
            What each group sums of it.
        """
        wanted = self.columns if by is None else by
        use = [n for n, name in enumerate(self.columns) if name in wanted]
        code, of_group = self._distinct(use, is_all=len(use) == len(self.columns))
        offers = [n for n in use if not self.of_customers[n]]
        others = [n for n in use if self.of_customers[n]]
        key, customer_key = (self._keys(code, use, some) for some in (offers, others))
        part_key, part_of = np.unique(key, return_inverse=True)
        who_key, who_of = np.unique(customer_key, return_inverse=True)
        if not offers:
            part_key = np.zeros(1, np.int64)
        if not others:
            who_key = np.zeros(1, np.int64)
        number = np.full((len(who_key), len(part_key)), NOWHERE)
        number[who_of.reshape(-1), part_of.reshape(-1)] = np.arange(len(code))
        item, part = self._items(items, where, offers, part_key)
        names = tuple(self.columns[n] for n in others)
        distinct = tuple(self.bounds.distinct[n] for n in others)
        parts = CustomerParts(customers, names, distinct, who_key, self.label)
        return Selection(item, part, parts, number, len(code)), of_group

    def _distinct(
        self, use: list[int], *, is_all: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The values of some columns, each combination once, and which one each group has."""
        code = self.bounds.code
        if is_all:
            return code, np.arange(len(code))
        found, of_group = np.unique(code[:, use], axis=0, return_inverse=True)
        if not use:
            found, of_group = np.zeros((1, 0), np.int64), np.zeros(len(code), np.int64)
        whole = np.zeros((len(found), code.shape[1]), np.int64)
        whole[:, use] = found
        return whole, of_group.reshape(-1)

    def _keys(self, code: NDArray[np.int64], use: list[int], some: list[int]) -> NDArray[np.int64]:
        """The combination of values of some columns, for each group."""
        return combined(code[:, some], [self.bounds.distinct[n] for n in some])

    def _items(
        self, items: Items, where: Where, offers: list[int], part_key: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of an item that fulfils conditions, and a part of the offers that it is in."""
        distinct = [self.bounds.distinct[n] for n in offers]
        names = [self.columns[n] for n in offers]
        item, code = item_codes(items, names, distinct, self.label)
        inside = items.where(where, self.label)[item]
        part = places(combined(code[inside], distinct), part_key)
        return item[inside][part >= 0], part[part >= 0]


def item_codes(
    items: Items, names: Sequence[str], distinct: Sequence[list[Any]], label: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the values that items have of some columns; an item with several values of one comes several times.

    Parameters
    ----------
    items : Items
    names : sequence of str
        Columns of offers, or `role`.
    distinct : sequence of list
        Values of each column, by their numbers.
    label : str
        The limit that asks, for messages.

    Returns
    -------
    item : ndarray of int64, shape (n_pairs,)
        Ascending.
    code : ndarray of int64, shape (n_pairs, n_columns)
        Items with a value that has no number are left out.
    """
    item = np.arange(len(items))
    code = np.zeros((len(item), 0), np.int64)
    for name, values in zip(names, distinct, strict=True):
        own, number, known = items.groups(name, label)
        of_value = numbers_of(values)
        renumber = np.array([of_value.get(value, -1) for value in known], np.int64)
        number = renumber[number] if len(known) else number
        own, number = own[number >= 0], number[number >= 0]
        first = np.searchsorted(own, item, side="left")
        count = np.searchsorted(own, item, side="right") - first
        code = np.column_stack([np.repeat(code, count, axis=0), number[ranges(first, count)]])
        item = np.repeat(item, count)
    return item, code


def numbers_of(values: Sequence[Any]) -> Mapping[Any, int]:
    """Return the place of each value."""
    return {value: place for place, value in enumerate(values)}
