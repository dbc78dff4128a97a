"""The best choice under constraints that are two nested families: a flow of as many units as there are coupons.

A unit goes through the first family from the outside to the inside, along a candidate, and through the second family
from the inside to the outside. A constraint lets as many units pass as it has room for; the first ones, as many as it
asks for, gain its weight. Units are added one after the other, each by the way that gains most, which may take
candidates of those before back (successive shortest paths; Ahuja, Magnanti and Orlin, Network Flows, 1993, 9.7). Such a
programme has no gap, so that the flow is the best choice, minimums included: what gains most falls least short of
them, then is worth most, and then comes first in the order of choice, by a bit for each candidate.

Rows are left aside at first. Where the choice keeps them it is the best one under them as well; where not, the customer
is left to the other searches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Sums
from ..rows.customer_rows import SearchRows, broken_row
from ..search_bounds import NOTHING, Node, SearchInput, SearchState
from .find_families import ASIDE, NestedFamilies, find_families

MOST_CANDIDATES, MOST_CONSTRAINTS = 1024, 512
"""What a customer has at most."""

DIGIT_BITS = 62
"""Bits of candidates in each number that ties are told by: with their sums they take 64."""


class Flow(NamedTuple):
    """Arcs of constraints, and behind them one of all coupons, with what flows.

    room: units that may pass. need: of those, how many gain the weight. passed: how many do (IN/OUT). begin, end:
    places. Places: the inside of each arc, behind them the end of all ways, and their beginning.
    """

    room: NDArray[np.int64]
    need: NDArray[np.int64]
    weight: NDArray[np.int64]
    passed: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


class Ways(NamedTuple):
    """The best way to each place: what it gains, and by which candidate or arc it comes there.

    filled: by how much it lessens the shortfall. tie: int64 (places, digits), the first ones tell first. by: a
    candidate; behind all of them, arcs; behind those, arcs back.
    """

    filled: NDArray[np.int64]
    worth: NDArray[np.int64]
    tie: NDArray[np.int64]
    by: NDArray[np.int64]


def search_families(
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
    if n > MOST_CANDIDATES or len(search.bound) > MOST_CONSTRAINTS:
        return False, 0
    families = find_families(search, state, start.free)
    if not families.found:
        return False, 0
    flow = make_flow(search, state, families, start.given)
    picks = choose_families(search, start.free, families, flow)
    worth = start.worth
    for t in range(n):
        if picks[t]:
            worth += search.value[t]
        picks[t] |= fixed[t]
    if broken_row(rows, picks)[0] >= 0:
        return False, 0
    best[:] = picks
    return True, worth


def make_flow(
    search: SearchInput, state: SearchState, families: NestedFamilies, given: int
) -> Flow:
    """Arcs on which nothing flows."""
    constraints = len(search.bound)
    flow = Flow(
        np.zeros(constraints + 1, np.int64),
        np.zeros(constraints + 1, np.int64),
        np.ones(constraints + 1, np.int64),
        np.zeros(constraints + 1, np.int64),
        np.zeros(constraints + 1, np.int64),
        np.zeros(constraints + 1, np.int64),
    )
    flow.room[constraints] = search.upper - given
    flow.need[constraints] = search.lower - given
    flow.begin[constraints], flow.end[constraints] = constraints + 2, constraints
    for s in range(constraints):
        flow.room[s], flow.need[s] = state.residual[s], state.need[s]
        flow.weight[s] = search.bound[s, 2]
    for place in range(families.number):
        s = families.order[place]
        around = families.around[s]
        if place < families.first:
            flow.begin[s], flow.end[s] = around if around != ASIDE else constraints, s
        else:
            flow.begin[s], flow.end[s] = s, around if around != ASIDE else constraints + 1
    return flow


def choose_families(search: SearchInput, free: Sums, families: NestedFamilies, flow: Flow) -> Sums:
    """Flags of the candidates of the best flow."""
    n, arcs = len(free), len(flow.room)
    picks = np.zeros(n, np.int64)
    while True:
        ways = best_ways(search, free, families, flow, picks)
        end = arcs  # the end of all ways
        if not gains(ways, end):
            return picks
        at = end
        while at != arcs + 1:
            by = ways.by[at]
            if by < n:
                forward = not picks[by]
                picks[by] = 1 - picks[by]
                at = place_of(families, by, 0 if forward else 1, arcs)
            elif by < n + arcs:
                flow.passed[by - n] += 1
                at = flow.begin[by - n]
            else:
                flow.passed[by - n - arcs] -= 1
                at = flow.end[by - n - arcs]


def gains(ways: Ways, place: int) -> bool:
    """Whether the best way to a place gains anything."""
    filled, worth = ways.filled[place], ways.worth[place]
    return bool(filled > 0 or (filled == 0 and worth > 0))


def place_of(families: NestedFamilies, t: int, side: int, arcs: int) -> int:
    """Where a candidate's way begins (side 0) or ends (side 1)."""
    s = families.inside[side, t]
    if s != ASIDE:
        return int(s)
    return arcs if side else arcs - 1


