"""The best choice where constraints ask for minimums: depth first in the order of choice.

Its shortfall is bounded by what each constraint has left, and by slots that disjoint constraints compete for.
"""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..search_bounds import (
    NOTHING,
    Node,
    SearchInput,
    SearchState,
    enter,
    find_disjoint,
    least_shortfall,
    leave,
    most_worth,
    shortfall_of,
    take,
)
from .search_caps import complete


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
