"""A customer's rows: what a choice comes to under them, and what they leave open where part of it is decided.

Rows are laid out as `row_layout` says. A row is broken by a choice that has something of it and comes to less than its
least, or to more than its most.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Flags, Integer, Offsets, Rules, Sums
from ...row_layout import (
    HEAD_WORDS,
    NO_GROUP,
    candidate_of,
    coefficient_of,
    count_rows,
    counts_groups,
    entries_of,
    first_row,
)


class SearchRows(NamedTuple):
    """A customer's rows, about candidates in the order of choice.

    head: int64 (rows, 3): whether it counts groups, least, most. ptr: int64 (rows + 1), entries of each row. place:
    int64 (entries), the candidate. weight: int64 (entries), its coefficient or group.
    """

    head: NDArray[np.int64]
    ptr: NDArray[np.int64]
    place: NDArray[np.int64]
    weight: NDArray[np.int64]


def rows_in_order(rules: Rules, i: int, order: Sums) -> SearchRows:
    """A customer's rows, in the order of choice."""
    return read_rows(rules.constraints, first_row(rules, i), count_rows(rules, i), order)


def read_rows(constraints: Offsets, first: Integer, rows: int, order: Sums) -> SearchRows:
    """So many rows, the first of which begins at word `first`, in an order of candidates."""
    n = len(order)
    place = np.zeros(n, np.int64)
    for t in range(n):
        place[order[t]] = t
    head = np.zeros((rows, 3), np.int64)
    ptr = np.zeros(rows + 1, np.int64)
    at = first
    for r in range(rows):
        entries = entries_of(constraints, at)
        head[r, 0] = counts_groups(constraints, at)
        head[r, 1] = constraints[at + 1]
        head[r, 2] = constraints[at + 2]
        ptr[r + 1] = ptr[r] + entries
        at += HEAD_WORDS + entries
    where = np.zeros(ptr[rows], np.int64)
    weight = np.zeros(ptr[rows], np.int64)
    at = first
    for r in range(rows):
        at += HEAD_WORDS
        for x in range(ptr[r], ptr[r + 1]):
            where[x] = place[candidate_of(int(constraints[at]))]
            weight[x] = coefficient_of(int(constraints[at]))
            at += 1
    return SearchRows(head, ptr, where, weight)


def come_to(rows: SearchRows, r: int, picks: Sums, label: Sums) -> tuple[int, int]:
    """How many candidates of a row are picked, and what they come to; label (n, zeros) is scratch, left as found."""
    some, total = 0, 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        if not picks[rows.place[x]]:
            continue
        some += 1
        if not rows.head[r, 0]:
            total += rows.weight[x]
        elif rows.weight[x] != NO_GROUP and not label[rows.weight[x]]:
            label[rows.weight[x]] = 1
            total += 1
    if rows.head[r, 0]:
        for x in range(rows.ptr[r], rows.ptr[r + 1]):
            if rows.weight[x] != NO_GROUP:
                label[rows.weight[x]] = 0
    return some, total


def broken_row(rows: SearchRows, picks: Sums) -> tuple[int, int]:
    """The first row that a choice breaks (-1: none), and whether it comes to too much (1) or too little (-1)."""
    label = np.zeros(len(picks), np.int64)
    for r in range(len(rows.head)):
        some, total = come_to(rows, r, picks, label)
        if some > 0 and total > rows.head[r, 2]:
            return r, 1
        if some > 0 and total < rows.head[r, 1]:
            return r, -1
    return -1, 0


def close_rows(rows: SearchRows, mine: Sums, free: Sums) -> bool:
    """Take what rows leave no room for off the free candidates (IN/OUT); False where no choice keeps them.

    mine: what is given in any case.
    """
    closed = True
    while closed:
        closed = False
        for r in range(len(rows.head)):
            if rows.head[r, 0]:
                possible, fewer = close_groups(rows, r, mine, free)
            else:
                possible, fewer = close_linear(rows, r, mine, free)
            if not possible:
                return False
            closed = closed or fewer
    return True


def close_linear(rows: SearchRows, r: int, mine: Sums, free: Sums) -> tuple[bool, bool]:
    """`close_rows` for a linear row: whether a choice keeps it, and whether something was taken off."""
    some, given, least, most = 0, 0, 0, 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t = rows.place[x]
        if mine[t]:
            some += 1
            given += rows.weight[x]
        elif free[t]:
            least += min(rows.weight[x], 0)
            most += max(rows.weight[x], 0)
    low, high = rows.head[r, 1], rows.head[r, 2]
    if some > 0 and (given + least > high or given + most < low):
        return False, False
    closed = False
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t = rows.place[x]
        if free[t] and (
            given + least + max(rows.weight[x], 0) > high
            or given + most + min(rows.weight[x], 0) < low
        ):
            free[t] = 0
            closed = True
    return True, closed


