"""Offers that customers are given only with others: earlier or together in a plan, or in what they have had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....data.where.days import DAY, Days, days_of_offers
from ....kernels import RequirementSpec
from ....utils.arrays.ragged import ranges
from ....utils.errors import InvalidInput
from ...conflicts import offers_in_pairs
from ...contact_history import ContactHistory
from ...items import Items
from ...rules import MOST_DAYS, WITHIN, CustomerRule
from ...units.units import Units
from ..rule_groups import Members
from .circles import RequiredScope, refuse_circle, refuse_circles_of_rules

ANY_TIME = -1
"""Days within which something is required, where it does not matter how long ago."""


class RequirementRule(NamedTuple):
    """A rule that names offers which require others.

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


class RequiredPairs(NamedTuple):
    """Offers that require others.

    Attributes
    ----------
    offer, required : ndarray of int64, shape (n_pairs,)
        Rows of the offers table.
    within : ndarray of int64, shape (n_pairs,)
        At most so many days earlier; ANY_TIME: however long ago.
    """

    offer: NDArray[np.int64]
    required: NDArray[np.int64]
    within: NDArray[np.int64]


def required_pairs(rule: CustomerRule, offers: pa.Table) -> RequiredPairs:
    """Read what a rule says is required.

    Parameters
    ----------
    rule : CustomerRule
    offers : pyarrow.Table
        In ascending order of its ids.

    Returns
    -------
    RequiredPairs

    Raises
    ------
    InvalidInput
        Where the rule's table names an offer that does not exist, or days that make no sense, or offers require each
        other in a circle.
    """
    what = f"of {rule.label}"
    table = tables.as_table(rule.requires, what)
    offer, required = offers_in_pairs(table, what, ("offer", "requires"), offers)
    whatever = ANY_TIME if rule.within is None else rule.within
    within = np.full(len(offer), whatever)
    if WITHIN in table.column_names:
        days = tables.numbers(table, what, WITHIN, nullable=True)
        wrong = ~np.isnan(days) & ((days < 0) | (days > MOST_DAYS) | (days != np.floor(days)))
        if wrong.any():
            row = int(wrong.argmax())
            raise InvalidInput(
                f"table {what}, column {WITHIN!r}, row {row}: expected a whole number of days from 0 to "
                f"{MOST_DAYS:,}, got {days[row]:g}"
            )
        within = np.where(np.isnan(days), whatever, np.nan_to_num(days)).astype(np.int64)
    refuse_circle(offer, required, offers, f"table {what}")
    return RequiredPairs(offer, required, within)


def requirements_of(
    rules: Sequence[RequirementRule],
    items: Items,
    history: ContactHistory,
    n_units: int,
    units: Units | None = None,
) -> RequirementSpec:
    """Put what rules require together for the kernel: a requirement for each item of an offer and each it requires.

    Parameters
    ----------
    rules : sequence of RequirementRule
    items : Items
    history : ContactHistory
    n_units : int
    units : Units, optional
        What rules hold for: what is required may be another customer's of the unit, unless the rule holds for each.
        Default: single customers.

    Returns
    -------
    RequirementSpec

    Raises
    ------
    InvalidInput
        See `required_pairs`; also where days are asked for and not there.
    """
    members = [Members.of(rule.rule, items, history, units) for rule in rules]
    parts = [_Requirements.of(rule, items, own) for rule, own in zip(rules, members, strict=True)]
    if not parts:
        return RequirementSpec()
    _refuse_circles(rules, parts, items, units)
    item = np.concatenate([part.item for part in parts])
    order = np.argsort(item, kind="stable")
    number = np.empty(len(item), np.int64)
    number[order] = np.arange(len(item))  # of each requirement, by its item
    before = np.cumsum([0, *(len(part.item) for part in parts)])
    size = np.concatenate([np.diff(part.ptr) for part in parts])[order]
    start = np.concatenate([part.ptr[:-1] for part in parts])
    shift = np.cumsum([0, *(len(part.required) for part in parts)])
    start += np.repeat(shift[:-1], np.diff(before))
    entries = np.concatenate([part.required for part in parts])
    met = [
        part.met(rule, items, history, number[first:], own)
        for part, rule, first, own in zip(parts, rules, before, members, strict=False)
    ]
    met_ptr, listed = _met_by_unit(met, len(item), n_units)
    inside, scope = _scopes(rules, parts, items, members)
    everybody = np.broadcast_shapes(*(some.shape for some in inside))
    return RequirementSpec(
        ptr=np.searchsorted(item[order], np.arange(len(items) + 1)).astype(np.int64),
        rule=np.repeat([rule.number for rule in rules], np.diff(before))[order].astype(np.int32),
        scope=scope[order].astype(np.int32),
        inside=np.stack([np.broadcast_to(some, everybody) for some in inside]).astype(np.uint8),
        item_ptr=np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
        item=entries[ranges(start[order], size)].astype(np.int32),
        met_ptr=met_ptr,
        met=listed,
    )


