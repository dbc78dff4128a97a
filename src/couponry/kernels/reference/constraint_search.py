"""A customer's best choice under cardinality constraints that overlap, conflict or ask for minimums: an exact search.

Among the choices that keep every cap the best one falls least short of minimums, each coupon missing by its weight;
among those it is worth most; among those it is the first in the order of choice, taking before leaving. Values are
whole numbers here, so that sums are exact.

Under the caps of a laminar family the greedy choice is the best (they are a matroid). It bounds what any choice is
worth, and ends the search where it keeps the other constraints as well. Where it does not, constraints that are
intervals are chosen under as a flow (`search_intervals`). Where these are not all, multipliers leave few
candidates open, whose choices are gone through (`search_core`). Where that is not enough, or constraints ask for
minimums, those that are two nested families are chosen under as a flow, too (`search_families`). Where they are more
than that, candidates of constraints that are too full are taken or left out (`branch`). Where constraints ask for
minimums the search goes depth first in the order of choice (`explore`); its shortfall is bounded by what each
constraint has left, and by slots that disjoint constraints compete for.
"""

from __future__ import annotations

import numpy as np

from ..contract import Rules, Sums
from ..set_layout import bounds_of, contains, count_constraints
from .families.choose_families import search_families
from .intervals.choose_intervals import search_intervals
from .rows.core_search import search_core
from .rows.customer_rows import SearchRows, broken_row
from .rows.row_search import missed_by, search_rows
from .search_bounds import (
    NOTHING,
    Node,
    SearchInput,
    SearchState,
    asks_for_minimums,
    close_full,
    comes_first,
    count,
    count_both,
    enter,
    find_disjoint,
    least_shortfall,
    leave,
    most_worth,
    shortfall_of,
    take,
    too_full,
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
    possible, worth = search_core(search, state, rows, start, fixed, nodes, found)
    if possible:
        return found, 0, worth, worth
    possible, worth = search_families(search, state, rows, start, fixed, found)
    if possible:
        return found, missed_by(search, found), worth, worth
    found[:] = fixed
    if len(rows.head) > 0:
        return under_rows(search, state, rows, start, fixed, nodes)
    if asks_for_minimums(bound):
        short, worth, nodes = search_minimums(search, state, start, fixed, found, nodes)
    else:
        short, worth, nodes = search_caps(search, state, start, fixed, found, nodes)
    if nodes < 0:
        _, sure = least_shortfall(search, state, free, given)
        most = total + most_worth(search, state, free, given, short, sure, picks)
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


def search_caps(
    search: SearchInput, state: SearchState, start: Node, fixed: Sums, found: Sums, nodes: int
) -> tuple[int, int, int]:
    """The best choice where no constraint asks for a minimum, by `branch`; see `search_minimums`."""
    some = np.zeros(len(found), np.int64)
    short, worth, nodes = branch(search, state, start, nodes, some)
    if short < 0:  # cut off at once
        worth, given = complete(search, state, start, fixed, found, start.worth)
        return max(0, search.lower - given), worth, nodes
    for t in range(len(found)):
        found[t] |= some[t]
    return short, worth, nodes


def search_minimums(
    search: SearchInput, state: SearchState, start: Node, fixed: Sums, found: Sums, nodes: int
) -> tuple[int, int, int]:
    """The best choice where constraints ask for minimums, by `explore`: least shortfall first, then the worth.

    start.free and fixed (IN): candidates to choose from, and what is chosen in any case. found (IN/OUT): the choice.
    Returns what it falls short by, its worth, and how many nodes are left (-1: cut off).
    """
    value, member, n = search.value, search.member, len(found)
    gain = np.zeros(n, np.int64)
    for s in range(len(member)):
        if search.bound[s, 1] > 0:
            for t in range(n):
                gain[t] += search.bound[s, 2] * member[s, t]
    turn = np.argsort(-gain, kind="mergesort")  # what helps most first
    helps = start.free[turn].copy()
    if search.lower == 0:
        for t in range(n):
            if gain[turn[t]] == 0:
                helps[t] = 0
    some = np.zeros(n, np.int64)
    turned = SearchInput(
        value[turn].copy(), search.bound, member[:, turn].copy(), search.lower, search.upper
    )
    by_gain = Node(helps, start.given, start.worth)
    goal, worth, nodes = explore(turned, state, by_gain, -1, NOTHING, nodes, some)
    for t in range(n):
        if some[t]:
            found[turn[t]] = 1
    worth, _ = complete(search, state, start, fixed, found, worth)
    if nodes < 0:
        return goal, worth, nodes
    left_free = start.free.copy()
    for t in range(n):  # what nobody asks for and is worth nothing
        if value[t] < 0 and gain[t] == 0 and search.lower == 0:
            left_free[t] = 0
    some = np.zeros(n, np.int64)
    by_worth = Node(left_free, start.given, start.worth)
    short, reached, nodes = explore(search, state, by_worth, goal, worth, nodes, some)
    if short >= 0:
        worth = reached
        for t in range(n):
            found[t] = fixed[t] | some[t]
    return goal, worth, nodes


def explore(
    search: SearchInput,
    state: SearchState,
    start: Node,
    goal: int,
    least_worth: int,
    nodes: int,
    best: Sums,
) -> tuple[int, int, int]:
    """Depth first search; the best choice is added to `best` (OUT). State is left as found; start.free is used up.

    goal: what the choice may fall short by, no less and no more; -1: the search is for the least shortfall, whatever it
    is worth. least_worth: what the choice must be worth. nodes: to look at, at most.
    Returns what the best choice falls short by (-1: none was found), its worth, and how many nodes are left (-1: cut
    off).
    """
    n = len(search.value)
    find_disjoint(search, state.disjoint)
    free, given, total = start.free, start.given, start.worth
    taken = np.zeros(n, np.int64)
    before = np.zeros((n + 1, n), np.int64)
    picks = np.zeros(n, np.int64)
    depth = 0
    short, worth = -1, least_worth - 1
    fresh = True  # something was taken since the last look
    while True:
        nodes -= 1
        if nodes < 0:
            break
        if fresh:
            now = shortfall_of(search, state, given)
            if (now == goal and total > worth) if goal >= 0 else (short < 0 or now < short):
                short, worth = now, total
                record(taken, depth, best)
        least, sure = least_shortfall(search, state, free, given)
        hopeless = least > goal if goal >= 0 else least >= short
        if goal >= 0 and not hopeless:
            hopeless = total + most_worth(search, state, free, given, goal, sure, picks) <= worth
        t = first_set(free)
        if not hopeless and t < n:
            taken[depth] = t
            before[depth, :] = free
            depth += 1
            given += 1
            total += search.value[t]
            enter(search, state, free, given, t)
            fresh = True
            continue
        if depth == 0:
            break
        depth -= 1
        t = taken[depth]
        given -= 1
        total -= search.value[t]
        leave(search, state, free, before[depth], t)
        fresh = False
    while depth > 0:
        depth -= 1
        take(search, state, taken[depth], -1)
    return short, worth, nodes


def record(taken: Sums, depth: int, best: Sums) -> None:
    """Flag the first `depth` candidates taken, and no others."""
    best[:] = 0
    for d in range(depth):
        best[taken[d]] = 1


def first_set(flag: Sums) -> int:
    """Where the first flag is set; past the last where none is."""
    t = 0
    while t < len(flag) and not flag[t]:
        t += 1
    return t


def branch(
    search: SearchInput, state: SearchState, start: Node, nodes: int, best: Sums
) -> tuple[int, int, int]:
    """The best choice where no constraint asks for a minimum; as `explore`, but choices are tried in another order.

    The greedy choice under the laminar family bounds each branch. Where it keeps the constraints that cross as well it
    is the best of the branch; where not, a candidate of a constraint that is too full is taken, and then left out.
    """
    n = len(search.value)
    free, given, total = start.free.copy(), start.given, start.worth
    taken = np.zeros(n, np.int64)
    before = np.zeros((n + 1, n), np.int64)
    mine = np.zeros(n, np.int64)
    depth = 0
    short, worth = -1, total
    while True:
        nodes -= 1
        if nodes < 0:
            break
        picks = mine.copy()
        now = total + walk(search, state, free, given, search.lower, picks)
        lacks = max(0, search.lower - given - count(picks) + count(mine))
        better = short < 0 or lacks < short
        if not better and lacks == short:
            better = now > worth or (now == worth and comes_first(picks, best))
        full = too_full(search, state, picks, mine) if better else -1
        if better and full < 0:
            short, worth = lacks, now
            best[:] = picks
        if full >= 0:
            t = 0
            while not (picks[t] and not mine[t] and search.member[full, t]):
                t += 1
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
    while depth > 0:
        depth -= 1
        take(search, state, taken[depth], -1)
    return short, worth, nodes


def complete(
    search: SearchInput, state: SearchState, start: Node, fixed: Sums, found: Sums, worth: int
) -> tuple[int, int]:
    """Add to a choice, worth so much, what is worth something and fits; its worth then, and how many it has."""
    value, member = search.value, search.member
    given = start.given
    left = state.residual.copy()
    for t in range(len(value)):
        if found[t] and not fixed[t]:
            given += 1
            for s in range(len(left)):
                left[s] -= member[s, t]
    for t in range(len(value)):
        fits = start.free[t] != 0 and not found[t] and value[t] > 0 and given < search.upper
        for s in range(len(left)):
            if member[s, t] and left[s] <= 0:
                fits = False
        if fits:
            found[t] = 1
            given += 1
            worth += value[t]
            for s in range(len(left)):
                left[s] -= member[s, t]
    return worth, given
