"""Single moves, listed for the rows whose residual capacity they might use, or add to, in an exchange."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...contract import Amounts, Flags, Integer, LocalSearch, Rules, Shard
from ...exchanges_contract import ListedMoves, OpenRows
from ..local_search import row_weight, violation_of
from ..preference import of_customer
from ..regret import amount
from ..rules import fits

FITS_ALL, FITS_NONE = -1, -2
"""In place of the one row that a move violates: it violates none, or more than one."""


class Move(NamedTuple):
    """A customer's move: what goes and what comes (-1: nothing), and what it gains."""

    customer: int
    segment: Integer
    goes: int
    comes: int
    gain: float


def list_moves(
    shard: Shard,
    rules: Rules,
    search: LocalSearch,
    open_rows: OpenRows,
    start: int,
    stop: int,
    moves: ListedMoves,
) -> int:
    """List single moves for the rows whose residual capacity they might use, or add to, in an exchange.

    A move keeps the customer's rules and all rows but the one that it is listed for, which it may violate, and changes
    no penalty of a soft row. It is listed for a row unless it alone costs more than the row's residual capacity is
    worth: what it loses of the objective beyond what it uses of the row, at the row's price.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    search : LocalSearch
        Nothing of it is changed, so that several threads may share it. Customers none of whose items has a bit in
        `item_helps` are passed over.
    open_rows : OpenRows
    start, stop : int
        Customers ``start <= i < stop``.
    moves : ListedMoves
        OUT: the moves by customer, as far as there is room for them.

    Returns
    -------
    int
        How many there are; more than there is room for: the call has to be made again with more.
    """
    shift = np.zeros(len(search.activity), np.float64)
    leaves = np.zeros(len(search.activity), np.uint8)
    made = 0
    for i in range(start, stop):
        made = moves_of_customer(shard, rules, search, open_rows, i, shift, leaves, moves, made)
    return made


def moves_of_customer(
    shard: Shard,
    rules: Rules,
    search: LocalSearch,
    open_rows: OpenRows,
    i: int,
    shift: Amounts,
    leaves: Flags,
    moves: ListedMoves,
    made: int,
) -> int:
    """List the moves of customer i after the first `made`; returns how many there are then.

    shift, leaves (L, zeros) are scratch and are left as found: change of each row's activity, and whether what leaves
    weighs in it.
    """
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    s = np.int64(of_customer(shard.segment, i))
    given = 0
    is_near = False
    for e in range(begin, end):
        given += 1 if search.chosen[e] else 0
        is_near = is_near or search.item_helps[s, shard.item[e]] != 0
    if not is_near:
        return made
    for leaving in range(begin - 1, end):  # begin - 1 stands for: nothing leaves
        goes = -1 if leaving == begin - 1 else leaving
        if goes < 0 and given >= of_customer(rules.upper, i):
            continue
        if goes >= 0 and not search.chosen[goes]:
            continue
        lost = add_candidate(shard, search, s, goes, -1.0, shift)
        set_rows(shard, search, s, goes, 1, leaves)
        for into in range(begin - 1, end):  # begin - 1 stands for: nothing comes
            comes = -1 if into == begin - 1 else into
            if comes < 0 and (goes < 0 or given <= of_customer(rules.lower, i)):
                continue
            if comes >= 0 and search.chosen[comes]:
                continue
            gain = lost + add_candidate(shard, search, s, comes, 1.0, shift)
            move = Move(i, s, goes, comes, gain)
            violated = violated_row(shard, search, move, shift, leaves)
            if violated != FITS_NONE and fits(shard, rules, i, search.chosen, comes, goes):
                for which in range(2):
                    made = list_for_rows(
                        shard, search, open_rows, move, which, violated, shift, leaves, moves, made
                    )
            take_back(shard, search, s, comes, goes, shift)
        set_rows(shard, search, s, goes, 0, leaves)
        set_rows(shard, search, s, goes, 0.0, shift)
    return made


def cell_of(shard: Shard, search: LocalSearch, s: Integer, e: int) -> int:
    """Cell of candidate e."""
    return np.int64(s) * search.item_helps.shape[1] + np.int64(shard.item[e])


def add_candidate(
    shard: Shard, search: LocalSearch, s: Integer, e: int, sign: float, shift: Amounts
) -> float:
    """Add candidate e (-1: none), times `sign`, to the changes of activities; returns what that gains."""
    if e < 0:
        return 0.0
    rows = search.rows
    cell = cell_of(shard, search, s, e)
    for j in range(rows.ptr[cell], rows.ptr[cell + 1]):
        shift[rows.row[j]] = shift[rows.row[j]] + sign * row_weight(rows, search.exact, j, e)
    return sign * amount(search.objective, search.exact, s, np.int64(shard.item[e]), e)


def take_back(
    shard: Shard, search: LocalSearch, s: Integer, comes: int, goes: int, shift: Amounts
) -> None:
    """Make the changes of activities again what they are where nothing comes, to the bit."""
    set_rows(shard, search, s, comes, 0.0, shift)
    set_rows(shard, search, s, goes, 0.0, shift)
    add_candidate(shard, search, s, goes, -1.0, shift)


def set_rows(
    shard: Shard, search: LocalSearch, s: Integer, e: int, value: float, into: Amounts | Flags
) -> None:
    """Set the entries of the rows of candidate e (-1: none)."""
    if e >= 0:
        cell = cell_of(shard, search, s, e)
        for j in range(search.rows.ptr[cell], search.rows.ptr[cell + 1]):
            into[search.rows.row[j]] = value


def violated_row(
    shard: Shard, search: LocalSearch, move: Move, shift: Amounts, leaves: Flags
) -> int:
    """The one row that a move violates more than it is; FITS_ALL: none; FITS_NONE: more, or a penalty changes."""
    rows = search.rows
    violated = FITS_ALL
    for which in range(2):
        e = move.goes if which == 0 else move.comes
        if e < 0:
            continue
        cell = cell_of(shard, search, move.segment, e)
        for j in range(rows.ptr[cell], rows.ptr[cell + 1]):
            row = rows.row[j]
            if which == 1 and leaves[row]:
                continue
            at = search.activity[row]
            change = violation_of(rows, row, at + shift[row]) - violation_of(rows, row, at)
            if change * rows.penalty[row] != 0.0:
                return FITS_NONE
            if change * rows.weight[row] > 0.0:
                if violated != FITS_ALL:
                    return FITS_NONE
                violated = row
    return violated


def list_for_rows(
    shard: Shard,
    search: LocalSearch,
    open_rows: OpenRows,
    move: Move,
    which: int,
    violated: int,
    shift: Amounts,
    leaves: Flags,
    moves: ListedMoves,
    made: int,
) -> int:
    """List a move for the open rows of what goes (which = 0), or for the other rows of what comes (1)."""
    e = move.goes if which == 0 else move.comes
    if e < 0:
        return made
    cell = cell_of(shard, search, move.segment, e)
    for j in range(search.rows.ptr[cell], search.rows.ptr[cell + 1]):
        row = search.rows.row[j]
        if which == 1 and leaves[row]:
            continue
        if violated != FITS_ALL and violated != row:
            continue
        price = open_rows.price[row]
        use = shift[row] if price > 0.0 else -shift[row]
        idle = open_rows.idle[row]
        if use == 0.0 or idle <= 0.0 or not abs(price) * use - move.gain < idle:
            continue
        if made < len(moves.row):
            moves.row[made] = row
            moves.customer[made] = move.customer
            moves.leaving[made] = move.goes
            moves.into[made] = move.comes
            moves.use[made] = use
            moves.gain[made] = move.gain
        made += 1
    return made
