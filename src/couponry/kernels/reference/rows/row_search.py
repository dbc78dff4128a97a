"""A customer's best choice where it has rows beside its cardinality constraints: an exact branch and bound.

Rows left aside, the greedy choice under the laminar family bounds what a branch is worth, as in `branch` of
constraint_search. Where that choice breaks a row or a constraint that crosses, a candidate that bears on it is taken,
and then left out. What is left out leaves out with it what would be no better in its place, and rows close candidates
that they leave no room for.

A search that is cut off goes on through what it has left open, to bound it.
"""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ...row_layout import NO_BOUND
from ..search_bounds import (
    NOTHING,
    Node,
    SearchInput,
    SearchState,
    comes_first,
    count,
    count_both,
    enter,
    find_disjoint,
    least_shortfall,
    leave,
    most_worth,
    too_full,
    walk,
)
from .customer_rows import SearchRows, broken_row, candidate_to_decide, close_rows
from .row_prices import RowPrices, find_prices, no_prices, priced_bound

SHORT, WORTH, MOST = 0, 1, 2
"""What a search keeps of the best choice so far: its shortfall (-1: there is none) and worth; what is left open."""

PATIENCE = 24
"""Nodes after which rows are given prices, which takes as long as some tens of nodes."""


def search_rows(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    start: Node,
    mine: Sums,
    nodes: int,
    best: Sums,
) -> tuple[int, int, int]:
    """The best choice (`best`, OUT) under rows and constraints: its shortfall, its worth, and what none is above.

    start: what is free, how many are given in any case, and their worth. mine (IN/OUT, left as found): which ones.
    The shortfall is -1 where no choice was found; no choice is possible then where none is above NOTHING, either.

    A search that does not end soon begins anew, with what it has found, and bounded by prices on linear rows. Where it
    is cut off, more than the best choice's worth is said, to tell it apart from one that came to its end.
    """
    find_disjoint(search, state.disjoint)
    found = np.array([-1, NOTHING, NOTHING])
    soon = min(nodes, PATIENCE)
    if explore_rows(search, state, rows, start, mine, soon, no_prices(), found, best) < 0:
        broken = mine.copy()
        walk(search, state, start.free, start.given, search.lower, broken)
        prices = find_prices(search, state, rows, start.free, start.given, mine, broken)
        found[MOST] = NOTHING
        left = explore_rows(search, state, rows, start, mine, nodes - soon, prices, found, best)
        if left < 0 and found[SHORT] >= 0:
            found[MOST] = max(found[MOST], found[WORTH] + 1)
    return found[SHORT], found[WORTH], max(found[WORTH], found[MOST])


def explore_rows(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    start: Node,
    mine: Sums,
    nodes: int,
    prices: RowPrices,
    found: Sums,
    best: Sums,
) -> int:
    """Go through the branches of a search; how many nodes are left, below 0: it was cut off.

    found, best (IN/OUT): the best choice so far. State and mine are left as found.
    """
    n = len(search.value)
    free, given, total = start.free.copy(), start.given, start.worth
    taken = np.zeros(n, np.int64)
    before = np.zeros((n + 1, n), np.int64)
    depth = 0
    while True:
        nodes -= 1
        t = -1
        if close_rows(rows, mine, free):
            if nodes >= 0:
                node = Node(free, given, total)
                t = next_candidate(search, state, rows, node, mine, prices, found, best)
            else:
                scratch = np.zeros(n, np.int64)
                most = total + walk(search, state, free, given, 0, scratch)
                if len(prices.turn) > 0:
                    most = min(most, priced_bound(search, state, prices, free, given, mine))
                found[MOST] = max(found[MOST], most)
        if t >= 0:
            taken[depth] = t
            before[depth, :] = free
            depth += 1
            given += 1
            total += search.value[t]
            mine[t] = 1
            enter(search, state, free, given, t)
            continue
        if depth == 0:
            break
        depth -= 1
        t = taken[depth]
        given -= 1
        total -= search.value[t]
        mine[t] = 0
        leave(search, state, free, before[depth], t)
        leave_no_better(search, rows, free, t)
    return nodes


