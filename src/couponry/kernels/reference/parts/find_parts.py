"""Parts of a customer's candidates: what constraints and rows join, each by itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Sums
from ...row_layout import NO_GROUP
from ..constraint_search import OUT
from ..rows.customer_rows import SearchRows

NOWHERE, SINGLE = -1, -2
"""In place of a part: of candidates that are left out in any case; of those that nothing but their number bounds."""


class Parts(NamedTuple):
    """Which part each candidate, constraint and row is in.

    of_candidate: int64 (n), NOWHERE or SINGLE where it is in none. of_constraint: int64 (constraints), NOWHERE where it
    never binds. of_row: int64 (rows). number: int64 (1), how many parts there are.
    """

    of_candidate: NDArray[np.int64]
    of_constraint: NDArray[np.int64]
    of_row: NDArray[np.int64]
    number: NDArray[np.int64]


class CustomerPart(NamedTuple):
    """One part, as a customer of its own.

    place: int64 (m), its candidates. bound, member, rows: as `best_choice` takes them.
    """

    place: NDArray[np.int64]
    bound: NDArray[np.int64]
    member: NDArray[np.int64]
    rows: SearchRows


def find_parts(fixing: Sums, bound: Sums, member: Sums, rows: SearchRows) -> Parts:
    """Find the parts of a customer, numbered by their first candidates."""
    n = len(fixing)
    closed = closed_candidates(fixing, bound, member)
    root = np.arange(n)
    bounded = np.zeros(n, np.int64)
    of_constraint = np.full(len(bound), NOWHERE)
    for s in range(len(bound)):
        size = 0
        for t in range(n):
            size += 1 if member[s, t] and not closed[t] else 0
        if bound[s, 0] >= size:
            continue
        first = -1
        for t in range(n):
            if member[s, t] and not closed[t]:
                first = join(root, bounded, first, t)
        of_constraint[s] = first
    of_row = np.full(len(rows.head), NOWHERE)
    for r in range(len(rows.head)):
        first = -1
        for x in range(rows.ptr[r], rows.ptr[r + 1]):
            if not closed[rows.place[x]]:
                first = join(root, bounded, first, rows.place[x])
        of_row[r] = first
    of_candidate = np.full(n, NOWHERE)
    number = np.zeros(1, np.int64)
    for t in range(n):
        if closed[t]:
            continue
        of_candidate[t] = SINGLE
        if bounded[t]:
            first = root_of(root, t)  # the first candidate of its part
            of_candidate[t] = number[0] if first == t else of_candidate[first]
            number[0] += 1 if first == t else 0
    for s in range(len(bound)):
        if of_constraint[s] >= 0:
            of_constraint[s] = of_candidate[of_constraint[s]]
    for r in range(len(rows.head)):
        if of_row[r] >= 0:
            of_row[r] = of_candidate[of_row[r]]
    return Parts(of_candidate, of_constraint, of_row, number)


def closed_candidates(fixing: Sums, bound: Sums, member: Sums) -> Sums:
    """Flags of candidates that are left out in any case: forced out, or of a constraint that allows none."""
    closed = np.zeros(len(fixing), np.int64)
    for t in range(len(fixing)):
        closed[t] = 1 if fixing[t] == OUT else 0
        for s in range(len(bound)):
            if bound[s, 0] <= 0 and member[s, t]:
                closed[t] = 1
    return closed


def root_of(root: Sums, t: int) -> int:
    """The first candidate of t's part, as far as it is known."""
    while root[t] != t:
        t = root[t]
    return t


def join(root: Sums, bounded: Sums, first: int, t: int) -> int:
    """Join candidate t with the first one of a set (-1: t is the first), which is returned."""
    bounded[t] = 1
    if first < 0:
        return t
    a, b = root_of(root, first), root_of(root, t)
    if a < b:
        root[b] = a
    else:
        root[a] = b
    return first


def part_of(parts: Parts, p: int, bound: Sums, member: Sums, rows: SearchRows) -> CustomerPart:
    """Take one part out of a customer's candidates, constraints and rows."""
    n = len(parts.of_candidate)
    place = np.flatnonzero(parts.of_candidate == p)
    inner = np.flatnonzero(parts.of_constraint == p)
    own_bound = np.zeros((len(inner), 4), np.int64)
    own_member = np.zeros((len(inner), len(place)), np.int64)
    for s in range(len(inner)):
        own_bound[s] = bound[inner[s]]
        for t in range(len(place)):
            own_member[s, t] = member[inner[s], place[t]]
    where = np.full(n, NOWHERE)
    where[place] = np.arange(len(place))
    return CustomerPart(place, own_bound, own_member, rows_of_part(parts, p, where, rows))


def rows_of_part(parts: Parts, p: int, where: Sums, rows: SearchRows) -> SearchRows:
    """The rows of a part; where: places of its candidates in it, NOWHERE for others. Groups are numbered anew."""
    own = np.flatnonzero(parts.of_row == p)
    head = np.zeros((len(own), 3), np.int64)
    ptr = np.zeros(len(own) + 1, np.int64)
    entries = 0
    for r in own:
        entries += rows.ptr[r + 1] - rows.ptr[r]
    place = np.zeros(entries, np.int64)
    weight = np.zeros(entries, np.int64)
    number = np.full(len(where), NO_GROUP)
    at = 0
    for k in range(len(own)):
        r = own[k]
        head[k] = rows.head[r]
        groups = 0
        for x in range(rows.ptr[r], rows.ptr[r + 1]):
            if where[rows.place[x]] < 0:
                continue
            place[at] = where[rows.place[x]]
            weight[at] = rows.weight[x]
            if rows.head[r, 0] and rows.weight[x] != NO_GROUP:
                if number[rows.weight[x]] == NO_GROUP:
                    number[rows.weight[x]] = groups
                    groups += 1
                weight[at] = number[rows.weight[x]]
            at += 1
        if rows.head[r, 0]:
            number[:] = NO_GROUP
        ptr[k + 1] = at
    return SearchRows(head, ptr, place[:at].copy(), weight[:at].copy())