def best_ways(
    search: SearchInput, free: Sums, families: NestedFamilies, flow: Flow, picks: Sums
) -> Ways:
    """By what the best way of one unit more comes to each place."""
    arcs = len(flow.room)
    ways = Ways(
        np.full(arcs + 2, NOTHING),
        np.zeros(arcs + 2, np.int64),
        np.zeros((arcs + 2, (len(free) + DIGIT_BITS - 1) // DIGIT_BITS), np.int64),
        np.full(arcs + 2, ASIDE),
    )
    ways.filled[arcs + 1] = 0
    moved = True
    while moved:
        moved = pass_arc(len(free), flow, ways, arcs - 1)
        for place in range(families.first):
            moved = pass_arc(len(free), flow, ways, families.order[place]) or moved
        for t in range(len(free)):
            if free[t]:
                moved = pass_candidate(search, families, ways, picks, t, arcs) or moved
        for place in range(families.first, families.number):
            moved = pass_arc(len(free), flow, ways, families.order[place]) or moved
    return ways


def pass_arc(n: int, flow: Flow, ways: Ways, s: int) -> bool:
    """Go along an arc, and back along it, where that is possible and gains more than what is known (OUT)."""
    arcs = len(flow.room)
    a, b, passed = flow.begin[s], flow.end[s], flow.passed[s]
    moved = False
    if passed < flow.room[s]:
        filled = flow.weight[s] if passed < flow.need[s] else 0
        moved = reach(ways, a, b, n + s, filled, 0, 0, 0)
    if passed > 0:
        filled = flow.weight[s] if passed <= flow.need[s] else 0
        moved = reach(ways, b, a, n + arcs + s, -filled, 0, 0, 0) or moved
    return moved


def pass_candidate(
    search: SearchInput, families: NestedFamilies, ways: Ways, picks: Sums, t: int, arcs: int
) -> bool:
    """Go along a candidate that is not taken, or back along one that is."""
    digit, bit = t // DIGIT_BITS, 1 << (DIGIT_BITS - 1 - t % DIGIT_BITS)
    a, b = place_of(families, t, 0, arcs), place_of(families, t, 1, arcs)
    if picks[t]:
        return reach(ways, b, a, t, 0, -search.value[t], digit, -bit)
    return reach(ways, a, b, t, 0, search.value[t], digit, bit)


def reach(
    ways: Ways, a: int, b: int, by: int, filled: int, worth: int, digit: int, bit: int
) -> bool:
    """Come from place a to b, if that gains more than what is known (OUT)."""
    if ways.filled[a] == NOTHING:
        return False
    filled, worth = ways.filled[a] + filled, ways.worth[a] + worth
    known = ways.filled[b]
    if filled < known or (filled == known and worth < ways.worth[b]):
        return False
    tie = ways.tie[a].copy()
    tie[digit] += bit
    if filled == known and worth == ways.worth[b]:
        d = 0
        while d < len(tie) and tie[d] == ways.tie[b, d]:
            d += 1
        if d == len(tie) or tie[d] < ways.tie[b, d]:
            return False
    ways.filled[b], ways.worth[b], ways.tie[b], ways.by[b] = filled, worth, tie, by
    return True
