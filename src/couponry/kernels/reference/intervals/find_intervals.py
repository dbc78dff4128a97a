"""The order in which constraints are intervals: each candidate is in some that come one after the other.

Rolling windows are, in the order of their days. It is found from the candidates that they share: the next window is the
one that shares most with the last one, and an end of them all is where nothing is left to go on to.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Sums
from ..search_bounds import SearchInput, SearchState, count_both


class Intervals(NamedTuple):
    """Constraints in such an order, all of them with the same cap.

    most: the cap. number: how many there are; 0: they are no intervals. first, last: int64 (n), of each free candidate;
    -1 where it is in none.
    """

    most: int
    number: int
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def find_intervals(search: SearchInput, state: SearchState, free: Sums) -> Intervals:
    """Find the order of those constraints that have the least room among those that cross the laminar family."""
    n, constraints = len(free), len(search.bound)
    first, last = np.full(n, -1), np.full(n, -1)
    most = 0
    for s in range(constraints):
        room = state.residual[s]
        if search.bound[s, 3] and room > 0 and (most == 0 or room < most):
            most = room
    if most == 0:
        return Intervals(0, 0, first, last)
    order, number = order_of(shared(search, state, free, most))
    for t in range(n):
        held = 0
        for k in range(number):
            if free[t] and search.member[order[k], t]:
                first[t] = k if held == 0 else first[t]
                last[t] = k
                held += 1
        if held > 0 and held != last[t] - first[t] + 1:
            return Intervals(0, 0, first, last)
    return Intervals(most, number, first, last)


def shared(search: SearchInput, state: SearchState, free: Sums, most: int) -> Sums:
    """How many free candidates each two constraints share that have so much room and may bind, 0 for all others.

    Of those that another one contains nothing is told either.
    """
    constraints = len(search.bound)
    member = search.member * free
    size = np.zeros(constraints, np.int64)
    for s in range(constraints):
        held = count_both(member[s], member[s])
        size[s] = held if state.residual[s] == most and held > most else 0
    together = np.zeros((constraints, constraints), np.int64)
    for a in range(constraints):
        for b in range(constraints):
            if size[a] and size[b]:
                together[a, b] = count_both(member[a], member[b])
    for a in range(constraints):
        for b in range(constraints):
            inside = b != a and size[a] and size[b] and together[a, b] == size[a]
            if inside and (size[b] > size[a] or b < a):
                size[a] = 0
    for a in range(constraints):
        if size[a] == 0:
            together[a, :] = 0
            together[:, a] = 0
    return together


def order_of(together: Sums) -> tuple[Sums, int]:
    """Constraints one after the other, and how many there are."""
    order = np.zeros(len(together), np.int64)
    left = np.zeros(len(together), np.int64)
    for s in range(len(together)):
        left[s] = 1 if together[s, s] else 0
    number = 0
    for s in range(len(together)):
        at = end_of(together, left, s) if left[s] else -1
        while at >= 0:
            order[number] = at
            number += 1
            left[at] = 0
            at = next_to(together, left, at)
    return order, number


def end_of(together: Sums, left: Sums, at: int) -> int:
    """Where nothing is left to go on to, from constraint `at`."""
    unseen = left.copy()
    while True:
        unseen[at] = 0
        then = next_to(together, unseen, at)
        if then < 0:
            return at
        at = then


def next_to(together: Sums, left: Sums, at: int) -> int:
    """What is left and shares most with constraint `at`; -1: nothing does."""
    most, found = 0, -1
    for s in range(len(left)):
        if left[s] and together[at, s] > most:
            most, found = together[at, s], s
    return found
