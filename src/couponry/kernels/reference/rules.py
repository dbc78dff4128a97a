"""What a customer's rules say about one coupon more, or one instead of another."""

from __future__ import annotations

import numpy as np

from ..contract import Flags, Rules, Shard
from ..set_layout import bounds_of, contains, count_constraints, has_constraints
from .preference import of_row
from .rows.customer_rows import rows_allow


def fits(shard: Shard, rules: Rules, i: int, chosen: Flags, into: int, leaving: int) -> bool:
    """Whether a customer's choice still keeps the rules once `leaving` is gone and `into` has come (-1: none)."""
    if has_constraints(rules, i):
        return may_change(rules, i, chosen, shard.indptr[i], shard.indptr[i + 1], into, leaving)
    if into < 0:
        return True
    k = np.int64(shard.item[into])
    for rule in range(len(rules.group)):
        g = rules.group[rule, k]
        if g < 0 or (leaving >= 0 and rules.group[rule, shard.item[leaving]] == g):
            continue
        count = 0
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            if chosen[e] and rules.group[rule, shard.item[e]] == g:
                count += 1
        if count >= of_row(rules.cap, rule, i):
            return False
    return True


def rows_stay(shard: Shard, rules: Rules, i: int, chosen: Flags, into: int, leaving: int) -> bool:
    """Whether a customer's rows, if it has any, hold once `into` has come and `leaving` is gone."""
    if not has_constraints(rules, i):
        return True
    return rows_allow(rules, i, chosen, shard.indptr[i], into, leaving)


def may_change(
    rules: Rules, i: int, chosen: Flags, begin: int, end: int, into: int, leaving: int
) -> bool:
    """Whether candidate `into` may come and `leaving` go (-1: none) without breaking a cap or row or falling shorter.

    chosen: by position in the shard, of which the customer's candidates are begin <= e < end.
    """
    n = end - begin
    change = 0
    for s in range(count_constraints(rules, i, n)):
        comes = 0 if into < 0 else contains(rules, i, n, s, into - begin)
        goes = 0 if leaving < 0 else contains(rules, i, n, s, leaving - begin)
        if comes == goes:
            continue
        cap, least, weight, _ = bounds_of(rules, i, n, s)
        held = 0
        for e in range(begin, end):
            if chosen[e] and contains(rules, i, n, s, e - begin):
                held += 1
        if comes and held >= cap:
            return False
        if comes and held < least:
            change -= weight
        if goes and held <= least:
            change += weight
    return change <= 0 and rows_allow(rules, i, chosen, begin, into, leaving)
