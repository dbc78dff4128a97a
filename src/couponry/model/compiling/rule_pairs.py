"""What the bounds of a customer rule hold for: groups of items, and of rows of the history."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...data.where.days import Days, days_of_offers, every_first_day, first_days, windows_with
from ..contact_history import ContactHistory
from ..items import Items
from ..rules import CustomerRule
from .rule_groups import GroupPairs


class RulePairs(NamedTuple):
    """What a rule's bounds hold for: groups of items, and of rows of the history.

    Attributes
    ----------
    items, past : GroupPairs
    n_groups : int
    """

    items: GroupPairs
    past: GroupPairs
    n_groups: int


def pairs_of_rule(
    rule: CustomerRule, items: Items, history: ContactHistory, *, rises: bool = True
) -> RulePairs:
    """Group items, and rows of the history that count, as a rule about part of the offers says.

    Parameters
    ----------
    rule : CustomerRule
    items : Items
    history : ContactHistory
    rises : bool
        Whether what is counted never falls by a coupon more, so that windows within others need not be looked at.

    Returns
    -------
    RulePairs
        Groups are numbered from 0.

    Raises
    ------
    InvalidInput
        Where the rule asks for columns that do not exist.
    """
    pairs, past, n_groups = _by_column(rule, items, history)
    if rule.window is not None:
        pairs, past, n_windows = _in_windows(rule, rule.window, pairs, past, items, history, rises)
        n_groups *= n_windows
    return RulePairs(pairs, past, n_groups)


def _by_column(
    rule: CustomerRule, items: Items, history: ContactHistory
) -> tuple[GroupPairs, GroupPairs, int]:
    """Groups of items and of the history by the column that a rule names, and how many there are."""
    about = items.where(rule.where, rule.label)
    had = np.flatnonzero(history.where(rule))
    if rule.by is None:
        pairs = GroupPairs(np.flatnonzero(about), np.zeros(int(about.sum()), np.int64))
        return pairs, GroupPairs(had, np.zeros(len(had), np.int64)), 1
    item, code, values = items.groups(rule.by, rule.label)
    pairs = GroupPairs(item[about[item]], code[about[item]])
    past_row, past_code = history.groups(rule.by, values)
    kept = np.isin(past_row, had)
    return pairs, GroupPairs(past_row[kept], past_code[kept]), len(values)


def _in_windows(
    rule: CustomerRule,
    length: int,
    pairs: GroupPairs,
    past: GroupPairs,
    items: Items,
    history: ContactHistory,
    rises: bool,
) -> tuple[GroupPairs, GroupPairs, int]:
    """Split groups into windows of days: those of items and of the history, and how many windows there are."""
    label = f"{rule.label}: window"
    of_offers = days_of_offers(items.offers, label)
    days = of_offers.take(items.offer[pairs.one])
    past_days = history.days(of_offers, label).take(past.one)
    # a window within another one may have more different values: what the history has more than enough of adds nothing
    may_fall = not rises or (rule.distinct is not None and len(past.one) > 0)
    choose = every_first_day if may_fall else first_days
    first = choose(days.day[days.known], past_days.day[past_days.known], length)

    def split(some: GroupPairs, when: Days) -> GroupPairs:
        which, window = windows_with(first, length, when)
        return GroupPairs(some.one[which], some.group[which] * len(first) + window)

    return split(pairs, days), split(past, past_days), len(first)
