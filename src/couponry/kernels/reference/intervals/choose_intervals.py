"""The best choice under constraints that are intervals: a flow of as many units as each of them has room for.

A unit goes from the first interval to the last one, along candidates, each of which takes it over all intervals that it
is in, and past intervals where nothing is taken. Units are added one after the other, each by the way that gains most,
which may take candidates of those before back (successive shortest paths). Such a programme has
no gap: the flow is the best choice (Carlisle and Lloyd, On the k-coloring of intervals, 1995).

All else is left aside at first: the number of coupons, constraints with other caps, and rows. Where the choice keeps
them it is the best one under them as well; where not, the customer is left to the other searches. Of choices that are
worth the same the one that comes first in the order of choice is found: whatever is gained has a second number, a bit
for each candidate, the first one's the highest.
"""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..rows.customer_rows import SearchRows, broken_row
from ..search_bounds import NOTHING, Node, SearchInput, SearchState, count, count_both
from .find_intervals import Intervals, find_intervals

MOST_CANDIDATES, MOST_CONSTRAINTS = 62, 64
"""What a customer has at most: bits of candidates, and sums of them, take 64 bits."""

PAST, BACK = -1, -2
"""In place of a candidate: a way past an interval, and back to before it."""


def search_intervals(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    start: Node,
    fixed: Sums,
    best: Sums,
) -> tuple[bool, int]:
    """Whether the best choice is found so (`best`, OUT), and its worth.

    start: what is free, how many are given in any case (`fixed`), and their worth.
    """
    n = len(fixed)
    if n > MOST_CANDIDATES or len(search.bound) > MOST_CONSTRAINTS or search.lower > start.given:
        return False, 0
    for s in range(len(search.bound)):
        if search.bound[s, 1] > 0:
            return False, 0
    intervals = find_intervals(search, state, start.free)
    if intervals.number == 0:
        return False, 0
    picks = choose_intervals(search, start.free, intervals)
    for t in range(n):
        picks[t] |= fixed[t]
        if start.free[t] and intervals.first[t] < 0 and search.value[t] > 0:
            picks[t] = 1
    if not keeps_all(search, rows, picks):
        return False, 0
    worth = start.worth
    for t in range(n):
        best[t] = picks[t]
        if picks[t] and not fixed[t]:
            worth += search.value[t]
    return True, worth


def keeps_all(search: SearchInput, rows: SearchRows, picks: Sums) -> bool:
    """Whether a choice keeps the number of coupons, all caps and all rows."""
    kept = count(picks) <= search.upper
    for s in range(len(search.bound)):
        kept = kept and count_both(picks, search.member[s]) <= search.bound[s, 0]
    return bool(kept and broken_row(rows, picks)[0] < 0)


def choose_intervals(search: SearchInput, free: Sums, intervals: Intervals) -> Sums:
    """Flags of the candidates of the best flow."""
    picks = np.zeros(len(free), np.int64)
    past = np.zeros(intervals.number, np.int64)  # units that go past each interval
    for unit in range(intervals.most):
        by = best_way(search, free, intervals, picks, past, unit > 0)
        gains = False
        at = intervals.number
        while at > 0:
            t = by[at]
            if t == PAST:
                at -= 1
                past[at] += 1
            elif t == BACK:
                past[at] -= 1
                at += 1
            elif picks[t]:
                picks[t] = 0
                at = intervals.last[t] + 1
            else:
                picks[t] = 1
                at = intervals.first[t]
                gains = True
        if not gains:
            break
    return picks


def best_way(
    search: SearchInput, free: Sums, intervals: Intervals, picks: Sums, past: Sums, may_return: bool
) -> Sums:
    """By what the best way of one unit more comes to each place before, between and behind intervals.

    may_return: whether there are units that may be taken back.
    """
    number = intervals.number
    by = np.full(number + 1, PAST)
    gain = np.full(number + 1, NOTHING)
    tie = np.zeros(number + 1, np.int64)
    gain[0] = 0
    moved = True
    while moved:
        for k in range(number):
            reach(by, gain, tie, k, k + 1, PAST, 0, 0)
            for t in range(len(free)):
                if intervals.first[t] == k and not picks[t] and search.value[t] > 0:
                    bit = 1 << (MOST_CANDIDATES - 1 - t)
                    reach(by, gain, tie, k, intervals.last[t] + 1, t, search.value[t], bit)
        moved = False
        for k in range(number if may_return else 0, 0, -1):
            if past[k - 1] > 0:
                moved = reach(by, gain, tie, k, k - 1, BACK, 0, 0) or moved
            for t in range(len(free)):
                if intervals.last[t] == k - 1 and picks[t]:
                    bit = 1 << (MOST_CANDIDATES - 1 - t)
                    its = reach(by, gain, tie, k, intervals.first[t], t, -search.value[t], -bit)
                    moved = its or moved
    return by


def reach(by: Sums, gain: Sums, tie: Sums, a: int, b: int, t: int, gained: int, bit: int) -> bool:
    """Come from place a to b by candidate t, if that gains more than what is known (OUT)."""
    its, bits = gain[a] + gained, tie[a] + bit
    if its < gain[b] or (its == gain[b] and bits <= tie[b]):
        return False
    by[b], gain[b], tie[b] = t, its, bits
    return True
