"""The best choice among the few candidates that prices on all of a customer's constraints and rows leave open.

See `multipliers`. A candidate that is left with more than what their bound is above a known choice is in every choice
as good, and one with as much less than nothing in none. The others are the core (Balas and Zemel, 1980): their choices
are gone through, those first that cost most against their sign. A branch is bounded by what its decisions cost, and by
what is paid for room that nobody is left to use, or for more of a minimum than is asked for.

Where no choice is known that keeps everything, all candidates are the core. Where none is found that falls short of
minimums by as little as each by itself has to, the customer is left to the other searches.
"""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..search_bounds import (
    NOTHING,
    Node,
    SearchInput,
    SearchState,
    asks_for_minimums,
    comes_first,
    count_both,
)
from .customer_rows import SearchRows, broken_row, come_to
from .group_charges import Multipliers, given_back
from .multipliers import MOST, bound_at, find_multipliers
from .relaxed import Relaxed, relax

MOST_CANDIDATES, MOST_CONSTRAINTS, MOST_ROWS = 1024, 512, 64
"""What a customer has at most."""


def search_core(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    start: Node,
    fixed: Sums,
    nodes: int,
    best: Sums,
) -> tuple[bool, int, int]:
    """Whether the best choice is found so (`best`, OUT), its worth, and what none is worth more than.

    start: what is free, how many are given in any case (`fixed`), and their worth. nodes: to look at, at most.
    Where it is not found the worth is NOTHING, or that of a choice (`best`) that falls short of minimums by as little
    as any, and what none that falls short by no more is worth more than.
    """
    if not fits_core(search, rows):
        return False, NOTHING, NOTHING
    relaxed = relax(search, state, rows, start, fixed)
    at = find_multipliers(search, rows, relaxed)
    bound = bound_at(rows, relaxed, at)
    if bound == MOST:
        return False, NOTHING, NOTHING
    most = start.worth + bound
    known, worth = guess(search, rows, relaxed, at, False, best)
    if not known:
        known, worth = guess(search, rows, relaxed, at, True, best)
    worth = worth + start.worth if known else NOTHING
    sure = fixed.copy()
    core = np.zeros(len(fixed), np.int64)
    size, total = 0, start.worth
    for t in range(len(fixed)):
        if not relaxed.open[t]:
            continue
        if known and at.left[t] > most - worth:
            sure[t] = 1
            total += search.value[t]
        elif not known or at.left[t] >= worth - most:
            place = size
            while place > 0 and abs(at.left[core[place - 1]]) < abs(at.left[t]):
                core[place] = core[place - 1]
                place -= 1
            core[place] = t
            size += 1
    begin = Node(sure, start.given, total)
    ended, worth = explore_core(
        search, rows, relaxed, at, core[:size], begin, most, worth, nodes, best
    )
    if worth == NOTHING:
        return False, NOTHING, NOTHING
    return ended, worth, worth if ended else max(most, worth + 1)


def fits_core(search: SearchInput, rows: SearchRows) -> bool:
    """Whether there is not too much of anything."""
    fits = len(search.value) <= MOST_CANDIDATES and len(search.bound) <= MOST_CONSTRAINTS
    return fits and len(rows.head) <= MOST_ROWS


def asks_for_nothing(search: SearchInput, rows: SearchRows, given: int) -> bool:
    """Whether there are but caps and linear rows, for which the core is most often small."""
    asks = asks_for_minimums(search.bound) or search.lower > given
    for r in range(len(rows.head)):
        asks = asks or rows.head[r, 0] != 0
    return not asks


def guess(
    search: SearchInput,
    rows: SearchRows,
    relaxed: Relaxed,
    at: Multipliers,
    strict: bool,
    best: Sums,
) -> tuple[bool, int]:
    """A choice that keeps everything (`best`, OUT): whether there is one, and what it adds to the worth.

    What is left with most at the multipliers comes first, and once more for what needed something that came later;
    before all others what minimums ask for. strict: rows are kept by all that comes before, too, and not only in the
    end where it takes more to keep them.
    """
    n = len(best)
    turn = np.argsort(-at.left, kind="mergesort")
    best[:] = relaxed.mine
    worth = 0
    for again in range(4 * n):
        t = turn[again % n]
        if best[t] or not relaxed.open[t]:
            continue
        if again < 2 * n:
            if not is_asked_for(relaxed, best, t):
                continue
        elif search.value[t] < 0:
            continue
        if not has_room(relaxed, best, t):
            continue
        best[t] = 1
        if breaks_row(rows, best, strict):
            best[t] = 0
        else:
            worth += search.value[t]
    return keeps_all(rows, relaxed, best), worth


