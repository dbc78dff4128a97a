"""Lists the candidates that are close to being chosen, or to not being chosen any more."""

from __future__ import annotations

import numpy as np

from ...contract import Bounds, Flags, Integer, Prices, Shard, Sums
from ...undecided_contract import TOGETHER, Undecided
from ..evaluate import reduced_value
from ..preference import of_customer


def find_undecided(
    shard: Shard,
    upper: Bounds,
    price: Prices,
    chosen: Flags,
    bar: Prices,
    start: int,
    stop: int,
    undecided: Undecided,
) -> int:
    """List the candidates that are close to being chosen, or to not being chosen any more, and decide on all others.

    A candidate is undecided when changing its decision loses at most ``bar[s, k]`` of reduced value. Nobody has a
    minimum, or other rules than so many coupons at most. Values that are given are not looked at.

    Parameters
    ----------
    shard : Shard
        No customer has more than `MOST_CANDIDATES`.
    upper : ndarray of int32, shape (n or 1,)
        Largest number of coupons.
    price : ndarray of float32, shape (1 + C, S, K)
        See `evaluate`.
    chosen : ndarray of uint8, shape (candidates of these customers,)
        Best choices at these prices.
    bar : ndarray of float32, shape (S, K)
    start, stop : int
        Customers ``start <= i < stop``.
    undecided : Undecided
        OUT. There is room for a tile for each `TOGETHER` customers, and one for each run of customers of one segment;
        and for a row for each `TOGETHER` candidates, and `MOST_CANDIDATES` for each run.

    Returns
    -------
    int
        How many tiles there are.
    """
    tiles, begin = 0, start
    undecided.ptr[0] = 0
    while begin < stop:
        segment = of_customer(shard.segment, begin)
        end = begin
        while end < stop and of_customer(shard.segment, end) == segment:
            end += 1
        close = np.zeros(shard.indptr[end] - shard.indptr[begin], np.uint8)
        own = chosen[shard.indptr[begin] - shard.indptr[start] :]
        count = mark_run(shard, upper, price, own, bar, begin, end, close)
        order = np.argsort(-count, kind="mergesort")
        some = int(np.count_nonzero(count))
        for first in range(0, some, TOGETHER):
            rows = start_tile(undecided, tiles, segment, count[order[first]])
            for lane in range(min(TOGETHER, some - first)):
                i = begin + order[first + lane]
                at = shard.indptr[i] - shard.indptr[begin]
                held = put_into_tile(shard, price, i, own[at:], close[at:], undecided, rows, lane)
                undecided.slots[tiles, lane] = of_customer(upper, i) - held
            tiles += 1
        begin = end
    return tiles


def start_tile(undecided: Undecided, tile: int, segment: Integer, rows: Integer) -> Integer:
    """A tile of so many rows without candidates (OUT); its first row."""
    first = undecided.ptr[tile]
    undecided.ptr[tile + 1] = first + rows
    undecided.segment[tile] = segment
    undecided.slots[tile] = 0
    for row in range(undecided.ptr[tile], undecided.ptr[tile + 1]):
        undecided.item[row] = 0
        undecided.own[row] = -np.inf
        undecided.held[row] = 0
    return first


def mark_run(
    shard: Shard,
    upper: Bounds,
    price: Prices,
    chosen: Flags,
    bar: Prices,
    begin: int,
    end: int,
    close: Flags,
) -> Sums:
    """Mark the close candidates of some customers (OUT: close); how many each of them has."""
    count = np.zeros(end - begin, np.int64)
    for i in range(begin, end):
        at = shard.indptr[i] - shard.indptr[begin]
        count[i - begin] = mark_close(shard, upper, price, chosen[at:], bar, i, close[at:])
    return count


def mark_close(
    shard: Shard, upper: Bounds, price: Prices, chosen: Flags, bar: Prices, i: int, close: Flags
) -> int:
    """Mark a customer's candidates that are close to another decision (OUT: close); how many there are."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    segment = of_customer(shard.segment, i)
    given = 0
    least = np.float32(np.inf)  # of what is chosen
    most = np.float32(0.0)  # of what is not, or nothing in its place
    value = np.empty(end - begin, np.float32)
    for j in range(end - begin):
        value[j] = reduced_value(shard, price, segment, np.int64(shard.item[begin + j]), begin + j)
        if chosen[j]:
            given += 1
            least = min(least, value[j])
        else:
            most = max(most, value[j])
    if given < of_customer(upper, i):
        least = min(least, np.float32(0.0))
    count = 0
    for j in range(end - begin):
        loss = value[j] - most if chosen[j] else least - value[j]
        if loss <= bar[segment, np.int64(shard.item[begin + j])]:
            close[j] = 1
            count += 1
    return count


def put_into_tile(
    shard: Shard,
    price: Prices,
    i: int,
    chosen: Flags,
    close: Flags,
    undecided: Undecided,
    row: Integer,
    lane: int,
) -> int:
    """Put a customer's close candidates into a tile's rows from one on (OUT); how many others are chosen."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    segment = of_customer(shard.segment, i)
    others = 0
    for j in range(end - begin):
        if close[j]:
            k = np.int64(shard.item[begin + j])
            own = np.float32(0.0)
            for c in range(shard.quantity.shape[0]):
                own = own + price[1 + c, segment, k] * np.float32(shard.quantity[c, begin + j])
            undecided.item[row, lane] = k
            undecided.own[row, lane] = own
            if chosen[j]:
                undecided.held[row] = np.int64(undecided.held[row]) | (np.int64(1) << lane)
            row = row + 1
        elif chosen[j]:
            others += 1
    return others


def choose_undecided(undecided: Undecided, price: Prices, usage: Sums) -> None:
    """Choose anew among what is undecided, at other prices of coupons, and count what is chosen instead.

    Of candidates that are worth the same, the first is chosen.

    Parameters
    ----------
    undecided : Undecided
        IN/OUT: `held` says what is chosen.
    price : ndarray of float32, shape (S, K)
        What an item is worth a coupon.
    usage : ndarray of int64, shape (S, K)
        IN/OUT: the number of coupons chosen.
    """
    value = np.empty(np.diff(undecided.ptr).max() if len(undecided.segment) else 0, np.float32)
    for tile in range(len(undecided.segment)):
        segment, first = undecided.segment[tile], undecided.ptr[tile]
        rows = undecided.ptr[tile + 1] - first
        for lane in range(TOGETHER):
            for j in range(rows):
                k = undecided.item[first + j, lane]
                value[j] = price[segment, k] + undecided.own[first + j, lane]
            for j in range(rows):
                before = 0
                for other in range(rows):
                    before += value[other] > value[j] or (other < j and value[other] == value[j])
                takes = value[j] > 0 and before < undecided.slots[tile, lane]
                held = np.int64(undecided.held[first + j])
                held_it = held >> lane & 1
                change = (1 if takes else 0) - held_it
                usage[segment, undecided.item[first + j, lane]] += change
                undecided.held[first + j] = held + (change << lane)
