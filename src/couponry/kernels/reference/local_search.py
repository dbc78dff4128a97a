"""Local search over single moves: one coupon comes, goes, or takes the place of another of the same customer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..contract import FILL, Amounts, Integer, Items, LimitRows, LocalSearch, Moves, Rules, Shard
from .preference import of_customer
from .regret import amount
from .rules import fits

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
    shard: Shard, rules: Rules, search: LocalSearch, moves: Moves, start: int, stop: int
) -> None:
    """Find the best moves of customers who were put aside.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    search : LocalSearch
        Nothing of it is changed, so that several threads may share it.
    moves : Moves
        Its `priority`, `leaving` and `into` are set.
    start, stop : int
        The customers ``aside[start:stop]``.
    """
    shift = np.zeros(len(search.activity), np.float64)
    for at in range(start, stop):
        i = moves.aside[at]
        set_move(moves, i, best_move(shard, rules, search, i, shift))


def set_move(moves: Moves, i: int, move: tuple[float, int, int]) -> None:
    """Keep a customer's best move."""
    moves.priority[i] = move[0]
    moves.leaving[i] = move[1]
    moves.into[i] = move[2]


def make_moves(
    shard: Shard,
    rules: Rules,
    search: LocalSearch,
    moves: Moves,
    looks: int,
    in_rounds: bool,
) -> tuple[int, int, float]:
    """Move single coupons, the best move of all customers first, until no customer has one.

    Customers take turns by (priority, customer). Since earlier moves changed the activities, a move is looked at again
    when its turn comes: it is made if it is not worse now than the next one.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    search : LocalSearch
        Its `activity` and `chosen` follow the moves.
    moves : Moves
        IN/OUT: from `propose`. Customers who were put aside take turns, too, if they have a move.
    looks : int
        Return after so many looks at customers, to be called again with what is left behind.
    in_rounds : bool
        A customer's move is only weighed again, and all who had one are put aside for `propose`, which many threads may
        share. Otherwise the customer's best move is looked for at once, and waits in a heap.

    Returns
    -------
    moves, looks : int
        Moves made, and looks at customers that it took.
    gain : float
        Objective gained by filling.
    """
    shift = np.zeros(len(search.activity), np.float64)
    if in_rounds:
        return make_round(shard, search, moves, looks, shift)
    for at in range(moves.counts[1]):
        if moves.priority[moves.aside[at]] < np.inf:
            push(moves, moves.aside[at])
    moves.counts[1] = 0

    made, looked, gain = 0, 0, 0.0
    while moves.counts[0] > 0 and looked < looks:
        looked += 1
        i = pop(moves)
        set_move(moves, i, best_move(shard, rules, search, i, shift))
        has_one = moves.priority[i] < np.inf
        if has_one and (moves.counts[0] == 0 or is_before(moves, i, moves.waiting[0])):
            make_move(shard, search, i, moves.leaving[i], moves.into[i])
            made += 1
            gain = gain - (moves.priority[i] if search.mode == FILL else 0.0)
        if has_one:
            push(moves, i)
    return made, looked, gain


def make_round(
    shard: Shard, search: LocalSearch, moves: Moves, looks: int, shift: Amounts
) -> tuple[int, int, float]:
    """Weigh the best moves in their order, and make those that are still better than the next; see `make_moves`."""
    listed = np.concatenate((moves.aside[: moves.counts[1]], moves.waiting[: moves.counts[0]]))
    listed = listed[moves.priority[listed] < np.inf]
    moves.aside[: len(listed)] = listed
    moves.counts[0], moves.counts[1] = 0, len(listed)
    order = np.sort(listed)
    order = order[np.argsort(moves.priority[order], kind="mergesort")]

    made, gain = 0, 0.0
    looked = min(looks, len(order))
    for at in range(looked):
        i = order[at]
        moves.priority[i] = worth_now(shard, search, i, moves.leaving[i], moves.into[i], shift)
        if moves.priority[i] == np.inf:
            continue
        if at + 1 == len(order) or is_before(moves, i, order[at + 1]):
            make_move(shard, search, i, moves.leaving[i], moves.into[i])
            made += 1
            gain = gain - (moves.priority[i] if search.mode == FILL else 0.0)
    return made, looked, gain


def is_before(moves: Moves, a: int, b: int) -> bool:
    """Whether customer a's move comes before customer b's."""
    if moves.priority[a] != moves.priority[b]:
        return bool(moves.priority[a] < moves.priority[b])
    return a < b


def push(moves: Moves, customer: int) -> None:
    """Let a customer wait."""
    at = moves.counts[0]
    moves.counts[0] += 1
    while at > 0 and is_before(moves, customer, moves.waiting[(at - 1) // 2]):
        moves.waiting[at] = moves.waiting[(at - 1) // 2]
        at = (at - 1) // 2
    moves.waiting[at] = customer


def pop(moves: Moves) -> int:
    """Take the customer with the best move out of those that wait."""
    moves.counts[0] -= 1
    count = moves.counts[0]
    least = moves.waiting[0]
    last = moves.waiting[count]
    at = 0
    while 2 * at + 1 < count:
        child = 2 * at + 1
        if child + 1 < count and is_before(moves, moves.waiting[child + 1], moves.waiting[child]):
            child += 1
        if not is_before(moves, moves.waiting[child], last):
            break
        moves.waiting[at] = moves.waiting[child]
        at = child
    if count > 0:
        moves.waiting[at] = last
    return int(least)


def worth_now(
    shard: Shard, search: LocalSearch, i: int, leaving: int, into: int, shift: Amounts
) -> float:
    """Priority of a customer's move at the present activities. `shift` (L, zeros) is left as found."""
    s = np.int64(of_customer(shard.segment, i))
    first_cell = s * search.item_helps.shape[1]
    departure = departure_of(search, s, leaving, shard.item, True, shift)
    changes = departure.changes
    gain_reduced = -departure.reduced
    gain_objective = -departure.objective
    if into >= 0:
        k = np.int64(shard.item[into])
        gain_reduced = gain_reduced + amount(search.reduced, search.exact, s, k, into)
        gain_objective = gain_objective + amount(search.objective, search.exact, s, k, into)
        changes = when_comes(search, first_cell + k, into, shift, changes)
    if leaving >= 0:
        cell = first_cell + np.int64(shard.item[leaving])
        for j in range(search.rows.ptr[cell], search.rows.ptr[cell + 1]):
            shift[search.rows.row[j]] = 0.0
    return priority_of(search.mode, changes, gain_reduced, gain_objective)


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
