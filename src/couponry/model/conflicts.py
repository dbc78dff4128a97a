"""Pairs of offers of which a customer gets at most one, as items and their neighbours.

What customers have had is listed as *past items*: an offer that was given on some day, and what it bars. Where rules
tell neither days, customers nor parts of the history apart, past items are the items themselves; else they are numbered
after these.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..data.where.days import days_of_offers
from ..utils.arrays.ragged import ranges
from ..utils.errors import InvalidInput
from .contact_history import ContactHistory, had_items
from .items import Items
from .rules import CustomerRule
from .units.units import Units


class ConflictRule(NamedTuple):
    """A rule that names pairs of offers.

    Attributes
    ----------
    number : int
        Of the rule.
    rule : CustomerRule
    inside : ndarray of bool, shape (n_units or 1,)
        Units that it is about; customers where it holds for each.
    """

    number: int
    rule: CustomerRule
    inside: NDArray[np.bool_]

    @property
    def is_for_all(self) -> bool:
        """Whether it is about all customers."""
        return not self.rule.customers

    @property
    def is_of_each(self) -> bool:
        """Whether it holds for each customer of a unit."""
        return self.rule.each is not None

    @property
    def takes_history_whole(self) -> bool:
        """Whether each coupon of the history counts, for every customer and however long ago."""
        rule = self.rule
        told_apart = rule.measures_days or rule.asked_of_history_alone or rule.each is not None
        return self.is_for_all and rule.counts_history and not told_apart


class Conflicts(NamedTuple):
    """The items in conflict with each item, and what customers have had that is in conflict with any.

    Attributes
    ----------
    ptr : ndarray of int64, shape (n_items + n_past_items + 1,)
        Where each item's neighbours begin; (1,) where there are no conflicts.
    item : ndarray of int32, shape (n_neighbours,)
    rule : ndarray of int32, shape (n_neighbours,)
        Number of the rule that says so.
    had_ptr : ndarray of int64, shape (n_customers + 1,), or (1,) where nobody has had any
        Where each customer's past items begin.
    had : ndarray of int32
        Past items.
    """

    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    rule: NDArray[np.int32]
    had_ptr: NDArray[np.int64]
    had: NDArray[np.int32]


NO_NEIGHBOURS = np.zeros((3, 0), np.int64)
"""No item, with no rule and no neighbour."""


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
    return offers_in_pairs(table, what, ("offer_a", "offer_b"), offers)


def offers_in_pairs(
    table: pa.Table, what: str, columns: tuple[str, str], offers: pa.Table
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Look up the pairs of offers in a rule's table.

    Parameters
    ----------
    table : pyarrow.Table
    what : str
        What messages call it.
    columns : (str, str)
        Of the table: the first and the second offer of each pair.
    offers : pyarrow.Table

    Returns
    -------
    first, second : ndarray of int64, shape (n_pairs,)
        Rows of the offers table.

    Raises
    ------
    InvalidInput
        Where a column is missing, or names an offer that does not exist.
    """
    tables.require(table, what, *columns)
    known = tables.ids(offers, "offers", "offer")
    found = []
    for name in columns:
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


def conflicts_of(
    rules: list[ConflictRule],
    items: Items,
    history: ContactHistory,
    n_customers: int,
    units: Units | None = None,
) -> Conflicts:
    """Collect the conflicts of several rules: those that are about all customers, and those with the history.

    Parameters
    ----------
    rules : list of ConflictRule
    items : Items
    history : ContactHistory
    n_customers : int
        Of units, where rules hold for these.
    units : Units, optional

    Returns
    -------
    Conflicts
        Both ways; offers in several roles are in conflict in all of them.
    """
    whole = all(of.takes_history_whole for of in rules)
    had_ptr, had = had_items(history, items, n_customers) if whole else had_items(None, items, 0)
    parts = [neighbours(of, items) for of in rules if of.is_for_all]
    n_items = len(items) + items.n_refunds
    n_past = 0
    if not whole and len(history):
        past, had_ptr, had = _past_items(rules, items, history, n_customers, units)
        parts += past
        n_past = int(had.max(initial=n_items - 1)) + 1 - n_items
    found = np.unique(np.concatenate([NO_NEIGHBOURS, *parts], axis=1), axis=1)
    ptr = np.zeros(1, np.int64)
    if found.shape[1]:
        ptr = np.searchsorted(found[0], np.arange(n_items + n_past + 1)).astype(np.int64)
    _, number, other = found
    return Conflicts(ptr, other.astype(np.int32), number.astype(np.int32), had_ptr, had)


def neighbours(of: ConflictRule, items: Items) -> NDArray[np.int64]:
    """List the items in conflict by a rule.

    Parameters
    ----------
    of : ConflictRule
    items : Items

    Returns
    -------
    ndarray of int64, shape (3, n_neighbours)
        Item, number of the rule, and the item in conflict with it: both ways.
    """
    one, other = pairs_of(of.rule, items.offers)
    if of.rule.measures_days:
        days = days_of_offers(items.offers, of.rule.label)
        close = are_close(of.rule, days.day[other] - days.day[one])
        close &= days.known[one] & days.known[other]
        one, other = one[close], other[close]
    by_offer = np.argsort(items.offer, kind="stable")
    first = np.searchsorted(items.offer[by_offer], np.arange(items.offers.num_rows + 1))
    parts = [NO_NEIGHBOURS]
    for a, b in (one, other), (other, one):
        a, b = _in_every_role(first, a, b)
        b, a = _in_every_role(first, b, a)
        parts.append(np.stack([by_offer[a], np.full(len(a), of.number), by_offer[b]]))
    found = np.concatenate(parts, axis=1)
    if of.is_of_each:
        found = found[:, items.member[found[0]] == items.member[found[2]]]
    return found


