"""What the search for a customer's best choice works on, values as whole numbers, and what bounds its branches."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract import Amounts, Prices, Sums
from ..set_layout import MANDATORY_WEIGHT

NOTHING = -(1 << 62)
"""Less than any choice is worth."""


class SearchInput(NamedTuple):
    """What a search chooses under; it is not changed.

    value: int64 (n), in the order of choice. bound: int64 (constraints, 4): cap, least, weight, and whether it crosses
    the laminar family. member: int64 (constraints, n), 0 or 1. lower, upper: bounds on the number of coupons.
    """

    value: NDArray[np.int64]
    bound: NDArray[np.int64]
    member: NDArray[np.int64]
    lower: int
    upper: int


class SearchState(NamedTuple):
    """What the choice so far leaves of each constraint, and flags of those whose minimums have no candidate in common.

    residual: how many more may be given. need: how many more must be. disjoint: see `find_disjoint`.
    """

    residual: NDArray[np.int64]
    need: NDArray[np.int64]
    disjoint: NDArray[np.int64]


class Node(NamedTuple):
    """Where a search begins: flags of free candidates (n), how many coupons are given, and their worth in all."""

    free: NDArray[np.int64]
    given: int
    worth: int


def shortfall_of(search: SearchInput, state: SearchState, given: int) -> int:
    """What a choice falls short of minimums by, by their weight, and of the least number of coupons."""
    short = max(0, search.lower - given)
    for s in range(len(state.need)):
        if state.need[s] > 0:
            short += state.need[s] * search.bound[s, 2]
    return short


def find_disjoint(search: SearchInput, flag: Sums) -> None:
    """Flags (OUT) of constraints with a minimum that have no candidate in common, the first ones first."""
    used = np.zeros(search.member.shape[1], np.int64)
    flag[:] = 0
    for s in range(len(flag)):
        if search.bound[s, 1] == 0:
            continue
        apart = True
        for t in range(len(used)):
            apart = apart and not (used[t] and search.member[s, t])
        if apart:
            flag[s] = 1
            for t in range(len(used)):
                used[t] |= search.member[s, t]


def take(search: SearchInput, state: SearchState, t: int, by: int) -> None:
    """Count a candidate under its constraints, or (by = -1) no more."""
    for s in range(len(state.residual)):
        if search.member[s, t]:
            state.residual[s] -= by
            state.need[s] -= by


def close_full(search: SearchInput, state: SearchState, free: Sums, given: int) -> None:
    """Take what does not fit any more off the free candidates (IN/OUT)."""
    for s in range(len(state.residual)):
        if state.residual[s] <= 0:
            for t in range(len(free)):
                if search.member[s, t]:
                    free[t] = 0
    if given >= search.upper:
        free[:] = 0


def enter(search: SearchInput, state: SearchState, free: Sums, given: int, t: int) -> None:
    """Take candidate t, the last of `given`, and close what does not fit any more."""
    take(search, state, t, 1)
    free[t] = 0
    close_full(search, state, free, given)


def leave(search: SearchInput, state: SearchState, free: Sums, before: Sums, t: int) -> None:
    """Give candidate t back, and leave it out of what was free before it was taken."""
    take(search, state, t, -1)
    free[:] = before
    free[t] = 0


def comes_first(picks: Sums, best: Sums) -> bool:
    """Whether a choice comes before another one in the order of choice, taking before leaving."""
    for t in range(len(picks)):
        if picks[t] != best[t]:
            return picks[t] > best[t]
    return False


def too_full(search: SearchInput, state: SearchState, picks: Sums, mine: Sums) -> int:
    """The first constraint that crosses the laminar family and that picks besides mine make too full; -1: none."""
    for s in range(len(state.residual)):
        if not search.bound[s, 3]:
            continue
        held = 0
        for t in range(len(picks)):
            held += (picks[t] - mine[t]) * search.member[s, t]
        if held > state.residual[s]:
            return s
    return -1


def walk(
    search: SearchInput, state: SearchState, free: Sums, given: int, least: int, picks: Sums
) -> int:
    """Worth of the greedy choice among free candidates under the caps of the laminar family; the picks are added.

    It goes on to what is worth less than nothing while fewer than `least` are given.
    """
    value, member = search.value, search.member
    left = state.residual.copy()
    total = 0
    for t in range(len(value)):
        if given >= search.upper or (value[t] < 0 and given >= least):
            break
        fits = free[t] != 0
        for s in range(len(left)):
            if member[s, t] and left[s] <= 0 and not search.bound[s, 3]:
                fits = False
        if not fits:
            continue
        for s in range(len(left)):
            if member[s, t]:
                left[s] -= 1
        given += 1
        total += value[t]
        picks[t] = 1
    return total


def asks_for_minimums(bound: Sums) -> bool:
    """Whether some constraint has a minimum."""
    asks = False
    for s in range(len(bound)):
        asks = asks or bound[s, 1] > 0
    return asks


def count(flag: Sums) -> int:
    """How many flags are set."""
    total = 0
    for t in range(len(flag)):
        total += flag[t]
    return total


def count_both(flag: Sums, other: Sums) -> int:
    """How many candidates have both flags set."""
    total = 0
    for t in range(len(flag)):
        total += flag[t] & other[t]
    return total


def open_slots(search: SearchInput, free: Sums, given: int) -> int:
    """How many more coupons can be given."""
    return min(search.upper - given, count(free))


def least_shortfall(
    search: SearchInput, state: SearchState, free: Sums, given: int
) -> tuple[int, int]:
    """What a branch falls short by at least: in all, and what of it is sure for single constraints or the number."""
    slots = open_slots(search, free, given)
    sure = max(0, search.lower - given - slots)
    asked = 0
    lightest = MANDATORY_WEIGHT
    for s in range(len(state.need)):
        if state.need[s] <= 0:
            continue
        have = count_both(free, search.member[s])
        sure += search.bound[s, 2] * max(0, state.need[s] - have)
        if state.disjoint[s]:
            asked += min(state.need[s], have)
            lightest = min(lightest, search.bound[s, 2])
    return sure + max(0, asked - slots) * lightest, sure


def most_worth(
    search: SearchInput,
    state: SearchState,
    free: Sums,
    given: int,
    goal: int,
    sure: int,
    picks: Sums,
) -> int:
    """No choice of a branch that falls short by just `goal` adds more worth than this; NOTHING where there is none.

    sure: from `least_shortfall`. picks is scratch.
    """
    value, member = search.value, search.member
    spare = goal - sure
    slots = open_slots(search, free, given)
    least = search.lower - max(0, search.lower - given - slots) - spare
    most = walk(search, state, free, given, least, picks)
    forced = np.zeros(len(value), np.int64)
    forced_in = 0
    total = 0
    for s in range(len(state.need)):
        if not state.disjoint[s] or state.need[s] <= 0:
            continue
        have = count_both(free, member[s])
        asked = min(state.need[s], have) - spare // search.bound[s, 2]
        for t in range(len(value)):
            if asked > 0 and free[t] and member[s, t]:
                forced[t] = 1
                total += value[t]
                forced_in += 1
                asked -= 1
    if forced_in == 0:
        return most
    if forced_in > slots:
        return NOTHING
    for t in range(len(value)):
        if forced_in >= slots or (value[t] < 0 and given + forced_in >= least):
            break
        if free[t] and not forced[t]:
            total += value[t]
            forced_in += 1
    return min(most, total)


def whole_values(value: Prices | Amounts) -> tuple[Sums, int]:
    """Float values as whole numbers in the same order, none of them 0, and the power of two they were scaled by.

    Sums of all of them stay below 2^62. The lowest bits count candidates that are worth nothing or less: a choice is
    better with fewer of them.
    """
    n = len(value)
    bits = 0
    while n >> bits > 0:
        bits += 1
    largest = 0.0
    for j in range(n):
        largest = max(largest, abs(np.float64(value[j])))
    shift = min(900, 61 - 2 * bits - math.frexp(largest)[1])
    scale = math.ldexp(1.0, shift)
    whole = np.empty(n, np.int64)
    for j in range(n):
        w = np.int64(math.floor(np.float64(value[j]) * scale + 0.5))
        if value[j] > 0.0:
            w = max(w, np.int64(1))
            whole[j] = w << bits
        else:
            whole[j] = (w << bits) - 1
    return whole, shift + bits


def slack_in_units(slack: int, shift: int, unit: int) -> np.int64:
    """What a search that was cut off may have fallen short by, in whole units of 2^unit, rounded up.

    slack: in the whole numbers of a customer whose values were scaled by 2^shift.
    """
    return np.int64(math.ceil(math.ldexp(np.float64(slack), -shift - unit))) + 1
