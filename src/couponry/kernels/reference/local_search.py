"""Local search over single moves: one coupon comes, goes, or takes the place of another of the same customer."""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np

from ..contract import FILL, Amounts, Integer, Items, LimitRows, LocalSearch, Rules, Shard
from .regret import amount
from .rules import fits, of_customer

Changes = tuple[float, float, float, float]
"""What moves change: violation, the sizes of its changes added up, penalty, and the sizes of its changes."""


class Departure(NamedTuple):
    """A candidate that leaves, e = -1: none; whether that may help, whether it may do alone, and what it changes."""

    e: int
    helps: bool
    suffices: bool
    reduced: float
    objective: float
    changes: Changes


def row_weight(rows: LimitRows, exact: Amounts, j: int, e: int) -> float:
    """Weight of candidate e in the j-th listed row of its item."""
    total = rows.coefficient[j, 0]
    for c in range(len(exact)):
        total = total + rows.coefficient[j, 1 + c] * exact[c, e]
    return total


def violation_of(rows: LimitRows, row: int, activity: float) -> float:
    """How far a row's activity is outside its bounds."""
    if activity > rows.upper[row]:
        return activity - rows.upper[row]
    if activity < rows.lower[row]:
        return rows.lower[row] - activity
    return 0.0


def when_leaves(search: LocalSearch, cell: Integer, e: int, shift: Amounts) -> Changes:
    """What candidate e changes by leaving: violation, penalty, and the sum of the sizes of either's changes.

    shift (OUT, float64, (L)): how its rows' activities change.
    """
    rows = search.rows
    violation, moved, penalty, size = 0.0, 0.0, 0.0, 0.0
    for j in range(rows.ptr[cell], rows.ptr[cell + 1]):
        row = rows.row[j]
        w = row_weight(rows, search.exact, j, e)
        before = violation_of(rows, row, search.activity[row])
        shift[row] = -w
        after = violation_of(rows, row, search.activity[row] - w)
        violation = violation + (after - before) * rows.weight[row]
        moved = moved + abs((after - before) * rows.weight[row])
        penalty = penalty + (after - before) * rows.penalty[row]
        size = size + abs((after - before) * rows.penalty[row])
    return violation, moved, penalty, size


def when_comes(
    search: LocalSearch, cell: Integer, e: int, shift: Amounts, changes: Changes
) -> Changes:
    """The same with what candidate e changes by coming, once others have shifted its rows' activities."""
    rows = search.rows
    violation, moved, penalty, size = changes
    for j in range(rows.ptr[cell], rows.ptr[cell + 1]):
        row = rows.row[j]
        w = row_weight(rows, search.exact, j, e)
        at = search.activity[row] + shift[row]
        change = violation_of(rows, row, at + w) - violation_of(rows, row, at)
        violation = violation + change * rows.weight[row]
        moved = moved + abs(change * rows.weight[row])
        penalty = penalty + change * rows.penalty[row]
        size = size + abs(change * rows.penalty[row])
    return violation, moved, penalty, size


def priority_of(mode: int, changes: Changes, gain_reduced: float, gain_objective: float) -> float:
    """Priority of a move; infinite where it is none."""
    violation, moved, penalty, size = changes
    # what rounding makes of changes that cancel is no gain: moves would go round in circles
    if mode == FILL:
        gain = gain_objective - penalty
        least = 1e-12 * abs(gain_objective) + 1e-9 * size
        if violation > 0.0 or gain <= least:
            return np.inf
        return -gain
    if violation >= -1e-12 or violation >= -1e-11 * moved:
        return np.inf
    return max(0.0, -gain_reduced) / -violation


def may_help(
    search: LocalSearch, s: Integer, item: Items, begin: int, end: int
) -> tuple[int, bool]:
    """How many coupons a customer has, and whether one of its candidates coming or going may help."""
    given = 0
    any_helps = False
    for e in range(begin, end):
        given += 1 if search.chosen[e] else 0
        helps = search.item_helps[s, item[e]]
        any_helps = any_helps or (helps & (1 if search.chosen[e] else 2)) != 0
    return given, any_helps


def best_move(
    shard: Shard, rules: Rules, search: LocalSearch, i: int, shift: Amounts
) -> tuple[float, int, int]:
    """The customer's best single move (priority, leaving, into), -1 where nothing leaves or comes.

    REPAIR: least reduced value lost per unit of weighted violation removed; priority is that ratio.
    FILL: largest gain in objective that violates nothing; priority is minus the gain.
    Priority is infinite where there is no such move. `shift` (L, zeros) is scratch and is left as found.
    """
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    s = np.int64(of_customer(shard.segment, i))
    first_cell = s * search.item_helps.shape[1]
    best, best_leaving, best_into = np.inf, -1, -1
    given, any_helps = may_help(search, s, shard.item, begin, end)
    if not any_helps:
        return best, best_leaving, best_into

    for leaving in range(begin - 1, end):  # begin - 1 stands for: nothing leaves
        goes = -1 if leaving == begin - 1 else leaving
        if goes < 0 and given >= of_customer(rules.upper, i):
            continue
        if goes >= 0 and not search.chosen[goes]:
            continue
        may_drop = given > of_customer(rules.lower, i)
        departure = departure_of(search, s, goes, shard.item, may_drop, shift)
        found, into, better = best_entry(shard, rules, search, i, departure, shift, best)
        if better:
            best, best_leaving, best_into = found, goes, into
        if goes >= 0:
            cell = first_cell + np.int64(shard.item[goes])
            for j in range(search.rows.ptr[cell], search.rows.ptr[cell + 1]):
                shift[search.rows.row[j]] = 0.0
    return best, best_leaving, best_into


