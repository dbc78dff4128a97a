"""Customer rules: nobody has more coupons than max, nor fewer than min and than they can have."""

from __future__ import annotations

import numpy as np

from ..errors import Unsupported
from ..rules import CustomerRule
from .claims import Claims
from .given import Given
from .reach import Group, most_coupons
from .rounding import Integers


def check_rules(rules: list[CustomerRule], given: Given, rows: Integers, claims: Claims) -> None:
    customers = given.customer_ids
    customer, cell = given.customer[rows], given.cell(rows)
    count = np.bincount(customer, minlength=len(customers))
    least, most = np.zeros(len(customers)), np.full(len(customers), np.inf)
    groups: list[Group] = []

    def note(problem: str, who: Integers) -> None:
        if len(who):
            first = customers[int(who[0])].as_py()
            claims.note(f"{problem}, first {first!r}")

    for rule in rules:
        cap = given.bound(rule.max, np.inf, rule.label)
        if rule.by or rule.where:
            group = Group(group_of_cell(given, rule), cap)
            groups.append(group)
            key, held = np.unique(group.keys(customer, cell), return_counts=True)
            who, number = np.divmod(key, group.width)
            over = np.unique(who[(number > 0) & (held > cap[who])])
        else:
            over = np.flatnonzero(count > cap)
            least = np.maximum(least, given.bound(rule.min, 0.0, rule.label))
            most = np.minimum(most, cap)
        asked = f"max {rule.max} for one {rule.by}" if rule.by else f"max {rule.max}"
        note(f"{rule.label}: {len(over):,} customers have more than {asked}", over)
    short = count < least
    claims.check("customers_below_min", int(short.sum()))
    possible = np.minimum(most_coupons(given, groups, short), most)
    too_few = np.flatnonzero(short & (count < possible))
    names = ", ".join(repr(rule.name) for rule in rules if rule.min is not None)
    fewer = f"{len(too_few):,} customers have fewer coupons than min and than they can have"
    note(f"customer_rule {names}: {fewer}", too_few)


def group_of_cell(given: Given, rule: CustomerRule) -> Integers:
    """Group of each cell under a rule (cells), -1 where the rule is not about it."""
    code = np.full(len(given.cells), -1)
    cell, group, _ = given.groups(rule.by, rule.where, rule.label)
    if len(np.unique(cell)) < len(cell):
        raise Unsupported(f"{rule.label}: by a column of lists ({rule.by!r}) is not supported yet")
    code[cell] = group
    return code
