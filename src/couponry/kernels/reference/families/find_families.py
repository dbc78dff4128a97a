"""Two nested families that constraints fall into: of each, any two share no candidate, or one contains the other.

Members of a household and products that it gets once are two such families, and so are suppliers with their brands and
channels. Which constraint is of which family is found from pairs that overlap without one containing the other: those
are of different families (a graph of two colours).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Sums
from ..search_bounds import SearchInput, SearchState, count, count_both

ASIDE = -1
"""Family of constraints that bind nothing; in place of a constraint: none."""


class NestedFamilies(NamedTuple):
    """Two nested families of constraints.

    found: whether there are. order: those of the first family, from the outside to the inside, then those of the
    second, from the inside to the outside; first, number: how many are of the first, and of both. around: the next
    constraint of the same family that contains one. inside: int64 (2, n), the innermost one of each family that a
    candidate is in.
    """

    found: bool
    order: NDArray[np.int64]
    first: int
    number: int
    around: NDArray[np.int64]
    inside: NDArray[np.int64]


def find_families(search: SearchInput, state: SearchState, free: Sums) -> NestedFamilies:
    """Find two nested families that all constraints are of which may bind free candidates."""
    n, constraints = len(free), len(search.bound)
    member = search.member * free
    size = np.zeros(constraints, np.int64)
    for s in range(constraints):
        size[s] = count(member[s])
    family = families_of(state, member, size)
    order = np.full(constraints, ASIDE)
    around = np.full(constraints, ASIDE)
    inside = np.full((2, n), ASIDE)
    found = True
    for s in range(constraints):
        found = found and family[s] < 2
    first, number = 0, 0
    if not found:
        return NestedFamilies(found, order, first, number, around, inside)
    for side in range(2):
        for s in range(constraints):
            if family[s] != side:
                continue
            place = (
                number  # after those that contain it in the first family, before them in the second
            )
            while place > (first if side else 0) and comes_sooner(
                size, s, order[place - 1], side == 1
            ):
                order[place] = order[place - 1]
                place -= 1
            order[place] = s
            number += 1
        first = number if side == 0 else first
    for place in range(number):
        s = (
            order[place] if place < first else order[number - 1 - (place - first)]
        )  # from the outside
        side = 0 if place < first else 1
        for t in range(n):
            if member[s, t]:
                around[s] = inside[side, t]
                inside[side, t] = s
    return NestedFamilies(found, order, first, number, around, inside)


def comes_sooner(size: Sums, s: int, other: int, is_inside_first: bool) -> bool:
    """Whether a constraint comes before another one of its family, by size and then by number."""
    if is_inside_first:
        return bool(size[s] <= size[other])
    return bool(size[s] > size[other])


def families_of(state: SearchState, member: Sums, size: Sums) -> Sums:
    """Of which family each constraint is, ASIDE or 0 or 1; 2 where one of both is crossed by others of it.

    member: of free candidates; size: how many.
    """
    constraints = len(size)
    family = np.full(constraints, ASIDE)
    waiting = np.zeros(constraints, np.int64)
    for begin in range(constraints):
        if family[begin] != ASIDE or not may_bind(state, size, begin):
            continue
        family[begin] = 0
        waiting[0] = begin
        last = 1
        while last > 0:
            last -= 1
            s = waiting[last]
            for other in range(constraints):
                if not may_bind(state, size, other):
                    continue
                both = count_both(member[s], member[other])
                if both == 0 or both == size[s] or both == size[other]:
                    continue
                if family[other] == ASIDE:
                    family[other] = 1 - family[s]
                    waiting[last] = other
                    last += 1
                elif family[other] == family[s]:
                    family[begin] = 2
                    return family
    return family


def may_bind(state: SearchState, size: Sums, s: int) -> bool:
    """Whether a constraint has room for less than its candidates, or asks for some of them."""
    return bool(size[s] > state.residual[s] or (size[s] > 0 and state.need[s] > 0))
