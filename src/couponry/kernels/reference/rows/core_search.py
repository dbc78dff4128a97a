"""The best choice among the few candidates that prices on all of a customer's constraints and rows leave open.

See `multipliers`. A candidate that is left with more than what their bound is above a known choice is in every choice
as good, and one with as much less than nothing in none. The others are the core (Balas and Zemel, 1980): their choices
are gone through, those first that cost most against their sign. A branch is bounded by what its decisions cost, and by
what is paid for room that nobody is left to use.

Customers of more than 64 candidates, minimums and rows that count groups are left to the other searches.
"""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..search_bounds import Node, SearchInput, SearchState, comes_first
from .customer_rows import SearchRows, broken_row
from .multipliers import Multipliers, Relaxed, bound_at, find_multipliers, relax

MOST_CANDIDATES, MOST_CONSTRAINTS, MOST_ROWS = 64, 64, 16
"""What a customer has at most: words of 64 bits tell all of it."""


def search_core(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    start: Node,
    fixed: Sums,
    nodes: int,
    best: Sums,
) -> tuple[bool, int]:
    """Whether the best choice is found so (`best`, OUT), and its worth.

    start: what is free, how many are given in any case (`fixed`), and their worth. nodes: to look at, at most.
    """
    if not can_be_priced(search, rows, start.given):
        return False, 0
    relaxed = relax(search, state, rows, start, fixed)
    at = find_multipliers(search, rows, relaxed)
    most = start.worth + bound_at(rows, relaxed, at)
    kept, worth = guess(search, rows, relaxed, at, best)
    if not kept:
        return False, 0
    worth += start.worth
    sure = fixed.copy()
    core = np.zeros(len(fixed), np.int64)
    size, total = 0, start.worth
    for t in range(len(fixed)):
        if not relaxed.open[t]:
            continue
        if at.left[t] > most - worth:
            sure[t] = 1
            total += search.value[t]
        elif at.left[t] >= worth - most:
            place = size
            while place > 0 and abs(at.left[core[place - 1]]) < abs(at.left[t]):
                core[place] = core[place - 1]
                place -= 1
            core[place] = t
            size += 1
    begin = Node(sure, start.given, total)
    return explore_core(search, rows, relaxed, at, core[:size], begin, most, worth, nodes, best)


def can_be_priced(search: SearchInput, rows: SearchRows, given: int) -> bool:
    """Whether nothing is asked for but caps and linear rows, and there is not too much of it."""
    n, constraints = len(search.value), len(search.bound)
    possible = n <= MOST_CANDIDATES and constraints <= MOST_CONSTRAINTS
    possible = possible and len(rows.head) <= MOST_ROWS and search.lower <= given
    for s in range(constraints):
        possible = possible and search.bound[s, 1] <= 0
    for r in range(len(rows.head)):
        possible = possible and rows.head[r, 0] == 0
    return bool(possible)


def guess(
    search: SearchInput, rows: SearchRows, relaxed: Relaxed, at: Multipliers, best: Sums
) -> tuple[bool, int]:
    """A choice that keeps everything (`best`, OUT): whether there is one, and what it adds to the worth.

    What is left with most at the multipliers comes first, and once more for what needed something that came later.
    """
    n = len(best)
    turn = np.argsort(-at.left, kind="mergesort")
    best[:] = relaxed.mine
    worth = 0
    for again in range(2 * n):
        t = turn[again % n]
        if best[t] or not relaxed.open[t] or search.value[t] < 0:
            continue
        if not has_room(relaxed, best, t):
            continue
        best[t] = 1
        if broken_row(rows, best)[0] >= 0:
            best[t] = 0
        else:
            worth += search.value[t]
    return broken_row(rows, best)[0] < 0, worth


def has_room(relaxed: Relaxed, chosen: Sums, t: int) -> bool:
    """Whether one candidate more keeps all caps."""
    for s in range(len(relaxed.cap)):
        if not relaxed.member[s, t]:
            continue
        held = 0
        for other in range(len(chosen)):
            if relaxed.member[s, other] and chosen[other] and not relaxed.mine[other]:
                held += 1
        if held >= relaxed.cap[s]:
            return False
    return True


