"""Customer rules about part of the offers, as rows of groups of items, and all of them together as a rule spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...data.candidates import Candidates
from ...data.where.days import Days, days_of_offers, first_days, windows_with
from ...kernels import RuleSpec
from ...solver.rule_names import UNLIMITED
from ...utils.errors import Unsupported
from ..conflicts import ConflictRule, cliques, conflicts_of
from ..contact_history import ContactHistory
from ..items import Items
from ..rules import CustomerRule

MAX_RULES = 65_535
"""Constraints name their rule in 16 bits, and one number is that of mandatory offers."""


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
    cap, least : ndarray of int32, shape (n_customers or 1,)
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


@dataclass(frozen=True)
class GroupedRule:
    """A rule about part of the offers.

    Attributes
    ----------
    rows : list of GroupRow
        Several where an item is in several groups, as of a rule by a column of lists or of windows: it is in one in
        each row.
    n_groups : int
        How many numbers its groups take.
    groups : ndarray of int64, shape (n_present,)
        Its groups that offers of its `where` are in; the one of a rule without `by` is there whatever offers there are.
    held_customer, held_group : ndarray of int64, shape (n_held,)
        What customers have had of its groups: a pair for each coupon and group.
    """

    rows: list[GroupRow]
    n_groups: int
    groups: NDArray[np.int64]
    held_customer: NDArray[np.int64]
    held_group: NDArray[np.int64]


def group_rule(
    rule: CustomerRule,
    number: int,
    bounds: tuple[NDArray[np.int32], NDArray[np.int32]],
    first_group: int,
    items: Items,
    history: ContactHistory,
) -> GroupedRule:
    """Group items as a rule about part of the offers says.

    Parameters
    ----------
    rule : CustomerRule
    number : int
        Number of the rule.
    bounds : tuple of two ndarrays of int32, shape (n_customers or 1,) each
        At least, and at most, so many coupons of a group.
    first_group : int
        Number of its first group.
    items : Items
    history : ContactHistory

    Returns
    -------
    GroupedRule
        Its rows, and what customers have had.

    Raises
    ------
    InvalidInput
        Where the rule asks for columns that do not exist.
    """
    least, most = bounds
    about = items.where(rule.where, rule.label)
    had = np.flatnonzero(history.where(rule))
    if rule.by is None and rule.window is None:
        group = np.where(about, first_group, -1)
        who = history.customer[had]
        row = GroupRow(number, group, True, most, least)
        alone = np.array([first_group], np.int64)
        return GroupedRule([row], 1, alone, who, np.full(len(who), first_group))
    pairs = _Pairs(np.flatnonzero(about), np.zeros(int(about.sum()), np.int64))
    past = _Pairs(had, np.zeros(len(had), np.int64))
    n_groups = 1
    if rule.by is not None:
        item, code, values = items.groups(rule.by, rule.label)
        pairs = _Pairs(item[about[item]], code[about[item]])
        past_row, past_code = history.groups(rule.by, values)
        kept = np.isin(past_row, had)
        past, n_groups = _Pairs(past_row[kept], past_code[kept]), len(values)
    if rule.window is not None:
        pairs, past, n_windows = _in_windows(rule, rule.window, pairs, past, items, history)
        n_groups *= n_windows
    return GroupedRule(
        _rows_of(pairs, number, first_group, (least, most), len(items)),
        n_groups,
        np.unique(pairs.group) + first_group,
        history.customer[past.one],
        past.group + first_group,
    )


class _Pairs(NamedTuple):
    """Pairs of an item, or of a row of the history, and a group that it is in, by the first; int64 (n_pairs,) each."""

    one: NDArray[np.int64]
    group: NDArray[np.int64]


def _in_windows(
    rule: CustomerRule,
    length: int,
    pairs: _Pairs,
    past: _Pairs,
    items: Items,
    history: ContactHistory,
) -> tuple[_Pairs, _Pairs, int]:
    """Split groups into windows of days: those of items and of the history, and how many windows there are."""
    label = f"{rule.label}: window"
    of_offers = days_of_offers(items.offers, label)
    days = of_offers.take(items.offer[pairs.one])
    past_days = history.days(of_offers, label).take(past.one)
    first = first_days(days.day[days.known], past_days.day[past_days.known], length)

    def split(some: _Pairs, when: Days) -> _Pairs:
        which, window = windows_with(first, length, when)
        return _Pairs(some.one[which], some.group[which] * len(first) + window)

    return split(pairs, days), split(past, past_days), len(first)


def _rows_of(
    pairs: _Pairs,
    number: int,
    first_group: int,
    bounds: tuple[NDArray[np.int32], NDArray[np.int32]],
    n_items: int,
) -> list[GroupRow]:
    """Rows of a rule that puts items into groups: as many as the most groups that an item is in."""
    least, most = bounds
    nth = np.arange(len(pairs.one)) - np.searchsorted(pairs.one, pairs.one, side="left")
    plain = int(nth.max(initial=0)) == 0
    rows = []
    for t in range(int(nth.max(initial=-1)) + 1):
        group = np.full(n_items, -1)
        group[pairs.one[nth == t]] = pairs.group[nth == t] + first_group
        rows.append(GroupRow(number, group, plain, most, least))
    return rows


def group_conflicts(of: ConflictRule, first_group: int, items: Items) -> GroupedRule:
    """Group items in conflict, for a rule that is about some customers alone.

    Parameters
    ----------
    of : ConflictRule
    first_group : int
        Number of its first group.
    items : Items

    Returns
    -------
    GroupedRule
        At most one coupon of each group; what customers have had is not in it.
    """
    found = cliques(of, items)
    item = np.array([item for clique in found for item in clique], np.int64)
    group = np.repeat(np.arange(len(found)), [len(clique) for clique in found])
    order = np.lexsort((group, item))
    most = np.where(of.inside, 1, UNLIMITED).astype(np.int32)
    bounds = np.zeros(1, np.int32), most
    rows = _rows_of(_Pairs(item[order], group[order]), of.number, first_group, bounds, len(items))
    nothing = np.zeros(0, np.int64)
    return GroupedRule(rows, len(found), nothing, nothing, nothing)


def build_spec(
    grouped: Sequence[GroupedRule],
    conflicts: list[ConflictRule],
    n_rules: int,
    upper: NDArray[np.int32],
    items: Items,
    candidates: Candidates,
    history: ContactHistory,
) -> RuleSpec:
    """Put rules together, for the kernel that makes cardinality constraints of them.

    Parameters
    ----------
    grouped : sequence of GroupedRule
        The rules about part of the offers, and conflicts of some customers alone.
    conflicts : list of ConflictRule
        The rules that name pairs of offers.
    n_rules : int
        How many rules there are in all.
    upper : ndarray of int32, shape (n_customers or 1,)
        Largest number of coupons, history taken off it.
    items : Items
    candidates : Candidates
    history : ContactHistory

    Returns
    -------
    RuleSpec
        Of all rules.

    Raises
    ------
    InvalidInput
        Where there are too many rules, or one names offers that do not exist.
    """
    _check_number(n_rules)
    rows = [row for rule in grouped for row in rule.rows]
    length = max((max(len(row.cap), len(row.least)) for row in rows), default=1)
    n_groups = sum(rule.n_groups for rule in grouped)
    held_ptr, held = _held(grouped, n_groups, len(candidates.customers))
    pairs = conflicts_of(conflicts, items, history, len(candidates.customers))
    return RuleSpec(
        group=_group_table(rows, max(len(items), len(pairs.ptr) - 1)),
        groups=n_groups,
        rule=np.array([row.rule for row in rows], np.int32),
        plain=np.array([row.plain for row in rows], np.uint8),
        cap=as_table([row.cap for row in rows], length),
        least=as_table([row.least for row in rows], length),
        upper=np.ascontiguousarray(upper),
        held_ptr=held_ptr,
        held=held,
        had_ptr=pairs.had_ptr,
        had=pairs.had,
        conflict_ptr=pairs.ptr,
        conflict=pairs.item,
        conflict_rule=pairs.rule,
        mandatory=_mandatory(candidates),
        mandatory_rule=n_rules,
    )


def _group_table(rows: list[GroupRow], n_items: int) -> NDArray[np.int32]:
    """The group of each item in each row; past items, which come after the items, are in none."""
    table = np.full((len(rows), n_items), -1, np.int32)
    for row, group in zip(rows, table, strict=True):
        group[: len(row.group)] = row.group
    return table


def _mandatory(candidates: Candidates) -> NDArray[np.uint8]:
    """1 for each candidate that must be given; empty where none must."""
    return np.zeros(0, np.uint8) if candidates.mandatory is None else candidates.mandatory


def _check_number(n_rules: int) -> None:
    """Refuse more rules than constraints can name."""
    if n_rules >= MAX_RULES:
        raise Unsupported(f"customer rules: expected fewer than {MAX_RULES:,}, got {n_rules:,}")


def as_table(bounds: list[NDArray[np.int32]], length: int) -> NDArray[np.int32]:
    """Put bounds of rows, each of this length or the same for all customers, into one table.

    Parameters
    ----------
    bounds : list of ndarray of int32, shape (length,) or (1,)
        The bounds of each row.
    length : int
        Number of customers, or 1.

    Returns
    -------
    ndarray of int32, shape (len(bounds), length)
        One row for each.
    """
    found = [np.broadcast_to(bound, length) for bound in bounds]
    return np.array(found, np.int32).reshape(len(bounds), length)


def _held(
    grouped: Sequence[GroupedRule], n_groups: int, n_customers: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """How many coupons of each group customers have had, as `RuleSpec` has it."""
    customers = [rule.held_customer for rule in grouped]
    if not sum(len(who) for who in customers):
        return np.zeros(1, np.int64), np.zeros((2, 0), np.int32)
    group = np.concatenate([rule.held_group for rule in grouped])
    key, count = np.unique(np.concatenate(customers) * n_groups + group, return_counts=True)
    ptr = np.searchsorted(key // n_groups, np.arange(n_customers + 1))
    return ptr.astype(np.int64), np.stack([key % n_groups, count]).astype(np.int32)


def may_need_constraints(spec: RuleSpec) -> bool:
    """Tell whether laminar groups may not be all for some customer, as far as can be told from the items.

    Parameters
    ----------
    spec : RuleSpec
        All rules.

    Returns
    -------
    bool
        False where no customer needs any.
    """
    if len(spec.conflict) or len(spec.mandatory) or spec.held.size or spec.least.any():
        return True
    if not spec.plain.all():
        return True
    return any(_cross(a, b) for a, b in combinations(spec.group, 2))


def _cross(group_a: NDArray[np.int32], group_b: NDArray[np.int32]) -> bool:
    """Whether some group of one and some of the other have items in common, and each some of its own."""
    both = (group_a >= 0) & (group_b >= 0)
    size_a, size_b = np.bincount(group_a[group_a >= 0]), np.bincount(group_b[group_b >= 0])
    pair, count = np.unique(np.stack([group_a[both], group_b[both]]), axis=1, return_counts=True)
    return bool(((count < size_a[pair[0]]) & (count < size_b[pair[1]])).any())
