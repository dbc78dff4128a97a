"""The best choice where constraints have caps alone: candidates of those that are too full are taken or left out."""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..search_bounds import (
    Node,
    SearchInput,
    SearchState,
    comes_first,
    count,
    enter,
    leave,
    take,
    too_full,
    walk,
)


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
