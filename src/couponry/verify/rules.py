"""Checks customer rules: no `max` or conflict is violated, and nobody is shorter of a `min` than the rules force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..model.conflicts import pairs_of
from ..model.rules import CustomerRule
from ..utils.arrays.ragged import ranges
from ..utils.errors import Unsupported
from .achievable import CellGroups, most_coupons
from .claims import Claims
from .inputs import Inputs
from .min_shortfall import SetBounds, joined, least_shortfall_score, shortfall_score
from .rounding import Floats, Integers, Mask

Note = Callable[[str, Integers], None]


@dataclass(frozen=True)
class _BoundedRule:
    """A rule with bounds: its groups of cells, and what customers have had of them.

    cell, group: pairs of a cell and a group that it is in, cells ascending. groups: number of groups. most, least: of
    each group, by customer. had: ascending keys (customer * groups + group) of coupons of the history.
    """

    rule: CustomerRule
    cell: Integers
    group: Integers
    groups: int
    most: Floats
    least: Floats
    had: Integers

    @property
    def is_about_all(self) -> bool:
        """Whether it is about all coupons of a customer."""
        return self.rule.is_about_all

    @property
    def is_by_role(self) -> bool:
        """Whether it tells roles apart."""
        return self.rule.by == "role" or "role" in self.rule.where

    @property
    def has_lists(self) -> bool:
        """Whether a cell is in several groups."""
        return self.rule.by is not None and len(np.unique(self.cell)) < len(self.cell)

    def keys(self, customer: Integers, cell: Integers) -> tuple[Integers, Integers]:
        """Key (customer * groups + group) of each group that each candidate is in, and which candidate that is."""
        which, place = _matches(self.cell, cell)
        return customer[which] * self.groups + self.group[place], which


def check_rules(rules: list[CustomerRule], inputs: Inputs, rows: Integers, claims: Claims) -> None:
    """Check that allocated candidates keep the customer rules.

    Parameters
    ----------
    rules : list of CustomerRule
    inputs : Inputs
    rows : ndarray of int64, shape (n_allocated,)
        Rows of the allocated candidates.
    claims : Claims
        Receives the problems found.
    """
    customers = inputs.customer_ids

    def note(problem: str, who: Integers) -> None:
        if len(who):
            claims.note(f"{problem}, first {customers[int(who[0])].as_py()!r}")

    bounded: list[_BoundedRule] = []
    conflicts: list[Integers] = []
    for rule in rules:
        if rule.conflicts is not None:
            conflicts.append(_check_conflicts(rule, inputs, rows, note))
            continue
        bounded.append(_bounded(rule, inputs))
        _check_most(bounded[-1], inputs, rows, note)
    mandatory = np.flatnonzero(inputs.mandatory)
    without = inputs.customer[np.setdiff1d(mandatory, rows)]
    claims.check("customers_without_mandatory", len(np.unique(without)))
    short = _below_min(bounded, inputs, rows)
    claims.check("customers_below_min", int(short.sum()))
    with_min = ", ".join(repr(rule.name) for rule in rules if rule.min is not None)
    what = f"customer_rule {with_min}: " if with_min else ""
    plain = all(part.rule.min is None or part.is_about_all for part in bounded)
    plain = plain and not any(part.has_lists for part in bounded)
    if plain and not conflicts and not len(mandatory) and not len(inputs.history):
        too_few = _too_few(bounded, inputs, rows, short)
        fewer = f"{len(too_few):,} customers have fewer coupons than min and than they can have"
    else:
        too_few = _too_short(_set_bounds(bounded, conflicts, inputs), inputs, rows, mandatory)
        fewer = f"{len(too_few):,} customers miss more of their minimums or mandatory offers than they must"
    note(f"{what}{fewer}", too_few)


def _bounded(rule: CustomerRule, inputs: Inputs) -> _BoundedRule:
    """A rule's groups and bounds, and what the history has of them."""
    history = inputs.history
    cell, group, values = inputs.groups(rule.by, rule.where, rule.label)
    about = np.flatnonzero(history.where(rule))
    row, theirs = about, np.zeros(len(about), np.int64)
    if rule.by is not None:
        row, theirs = history.groups(rule.by, values)
        kept = np.isin(row, about)
        row, theirs = row[kept], theirs[kept]
    order = np.lexsort((group, cell))
    return _BoundedRule(
        rule,
        cell[order],
        group[order],
        max(1, len(values)),
        inputs.bound(rule.max, np.inf, rule.label),
        inputs.bound(rule.min, 0.0, rule.label),
        np.sort(history.customer[row] * max(1, len(values)) + theirs),
    )


