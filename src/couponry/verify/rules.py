"""Customer rules: nobody has more coupons than max, two in conflict, or fewer than min and than they can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..model.conflicts import pairs_of
from ..model.rules import CustomerRule
from ..utils.errors import Unsupported
from .achievable import Group, most_coupons
from .claims import Claims
from .inputs import Given
from .min_shortfall import Asked, joined, least_score, score
from .rounding import Floats, Integers, Mask

Note = Callable[[str, Integers], None]


@dataclass(frozen=True)
class _Bounded:
    """A rule with bounds: groups of cells, and what customers have had of them.

    cell, group: int64 pairs. groups: how many. most, least: (n), of each group. had: int64 keys (customer * groups +
    group) of coupons of the history.
    """

    cell: Integers
    group: Integers
    groups: int
    most: Floats
    least: Floats
    had: Integers

    def keys(self, customer: Integers, cell: Integers) -> tuple[Integers, Integers]:
        """customer * groups + group of each group that each candidate is in, and which candidate that is."""
        first = np.searchsorted(self.cell, cell, side="left")
        count = np.searchsorted(self.cell, cell, side="right") - first
        within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        group = self.group[np.repeat(first, count) + within]
        which = np.repeat(np.arange(len(cell)), count)
        return customer[which] * self.groups + group, which


def check_rules(rules: list[CustomerRule], given: Given, rows: Integers, claims: Claims) -> None:
    customers = given.customer_ids
    n = len(customers)
    history = given.history(rules)

    def note(problem: str, who: Integers) -> None:
        if len(who):
            first = customers[int(who[0])].as_py()
            claims.note(f"{problem}, first {first!r}")

    bounded: list[tuple[CustomerRule, _Bounded]] = []
    apart: list[Integers] = []
    for rule in rules:
        if rule.conflicts is not None:
            apart.append(_check_conflicts(rule, given, rows, note))
            continue
        part = _bounded(rule, given)
        bounded.append((rule, part))
        _check_most(rule, part, given, rows, note)
    mandatory = np.flatnonzero(given.mandatory)
    without = given.customer[np.setdiff1d(mandatory, rows)]
    claims.check("customers_without_mandatory", len(np.unique(without)))
    short = _short(bounded, given, rows)
    claims.check("customers_below_min", int(short.sum()))
    asking = ", ".join(repr(rule.name) for rule in rules if rule.min is not None)
    what = f"customer_rule {asking}: " if asking else ""
    simple = all(rule.min is None or not (rule.by or rule.where) for rule in rules)
    if (
        simple
        and not apart
        and not len(mandatory)
        and not len(history)
        and not _lists(rules, given)
    ):
        too_few = _too_few(bounded, given, rows, short)
        fewer = f"{len(too_few):,} customers have fewer coupons than min and than they can have"
    else:
        asked = _asked(bounded, apart, given)
        of_customer = score(asked, rows, mandatory, given.customer, n)
        suspects = np.flatnonzero(of_customer > 0)
        least = least_score(asked, mandatory, suspects, given.customer, n)
        too_few = np.flatnonzero((of_customer > least + 0.5) & (of_customer > 0))
        fewer = f"{len(too_few):,} customers miss more of their minimums or mandatory offers than they must"
    note(f"{what}{fewer}", too_few)


def _bounded(rule: CustomerRule, given: Given) -> _Bounded:
    history = given.history([])
    cell, group, values = given.groups(rule.by, rule.where, rule.label)
    about = np.flatnonzero(history.where(rule))
    row, theirs = about, np.zeros(len(about), np.int64)
    if rule.by is not None:
        row, theirs = history.groups(rule.by, values)
        kept = np.isin(row, about)
        row, theirs = row[kept], theirs[kept]
    order = np.lexsort((group, cell))
    return _Bounded(
        cell[order],
        group[order],
        max(1, len(values)),
        given.bound(rule.max, np.inf, rule.label),
        given.bound(rule.min, 0.0, rule.label),
        np.sort(history.customer[row] * max(1, len(values)) + theirs),
    )


def _count(among: Integers, key: Integers) -> Integers:
    """How often each key is among some, which ascend."""
    return np.searchsorted(among, key, side="right") - np.searchsorted(among, key, side="left")


def _check_most(
    rule: CustomerRule, part: _Bounded, given: Given, rows: Integers, note: Note
) -> None:
    keys, _ = part.keys(given.customer[rows], given.cell(rows))
    key, count = np.unique(keys, return_counts=True)
    who = key // part.groups
    over = np.unique(who[count > np.maximum(0, part.most[who] - _count(part.had, key))])
    asked = f"max {rule.max} for one {rule.by}" if rule.by else f"max {rule.max}"
    note(f"{rule.label}: {len(over):,} customers have more than {asked}", over)


def _check_conflicts(rule: CustomerRule, given: Given, rows: Integers, note: Note) -> Integers:
    """Notes who has two offers in conflict; the pairs of offers, both ways (2, p)."""
    a, b = pairs_of(rule, given.offers)
    pairs = np.unique(np.stack([np.concatenate([a, b]), np.concatenate([b, a])]), axis=1)
    width = len(given.offers)
    offer, customer = given.offer[rows], given.customer[rows]
    history = given.history([])
    known = history.offer >= 0
    has = customer * width + offer
    had = history.customer[known] * width + history.offer[known]
    first = np.searchsorted(pairs[0], offer, side="left")
    count = np.searchsorted(pairs[0], offer, side="right") - first
    which = np.repeat(np.arange(len(rows)), count)
    within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    other = pairs[1][np.repeat(first, count) + within]
    theirs = customer[which] * width + other
    both = np.isin(theirs, has) & (other != offer[which])
    note(f"{rule.label}: {len(np.unique(customer[which[both]])):,} customers have two offers in conflict",
         np.unique(customer[which[both]]))  # fmt: skip
    again = np.unique(customer[which[np.isin(theirs, had)]])
    note(
        f"{rule.label}: {len(again):,} customers have an offer in conflict with their history",
        again,
    )
    return pairs


def _short(bounded: list[tuple[CustomerRule, _Bounded]], given: Given, rows: Integers) -> Mask:
    """Customers who have fewer than a rule's min, in any of its groups, history included (n)."""
    n = len(given.customer_ids)
    short = np.zeros(n, bool)
    for rule, part in bounded:
        if rule.min is None:
            continue
        keys, _ = part.keys(given.customer[rows], given.cell(rows))
        key, count = np.unique(np.concatenate([keys, part.had]), return_counts=True)
        who = key // part.groups
        enough = np.bincount(who[count >= part.least[who]], minlength=n)
        groups = len(np.unique(part.group[given.seen[part.cell]])) if _by_role(rule) else (
            len(np.unique(part.group)))  # fmt: skip
        short |= (part.least > 0) & (enough < groups)
    return short


