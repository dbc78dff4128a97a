"""Multipliers on all of a customer's constraints and rows, and what they bound any choice by.

A Lagrangian relaxation of everything at once: each constraint, the number of coupons and each linear row has a
multiplier. They are found by coordinate descent, one after the other where the dual function is least. Where a
multiplier may be anything between two values it is put half way: so it leaves others room to move, and where no row
binds the bound is mostly exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Sums
from ...row_layout import NO_BOUND
from ..search_bounds import Node, SearchInput, SearchState
from .customer_rows import SearchRows

SWEEPS = 12
"""How often the multipliers are gone through, at most: where rows do not bind, bounds are mostly exact by then."""

LITTLE = 7
"""Multipliers of constraints are moved by more than the largest value / 2^7, or stay: what is less hardly matters."""

ROOM_OF_PRICES = 56
"""Bits of what a row may charge all candidates together, so that sums stay within 64 bits."""


class Relaxed(NamedTuple):
    """What is left to choose, and what it counts for.

    open, mine: int64 (n), flags of what may come, and of what is given in any case. member: int64 (constraints + 1, n),
    the number of coupons last. cap: int64 (constraints + 1), what still may be given. weight: int64 (rows, n). base:
    int64 (rows), what is given in any case comes to. binds: int64 (rows), flags: whatever is given. side: int64 (rows),
    1 or -1: the row's most or least has a multiplier; 0: it has none.
    """

    open: NDArray[np.int64]
    mine: NDArray[np.int64]
    member: NDArray[np.int64]
    cap: NDArray[np.int64]
    weight: NDArray[np.int64]
    base: NDArray[np.int64]
    binds: NDArray[np.int64]
    side: NDArray[np.int64]


class Multipliers(NamedTuple):
    """Multipliers of constraints and rows, none below 0, and what they leave of values (n); int64 all."""

    constraint: NDArray[np.int64]
    row: NDArray[np.int64]
    left: NDArray[np.int64]


def relax(
    search: SearchInput, state: SearchState, rows: SearchRows, start: Node, fixed: Sums
) -> Relaxed:
    """What is left to choose where a search begins."""
    n, constraints, count = len(search.value), len(search.bound), len(rows.head)
    member = np.ones((constraints + 1, n), np.int64)
    cap = np.zeros(constraints + 1, np.int64)
    member[:constraints] = search.member
    cap[:constraints] = state.residual
    cap[constraints] = search.upper - start.given
    weight = np.zeros((count, n), np.int64)
    base = np.zeros(count, np.int64)
    binds = np.zeros(count, np.int64)
    needed = np.zeros(n, np.int64)  # by a row, though it may be worth nothing
    for r in range(count):
        low, high = rows.head[r, 1], rows.head[r, 2]
        binds[r] = 1 if low <= 0 and high >= 0 else 0
        for x in range(rows.ptr[r], rows.ptr[r + 1]):
            t, w = rows.place[x], rows.weight[x]
            weight[r, t] = w
            if fixed[t]:
                base[r] += w
                binds[r] = 1
            if (w > 0 and low > -NO_BOUND) or (w < 0 and high < NO_BOUND):
                needed[t] = 1
    opened = start.free.copy()
    for t in range(n):
        if search.value[t] < 0 and not needed[t]:
            opened[t] = 0
    side = np.zeros(count, np.int64)
    for r in range(count):
        least, most = base[r], base[r]
        for t in range(n):
            if opened[t]:
                least += min(weight[r, t], 0)
                most += max(weight[r, t], 0)
        if binds[r]:
            side[r] = 1 if most > rows.head[r, 2] else (-1 if least < rows.head[r, 1] else 0)
    return Relaxed(opened, fixed, member, cap, weight, base, binds, side)


def find_multipliers(search: SearchInput, rows: SearchRows, relaxed: Relaxed) -> Multipliers:
    """Go through all multipliers, each where the dual function is least, until none moves or it is enough."""
    at = Multipliers(
        np.zeros(len(relaxed.cap), np.int64),
        np.zeros(len(rows.head), np.int64),
        search.value.copy(),
    )
    largest = 0
    for t in range(len(at.left)):
        if relaxed.open[t]:
            largest = max(largest, at.left[t])
    before, moved = relaxed.open.copy(), relaxed.open.copy()
    for _ in range(SWEEPS):
        if not np.any(moved):
            break
        before[:] = moved
        moved[:] = 0
        for s in range(len(relaxed.cap)):
            if touches(relaxed.member[s], relaxed.open, before, moved):
                price_constraint(relaxed, s, largest >> LITTLE, at, moved)
        for r in range(len(rows.head)):
            if relaxed.side[r] != 0 and touches(relaxed.weight[r], relaxed.open, before, moved):
                price_row(rows, relaxed, r, at, moved)
    return at


def touches(amount: Sums, opened: Sums, before: Sums, moved: Sums) -> bool:
    """Whether something open has an amount there, of which a multiplier moved before or just now."""
    found = False
    for t in range(len(amount)):
        found = found or (amount[t] != 0 and opened[t] != 0 and (before[t] != 0 or moved[t] != 0))
    return bool(found)


def price_constraint(relaxed: Relaxed, s: int, little: int, at: Multipliers, moved: Sums) -> None:
    """A multiplier half way between what the last candidate with room, and the first without, are worth."""
    member, cap, old = relaxed.member[s], relaxed.cap[s], at.constraint[s]
    members, kept = 0, 0
    top = np.zeros(len(member), np.int64)  # values above 0, the largest ones first
    for t in range(len(member)):
        if not (member[t] and relaxed.open[t]):
            continue
        members += 1
        its = at.left[t] + old
        if its <= 0:
            continue
        place = kept
        while place > 0 and top[place - 1] < its:
            top[place] = top[place - 1]
            place -= 1
        top[place] = its
        kept += 1
    if members <= cap:
        return
    now = 0
    if kept > cap:
        now = top[cap]
        if cap > 0:
            now += (top[cap - 1] - now) // 2
    if abs(now - old) <= little:
        return
    at.constraint[s] = now
    for t in range(len(member)):
        if member[t] and relaxed.open[t]:
            at.left[t] -= now - old
            moved[t] = 1


def price_row(rows: SearchRows, relaxed: Relaxed, r: int, at: Multipliers, moved: Sums) -> None:
    """The multiplier at which what is still worth something comes to just the row's bound."""
    weight, side, old = relaxed.weight[r], relaxed.side[r], at.row[r]
    n = len(weight)
    beyond, size, count = -room_of(rows, relaxed, r), 1, 0
    rate = np.zeros(n, np.int64)
    slope = np.zeros(n, np.int64)
    for t in range(n):
        w = side * weight[t]
        if not relaxed.open[t] or w == 0:
            continue
        at.left[t] += old * w
        size = max(size, abs(w))
        its = at.left[t]
        if its > 0:
            beyond += w
        if (w > 0) == (its > 0):
            rate[count] = abs(its) // abs(w)
            slope[count] = abs(w)
            count += 1
    bits = 0
    while n >> bits > 0:
        bits += 1
    price = 0
    for k in np.argsort(rate[:count], kind="mergesort"):
        if beyond <= 0:
            break
        price = rate[k]
        beyond -= slope[k]
    at.row[r] = min(price, (1 << (ROOM_OF_PRICES - bits)) // size)
    for t in range(n):
        if relaxed.open[t] and weight[t] != 0:
            at.left[t] -= at.row[r] * side * weight[t]
            if at.row[r] != old:
                moved[t] = 1


def room_of(rows: SearchRows, relaxed: Relaxed, r: int) -> int:
    """How much a row that has a multiplier leaves beside what is given in any case."""
    if relaxed.side[r] > 0:
        return rows.head[r, 2] - relaxed.base[r]
    return relaxed.base[r] - rows.head[r, 1]


def bound_at(rows: SearchRows, relaxed: Relaxed, at: Multipliers) -> int:
    """What no choice is worth more than, besides what is given in any case."""
    most = 0
    for s in range(len(relaxed.cap)):
        most += at.constraint[s] * relaxed.cap[s]
    for r in range(len(rows.head)):
        if relaxed.side[r] != 0:
            most += at.row[r] * room_of(rows, relaxed, r)
    for t in range(len(at.left)):
        if relaxed.open[t] and at.left[t] > 0:
            most += at.left[t]
    return most
