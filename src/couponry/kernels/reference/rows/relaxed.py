"""What of a customer's constraints and rows is left to choose under, where a search begins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Sums
from ...row_layout import NO_BOUND, NO_GROUP
from ..search_bounds import Node, SearchInput, SearchState, count_both
from .customer_rows import SearchRows


class Relaxed(NamedTuple):
    """What is left to choose, and what it counts for.

    open, mine: int64 (n), flags of what may come, and of what is given in any case. member: int64 (constraints + 1, n),
    the number of coupons last. cap, need: int64 (constraints + 1), what still may be given, and what must be as far as
    that is possible. weight: int64 (rows, n); in rows that count groups 1 where a group would be one more. base: int64
    (rows), what is given in any case comes to. binds: int64 (rows), flags: whatever is given. side: int64 (rows), 1 or
    -1: the row's most or least has a multiplier; 0: it has none, as the least number of groups. owner: int64
    (constraints + 1, 2), a row and its group that all of a constraint is within; -1: none.
    """

    open: NDArray[np.int64]
    mine: NDArray[np.int64]
    member: NDArray[np.int64]
    cap: NDArray[np.int64]
    need: NDArray[np.int64]
    weight: NDArray[np.int64]
    base: NDArray[np.int64]
    binds: NDArray[np.int64]
    side: NDArray[np.int64]
    owner: NDArray[np.int64]


def relax(
    search: SearchInput, state: SearchState, rows: SearchRows, start: Node, fixed: Sums
) -> Relaxed:
    """What is left to choose where a search begins."""
    n, constraints, count = len(search.value), len(search.bound), len(rows.head)
    member = np.ones((constraints + 1, n), np.int64)
    cap = np.zeros(constraints + 1, np.int64)
    need = np.zeros(constraints + 1, np.int64)
    member[:constraints] = search.member
    cap[:constraints] = state.residual
    cap[constraints] = search.upper - start.given
    need[:constraints] = state.need
    need[constraints] = search.lower - start.given
    weight = np.zeros((count, n), np.int64)
    base = np.zeros(count, np.int64)
    binds = np.zeros(count, np.int64)
    needed = np.zeros(n, np.int64)  # by a minimum or a row, though it may be worth nothing
    for s in range(constraints + 1):
        if need[s] > 0:
            needed |= member[s]
    for r in range(count):
        if rows.head[r, 0]:
            base[r] = count_new_groups(rows, r, fixed, weight[r], needed)
        else:
            base[r], binds[r] = take_linear_over(rows, r, fixed, weight[r], needed)
    opened = start.free.copy()
    for t in range(n):
        if search.value[t] < 0 and not needed[t]:
            opened[t] = 0
    for s in range(constraints + 1):
        need[s] = max(0, min(need[s], cap[s], count_both(opened, member[s])))
    side = np.zeros(count, np.int64)
    for r in range(count):
        if binds[r]:
            side[r] = side_of(rows, r, weight[r], base[r], opened)
        elif rows.head[r, 0] and base[r] <= rows.head[r, 2] < NO_BOUND:
            side[r] = 1
    owner = np.full((constraints + 1, 2), -1)
    for r in range(count):
        if rows.head[r, 0] and side[r] != 0:
            find_owned(rows, r, weight[r], opened, member[:constraints], need, owner)
    return Relaxed(opened, fixed, member, cap, need, weight, base, binds, side, owner)


def take_linear_over(
    rows: SearchRows, r: int, fixed: Sums, weight: Sums, needed: Sums
) -> tuple[int, int]:
    """What a linear row comes to in any case, and whether it binds whatever is given.

    weight (OUT, n zeros before): its coefficients. needed (IN/OUT): flags of candidates that it may need.
    """
    low, high = rows.head[r, 1], rows.head[r, 2]
    base, binds = 0, 1 if low <= 0 and high >= 0 else 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        t, w = rows.place[x], rows.weight[x]
        weight[t] = w
        if fixed[t]:
            base += w
            binds = 1
        if (w > 0 and low > -NO_BOUND) or (w < 0 and high < NO_BOUND):
            needed[t] = 1
    return base, binds


def count_new_groups(rows: SearchRows, r: int, fixed: Sums, new: Sums, needed: Sums) -> int:
    """How many groups of a row are given in any case.

    new (OUT, n zeros before): flags of candidates of other groups. needed: see `take_linear_over`.
    """
    has = np.zeros(len(fixed), np.int64)
    groups = 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        g = rows.weight[x]
        if rows.head[r, 1] > 0 and g != NO_GROUP:
            needed[rows.place[x]] = 1
        if fixed[rows.place[x]] and g != NO_GROUP and not has[g]:
            has[g] = 1
            groups += 1
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        if rows.weight[x] != NO_GROUP and not has[rows.weight[x]]:
            new[rows.place[x]] = 1
    return groups


def side_of(rows: SearchRows, r: int, weight: Sums, base: int, opened: Sums) -> int:
    """Which bound of a row open candidates may break; see `Relaxed`."""
    least, most = base, base
    for t in range(len(weight)):
        if opened[t]:
            least += min(weight[t], 0)
            most += max(weight[t], 0)
    if most > rows.head[r, 2]:
        return 1
    return -1 if least < rows.head[r, 1] else 0


def find_owned(
    rows: SearchRows, r: int, new: Sums, opened: Sums, member: Sums, need: Sums, owner: Sums
) -> None:
    """Constraints without a minimum that are within one group of a row, where no row before owns them (OUT)."""
    group = np.full(len(opened), -1)
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        if new[rows.place[x]]:
            group[rows.place[x]] = rows.weight[x]
    for s in range(len(member)):
        if owner[s, 0] >= 0 or need[s] > 0:
            continue
        its = -2
        for t in range(len(opened)):
            if member[s, t] and opened[t]:
                its = group[t] if its in (-2, group[t]) else -1
        if its >= 0:
            owner[s, 0] = r
            owner[s, 1] = its


def room_of(rows: SearchRows, relaxed: Relaxed, r: int) -> int:
    """How much a row that has a multiplier leaves beside what is given in any case."""
    if relaxed.side[r] > 0:
        return rows.head[r, 2] - relaxed.base[r]
    return relaxed.base[r] - rows.head[r, 1]