def _by_role(rule: CustomerRule) -> bool:
    return rule.by == "role" or "role" in rule.where


def _lists(rules: list[CustomerRule], given: Given) -> bool:
    """Whether a rule is by a column of lists."""
    return any(
        len(np.unique(cell)) < len(cell)
        for rule in rules
        if rule.by is not None
        for cell in [given.groups(rule.by, rule.where, rule.label)[0]]
    )


def _too_few(
    bounded: list[tuple[CustomerRule, _Bounded]], given: Given, rows: Integers, short: Mask
) -> Integers:
    """Customers below a min about all coupons who could have more."""
    groups = [
        Group(group_of_cell(given, rule), part.most)
        for rule, part in bounded
        if rule.by or rule.where
    ]
    most = np.full(len(short), np.inf)
    for rule, part in bounded:
        if not rule.by and not rule.where:
            most = np.minimum(most, part.most)
    count = np.bincount(given.customer[rows], minlength=len(short))
    possible = np.minimum(most_coupons(given, groups, short), most)
    return np.flatnonzero(short & (count < possible))


def _asked(
    bounded: list[tuple[CustomerRule, _Bounded]], apart: list[Integers], given: Given
) -> Asked:
    """Everything that rules ask of sets of each customer's candidates; minimums about all coupons count once."""
    every = np.arange(len(given))
    customer, cell = given.customer, given.cell(every)
    least_of_all = np.zeros(len(given.customer_ids))
    parts = []
    for rule, part in bounded:
        keys, which = part.keys(customer, cell)
        key, place = np.unique(keys, return_inverse=True)
        who = key // part.groups
        held = _count(part.had, key)
        least = np.maximum(0, part.least[who] - held)
        if not rule.by and not rule.where:
            least_of_all[who] = np.maximum(least_of_all[who], least)
            least = np.zeros(len(key))
        most = np.maximum(0, part.most[who] - held)
        parts.append(Asked(every[which], place, who, most, least))
    all_of_them, place = np.unique(customer, return_inverse=True)
    parts.append(
        Asked(
            every, place, all_of_them, np.full(len(all_of_them), np.inf), least_of_all[all_of_them]
        )
    )
    parts += [_asked_apart(pairs, given) for pairs in apart]
    return joined(parts)


def _asked_apart(pairs: Integers, given: Given) -> Asked:
    """Pairs of a customer's candidates in conflict, and candidates in conflict with what the customer has had."""
    width = len(given.offers)
    history = given.history([])
    known = history.offer >= 0
    had = history.customer[known] * width + history.offer[known]
    first = np.searchsorted(pairs[0], given.offer, side="left")
    count = np.searchsorted(pairs[0], given.offer, side="right") - first
    which = np.repeat(np.arange(len(given)), count)
    within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    other = pairs[1][np.repeat(first, count) + within]
    again = np.unique(which[np.isin(given.customer[which] * width + other, had)])
    row = given.rows(given.customer[which], other)
    two = (row >= 0) & (which < row)
    a, b = which[two], row[two]
    sets = np.arange(len(a))
    barred = len(a) + np.arange(len(again))
    return Asked(
        np.concatenate([a, b, again]),
        np.concatenate([sets, sets, barred]),
        np.concatenate([given.customer[a], given.customer[again]]),
        np.concatenate([np.ones(len(a)), np.zeros(len(again))]),
        np.zeros(len(a) + len(again)),
    )


def group_of_cell(given: Given, rule: CustomerRule) -> Integers:
    """Group of each cell under a rule (cells), -1 where the rule is not about it."""
    code = np.full(len(given.cells), -1)
    cell, group, _ = given.groups(rule.by, rule.where, rule.label)
    if len(np.unique(cell)) < len(cell):
        raise Unsupported(f"{rule.label}: expected groups that each offer is in one of at most")
    code[cell] = group
    return code