def are_close(rule: CustomerRule, later: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which pairs of days are such that a rule's conflict holds.

    Parameters
    ----------
    rule : CustomerRule
        One that measures days.
    later : ndarray of int64, shape (n,)
        By how many days the day of `offer_b` is later than that of `offer_a`.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    close = np.ones(len(later), bool)
    if rule.within is not None:
        close = np.abs(later) <= rule.within
    return close & (later >= 0) if rule.ordered else close


def _past_items(
    rules: list[ConflictRule],
    items: Items,
    history: ContactHistory,
    n_customers: int,
    units: Units | None,
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64], NDArray[np.int32]]:
    """What past items bar, as `neighbours` lists it, and those that each customer has had, as `Conflicts` has them.

    A past item is an offer on a day, of one member where the rule holds for each, under one rule: a unit has only those
    of rules that are about it.
    """
    barred, owners, owned = [], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    number = len(items) + items.n_refunds
    for of in rules:
        row = np.flatnonzero(history.where(of.rule) & (history.offer >= 0))
        if not of.is_for_all:
            row = row[of.inside[history.whose(of.rule)[row]]]
        offer, day = history.offer[row], np.zeros(len(row), np.int64)
        if of.rule.measures_days:
            of_offers = days_of_offers(items.offers, of.rule.label)
            when = history.days(of_offers, of.rule.label).take(row)
            row, offer, day = row[when.known], offer[when.known], when.day[when.known]
        member = np.zeros(len(row), np.int64)
        if of.is_of_each and units is not None:
            member = units.member[history.customer[row]].astype(np.int64)
        past, which = np.unique(np.stack([offer, day, member]), axis=1, return_inverse=True)
        listed, other = _barred_by(of, past, items)
        used, listed = np.unique(listed, return_inverse=True)
        barred.append(np.stack([number + listed, np.full(len(other), of.number), other]))
        place = np.full(past.shape[1], -1)
        place[used] = number + np.arange(len(used))
        mine = place[which.ravel()]
        owners.append(history.unit[row][mine >= 0])
        owned.append(mine[mine >= 0])
        number += len(used)
    who, had = np.concatenate(owners), np.concatenate(owned)
    order = np.argsort(who, kind="stable")
    ptr = np.searchsorted(who[order], np.arange(n_customers + 1)).astype(np.int64)
    return barred, ptr, had[order].astype(np.int32)


def _barred_by(
    of: ConflictRule, past: NDArray[np.int64], items: Items
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a past offer and day, by its place in `past`, and an item that it bars."""
    one, other = pairs_of(of.rule, items.offers)
    forth = np.stack([one, other, np.ones(len(one), np.int64)])  # the past offer is offer_a
    back = np.stack([other, one, np.full(len(one), -1)])
    a, b, sign = np.unique(np.concatenate([forth, back], axis=1), axis=1)
    first = np.searchsorted(a, past[0], side="left")
    count = np.searchsorted(a, past[0], side="right") - first
    place = ranges(first, count)
    listed, offer = np.repeat(np.arange(past.shape[1]), count), b[place]
    if of.rule.measures_days:
        days = days_of_offers(items.offers, of.rule.label)
        later = (days.day[offer] - past[1, listed]) * sign[place]
        close = days.known[offer] & are_close(of.rule, later)
        listed, offer = listed[close], offer[close]
    by_offer = np.argsort(items.offer, kind="stable")
    begin = np.searchsorted(items.offer[by_offer], np.arange(items.offers.num_rows + 1))
    spread, listed = _in_every_role(begin, offer, listed)
    barred = by_offer[spread]
    if of.is_of_each:
        theirs = items.member[barred] == past[2, listed]
        listed, barred = listed[theirs], barred[theirs]
    return listed, barred


def cliques(of: ConflictRule, items: Items) -> list[list[int]]:
    """Cover the conflicts of a rule by sets of items that are all in conflict with each other.

    Parameters
    ----------
    of : ConflictRule
    items : Items

    Returns
    -------
    list of list of int
        Items of each set, ascending; each conflict is in one of them at least.
    """
    against: dict[int, set[int]] = {}
    for a, _, b in neighbours(of, items).T.tolist():
        if a != b:
            against.setdefault(a, set()).add(b)
    found: list[list[int]] = []
    covered: set[tuple[int, int]] = set()
    for a in sorted(against):
        for b in sorted(against[a]):
            if b < a or (a, b) in covered:
                continue
            clique, common = [a, b], against[a] & against[b]
            while common:
                c = min(common)
                clique.append(c)
                common &= against[c]
            clique.sort()
            covered.update((c, d) for at, c in enumerate(clique) for d in clique[at + 1 :])
            found.append(clique)
    return found


def _in_every_role(
    first: NDArray[np.int64], offer: NDArray[np.int64], beside: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the items of offers among those by offer, and what is beside them, repeated as often."""
    count = first[offer + 1] - first[offer]
    return ranges(first[offer], count), np.repeat(beside, count)
