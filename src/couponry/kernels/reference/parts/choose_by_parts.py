"""The best choice of a customer whose rules fall apart into parts: each part by itself, at a price on coupons.

Where nothing but the number of coupons joins parts, as the members of a household, the best choices of all parts are
the best one of all, as long as they are few enough. Where they are too many, a price on each coupon makes them fewer:
choices of parts that are best at a price, and come to just as many as there may be, are the best ones together
(a Lagrangian relaxation without a gap). The first price is what a greedy choice under all caps leaves out first for
being too many. Others are found between one at which there are too many and one at which
there are too few, where the choices at both are worth the same. Where no price has just as many, as where two choices
of one part differ by more than a coupon, the numbers of coupons of parts are put together; and where that does not
tell, the search of all candidates together decides; see `constraint_search`.
"""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..constraint_search import IN, search_choice
from ..rows.customer_rows import SearchRows
from ..search_bounds import asks_for_minimums, count
from .choose_by_sizes import choose_by_sizes
from .find_parts import NOWHERE, SINGLE, Parts, find_parts, part_of
from .greedy_choice import greedy_choice

MOST_PARTS = 16
"""Parts that are searched one by one."""

MOST_PRICES = 24
"""Prices that are tried."""


def best_choice(
    value: Sums,
    fixing: Sums,
    lower: int,
    upper: int,
    bound: Sums,
    member: Sums,
    rows: SearchRows,
    nodes: int,
) -> tuple[Sums, int, int, int]:
    """The best choice of candidates in the order of choice, some of them forced in or out.

    As `search_choice`, whose arguments these are; each part is searched for at most so many nodes at each price.
    """
    kept, picks, short, worth = greedy_choice(value, fixing, lower, upper, bound, member, rows)
    if kept:
        return picks, short, worth, worth
    if short >= 0 and not asks_for_minimums(bound):
        parts = find_parts(fixing, bound, member, rows)
        if can_be_parted(parts):
            picks = np.zeros(len(value), np.int64)
            if choose_by_parts(
                value, fixing, lower, upper, bound, member, rows, nodes, parts, picks
            ):
                worth = worth_of(value, picks)
                return picks, 0, worth, worth
    return search_choice(value, fixing, lower, upper, bound, member, rows, nodes)


def can_be_parted(parts: Parts) -> bool:
    """Whether there are several parts, or one and other candidates, and not too many."""
    singles = False
    for t in range(len(parts.of_candidate)):
        singles = singles or parts.of_candidate[t] == SINGLE
    number = parts.number[0]
    return 0 < number <= MOST_PARTS and (number > 1 or singles)


def worth_of(value: Sums, picks: Sums) -> int:
    """What a choice is worth."""
    total = 0
    for t in range(len(value)):
        if picks[t]:
            total += value[t]
    return total


def choose_by_parts(
    value: Sums,
    fixing: Sums,
    lower: int,
    upper: int,
    bound: Sums,
    member: Sums,
    rows: SearchRows,
    nodes: int,
    parts: Parts,
    picks: Sums,
) -> bool:
    """Whether the best choice (OUT) is found part by part."""
    if upper < lower:
        return False
    cheap, dear = np.full(len(value), 2), np.full(len(value), -1)  # no choices of any part
    bits, high = highest_price(value)
    if not choose_at(value, fixing, bound, member, rows, nodes, parts, high, cheap, dear, picks):
        return False
    dear[:] = picks
    low, is_known = 0, False  # whether cheap is a choice at the lower price
    worths, rank = list_worths(value, parts), greedy_rank(value, parts, upper, bound, member)
    price = max(0, price_at(worths, rank, low, high, bits))
    for step in range(MOST_PRICES):
        if not is_known:
            cheap[:] = 2  # no choice of any part
        if not choose_at(
            value, fixing, bound, member, rows, nodes, parts, price, cheap, dear, picks
        ):
            return False
        given = count(picks)
        if price == 0 and given <= upper:
            return given >= lower
        if given == upper:
            return True
        if given > upper:
            cheap[:] = picks
            low, is_known = price, True
        else:
            dear[:] = picks
            high = price
        rank += upper - given + (upper - given) // 2
        price = price_at(worths, rank, low, high, bits)
        if price >= 0:
            continue
        if not is_known:
            price = 0
            continue
        if count(dear) >= upper:
            picks[:] = dear
            return bool(count(dear) == upper)
        price = price_between(value, cheap, dear, low, high, bits, upper if step % 2 else -1)
        if price >= 0:
            continue
        if fill_up(cheap, dear, upper, parts, picks):
            return True
        break
    return choose_the_sizes(value, fixing, upper, bound, member, rows, nodes, parts, picks)


