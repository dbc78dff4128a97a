"""The best exchange of each row: two or three customers' moves that fit together, and gain together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...contract import Amounts, Sums
from ...exchanges_contract import Rooms, RowMoves


class Users(NamedTuple):
    """Moves that use a row, in order of what they use.

    at, use, gain, customer: which moves they are, what they use and gain, and whose they are. best: of each number of
    them, the position of the one that gains most (0), and of the one of another customer that does (1); -1: none.
    """

    at: Sums
    use: Amounts
    gain: Amounts
    customer: Sums
    best: Sums


def find_exchanges(
    moves: RowMoves, rooms: Rooms, width: int, start: int, stop: int, picked: Sums, gained: Amounts
) -> None:
    """Find, for each row, the exchange that gains most among those looked at.

    These are one move alone, one that relieves the row with one that uses it, one that relieves with two that use, and
    two that relieve with one that uses; all of different customers.

    Parameters
    ----------
    moves : RowMoves
    rooms : Rooms
    width : int
        Moves that relieve a row, and moves that use it, that are looked at: so many at most of either, those that cost
        least.
    start, stop : int
        Rows ``start <= row < stop``.
    picked : ndarray of int64, shape (L, 3)
        OUT: each row's moves; -1: none.
    gained : ndarray of float64, shape (L,)
        OUT: what they gain together; 0 where there are none.
    """
    for row in range(start, stop):
        picked[row, :] = -1
        gained[row] = 0.0
        if moves.ptr[row] < moves.ptr[row + 1]:
            gain = exchange_of_row(moves, rooms, width, row, picked[row])
            gained[row] = gain if picked[row, 0] >= 0 else 0.0


def cheapest(moves: RowMoves, first: int, last: int, sign: float, width: int) -> Sums:
    """Moves that use a row (sign = 1) or relieve it (-1): the `width` that cost least, in order of what they use."""
    at = first + np.flatnonzero(sign * moves.use[first:last] > 0.0)
    if len(at) > width:
        at = np.sort(at[np.argsort(moves.cost[at], kind="mergesort")[:width]])
    return at[np.argsort(moves.use[at], kind="mergesort")]


def users_of(moves: RowMoves, first: int, last: int, width: int) -> Users:
    """The moves that use a row, side by side, and the best of each number of them."""
    at = cheapest(moves, first, last, 1.0, width)
    gain, customer = moves.gain[at], moves.customer[at]
    best = np.full((2, len(at)), -1, np.int64)
    one, other = -1, -1
    for k in range(len(at)):
        if one < 0 or gain[k] > gain[one]:
            if one >= 0 and customer[k] != customer[one]:
                other = one
            one = k
        elif customer[k] != customer[one] and (other < 0 or gain[k] > gain[other]):
            other = k
        best[0, k] = one
        best[1, k] = other
    return Users(at, moves.use[at], gain, customer, best)


def fitting(users: Users, count: int, room: float) -> int:
    """How many of the first `count` moves fit into a room by themselves."""
    return min(count, int(np.searchsorted(users.use, room, side="right")))


def best_of_others(users: Users, count: int, one: int, other: int) -> int:
    """The best of the first `count` moves that is of neither of two customers, or -1 if it is not looked far enough."""
    if count <= 0:
        return -1
    for rank in range(2):
        at = users.best[rank, count - 1]
        if at >= 0 and users.customer[at] != one and users.customer[at] != other:
            return at
    return -1


def exchange_of_row(moves: RowMoves, rooms: Rooms, width: int, row: int, picked: Sums) -> float:
    """Find the best exchange of one row, `picked` (OUT, (3)); returns what it gains."""
    first, last = moves.ptr[row], moves.ptr[row + 1]
    users = users_of(moves, first, last, width)
    givers = cheapest(moves, first, last, -1.0, width)
    found = alone_or_two(moves, rooms, row, users, givers, picked)
    for at in range(len(givers)):
        found = two_that_use(moves, rooms, row, users, givers[at], found, picked)
        found = two_that_give(moves, rooms, row, users, givers[: at + 1], found, picked)
    return found


def alone_or_two(
    moves: RowMoves, rooms: Rooms, row: int, users: Users, givers: Sums, picked: Sums
) -> float:
    """One move that fits by itself, or one that uses what another one gives; returns what the best gains."""
    found = rooms.least[row]
    alone = best_of_others(users, fitting(users, len(users.at), rooms.room[row]), -1, -1)
    if alone >= 0 and users.gain[alone] > found:
        found = users.gain[alone]
        picked[0] = users.at[alone]
    for giver in givers:
        whose, use = moves.customer[giver], moves.use[giver]
        count = fitting(users, len(users.at), rooms.room[row] - use)
        other = best_of_others(users, count, whose, whose)
        if other < 0:
            continue
        total = moves.gain[giver] + users.gain[other]
        if total > found and use + users.use[other] >= -rooms.back[row]:
            found = total
            picked[0], picked[1] = giver, users.at[other]
    return found


def two_that_use(
    moves: RowMoves, rooms: Rooms, row: int, users: Users, giver: int, found: float, picked: Sums
) -> float:
    """Two moves that use what one gives, if they gain more than `found`; returns what the best gains now."""
    whose = moves.customer[giver]
    room = rooms.room[row] - moves.use[giver]
    for k in range(fitting(users, len(users.at), room)):
        if found >= rooms.enough[row]:
            break
        if users.customer[k] == whose:
            continue
        count = fitting(users, k, room - users.use[k])
        other = best_of_others(users, count, whose, users.customer[k])
        if other < 0:
            continue
        total = moves.gain[giver] + users.gain[k] + users.gain[other]
        used = moves.use[giver] + users.use[k] + users.use[other]
        if total > found and used >= -rooms.back[row]:
            found = total
            picked[0], picked[1], picked[2] = giver, users.at[k], users.at[other]
    return found


def two_that_give(
    moves: RowMoves, rooms: Rooms, row: int, users: Users, givers: Sums, found: float, picked: Sums
) -> float:
    """One move that uses what the last giver and one before it give; returns what the best gains now."""
    giver = givers[-1]
    whose = moves.customer[giver]
    room = rooms.room[row] - moves.use[giver]
    for second in givers[:-1]:
        if found >= rooms.enough[row]:
            break
        theirs = moves.customer[second]
        if theirs == whose:
            continue
        count = fitting(users, len(users.at), room - moves.use[second])
        other = best_of_others(users, count, whose, theirs)
        if other < 0:
            continue
        total = moves.gain[giver] + moves.gain[second] + users.gain[other]
        used = moves.use[giver] + moves.use[second] + users.use[other]
        if total > found and used >= -rooms.back[row]:
            found = total
            picked[0], picked[1], picked[2] = giver, second, users.at[other]
    return found