def _met_by_unit(
    met: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], requirements: int, n_units: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Requirements that the history meets, by unit: where each unit's begin, and their numbers."""
    who = np.concatenate([pairs[0] for pairs in met])
    which = np.concatenate([pairs[1] for pairs in met])
    if not len(who):
        return np.zeros(1, np.int64), np.zeros(0, np.int32)
    key = np.unique(who * requirements + which)
    ptr = np.searchsorted(key // requirements, np.arange(n_units + 1)).astype(np.int64)
    return ptr, (key % requirements).astype(np.int32)


def _refuse_circles(
    rules: Sequence[RequirementRule],
    parts: Sequence[_Requirements],
    items: Items,
    units: Units | None,
) -> None:
    """Refuse offers that require each other in a circle across rules."""
    scopes = [
        RequiredScope.of(rule.rule, part.pairs.offer, part.pairs.required, rule.inside, units)
        for rule, part in zip(rules, parts, strict=True)
    ]
    refuse_circles_of_rules(scopes, items.offers)


def _scopes(
    rules: Sequence[RequirementRule],
    parts: Sequence[_Requirements],
    items: Items,
    members: Sequence[Members],
) -> tuple[list[NDArray[np.bool_]], NDArray[np.int64]]:
    """Units that scopes are about, a scope for each member where a rule tells them apart, and each requirement's."""
    inside: list[NDArray[np.bool_]] = []
    scope = []
    for rule, part, own in zip(rules, parts, members, strict=True):
        each = [rule.inside] if len(rule.inside) == 1 else own.bounds(rule.inside, False)
        scope.append(len(inside) + (items.member[part.item] if len(each) > 1 else 0 * part.item))
        inside += each
    return inside, np.concatenate(scope)


class _Requirements(NamedTuple):
    """What one rule requires, an entry for each item of an offer that requires something.

    item, pair: int64 (n,), the item, and the rule's pair. ptr: int64 (n + 1,), where its items in `required` begin,
    those with which it may be given. pairs: the rule's. days: of the offers, where there are any.
    """

    item: NDArray[np.int64]
    pair: NDArray[np.int64]
    ptr: NDArray[np.int64]
    required: NDArray[np.int64]
    pairs: RequiredPairs
    days: Days | None

    @classmethod
    def of(cls, rule: RequirementRule, items: Items, members: Members) -> _Requirements:
        """The requirements of a rule."""
        pairs = required_pairs(rule.rule, items.offers)
        days = None
        if rule.rule.measures_days or DAY in items.offers.column_names:
            days = days_of_offers(items.offers, rule.rule.label)
        pair, item = _items_of(pairs.offer, items)
        which, required = _items_of(pairs.required[pair], items)
        theirs = members.of_item[item[which]] == members.of_item[required]
        which, required = which[theirs], required[theirs]
        if days is not None:
            mine, other = items.offer[item[which]], items.offer[required]
            kept = _in_time(
                days, mine, days.day[other], days.known[other], pairs.within[pair[which]]
            )
            which, required = which[kept], required[kept]
        ptr = np.searchsorted(which, np.arange(len(item) + 1)).astype(np.int64)
        return cls(item, pair, ptr, required, pairs, days)

    def met(
        self,
        rule: RequirementRule,
        items: Items,
        history: ContactHistory,
        number: NDArray[np.int64],
        members: Members,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Units, and requirements by their numbers, that the history meets."""
        row = np.flatnonzero(history.where(rule.rule) & (history.offer >= 0))
        required = self.pairs.required[self.pair]
        order = np.argsort(required, kind="stable")
        first = np.searchsorted(required[order], history.offer[row], side="left")
        count = np.searchsorted(required[order], history.offer[row], side="right") - first
        which, had = order[ranges(first, count)], np.repeat(row, count)
        theirs = members.of_item[self.item[which]] == members.of_past[had]
        which, had = which[theirs], had[theirs]
        if self.days is not None:
            past = history.days(self.days, rule.rule.label).take(had)
            mine, within = items.offer[self.item[which]], self.pairs.within[self.pair[which]]
            known = past.known & (history.says_day[had] | (within != ANY_TIME))
            kept = _in_time(self.days, mine, past.day, known, within)
            which, had = which[kept], had[kept]
        return history.unit[had], number[which]


def _items_of(
    offer: NDArray[np.int64], items: Items
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of an entry and an item of its offer, by entry."""
    order = np.argsort(items.offer, kind="stable")
    first = np.searchsorted(items.offer[order], offer, side="left")
    count = np.searchsorted(items.offer[order], offer, side="right") - first
    return np.repeat(np.arange(len(offer)), count), order[ranges(first, count)]


def _in_time(
    days: Days,
    offer: NDArray[np.int64],
    day: NDArray[np.int64],
    known: NDArray[np.bool_],
    within: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether what is sent on a day comes early enough for an offer, and late enough.

    What is sent nobody knows when is early enough, but it is not within so many days.
    """
    both = known & days.known[offer]
    mine = days.day[offer]
    in_time = both & (day <= mine) & ((within == ANY_TIME) | (mine - day <= within))
    return np.asarray(in_time | (~both & (within == ANY_TIME)))