def explore_core(
    search: SearchInput,
    rows: SearchRows,
    relaxed: Relaxed,
    at: Multipliers,
    core: Sums,
    start: Node,
    most: int,
    worth: int,
    nodes: int,
    best: Sums,
) -> tuple[bool, int]:
    """Go through the choices of core candidates; `best` (IN/OUT) is worth `worth`. False: there are too many.

    start.free: flags of what is in every better choice, and given in any case.
    """
    size = len(core)
    chosen, total, lost, depth = start.free.copy(), start.worth, 0, 0
    possible = chosen.copy()
    possible[core] = 1
    tried = np.zeros(size + 1, np.int64)
    comes = True  # to a candidate, and does not go back
    while True:
        if comes:
            nodes -= 1
            if nodes < 0:
                return False, 0
        if comes and depth < size:
            tried[depth] = 0
        else:
            better = total > worth or (total == worth and comes_first(chosen, best))
            if comes and better and broken_row(rows, chosen)[0] < 0:
                worth = total
                best[:] = chosen
            if depth == 0:
                return True, worth
            depth -= 1
            t = core[depth]
            lost -= loss_of(at, t, chosen[t])
            total -= search.value[t] * chosen[t]
            chosen[t], possible[t] = 0, 1
        t = core[depth]
        comes = False
        while not comes and tried[depth] < 2:
            takes = 1 if (at.left[t] > 0) == (tried[depth] == 0) else 0  # what costs nothing first
            tried[depth] += 1
            bound = most - lost - loss_of(at, t, takes)
            if bound < worth or (takes and not has_room(relaxed, chosen, t)):
                continue
            chosen[t], possible[t] = takes, takes
            comes = can_keep_rows(rows, relaxed, t, chosen, possible)
            comes = comes and bound - unused(rows, relaxed, at, chosen, possible) >= worth
            if comes:
                lost += loss_of(at, t, takes)
                total += search.value[t] * takes
                depth += 1
            else:
                chosen[t], possible[t] = 0, 1


def loss_of(at: Multipliers, t: int, taken: int) -> int:
    """What it costs to take a candidate, or to leave it, of the bound at the multipliers."""
    return max(0, -at.left[t]) if taken else max(0, at.left[t])


def reach(relaxed: Relaxed, r: int, chosen: Sums, possible: Sums) -> tuple[int, int]:
    """The least and the most that a row may still come to."""
    least, most = 0, 0
    for t in range(len(chosen)):
        w = relaxed.weight[r, t]
        if chosen[t] or (possible[t] and w < 0):
            least += w
        if chosen[t] or (possible[t] and w > 0):
            most += w
    return least, most


def can_keep_rows(rows: SearchRows, relaxed: Relaxed, t: int, chosen: Sums, possible: Sums) -> bool:
    """Whether what is still possible may keep the rows that candidate t, just decided, is in."""
    for r in range(len(rows.head)):
        if relaxed.weight[r, t] == 0:
            continue
        some = relaxed.binds[r] != 0
        for other in range(len(chosen)):
            some = some or (chosen[other] != 0 and relaxed.weight[r, other] != 0)
        least, most = reach(relaxed, r, chosen, possible)
        if some and (least > rows.head[r, 2] or most < rows.head[r, 1]):
            return False
    return True


def unused(
    rows: SearchRows, relaxed: Relaxed, at: Multipliers, chosen: Sums, possible: Sums
) -> int:
    """What is paid at the multipliers for room that nobody is left to use."""
    loss = 0
    for s in range(len(relaxed.cap)):
        if at.constraint[s] == 0:
            continue
        left = relaxed.cap[s]
        for t in range(len(possible)):
            if relaxed.member[s, t] and relaxed.open[t] and possible[t]:
                left -= 1
        loss += max(0, left) * at.constraint[s]
    for r in range(len(rows.head)):
        least, most = reach(relaxed, r, chosen, possible)
        if relaxed.side[r] > 0:
            loss += max(0, rows.head[r, 2] - most) * at.row[r]
        elif relaxed.side[r] < 0:
            loss += max(0, least - rows.head[r, 1]) * at.row[r]
    return loss