def next_candidate(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    node: Node,
    mine: Sums,
    prices: RowPrices,
    found: Sums,
    best: Sums,
) -> int:
    """Which candidate a branch goes on with; -1: nothing better is in it than was found, or just was (IN/OUT)."""
    free, given = node.free, node.given
    picks = mine.copy()
    now = node.worth + walk(search, state, free, given, search.lower, picks)
    least, sure = least_shortfall(search, state, free, given)
    if found[SHORT] >= 0 and least > found[SHORT]:
        return -1
    scratch = np.zeros(len(picks), np.int64)
    bound = node.worth + most_worth(search, state, free, given, least, sure, scratch)
    if least == found[SHORT]:
        if bound < found[WORTH]:
            return -1
        if bound == found[WORTH] and now == bound and not comes_first(picks, best):
            return -1
        if len(prices.turn) > 0 and (
            priced_bound(search, state, prices, free, given, mine) < found[WORTH]
        ):
            return -1
    full = too_full(search, state, picks, mine)
    if full >= 0:
        t = 0
        while not (picks[t] and not mine[t] and search.member[full, t]):
            t += 1
        return t
    row, sign = broken_row(rows, picks)
    if row >= 0:
        return candidate_to_decide(rows, row, sign, picks, mine, free)
    missed = missed_by(search, picks)
    better = found[SHORT] < 0 or missed < found[SHORT]
    if not better and missed == found[SHORT]:
        better = now > found[WORTH] or (now == found[WORTH] and comes_first(picks, best))
    if better:
        found[SHORT], found[WORTH] = missed, now
        best[:] = picks
    if missed > least:
        return candidate_to_add(search, picks, free)
    return any_candidate(picks, mine, free) if bound > now else -1


def missed_by(search: SearchInput, picks: Sums) -> int:
    """What a choice falls short of minimums by; see `shortfall_of`."""
    short = max(0, search.lower - count(picks))
    for s in range(len(search.bound)):
        if search.bound[s, 1] > 0:
            lacks = search.bound[s, 1] - count_both(picks, search.member[s])
            short += max(0, lacks) * search.bound[s, 2]
    return short


def candidate_to_add(search: SearchInput, picks: Sums, free: Sums) -> int:
    """The first free candidate that a minimum which picks fall short of asks for; -1: there is none."""
    for s in range(len(search.bound)):
        if search.bound[s, 1] <= count_both(picks, search.member[s]):
            continue
        for t in range(len(picks)):
            if free[t] and not picks[t] and search.member[s, t]:
                return t
    return -1


def any_candidate(picks: Sums, mine: Sums, free: Sums) -> int:
    """The last pick that may be left out, else the first candidate that may come; -1: there is neither."""
    for t in range(len(picks) - 1, -1, -1):
        if picks[t] and not mine[t]:
            return t
    for t in range(len(picks)):
        if free[t] and not picks[t]:
            return t
    return -1


def leave_no_better(search: SearchInput, rows: SearchRows, free: Sums, t: int) -> None:
    """Take off the free candidates (IN/OUT) those after t that t could take the place of in any choice.

    They count under the same constraints, and rows have no less room for t: a choice with one of them and without t is
    no better than the one with t instead, which comes before it.
    """
    n = len(free)
    alike = np.zeros(n, np.int64)
    for other in range(t + 1, n):
        alike[other] = free[other]
        for s in range(len(search.member)):
            if search.member[s, other] != search.member[s, t]:
                alike[other] = 0
    for r in range(len(rows.head)):
        no_better_under(rows, r, t, alike)
    for other in range(t + 1, n):
        if alike[other]:
            free[other] = 0


def no_better_under(rows: SearchRows, r: int, t: int, alike: Sums) -> None:
    """Unset flags (IN/OUT) of candidates that a row has more room for than for candidate t."""
    inside = np.zeros(len(alike), np.int64)
    has_t, mine = False, 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        inside[rows.place[x]] = 1
        if rows.place[x] == t:
            has_t, mine = True, rows.weight[x]
    for other in range(len(alike)):
        if inside[other] != (1 if has_t else 0):
            alike[other] = 0
    if not has_t:
        return
    low, high = rows.head[r, 1], rows.head[r, 2]
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        theirs = rows.weight[x]
        if rows.head[r, 0]:
            worse = theirs == mine
        else:
            worse = (theirs >= mine or high >= NO_BOUND) and (theirs <= mine or low <= -NO_BOUND)
        if not worse:
            alike[rows.place[x]] = 0
