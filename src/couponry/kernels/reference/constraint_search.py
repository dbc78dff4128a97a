"""A customer's best choice under cardinality constraints that overlap, conflict or ask for minimums: an exact search.

Among the choices that keep every cap the best one falls least short of minimums, each coupon missing by its weight;
among those it is worth most; among those it is the first in the order of choice, taking before leaving. Values are
whole numbers here, so that sums are exact.

Under the caps of a laminar family the greedy choice is the best (they are a matroid). It bounds what any choice is
worth, and ends the search where it keeps the other constraints as well. Where it does not, constraints that are
intervals are chosen under as a flow (`search_intervals`), and those that are two nested families as another, minimums
included (`search_families`). Where they are neither, or rows bind as well, multipliers leave few candidates open, whose
choices are gone through (`search_core`): before families are looked for where nothing asks for minimums, as so few are
left open then. Where even these are too many, branches of all candidates are (`search_all`), and the better of both
choices is taken, under the lower of both bounds.
"""

from __future__ import annotations

import numpy as np

from ..contract import Rules, Sums
from ..set_layout import bounds_of, contains, count_constraints
from .branches.search_caps import search_caps
from .branches.search_minimums import search_minimums
from .families.choose_families import search_families
from .intervals.choose_intervals import search_intervals
from .rows.core_search import asks_for_nothing, search_core
from .rows.customer_rows import SearchRows, broken_row
from .rows.row_search import missed_by, search_rows
from .search_bounds import (
    NOTHING,
    Node,
    SearchInput,
    SearchState,
    asks_for_minimums,
    close_full,
    count,
    count_both,
    least_shortfall,
    most_worth,
    take,
    walk,
)

FREE, IN, OUT = 0, 1, 2
"""Fixings of candidates: to be decided, given in any case, given in no case."""


def constraints_in_order(rules: Rules, i: int, order: Sums) -> tuple[Sums, Sums]:
    """A customer's constraints, (constraints, 4) bounds and (constraints, n) members, in the order of choice."""
    n = len(order)
    constraints = count_constraints(rules, i, n)
    bound = np.empty((constraints, 4), np.int64)
    member = np.empty((constraints, n), np.int64)
    for s in range(constraints):
        cap, least, weight, crossing = bounds_of(rules, i, n, s)
        bound[s, 0] = cap
        bound[s, 1] = least
        bound[s, 2] = weight
        bound[s, 3] = crossing
        for t in range(n):
            member[s, t] = contains(rules, i, n, s, order[t])
    return bound, member


def search_choice(
    value: Sums,
    fixing: Sums,
    lower: int,
    upper: int,
    bound: Sums,
    member: Sums,
    rows: SearchRows,
    nodes: int,
) -> tuple[Sums, int, int, int]:
    """The best choice of candidates in the order of choice, some of them forced in or out, by a search of all of them.

    value (IN, int64, (n)): from `whole_values`. fixing (IN, int64, (n)): FREE, IN or OUT. bound and member: see
    `SearchInput`. nodes: to look at, at most.
    Returns the choice, int64 (n), what it falls short by (-1: nothing keeps the rules and the fixings), its worth, and
    what no choice is worth more than: the same, and more where the search was cut off.
    """
    n = len(value)
    search = SearchInput(value, bound, member, lower, upper)
    state = SearchState(bound[:, 0].copy(), bound[:, 1].copy(), np.zeros(len(bound), np.int64))
    free = np.zeros(n, np.int64)
    picks = np.zeros(n, np.int64)
    possible, given, total = fix(search, state, fixing, free, picks)
    if not possible:
        return picks, -1, 0, 0
    close_full(search, state, free, given)
    fixed = picks.copy()
    # the best choice under the laminar family, where it happens to keep all other constraints and minimums
    worth = total + walk(search, state, free, given, lower, picks)
    if keeps(search, picks) and broken_row(rows, picks)[0] < 0:
        return picks, max(0, lower - count(picks)), worth, worth

    found = fixed.copy()
    start = Node(free, given, total)
    possible, worth = search_intervals(search, state, rows, start, fixed, found)
    if possible:
        return found, 0, worth, worth
    core_first = asks_for_nothing(search, rows, given)
    core, worth, most = fixed.copy(), NOTHING, NOTHING
    if core_first:
        possible, worth, most = search_core(search, state, rows, start, fixed, nodes, core)
        if possible:
            return core, missed_by(search, core), worth, worth
    possible, of_families = search_families(search, state, rows, start, fixed, found)
    if possible:
        return found, missed_by(search, found), of_families, of_families
    if not core_first:
        possible, worth, most = search_core(search, state, rows, start, fixed, nodes, core)
        if possible:
            return core, missed_by(search, core), worth, worth
    picks, short, reached, above = search_all(search, state, rows, start, fixed, nodes)
    if worth == NOTHING or (short == missed_by(search, core) and above == reached):
        return picks, short, reached, above
    # both were cut off, and no choice falls less short than the core's
    if short > missed_by(search, core):
        return core, missed_by(search, core), worth, most
    above = max(min(above, most), max(worth, reached) + 1)
    if worth > reached:
        return core, short, worth, above
    return picks, short, reached, above


def search_all(
    search: SearchInput, state: SearchState, rows: SearchRows, start: Node, fixed: Sums, nodes: int
) -> tuple[Sums, int, int, int]:
    """`search_choice` by branches of all candidates; fixed: what is given in any case."""
    if len(rows.head) > 0:
        return under_rows(search, state, rows, start, fixed, nodes)
    found = fixed.copy()
    if asks_for_minimums(search.bound):
        short, worth, nodes = search_minimums(search, state, start, fixed, found, nodes)
    else:
        short, worth, nodes = search_caps(search, state, start, fixed, found, nodes)
    if nodes < 0:
        picks = fixed.copy()
        _, sure = least_shortfall(search, state, start.free, start.given)
        most = start.worth + most_worth(search, state, start.free, start.given, short, sure, picks)
        return found, short, worth, max(most, worth + 1)
    return found, short, worth, worth


def under_rows(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    start: Node,
    fixed: Sums,
    nodes: int,
) -> tuple[Sums, int, int, int]:
    """`search_choice` of a customer who has rows; fixed: what is given in any case."""
    picks = fixed.copy()
    short, worth, most = search_rows(search, state, rows, start, fixed, nodes, picks)
    if short < 0 and most == NOTHING:
        return picks, -1, 0, 0
    if short < 0:  # cut off at once: what is given in any case is all that is known
        short, worth = missed_by(search, picks), start.worth
        most = max(most, worth + 1)
    return picks, short, worth, max(most, worth)


def fix(
    search: SearchInput, state: SearchState, fixing: Sums, free: Sums, picks: Sums
) -> tuple[bool, int, int]:
    """Take what is forced in: whether that is possible, how many are given, and their worth.

    free, picks (OUT): zeros before.
    """
    given, total = 0, 0
    for t in range(len(fixing)):
        if fixing[t] == FREE:
            free[t] = 1
        elif fixing[t] == IN:
            for s in range(len(state.residual)):
                if search.member[s, t] and state.residual[s] <= 0:
                    return False, 0, 0
            if given >= search.upper:
                return False, 0, 0
            take(search, state, t, 1)
            picks[t] = 1
            given += 1
            total += search.value[t]
    return True, given, total


def keeps(search: SearchInput, picks: Sums) -> bool:
    """Whether a choice keeps all constraints and falls short of none of their minimums."""
    for s in range(len(search.bound)):
        held = count_both(picks, search.member[s])
        if held > search.bound[s, 0] or held < search.bound[s, 1]:
            return False
    return True
