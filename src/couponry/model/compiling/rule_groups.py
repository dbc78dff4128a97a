"""Rows of groups of items, which a customer rule makes: for units, or for each of their members."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...solver.rule_names import UNLIMITED
from ..contact_history import ContactHistory
from ..items import Items
from ..rules import CustomerRule
from ..units.units import Units


@dataclass(frozen=True)
class GroupRow:
    """A rule about part of the offers, or the t-th groups of each item where an item is in several.

    Attributes
    ----------
    rule : int
        Number of the rule.
    group : ndarray of int64, shape (n_items,)
        Group of each item, numbered unlike those of any other rule; -1: the rule is not about it.
    plain : bool
        Whether this row is all of its rule, so that no item is in two groups of it.
    cap, least : ndarray of int32, shape (n_units or 1,)
        At most, and at least, so many coupons of a group.
    """

    rule: int
    group: NDArray[np.int64]
    plain: bool
    cap: NDArray[np.int32]
    least: NDArray[np.int32]

    def can_bind(self) -> bool:
        """Tell whether any group has more items than its bound.

        Returns
        -------
        bool
            False where the row may be left out.
        """
        inside = self.group[self.group >= 0]
        return len(inside) > 0 and bool(np.bincount(inside).max() > self.cap.min())


class GroupPairs(NamedTuple):
    """Pairs of an item, or of a row of the history, and a group that it is in, by the first; int64 (n_pairs,) each."""

    one: NDArray[np.int64]
    group: NDArray[np.int64]


def rows_of(
    pairs: GroupPairs,
    number: int,
    first_group: int,
    bounds: tuple[NDArray[np.int32], NDArray[np.int32]],
    n_items: int,
) -> list[GroupRow]:
    """Make the rows of a rule that puts items into groups: as many as the most groups that an item is in.

    Parameters
    ----------
    pairs : GroupPairs
        Of items and their groups.
    number : int
        Of the rule.
    first_group : int
        Number of its first group.
    bounds : tuple of two ndarrays of int32, shape (n_units or 1,) each
        At least, and at most, so many coupons of a group.
    n_items : int

    Returns
    -------
    list of GroupRow
    """
    least, most = bounds
    nth = np.arange(len(pairs.one)) - np.searchsorted(pairs.one, pairs.one, side="left")
    plain = int(nth.max(initial=0)) == 0
    rows = []
    for t in range(int(nth.max(initial=-1)) + 1):
        group = np.full(n_items, -1)
        group[pairs.one[nth == t]] = pairs.group[nth == t] + first_group
        rows.append(GroupRow(number, group, plain, most, least))
    return rows


class Members(NamedTuple):
    """The members of units that a rule tells apart.

    Attributes
    ----------
    number : int
        How many; 1 where it tells none apart.
    of_item : ndarray of int64, shape (n_items,)
    of_past : ndarray of int64, shape (n_rows,)
        Of each row of the history.
    units : Units or None
        None where it tells none apart.
    """

    number: int
    of_item: NDArray[np.int64]
    of_past: NDArray[np.int64]
    units: Units | None

    @classmethod
    def of(
        cls, rule: CustomerRule, items: Items, history: ContactHistory, units: Units | None
    ) -> Members:
        """Say which members a rule tells apart.

        Parameters
        ----------
        rule : CustomerRule
        items : Items
        history : ContactHistory
        units : Units or None

        Returns
        -------
        Members
        """
        if units is None or rule.each is None:
            return cls(1, np.zeros(len(items), np.int64), np.zeros(len(history), np.int64), None)
        of_past = units.member[history.customer].astype(np.int64)  # only rows that count are asked
        return cls(units.most_members, items.member, of_past, units)

    def split(self, pairs: GroupPairs, member: NDArray[np.int64]) -> GroupPairs:
        """Split each group into one for each member.

        Parameters
        ----------
        pairs : GroupPairs
        member : ndarray of int64
            Of whatever is in groups.

        Returns
        -------
        GroupPairs
        """
        return GroupPairs(pairs.one, pairs.group * self.number + member[pairs.one])

    def bounds(self, values: NDArray[Any], default: Any) -> list[NDArray[Any]]:
        """Look up the bound of each member; the default where a unit has fewer.

        Parameters
        ----------
        values : ndarray, shape (n_customers or 1,)
        default : object

        Returns
        -------
        list of ndarray, shape (n_units,) each
            Of the kind of `values`; as they are where no members are told apart.
        """
        if self.units is None:
            return [values]
        n_units = len(self.units)
        every = np.broadcast_to(values, int(self.units.ptr[-1]))
        found = [self.units.of_each_member(every, m, default) for m in range(self.number)]
        return [bound.astype(values.dtype).reshape(n_units) for bound in found]

    def rows(self, rows: list[GroupRow]) -> list[GroupRow]:
        """Split rows into one for each member, where bounds are not the same for all.

        Parameters
        ----------
        rows : list of GroupRow

        Returns
        -------
        list of GroupRow
        """
        if self.units is None:
            return rows
        found = []
        for row in rows:
            if len(row.cap) == 1 and len(row.least) == 1:
                found.append(row)
                continue
            caps, leasts = self.bounds(row.cap, UNLIMITED), self.bounds(row.least, 0)
            for member, (cap, least) in enumerate(zip(caps, leasts, strict=True)):
                group = np.where(self.of_item == member, row.group, -1)
                found.append(replace(row, group=group, cap=cap, least=least))
        return found
