"""Multipliers on all of a customer's constraints and rows, and what they bound any choice by.

A Lagrangian relaxation of everything at once: each constraint, the number of coupons and each linear row has a
multiplier; that of a constraint is below 0 where its minimum binds. They are found by coordinate descent, one after the
other where the dual function is least. Where a multiplier may be anything between two values it is put half way: so it
leaves others room to move, and where no row binds the bound is mostly exact.

Rows that allow so many groups at most charge candidates (`group_charges`). They and constraints within one group are
gone through first, so that the others are asked of few groups.

Minimums are asked for as far as there are candidates and room for each by itself. A choice that keeps them so falls
least short of them, and the bound is about such choices.

Sums stay within 64 bits. The dual function begins at less than 2^61, the sum of values, and but for rows that count
groups it never gets larger. It adds up what room of caps and rows is paid for, and what candidates are left with, none
of it below 0; only what minimums and rows that are broken at first take off is, which is kept above -2^61.
"""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..search_bounds import SearchInput
from .customer_rows import SearchRows
from .group_charges import Multipliers, charge_groups, given_back
from .relaxed import Relaxed, room_of

SWEEPS = 12
"""How often the multipliers are gone through, at most: where rows do not bind, bounds are mostly exact by then."""

LITTLE = 7
"""Multipliers of constraints are moved by more than the largest value / 2^7, or stay: what is less hardly matters."""

MOST = 1 << 62
"""What dual functions are below; see above."""

ROOM_OF_PRICES = 60
"""Bits of what all minimums may take off the dual function, and of what all rows may, or charge a candidate."""


def find_multipliers(search: SearchInput, rows: SearchRows, relaxed: Relaxed) -> Multipliers:
    """Go through all multipliers, each where the dual function is least, until none moves or it is enough."""
    at = Multipliers(
        np.zeros(len(relaxed.cap), np.int64),
        np.zeros(len(rows.head), np.int64),
        np.zeros((len(rows.head), len(search.value)), np.int64),
        search.value.copy(),
    )
    largest, asking = 0, 0
    for t in range(len(at.left)):
        if relaxed.open[t]:
            largest = max(largest, at.left[t])
    for s in range(len(relaxed.need)):
        asking += 1 if relaxed.need[s] > 0 else 0
    before, moved = relaxed.open.copy(), relaxed.open.copy()
    for _ in range(SWEEPS):
        if not np.any(moved):
            break
        before[:] = moved
        moved[:] = 0
        for within_group in (1, 0):
            for s in range(len(relaxed.cap)):
                if (relaxed.owner[s, 0] >= 0) == (within_group == 1) and touches(
                    relaxed.member[s], relaxed.open, before, moved
                ):
                    price_constraint(relaxed, s, largest >> LITTLE, asking, at, moved)
            for r in range(len(rows.head)):
                if relaxed.side[r] == 0 or rows.head[r, 0] != within_group:
                    continue
                if not touches(relaxed.weight[r], relaxed.open, before, moved):
                    continue
                if within_group:
                    charge_groups(rows, relaxed, r, largest >> LITTLE, at, moved)
                else:
                    price_row(rows, relaxed, r, at, moved)
    for r in range(len(rows.head)):
        if rows.head[r, 0]:
            at.row[r] = given_back(rows, relaxed, r, at, relaxed.mine, relaxed.open)
    return at


def touches(amount: Sums, opened: Sums, before: Sums, moved: Sums) -> bool:
    """Whether something open has an amount there, of which a multiplier moved before or just now."""
    found = False
    for t in range(len(amount)):
        found = found or (amount[t] != 0 and opened[t] != 0 and (before[t] != 0 or moved[t] != 0))
    return bool(found)


def price_constraint(
    relaxed: Relaxed, s: int, little: int, asking: int, at: Multipliers, moved: Sums
) -> None:
    """A multiplier half way between what the last candidate is worth that comes, and the first one that does not.

    asking: how many constraints have a minimum.
    """
    member, cap, need, old = relaxed.member[s], relaxed.cap[s], relaxed.need[s], at.constraint[s]
    members, positive = 0, 0
    top = np.zeros(len(member), np.int64)  # the largest values first
    for t in range(len(member)):
        if not (member[t] and relaxed.open[t]):
            continue
        its = at.left[t] + old
        place = members
        while place > 0 and top[place - 1] < its:
            top[place] = top[place - 1]
            place -= 1
        top[place] = its
        members += 1
        positive += 1 if its > 0 else 0
    if members <= cap and need == 0:
        return
    now = 0
    if positive > cap:
        now = top[cap]
        if cap > 0:
            now += (top[cap - 1] - now) // 2
    elif positive < need:
        now = top[need - 1]
        if need < members:
            now -= (now - top[need]) // 2
        now = max(now, -((1 << ROOM_OF_PRICES) // (asking * need)))
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
    beyond, count = -room_of(rows, relaxed, r), 0
    size = max(1, beyond)
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
    price, done = 0, 0
    for k in np.argsort(rate[:count], kind="mergesort"):
        if beyond <= 0:
            break
        price = rate[k]
        beyond -= slope[k]
        done += 1
    if done > 0 and old > price:
        price += 1  # rounded to where it comes from, so that the dual function gets no larger
    at.row[r] = min(price, (1 << ROOM_OF_PRICES) // len(rows.head) // size)
    for t in range(n):
        if relaxed.open[t] and weight[t] != 0:
            at.left[t] -= at.row[r] * side * weight[t]
            if at.row[r] != old:
                moved[t] = 1


def bound_at(rows: SearchRows, relaxed: Relaxed, at: Multipliers) -> int:
    """What no choice is worth more than, besides what is given in any case; MOST: too much to be told."""
    most = 0
    for s in range(len(relaxed.cap)):
        if relaxed.owner[s, 0] < 0 and at.constraint[s] > 0:
            most = min(MOST, most + at.constraint[s] * relaxed.cap[s])
    for r in range(len(rows.head)):
        if rows.head[r, 0]:
            most = min(MOST, most + at.row[r])
    for t in range(len(at.left)):
        if relaxed.open[t] and at.left[t] > 0:
            most = min(MOST, most + at.left[t])
    if most == MOST:
        return MOST
    for s in range(len(relaxed.cap)):
        if at.constraint[s] < 0:
            most += at.constraint[s] * relaxed.need[s]
    for r in range(len(rows.head)):
        if not rows.head[r, 0] and relaxed.side[r] != 0:
            most += at.row[r] * room_of(rows, relaxed, r)
    return most
