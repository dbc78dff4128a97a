"""The best choice of parts by the number of coupons of each, where no price on coupons has as many as there may be.

Each part is searched once for every number of coupons that it may have at most; then the numbers are put together, as
a knapsack is filled. The other candidates take what room is left, the best ones first.
"""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..constraint_search import FREE, IN, search_choice
from ..rows.customer_rows import SearchRows
from ..search_bounds import NOTHING
from .find_parts import SINGLE, Parts, part_of


def choose_by_sizes(
    value: Sums,
    fixing: Sums,
    upper: int,
    bound: Sums,
    member: Sums,
    rows: SearchRows,
    nodes: int,
    parts: Parts,
    most: Sums,
    picks: Sums,
) -> bool:
    """Whether one choice of sizes of parts is better than all others, and uses all coupons; its choice is OUT.

    most: the choice where there may be any number of coupons: no part has more in any other one.
    """
    number = parts.number[0]
    worth = np.full((number, upper + 1), NOTHING)
    if not find_worths(value, fixing, upper, bound, member, rows, nodes, parts, most, worth):
        return False
    best = np.full((number + 1, upper + 1), NOTHING)
    ways = np.zeros((number + 1, upper + 1), np.int64)  # 2 where there are several
    size_of = np.zeros((number + 1, upper + 1), np.int64)
    best[0, 0], ways[0, 0] = 0, 1
    for p in range(number):
        add_sizes(worth[p], best[p], ways[p], best[p + 1], ways[p + 1], size_of[p + 1])
    j = best_size(value, fixing, upper, parts, best[number], ways[number])
    if j < 0:
        return False
    take_singles(value, fixing, upper - j, parts, picks)
    for p in range(number - 1, -1, -1):
        k = size_of[p + 1, j]
        part = part_of(parts, p, bound, member, rows)
        chosen, _, _, _ = search_choice(
            value[part.place],
            fixing[part.place],
            0,
            k,
            part.bound,
            part.member,
            part.rows,
            nodes,
        )
        for t in range(len(part.place)):
            picks[part.place[t]] = chosen[t]
        j -= k
    return True


def find_worths(
    value: Sums,
    fixing: Sums,
    upper: int,
    bound: Sums,
    member: Sums,
    rows: SearchRows,
    nodes: int,
    parts: Parts,
    most: Sums,
    worth: Sums,
) -> bool:
    """What each part is worth with so many coupons (OUT), where more are worth more; False: a search was cut off."""
    for p in range(len(worth)):
        part = part_of(parts, p, bound, member, rows)
        size, last = 0, NOTHING
        for t in part.place:
            size += most[t]
        for k in range(min(size, upper) + 1):
            _, short, its, above = search_choice(
                value[part.place],
                fixing[part.place],
                0,
                k,
                part.bound,
                part.member,
                part.rows,
                nodes,
            )
            if short >= 0 and above > its:
                return False
            if short >= 0 and its > last:
                worth[p, k] = its
                last = its
    return True


def add_sizes(
    worth: Sums, best: Sums, ways: Sums, best_then: Sums, ways_then: Sums, size_of: Sums
) -> None:
    """Add a part, worth so much with each number of coupons, to the best of those before (OUT: then)."""
    for j in range(len(best)):
        for k in range(len(best) - j):
            if ways[j] == 0 or worth[k] == NOTHING:
                continue
            total = best[j] + worth[k]
            if ways_then[j + k] == 0 or total > best_then[j + k]:
                best_then[j + k] = total
                ways_then[j + k] = ways[j]
                size_of[j + k] = k
            elif total == best_then[j + k]:
                ways_then[j + k] = 2


def best_size(value: Sums, fixing: Sums, upper: int, parts: Parts, best: Sums, ways: Sums) -> int:
    """How many coupons all parts have in the best choice; -1: others are as good, or there is room left."""
    found, at, unique = NOTHING, -1, False
    for j in range(upper + 1):
        if ways[j] == 0:
            continue
        room, total = upper - j, best[j]
        for t in range(len(value)):
            if parts.of_candidate[t] == SINGLE and fixing[t] == IN:
                room -= 1
                total += value[t]
        if room < 0:
            continue
        for t in range(len(value)):
            if parts.of_candidate[t] == SINGLE and fixing[t] == FREE and value[t] > 0 and room > 0:
                room -= 1
                total += value[t]
        if at < 0 or total > found:
            found, at, unique = total, j, ways[j] == 1 and room == 0
        elif total == found:
            unique = False
    return at if unique else -1


def take_singles(value: Sums, fixing: Sums, room: int, parts: Parts, picks: Sums) -> None:
    """Take as many candidates of no part (OUT) as there is room for: those that are forced in, and the best ones."""
    for t in range(len(value)):
        picks[t] = 1 if parts.of_candidate[t] == SINGLE and fixing[t] == IN else 0
        room -= picks[t]
    for t in range(len(value)):
        if parts.of_candidate[t] == SINGLE and fixing[t] == FREE and value[t] > 0 and room > 0:
            picks[t] = 1
            room -= 1