def choose_the_sizes(
    value: Sums,
    fixing: Sums,
    upper: int,
    bound: Sums,
    member: Sums,
    rows: SearchRows,
    nodes: int,
    parts: Parts,
    picks: Sums,
) -> bool:
    """`choose_by_sizes`, once it is known how many coupons each part has at most."""
    n = len(value)
    cheap, dear = np.full(n, 2), np.full(n, -1)  # no choices of any part
    most = np.zeros(n, np.int64)
    if not choose_at(value, fixing, bound, member, rows, nodes, parts, 0, cheap, dear, most):
        return False
    return choose_by_sizes(value, fixing, upper, bound, member, rows, nodes, parts, most, picks)


def highest_price(value: Sums) -> tuple[int, int]:
    """How many of the lowest bits of values count candidates, and a price at which nothing is worth anything."""
    bits = 0
    while len(value) >> bits > 0:
        bits += 1
    return bits, int(((np.max(value) >> bits) << bits) + 1)


def list_worths(value: Sums, parts: Parts) -> Sums:
    """What candidates are worth that are not left out in any case, and worth something, the largest first."""
    worths = np.zeros(len(value), np.int64)
    listed = 0
    for t in range(len(value)):  # in the order of choice
        if parts.of_candidate[t] != NOWHERE and value[t] > 0:
            worths[listed] = value[t]
            listed += 1
    return worths[:listed].copy()


def greedy_rank(value: Sums, parts: Parts, upper: int, bound: Sums, member: Sums) -> int:
    """How many of the worths listed are before the first one that is too many of a greedy choice under all caps."""
    left = bound[:, 0].copy()
    listed, given = 0, 0
    for t in range(len(value)):
        if parts.of_candidate[t] == NOWHERE or value[t] <= 0:
            continue
        fits = True
        for s in range(len(left)):
            fits = fits and not (member[s, t] and left[s] <= 0)
        if fits:
            if given >= upper:
                break
            given += 1
            for s in range(len(left)):
                left[s] -= member[s, t]
        listed += 1
    return listed


def price_at(worths: Sums, rank: int, low: int, high: int, bits: int) -> int:
    """A price at which there are about so many coupons, just above a value; -1: there is none between two others."""
    if rank < 0 or rank >= len(worths):
        return -1
    price = ((worths[rank] >> bits) << bits) + 1
    return price if low < price and price < high else -1


def price_between(
    value: Sums, cheap: Sums, dear: Sums, low: int, high: int, bits: int, wanted: int
) -> int:
    """A price at which both choices are worth about the same, just above a value; -1: there is none between.

    wanted: how many coupons there should be about at the price; -1: whatever.
    """
    apart = count(cheap) - count(dear)
    if wanted < 0:
        even = (worth_of(value, cheap) - worth_of(value, dear)) // apart
    else:
        even = low + (high - low) // apart * (count(cheap) - wanted)
    step = 1 << bits
    price = ((even >> bits) << bits) + 1
    if price <= low:
        price = ((low >> bits) << bits) + 1 + (step if low > 0 else 0)
    elif price >= high:
        price = high - step
    return price if low < price and price < high else -1


def choose_at(
    value: Sums,
    fixing: Sums,
    bound: Sums,
    member: Sums,
    rows: SearchRows,
    nodes: int,
    parts: Parts,
    price: int,
    cheap: Sums,
    dear: Sums,
    picks: Sums,
) -> bool:
    """The best choices of all parts at a price on coupons (OUT); False where a search was cut off, or none is possible.

    cheap, dear: the choices at a lower and a higher price; what both have of a part is its choice between them.
    """
    for t in range(len(value)):
        picks[t] = 0
        if parts.of_candidate[t] == SINGLE and (fixing[t] == IN or value[t] - price > 0):
            picks[t] = 1
    for p in range(parts.number[0]):
        same = True
        for t in range(len(value)):
            if parts.of_candidate[t] == p:
                same = same and cheap[t] == dear[t]
                picks[t] = cheap[t]
        if same:
            continue
        part = part_of(parts, p, bound, member, rows)
        chosen, short, worth, most = search_choice(
            value[part.place] - price,
            fixing[part.place],
            0,
            len(part.place),
            part.bound,
            part.member,
            part.rows,
            nodes,
        )
        if short < 0 or most > worth:
            return False
        for t in range(len(part.place)):
            picks[part.place[t]] = chosen[t]
    return True


def fill_up(cheap: Sums, dear: Sums, upper: int, parts: Parts, picks: Sums) -> bool:
    """Whether choices at neighbouring prices differ in candidates of no part, which are worth the same.

    As many of them as there is room for make the choice at the higher price the best one (OUT).
    """
    picks[:] = dear
    left = upper - count(dear)
    for t in range(len(cheap)):
        if cheap[t] == dear[t]:
            continue
        if parts.of_candidate[t] != SINGLE:
            return False
        if left > 0:
            picks[t] = 1
            left -= 1
    return left == 0
