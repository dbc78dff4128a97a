"""What a row that allows so many groups at most charges candidates, and what it gives back.

It gives back what the groups that pay most, so many, pay in all: no choice it allows pays more. The dual function is
least where the groups that are worth most pay as much as the next one is worth, and the others everything. Constraints
within one group are paid for their room by nobody else, and only where the group comes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Sums
from .customer_rows import SearchRows
from .relaxed import Relaxed, room_of

SHARE_BITS = 20
"""Bits of the share of a group's charge that each of its candidates pays."""


class Multipliers(NamedTuple):
    """Multipliers of constraints and rows, and what they leave of values (n); int64 all.

    row: of rows that count groups, what they give back. charge: (rows, n), what those take.
    """

    constraint: NDArray[np.int64]
    row: NDArray[np.int64]
    charge: NDArray[np.int64]
    left: NDArray[np.int64]


def charge_groups(
    rows: SearchRows, relaxed: Relaxed, r: int, little: int, at: Multipliers, moved: Sums
) -> None:
    """Charges half way between what the last group is worth that has room, and the first one that has none."""
    n, room, charge = len(at.left), room_of(rows, relaxed, r), at.charge[r]
    worth = np.zeros(n, np.int64)
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t = rows.place[x]
        if relaxed.weight[r, t] and relaxed.open[t]:
            worth[rows.weight[x]] += max(0, at.left[t] + charge[t])
    paid = np.zeros(n, np.int64)  # by constraints within the group
    for s in range(len(relaxed.cap)):
        if relaxed.owner[s, 0] == r:
            paid[relaxed.owner[s, 1]] += at.constraint[s] * relaxed.cap[s]
    top = -np.sort(-(worth + paid))
    price = 0
    if room < n and top[room] > 0:
        price = top[room]
        if room > 0:
            price += (top[room - 1] - price) // 2
    now = np.zeros(n, np.int64)
    change = 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t = rows.place[x]
        if relaxed.weight[r, t] and relaxed.open[t]:
            g = rows.weight[x]
            now[t] = share_of(at.left[t] + charge[t], worth[g], price - paid[g])
            change = max(change, abs(now[t] - charge[t]))
    if change <= little:
        return
    for t in range(n):
        if relaxed.weight[r, t] and relaxed.open[t]:
            at.left[t] += charge[t] - now[t]
            charge[t] = now[t]
            moved[t] = 1


def share_of(its: int, of_group: int, price: int) -> int:
    """What a candidate worth so much pays of a price on its group: in proportion, so that all pay no less than it."""
    if its <= 0 or price <= 0:
        return 0
    if of_group <= price or of_group >> SHARE_BITS == 0:
        return its
    share = price // (of_group >> SHARE_BITS) + 1
    return min(its, ((its >> SHARE_BITS) + 1) * share)


def given_back(
    rows: SearchRows, relaxed: Relaxed, r: int, at: Multipliers, chosen: Sums, possible: Sums
) -> int:
    """What candidates pay at most in all to a row that counts groups, of which some are chosen already."""
    n, room = len(chosen), room_of(rows, relaxed, r)
    paid = np.zeros(n, np.int64)
    has = np.zeros(n, np.int64)
    total = 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t, g = rows.place[x], rows.weight[x]
        if not relaxed.weight[r, t] or not (chosen[t] or possible[t]):
            continue
        paid[g] += at.charge[r, t]
        if chosen[t] and not has[g]:
            has[g] = 1
            room -= 1
    for s in range(len(relaxed.cap)):
        if relaxed.owner[s, 0] == r:
            held = 0
            for t in range(n):
                held += relaxed.member[s, t] * (relaxed.mine[t] == 0) * max(chosen[t], possible[t])
            paid[relaxed.owner[s, 1]] += at.constraint[s] * min(relaxed.cap[s], held)
    for g in range(n):
        if has[g]:
            total += paid[g]
            paid[g] = 0
    top = -np.sort(-paid)
    for k in range(min(max(0, room), n)):
        total += top[k]
    return total
