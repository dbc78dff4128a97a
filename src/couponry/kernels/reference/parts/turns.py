"""Turns of a customer's constraints that are intervals: found once, when rules are compiled, and read in every pass.

A turn says no more than in which order to look at constraints. Only native passes do, for customers whose parts
`best_choice` chooses one by one under intervals: they find the same choices as all others, and sooner.
"""

from __future__ import annotations

import numpy as np

from ...contract import Offsets, Sums
from ...set_layout import MOST_SHORT_TURNS, MOST_TURNS, SHORT, SHORT_RULES
from ..intervals.find_intervals import order_of, shared
from ..rows.customer_rows import read_rows
from ..search_bounds import SearchInput, SearchState
from .find_parts import SINGLE, closed_candidates, find_parts

MOST_PARTS, MOST_CANDIDATES, MOST_CONSTRAINTS = 16, 62, 64
"""Parts, and candidates and constraints of each, that are chosen under intervals one by one."""

FEWEST = 4
"""Constraints that cross the laminar family, of a customer of few candidates: fewer are searched sooner."""


def find_turns(bound: Sums, member: Sums, at: int, rows: int, constraints: Offsets) -> Sums:
    """The turn of each of a customer's constraints, from 1 on, int64 (constraints); 0 where it has none.

    bound, member (IN): see `SearchInput`, in the order in which constraints are listed; the number of the rule in place
    of a weight. at, rows: where the customer's
    words begin, and how many rows they have. All that cross the laminar family must have the same cap.
    """
    count, n = len(bound), member.shape[1]
    turn = np.zeros(count, np.int64)
    most = cap_of_crossing(bound)
    if most == 0:
        return turn
    if n <= SHORT:
        if not fits_short_heads(bound):
            return turn
    elif not are_parts_small(bound, member, at, rows, constraints):
        return turn
    search = SearchInput(np.zeros(n, np.int64), bound, member, 0, n)
    state = SearchState(bound[:, 0].copy(), bound[:, 1].copy(), np.zeros(count, np.int64))
    free = 1 - closed_candidates(np.zeros(n, np.int64), bound, member)
    order, number = order_of(shared(search, state, free, most))
    if number > (MOST_SHORT_TURNS if n <= SHORT else MOST_TURNS):
        return turn
    for t in range(n):
        first, last, held = -1, -1, 0
        for k in range(number):
            if free[t] and member[order[k], t]:
                first = k if held == 0 else first
                last = k
                held += 1
        if held > 0 and held != last - first + 1:
            return turn
    for k in range(number):
        turn[order[k]] = k + 1
    return turn


def fits_short_heads(bound: Sums) -> bool:
    """Whether turns are worth having, and heads of short constraints have room for them beside their rules."""
    crossing, fits = 0, len(bound) <= MOST_CONSTRAINTS
    for s in range(len(bound)):
        crossing += bound[s, 3]
        fits = fits and bound[s, 2] < SHORT_RULES
    return bool(fits and crossing >= FEWEST)


def cap_of_crossing(bound: Sums) -> int:
    """The cap of all constraints that cross the laminar family; 0: they have several, or something is asked for."""
    most = 0
    for s in range(len(bound)):
        if bound[s, 1] > 0:
            return 0
        if bound[s, 3]:
            if most > 0 and bound[s, 0] != most:
                return 0
            most = bound[s, 0]
    return most


def are_parts_small(bound: Sums, member: Sums, at: int, rows: int, constraints: Offsets) -> bool:
    """Whether the customer is taken apart, and each part has few candidates and constraints."""
    n = member.shape[1]
    own = read_rows(constraints, at + 1, rows, np.arange(n))
    parts = find_parts(np.zeros(n, np.int64), bound, member, own)
    number = parts.number[0]
    if number < 1 or number > MOST_PARTS:
        return False
    candidates = np.zeros(number, np.int64)
    held = np.zeros(number, np.int64)
    singles = 0
    for t in range(n):
        if parts.of_candidate[t] >= 0:
            candidates[parts.of_candidate[t]] += 1
        singles += 1 if parts.of_candidate[t] == SINGLE else 0
    for s in range(len(bound)):
        if parts.of_constraint[s] >= 0:
            held[parts.of_constraint[s]] += 1
    small = number > 1 or singles > 0
    for p in range(number):
        small = small and candidates[p] <= MOST_CANDIDATES and held[p] <= MOST_CONSTRAINTS
    return small