def _count(ascending: Integers, key: Integers) -> Integers:
    """How often each key is in an ascending array."""
    right = np.searchsorted(ascending, key, side="right")
    return np.asarray(right - np.searchsorted(ascending, key, side="left"))


def _matches(ascending: Integers, key: Integers) -> tuple[Integers, Integers]:
    """Every pair of a key and a place in an ascending array where it is: which key, and the place."""
    first = np.searchsorted(ascending, key, side="left")
    count = _count(ascending, key)
    which = np.repeat(np.arange(len(key)), count)
    return which, ranges(first, count)


def _check_most(part: _BoundedRule, inputs: Inputs, rows: Integers, note: Note) -> None:
    """Note the customers who have more than a rule's `max`."""
    keys, _ = part.keys(inputs.customer[rows], inputs.cell(rows))
    key, count = np.unique(keys, return_counts=True)
    who = key // part.groups
    over = np.unique(who[count > np.maximum(0, part.most[who] - _count(part.had, key))])
    rule = part.rule
    bound = f"max {rule.max} for one {rule.by}" if rule.by else f"max {rule.max}"
    note(f"{rule.label}: {len(over):,} customers have more than {bound}", over)


def _check_conflicts(rule: CustomerRule, inputs: Inputs, rows: Integers, note: Note) -> Integers:
    """Note who has two offers in conflict; returns the pairs of offers, both ways, shape (2, n_pairs)."""
    a, b = pairs_of(rule, inputs.offers)
    pairs = np.unique(np.stack([np.concatenate([a, b]), np.concatenate([b, a])]), axis=1)
    width = len(inputs.offers)
    offer, customer = inputs.offer[rows], inputs.customer[rows]
    which, place = _matches(pairs[0], offer)
    other = pairs[1][place]
    theirs = customer[which] * width + other
    both = np.isin(theirs, customer * width + offer) & (other != offer[which])
    who = np.unique(customer[which[both]])
    note(f"{rule.label}: {len(who):,} customers have two offers in conflict", who)
    again = np.unique(customer[which[np.isin(theirs, _had_offers(inputs))]])
    note(
        f"{rule.label}: {len(again):,} customers have an offer in conflict with their history",
        again,
    )
    return pairs


def _had_offers(inputs: Inputs) -> Integers:
    """Keys (customer * n_offers + offer) of the offers in the history."""
    history = inputs.history
    known = history.offer >= 0
    return np.asarray(history.customer[known] * len(inputs.offers) + history.offer[known])


def _below_min(bounded: list[_BoundedRule], inputs: Inputs, rows: Integers) -> Mask:
    """Customers who have fewer than a rule's `min`, in any of its groups, history included."""
    n = len(inputs.customer_ids)
    short = np.zeros(n, bool)
    for part in bounded:
        if part.rule.min is None:
            continue
        keys, _ = part.keys(inputs.customer[rows], inputs.cell(rows))
        key, count = np.unique(np.concatenate([keys, part.had]), return_counts=True)
        who = key // part.groups
        enough = np.bincount(who[count >= part.least[who]], minlength=n)
        there = part.group[inputs.seen[part.cell]] if part.is_by_role else part.group
        groups = 1 if part.rule.by is None else len(np.unique(there))
        short |= (part.least > 0) & (enough < groups)
    return short


