"""Customer rules about part of the offers, as rows of groups of items, and all of them together as a rule spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ...data.candidates import Candidates
from ...kernels import RuleSpec
from ...solver.rule_names import UNLIMITED
from ...utils.errors import Unsupported
from ..conflicts import ConflictRule, cliques, conflicts_of
from ..contact_history import ContactHistory
from ..items import Items
from ..rules import CustomerRule
from ..units.units import Units
from .rule_groups import GroupPairs, GroupRow, Members, rows_of
from .rule_pairs import pairs_of_rule

MAX_RULES = 65_535
"""Constraints name their rule in 16 bits, and one number is that of mandatory offers."""


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
    asked : list of (ndarray of int32, ndarray of int64)
        How many of each of some groups there should be at least, shape (n_units or 1,): of all that offers of its
        `where` are in, the one of a rule without `by` whatever offers there are. A pair for each member of a unit where
        it holds for each.
    held_customer, held_group : ndarray of int64, shape (n_held,)
        What units have had of its groups: a pair for each coupon and group.
    """

    rows: list[GroupRow]
    n_groups: int
    asked: list[tuple[NDArray[np.int32], NDArray[np.int64]]]
    held_customer: NDArray[np.int64]
    held_group: NDArray[np.int64]


def group_rule(
    rule: CustomerRule,
    number: int,
    bounds: tuple[NDArray[np.int32], NDArray[np.int32]],
    first_group: int,
    items: Items,
    history: ContactHistory,
    units: Units | None = None,
) -> GroupedRule:
    """Group items as a rule about part of the offers, or about each customer of a unit, says.

    Parameters
    ----------
    rule : CustomerRule
    number : int
        Number of the rule.
    bounds : tuple of two ndarrays of int32, shape (n_units or 1,) each
        At least, and at most, so many coupons of a group; by customer where the rule holds for each.
    first_group : int
        Number of its first group.
    items : Items
    history : ContactHistory
    units : Units, optional
        What rules hold for. Default: single customers.

    Returns
    -------
    GroupedRule
        Its rows, and what units have had.

    Raises
    ------
    InvalidInput
        Where the rule asks for columns that do not exist.
    """
    pairs, past, n_groups = pairs_of_rule(rule, items, history)
    present = np.unique(pairs.group)
    if rule.by is None and rule.window is None:
        present = np.zeros(1, np.int64)
    members = Members.of(rule, items, history, units)
    pairs, past = members.split(pairs, members.of_item), members.split(past, members.of_past)
    groups = [present * members.number + member + first_group for member in range(members.number)]
    rows = rows_of(pairs, number, first_group, bounds, len(items))
    return GroupedRule(
        members.rows(rows),
        n_groups * members.number,
        list(zip(members.bounds(bounds[0], 0), groups, strict=True)),
        history.unit[past.one],
        past.group + first_group,
    )


def group_conflicts(
    of: ConflictRule,
    first_group: int,
    items: Items,
    history: ContactHistory,
    units: Units | None = None,
) -> GroupedRule:
    """Group items in conflict, for a rule that is about some units alone.

    Parameters
    ----------
    of : ConflictRule
    first_group : int
        Number of its first group.
    items : Items
    history : ContactHistory
    units : Units, optional
        What rules hold for. Default: single customers.

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
    rows = rows_of(
        GroupPairs(item[order], group[order]), of.number, first_group, bounds, len(items)
    )
    rows = Members.of(of.rule, items, history, units).rows(rows)
    nothing = np.zeros(0, np.int64)
    return GroupedRule(rows, len(found), [], nothing, nothing)


def build_spec(
    grouped: Sequence[GroupedRule],
    conflicts: list[ConflictRule],
    n_rules: int,
    upper: NDArray[np.int32],
    items: Items,
    candidates: Candidates,
    history: ContactHistory,
    units: Units | None,
    mandatory: NDArray[np.uint8],
) -> RuleSpec:
    """Put rules together, for the kernel that makes cardinality constraints of them.

    Parameters
    ----------
    grouped : sequence of GroupedRule
    conflicts : list of ConflictRule
    n_rules : int
    upper : ndarray of int32, shape (n_units or 1,)
        Most coupons, less those of the history.
    items : Items
    candidates : Candidates
    history : ContactHistory
    units : Units or None
    mandatory : ndarray of uint8, shape (n_candidates or 0,)

    Returns
    -------
    RuleSpec

    Raises
    ------
    InvalidInput
        Where there are too many rules, or one names offers that do not exist.
    """
    _check_number(n_rules)
    rows = [row for rule in grouped for row in rule.rows]
    length = max((max(len(row.cap), len(row.least)) for row in rows), default=1)
    n_groups = sum(rule.n_groups for rule in grouped)
    n_units = len(candidates.customers) if units is None else len(units)
    held_ptr, held = _held(grouped, n_groups, n_units)
    pairs = conflicts_of(conflicts, items, history, n_units, units)
    return RuleSpec(
        group=group_table(rows, max(len(items) + items.n_refunds, len(pairs.ptr) - 1)),
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
        mandatory=mandatory,
        mandatory_rule=n_rules,
    )


def group_table(rows: Sequence[GroupRow], n_items: int) -> NDArray[np.int32]:
    """List the group of each item in each row.

    Parameters
    ----------
    rows : sequence of GroupRow
    n_items : int
        Refunds and past items among them, which are in no group unless a row says so.

    Returns
    -------
    ndarray of int32, shape (n_rows, n_items)
    """
    table = np.full((len(rows), n_items), -1, np.int32)
    for row, group in zip(rows, table, strict=True):
        group[: len(row.group)] = row.group
    return table


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
    if len(spec.measures.measure) or len(spec.requirements.rule):
        return True
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