def close_groups(rows: SearchRows, r: int, mine: Sums, free: Sums) -> tuple[bool, bool]:
    """`close_rows` for a row that counts groups."""
    label = np.zeros(len(mine), np.int64)  # 1: some of it may be given, 2: some of it is
    some, given, possible = 0, 0, 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        if mine[rows.place[x]]:
            some += 1
            if rows.weight[x] != NO_GROUP:
                label[rows.weight[x]] = 2
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        if free[rows.place[x]] and rows.weight[x] != NO_GROUP and not label[rows.weight[x]]:
            label[rows.weight[x]] = 1
    for g in range(len(label)):
        given += 1 if label[g] == 2 else 0
        possible += 1 if label[g] else 0
    if some > 0 and (given > rows.head[r, 2] or possible < rows.head[r, 1]):
        return False, False
    closed = False
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t, g = rows.place[x], rows.weight[x]
        too_many = g != NO_GROUP and label[g] < 2 and given >= rows.head[r, 2]
        if free[t] and (too_many or possible < rows.head[r, 1] or given > rows.head[r, 2]):
            free[t] = 0
            closed = True
    return True, closed


def candidate_to_decide(
    rows: SearchRows, r: int, sign: int, picks: Sums, mine: Sums, free: Sums
) -> int:
    """The first candidate whose decision bears on a row that picks break; -1: none.

    sign: from `broken_row`. Too much: the first pick that adds to it, else the first free candidate that takes off it.
    Too little: the first free candidate that adds to it, else the first pick that takes off it.
    """
    n = len(picks)
    counted = np.zeros(n, np.int64)  # groups that something given in any case, or picked, is of
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t = rows.place[x]
        if rows.head[r, 0] and rows.weight[x] != NO_GROUP and (mine[t] if sign > 0 else picks[t]):
            counted[rows.weight[x]] = 1
    pick, other = n, n
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t, w = rows.place[x], rows.weight[x]
        if rows.head[r, 0]:
            w = 0 if w == NO_GROUP or counted[w] else 1
        if picks[t] and not mine[t] and w * sign > 0:
            pick = min(pick, t)
        elif free[t] and not picks[t] and w * sign < 0:
            other = min(other, t)
    if sign < 0:
        return other if other < n else (pick if pick < n else -1)
    return pick if pick < n else (other if other < n else -1)


def rows_allow(
    rules: Rules, i: int, chosen: Flags, begin: Integer, into: Integer, leaving: Integer
) -> bool:
    """Whether a customer's rows hold once candidate `into` has come and `leaving` is gone (-1: none).

    chosen: by position in the shard, of which the customer's candidates begin at `begin`. Rows that neither is in are
    as they were.
    """
    at = first_row(rules, i)
    for _ in range(count_rows(rules, i)):
        entries = entries_of(rules.constraints, at)
        if not row_allows(rules, at, entries, chosen, begin, into, leaving):
            return False
        at += HEAD_WORDS + entries
    return True


def row_allows(
    rules: Rules,
    at: Integer,
    entries: int,
    chosen: Flags,
    begin: Integer,
    into: Integer,
    leaving: Integer,
) -> bool:
    """`rows_allow` for the row that begins at a word."""
    some, total, touched = 0, 0, False
    first = at + HEAD_WORDS
    for x in range(first, first + entries):
        e = begin + candidate_of(rules.constraints[x])
        comes, goes = e == into, e == leaving
        touched = touched or comes or goes
        if goes or not (chosen[e] or comes):
            continue
        some += 1
        if not counts_groups(rules.constraints, at):
            total += coefficient_of(rules.constraints[x])
            continue
        new = coefficient_of(rules.constraints[x]) != NO_GROUP
        for y in range(first, x):
            d = begin + candidate_of(rules.constraints[y])
            same = coefficient_of(rules.constraints[y]) == coefficient_of(rules.constraints[x])
            if same and d != leaving and (chosen[d] or d == into):
                new = False
        total += 1 if new else 0
    if not touched or some == 0:
        return True
    low, high = rules.constraints[at + 1], rules.constraints[at + 2]
    return bool(low <= total and total <= high)