def departure_of(
    search: LocalSearch, s: Integer, e: int, item: Items, may_drop: bool, shift: Amounts
) -> Departure:
    """What candidate e (-1: none) changes by leaving; shift (OUT): how its rows' activities change."""
    if e < 0:
        return Departure(e, False, False, 0.0, 0.0, (0.0, 0.0, 0.0, 0.0))
    k = np.int64(item[e])
    helps = (search.item_helps[s, k] & 1) != 0
    return Departure(
        e,
        helps,
        helps and may_drop,
        amount(search.reduced, search.exact, s, k, e),
        amount(search.objective, search.exact, s, k, e),
        when_leaves(search, s * search.item_helps.shape[1] + k, e, shift),
    )


def best_entry(
    shard: Shard,
    rules: Rules,
    search: LocalSearch,
    i: int,
    departure: Departure,
    shift: Amounts,
    best: float,
) -> tuple[float, int, bool]:
    """What comes best (-1: nothing) once a candidate has left: priority, candidate, and whether it beats `best`."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    s = np.int64(of_customer(shard.segment, i))
    best_into, better = -1, False
    for into in range(begin - 1, end):  # begin - 1 stands for: nothing comes
        comes = -1 if into == begin - 1 else into
        changes = departure.changes
        gain_reduced = -departure.reduced
        gain_objective = -departure.objective
        if comes < 0:
            if not departure.suffices:
                continue
        else:
            if search.chosen[comes]:
                continue
            k = np.int64(shard.item[comes])
            if not departure.helps and (search.item_helps[s, k] & 2) == 0:
                continue
            gain_reduced = gain_reduced + amount(search.reduced, search.exact, s, k, comes)
            gain_objective = gain_objective + amount(search.objective, search.exact, s, k, comes)
            cell = s * search.item_helps.shape[1] + k
            changes = when_comes(search, cell, comes, shift, changes)
        priority = priority_of(search.mode, changes, gain_reduced, gain_objective)
        if priority >= best:
            continue
        if fits(shard, rules, i, search.chosen, comes, departure.e):
            best, best_into, better = priority, comes, True
    return best, best_into, better


def propose(
    shard: Shard, rules: Rules, search: LocalSearch, start: int, stop: int, priority: Amounts
) -> None:
    """Find the priority of each customer's best move.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    search : LocalSearch
        Nothing of it is changed, so that several threads may share it.
    start, stop : int
        Customers ``start <= i < stop``.
    priority : ndarray of float64, shape (n,)
        IN/OUT: smaller is better, infinite where a customer has no move. Customers whose priority comes in as infinite
        are left alone.
    """
    shift = np.zeros(len(search.activity), np.float64)
    for i in range(start, stop):
        if priority[i] < np.inf:
            priority[i] = best_move(shard, rules, search, i, shift)[0]


def improve(
    shard: Shard, rules: Rules, search: LocalSearch, priority: Amounts, patience: int, looks: int
) -> tuple[int, int]:
    """Move single coupons, the best move of all customers first, until no customer has one.

    Each customer's best move waits in a heap ordered by (priority, customer). A move popped is looked at again, since
    earlier moves changed the activities: when it got worse than the next in the heap it goes back.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    search : LocalSearch
        Its `activity` and `chosen` follow the moves.
    priority : ndarray of float64, shape (n,)
        IN/OUT: from `propose`; infinite for customers to be left alone.
    patience : int
        Stop after so many looks in a row without a move, since what is left then is little.
    looks : int
        Return after so many looks at customers, to be called again with what is left behind, so that the caller can be
        interrupted.

    Returns
    -------
    moves, looks : int
        Moves made, and looks at customers that it took.
    """
    shift = np.zeros(len(search.activity), np.float64)
    heap: list[tuple[float, Any]] = [(0.0, np.int64(0))]
    heap.pop()
    for each in range(len(priority)):
        if priority[each] < np.inf:
            heap.append((priority[each], np.int64(each)))
    heapq.heapify(heap)

    moves = 0
    looked = 0
    idle = 0
    while len(heap) > 0 and idle < patience and looked < looks:
        looked += 1
        idle += 1
        i = heapq.heappop(heap)[1]
        now, leaving, into = best_move(shard, rules, search, i, shift)
        priority[i] = now
        if now == np.inf:
            continue
        if len(heap) > 0 and (now, i) > heap[0]:
            heapq.heappush(heap, (now, i))
            continue
        make_move(shard, search, i, leaving, into)
        moves += 1
        idle = 0
        heapq.heappush(heap, (now, i))
    return moves, looked


def make_move(shard: Shard, search: LocalSearch, i: int, leaving: int, into: int) -> None:
    """Change a customer's choice, and the activities with it."""
    rows = search.rows
    first_cell = np.int64(of_customer(shard.segment, i)) * search.item_helps.shape[1]
    if leaving >= 0:
        search.chosen[leaving] = 0
        cell = first_cell + np.int64(shard.item[leaving])
        for j in range(rows.ptr[cell], rows.ptr[cell + 1]):
            search.activity[rows.row[j]] -= row_weight(rows, search.exact, j, leaving)
    if into >= 0:
        search.chosen[into] = 1
        cell = first_cell + np.int64(shard.item[into])
        for j in range(rows.ptr[cell], rows.ptr[cell + 1]):
            search.activity[rows.row[j]] += row_weight(rows, search.exact, j, into)