def breaks_row(rows: SearchRows, chosen: Sums, strict: bool) -> bool:
    """Whether a choice breaks a row, and (not strict) not only as it comes to too little where more adds to it."""
    label = np.zeros(len(chosen), np.int64)
    for r in range(len(rows.head)):
        some, total = come_to(rows, r, chosen, label)
        if some == 0 or rows.head[r, 1] <= total <= rows.head[r, 2]:
            continue
        if strict or total > rows.head[r, 2] or not adds_only(rows, r):
            return True
    return False


def adds_only(rows: SearchRows, r: int) -> bool:
    """Whether no candidate of a row takes anything off it."""
    only = True
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        only = only and (rows.head[r, 0] != 0 or rows.weight[x] >= 0)
    return bool(only)


def is_asked_for(relaxed: Relaxed, chosen: Sums, t: int) -> bool:
    """Whether a minimum that is not met yet asks for a candidate."""
    for s in range(len(relaxed.need)):
        if relaxed.member[s, t] and added_to(relaxed, s, chosen) < relaxed.need[s]:
            return True
    return False


def has_room(relaxed: Relaxed, chosen: Sums, t: int) -> bool:
    """Whether one candidate more keeps all caps."""
    for s in range(len(relaxed.cap)):
        if relaxed.member[s, t] and added_to(relaxed, s, chosen) >= relaxed.cap[s]:
            return False
    return True


def keeps_needs(relaxed: Relaxed, possible: Sums) -> bool:
    """Whether all minimums can be met by what is possible."""
    kept = True
    for s in range(len(relaxed.need)):
        kept = kept and added_to(relaxed, s, possible) >= relaxed.need[s]
    return bool(kept)


def keeps_all(rows: SearchRows, relaxed: Relaxed, chosen: Sums) -> bool:
    """Whether a choice keeps all rows and minimums; caps are kept by whoever chooses."""
    return broken_row(rows, chosen)[0] < 0 and keeps_needs(relaxed, chosen)


def added_to(relaxed: Relaxed, s: int, chosen: Sums) -> int:
    """How much of a constraint is chosen, besides what is given in any case."""
    return count_both(relaxed.member[s], chosen) - count_both(relaxed.member[s], relaxed.mine)


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
                return False, worth
        if comes and depth < size:
            tried[depth] = 0
        else:
            better = total > worth or (total == worth and comes_first(chosen, best))
            if comes and better and keeps_all(rows, relaxed, chosen):
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
            comes = comes and keeps_needs(relaxed, possible)
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
    label = np.zeros(len(chosen), np.int64)
    for r in range(len(rows.head)):
        if rows.head[r, 0]:
            inside = False
            for x in range(rows.ptr[r], rows.ptr[r + 1]):
                inside = inside or rows.place[x] == t
            if not inside:
                continue
            some, least = come_to(rows, r, chosen, label)
            _, most = come_to(rows, r, possible, label)
            binds = some > 0
        else:
            if relaxed.weight[r, t] == 0:
                continue
            binds = relaxed.binds[r] != 0
            for other in range(len(chosen)):
                binds = binds or (chosen[other] != 0 and relaxed.weight[r, other] != 0)
            least, most = reach(relaxed, r, chosen, possible)
        if binds and (least > rows.head[r, 2] or most < rows.head[r, 1]):
            return False
    return True


def unused(
    rows: SearchRows, relaxed: Relaxed, at: Multipliers, chosen: Sums, possible: Sums
) -> int:
    """What is paid at the multipliers for room that nobody is left to use, and for more than is asked for."""
    loss = 0
    for s in range(len(relaxed.cap)):
        if relaxed.owner[s, 0] >= 0:
            continue
        if at.constraint[s] > 0:
            left = relaxed.cap[s] - added_to(relaxed, s, possible)
            loss += max(0, left) * at.constraint[s]
        elif at.constraint[s] < 0:
            beyond = added_to(relaxed, s, chosen) - relaxed.need[s]
            loss -= max(0, beyond) * at.constraint[s]
    for r in range(len(rows.head)):
        if relaxed.side[r] == 0:
            continue
        if rows.head[r, 0]:
            loss += at.row[r] - given_back(rows, relaxed, r, at, chosen, possible)
            continue
        least, most = reach(relaxed, r, chosen, possible)
        if relaxed.side[r] > 0:
            loss += max(0, rows.head[r, 2] - most) * at.row[r]
        else:
            loss += max(0, least - rows.head[r, 1]) * at.row[r]
    return loss
