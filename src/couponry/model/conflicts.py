"""Pairs of offers of which a customer gets at most one, as items and their neighbours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..utils.arrays.ragged import ranges
from ..utils.errors import InvalidInput
from .items import Items
from .rules import CustomerRule


class Conflicts(NamedTuple):
    """The items in conflict with each item.

    Attributes
    ----------
    ptr : ndarray of int64, shape (n_items + 1,)
        Where each item's neighbours begin; (1,) where there are no conflicts.
    item : ndarray of int32, shape (n_neighbours,)
    rule : ndarray of int32, shape (n_neighbours,)
        Number of the rule that says so.
    """

    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    rule: NDArray[np.int32]


NO_CONFLICTS = Conflicts(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))


def pairs_of(rule: CustomerRule, offers: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read which offers a rule says are in conflict.

    Parameters
    ----------
    rule : CustomerRule
    offers : pyarrow.Table
        In ascending order of its ids.

    Returns
    -------
    one, other : ndarray of int64, shape (n_pairs,)
        Rows of the offers table.

    Raises
    ------
    InvalidInput
        Where the rule's table names an offer that does not exist.
    """
    what = f"of {rule.label}"
    table = tables.as_table(rule.conflicts, what)
    tables.require(table, what, "offer_a", "offer_b")
    known = tables.ids(offers, "offers", "offer")
    found = []
    for name in ("offer_a", "offer_b"):
        ids = tables.ids(table, what, name)
        if len(ids):
            tables.check_kind_of_ids(ids, known, f"table {what}, column {name!r}", "offers")
        position = tables.positions(ids, known)
        if (position < 0).any():
            row = int((position < 0).argmax())
            raise InvalidInput(
                f"table {what}, column {name!r}, row {row}: offer {ids[row].as_py()!r} is not in table offers"
            )
        found.append(position)
    return found[0], found[1]


def conflicts_of(rules: list[tuple[int, CustomerRule]], items: Items) -> Conflicts:
    """Collect the conflicts of several rules.

    Parameters
    ----------
    rules : list of (int, CustomerRule)
        Rules and their numbers.
    items : Items

    Returns
    -------
    Conflicts
        Both ways; offers in several roles are in conflict in all of them.
    """
    by_offer = np.argsort(items.offer, kind="stable")
    first = np.searchsorted(items.offer[by_offer], np.arange(items.offers.num_rows + 1))
    parts = []
    for number, rule in rules:
        one, other = pairs_of(rule, items.offers)
        for a, b in (one, other), (other, one):
            a, b = _in_every_role(first, a, b)
            b, a = _in_every_role(first, b, a)
            parts.append(np.stack([by_offer[a], np.full(len(a), number), by_offer[b]]))
    if not parts:
        return NO_CONFLICTS
    a, number, b = np.unique(np.concatenate(parts, axis=1), axis=1)
    if len(a) == 0:
        return NO_CONFLICTS
    ptr = np.searchsorted(a, np.arange(len(items) + 1))
    return Conflicts(ptr.astype(np.int64), b.astype(np.int32), number.astype(np.int32))


def _in_every_role(
    first: NDArray[np.int64], offer: NDArray[np.int64], beside: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the items of offers among those by offer, and what is beside them, repeated as often."""
    count = first[offer + 1] - first[offer]
    return ranges(first[offer], count), np.repeat(beside, count)