def _too_few(bounded: list[_BoundedRule], inputs: Inputs, rows: Integers, short: Mask) -> Integers:
    """Customers below a `min` about all coupons who could have more, if only maximums are in the way."""
    groups = [
        CellGroups(group_of_cell(inputs, part.rule), part.most)
        for part in bounded
        if not part.is_about_all
    ]
    most = np.full(len(short), np.inf)
    for part in bounded:
        if part.is_about_all:
            most = np.minimum(most, part.most)
    count = np.bincount(inputs.customer[rows], minlength=len(short))
    possible = np.minimum(most_coupons(inputs, groups, short), most)
    return np.flatnonzero(short & (count < possible))


def _too_short(sets: SetBounds, inputs: Inputs, rows: Integers, mandatory: Integers) -> Integers:
    """Customers who are shorter of minimums and mandatory offers than they must be, whatever the rules."""
    n = len(inputs.customer_ids)
    score = shortfall_score(sets, rows, mandatory, inputs.customer, n)
    suspects = np.flatnonzero(score > 0)
    least = least_shortfall_score(sets, mandatory, suspects, inputs.customer, n)
    return np.flatnonzero((score > least + 0.5) & (score > 0))


def _set_bounds(
    bounded: list[_BoundedRule], conflicts: list[Integers], inputs: Inputs
) -> SetBounds:
    """All bounds on sets of each customer's candidates; minimums about all coupons count once."""
    every = np.arange(len(inputs))
    customer, cell = inputs.customer, inputs.cell(every)
    least_of_all = np.zeros(len(inputs.customer_ids))
    parts = []
    for part in bounded:
        keys, which = part.keys(customer, cell)
        key, place = np.unique(keys, return_inverse=True)
        who = key // part.groups
        held = _count(part.had, key)
        least = np.maximum(0, part.least[who] - held)
        if part.is_about_all:
            least_of_all[who] = np.maximum(least_of_all[who], least)
            least = np.zeros(len(key))
        most = np.maximum(0, part.most[who] - held)
        parts.append(SetBounds(every[which], place, who, most, least))
    who, place = np.unique(customer, return_inverse=True)
    parts.append(SetBounds(every, place, who, np.full(len(who), np.inf), least_of_all[who]))
    parts += [_conflict_sets(pairs, inputs) for pairs in conflicts]
    return joined(parts)


def _conflict_sets(pairs: Integers, inputs: Inputs) -> SetBounds:
    """Pairs of a customer's candidates in conflict (at most 1), and candidates in conflict with its history (0)."""
    which, place = _matches(pairs[0], inputs.offer)
    other = pairs[1][place]
    theirs = inputs.customer[which] * len(inputs.offers) + other
    again = np.unique(which[np.isin(theirs, _had_offers(inputs))])
    row = inputs.rows(inputs.customer[which], other)
    two = (row >= 0) & (which < row)
    a, b = which[two], row[two]
    sets = np.arange(len(a))
    barred = len(a) + np.arange(len(again))
    return SetBounds(
        np.concatenate([a, b, again]),
        np.concatenate([sets, sets, barred]),
        np.concatenate([inputs.customer[a], inputs.customer[again]]),
        np.concatenate([np.ones(len(a)), np.zeros(len(again))]),
        np.zeros(len(a) + len(again)),
    )


def group_of_cell(inputs: Inputs, rule: CustomerRule) -> Integers:
    """Return the group of each cell under a rule.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.
    rule : CustomerRule
        A rule whose groups do not overlap.

    Returns
    -------
    ndarray of int64, shape (n_cells,)
        -1 if the rule is not about a cell.

    Raises
    ------
    Unsupported
        If a cell is in several groups.
    """
    code = np.full(len(inputs.cells), -1)
    cell, group, _ = inputs.groups(rule.by, rule.where, rule.label)
    if len(np.unique(cell)) < len(cell):
        raise Unsupported(f"{rule.label}: expected groups that each offer is in one of at most")
    code[cell] = group
    return code
