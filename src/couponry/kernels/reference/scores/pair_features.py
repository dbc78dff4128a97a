"""Features of pairs that were bought: how often, how lately, against the usual gap, in which group, beside what else.

The rows of features, with T trends of items, W half-lives of groups: 3 H of decayed purchases, T trends, 33 of the pair
and its customer, the basket where there are half-lives, what is expected where coefficients are given, and for each
grouping 2 W + 7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...affinity_contract import Pairs
from ...contract import Amounts, Flags, Prices, Sums
from ...scores_contract import (
    LATE_WEEKS,
    LEAST_LEFT,
    LEAST_RATE,
    MOST_SPREADS,
    OF_GROUP,
    OF_ITEM,
    OF_PAIR,
    PRIOR_ITEMS,
    RECENT_WEEKS,
    ItemCoefficients,
    ItemValues,
    PairReadings,
)
from .logarithms import take_logarithms, take_logarithms_of_floats

AS_THEY_ARE = (1, 2, 7, 8, 10, 11, 12, 13, 14, 15, 16, 23, 24, 26, 31, 32)
"""Which of the features of a pair and its customer are no logarithms, or are made of some."""


def pair_features(
    readings: PairReadings,
    numbers: ItemValues,
    near: ItemCoefficients,
    start: int,
    stop: int,
    asked: Sums,
    out: Prices,
) -> None:
    """Compute the features of some of the pairs of the customers start <= i < stop.

    Operations are float64, one at a time, and rounded to float32 before logarithms are taken; decayed purchases and
    predictions are float32. Sums over a customer's pairs go in their order.

    Parameters
    ----------
    readings : PairReadings
    numbers : ItemValues
    near : ItemCoefficients
    start, stop : int
        Range of customers.
    asked : ndarray of int64, shape (m,)
        Which pairs, ascending; all of these customers.
    out : ndarray of float32, shape (features, m)
        OUT.
    """
    values = np.empty(out.shape, np.float64)
    end = 0
    for i in range(start, stop):
        first = end
        while end < len(asked) and asked[end] < readings.indptr[i + 1]:
            end += 1
        if end == first:
            continue
        known = (readings.until + 1 - readings.trips.first[i]) / readings.periods_a_week
        late = bought_late(readings, i)
        for k in range(first, end):
            add_decayed(readings, i, asked[k], values, k)
            trends = 3 * readings.factor.shape[1]
            for t in range(numbers.value.shape[1] - OF_ITEM):
                values[trends + t, k] = numbers.value[numbers.row[k], t]
        add_pairs(readings, numbers, i, known, late, asked, first, end, values)
        after = 3 * readings.factor.shape[1] + numbers.value.shape[1] - OF_ITEM + OF_PAIR
        if readings.factor.shape[1]:
            add_basket(readings, numbers, i, first, end, values, after)
            after += 1
        if len(near.column):
            add_expected(readings, near, i, asked, first, end, values, after)
            after += 1
        for g in range(len(numbers.group)):
            add_group(readings, numbers, g, i, known, asked, first, end, values, after)
            after += 2 * len(numbers.half_life) + OF_GROUP
    finish(values, 3 * readings.factor.shape[1], numbers, len(near.column), out)


def decayed(readings: PairReadings, states: Pairs, p: int, h: int) -> float:
    """Decayed count of a pair or of trips, as of the last period."""
    return np.float64(states.decay[p, h] * readings.factor[readings.until - states.last[p], h])


def since_of(readings: PairReadings, p: int) -> float:
    """Weeks since the last purchase of a pair."""
    return (readings.until + 1 - readings.pairs.last[p]) / readings.periods_a_week


def span_of(readings: PairReadings, p: int) -> float:
    """Weeks from the first purchase of a pair to its last."""
    return (readings.pairs.last[p] - readings.pairs.first[p]) / readings.periods_a_week


def gap_of(readings: PairReadings, p: int, known: float) -> float:
    """Weeks between the purchases of a pair; of a single one, what the customer's time lets expect."""
    times = readings.pairs.times[p]
    return span_of(readings, p) / (times - 1) if times > 1 else known / 2.0 + 2.0


def bought_late(readings: PairReadings, i: int) -> Sums:
    """Items that a customer knew before the last weeks, and how many of them were bought again then, by LATE_WEEKS."""
    found = np.zeros(4, np.int64)
    for w in range(2):
        begin = readings.until - LATE_WEEKS[w] * readings.periods_a_week + 1
        for p in range(readings.indptr[i], readings.indptr[i + 1]):
            if readings.pairs.first[p] < begin:
                found[2 * w] += 1
                found[2 * w + 1] += readings.pairs.last[p] >= begin
    return found


def add_decayed(readings: PairReadings, i: int, p: int, values: Amounts, k: int) -> None:
    """Decayed purchases, the same per trip, and decayed trips, by half-life."""
    for h in range(readings.factor.shape[1]):
        bought = decayed(readings, readings.pairs, p, h)
        came = decayed(readings, readings.trips, i, h)
        values[3 * h, k] = bought + 0.02
        values[3 * h + 1, k] = (bought + 0.02) / (came + 0.1)
        values[3 * h + 2, k] = came + 0.1


def add_pairs(
    readings: PairReadings,
    numbers: ItemValues,
    i: int,
    known: float,
    late: Sums,
    asked: Sums,
    first: int,
    end: int,
    values: Amounts,
) -> None:
    """How often and how lately, against the customer's own gap and the item's, and what customers are like."""
    trips, trends = readings.trips, numbers.value.shape[1] - OF_ITEM
    for k in range(first, end):
        p = asked[k]
        to = values[3 * readings.factor.shape[1] + trends :, k]
        of = numbers.value[numbers.row[k], trends:]
        times, since = np.float64(readings.pairs.times[p]), since_of(readings, p)
        gap = gap_of(readings, p, known)
        owned = (readings.until + 1 - readings.pairs.first[p]) / readings.periods_a_week
        to[0] = times
        to[1] = times == 1.0
        to[2] = times == 2.0
        to[3] = (times + 0.5) / (trips.times[i] * owned / known + 1.0)
        to[4] = since + 0.5
        to[5] = gap + 0.3
        to[6] = (since + 0.3) / (gap + 0.3)
        to[8] = of[0]
        to[9] = (since + 0.3) / (of[3] + 0.3)
        to[11] = of[1]
        to[12] = to[1] * of[1]
        to[13] = of[2]
        add_recent(readings, p, since, gap, to)
        for w in range(2):
            to[24 + 2 * w] = of[4 + 2 * w]
            rate = (late[2 * w + 1] + PRIOR_ITEMS * of[5 + 2 * w]) / (late[2 * w] + PRIOR_ITEMS)
            to[25 + 2 * w] = rate + LEAST_RATE
        to[28] = readings.indptr[i + 1] - readings.indptr[i]
        to[29] = 1.0 + (readings.until + 1 - trips.last[i]) / readings.periods_a_week
        to[30] = known + 1.0
        to[31] = readings.pairs.discounted[p] / times
        to[32] = trips.discounted[i] / max(trips.times[i], 1)


def add_recent(readings: PairReadings, p: int, since: float, gap: float, to: Amounts) -> None:
    """Purchases of the last weeks, the last gap, the spread of gaps, and by how many of them the next one is late."""
    states, week = readings.pairs, readings.periods_a_week
    age = readings.until - states.last[p]
    for w in range(4):
        to[17 + w] = ones_among(states.recent[p], RECENT_WEEKS[w] * week - age) + 0.5
    last_gap = 0
    for before in range(63, 0, -1):
        if states.recent[p] >> np.uint64(before) & np.uint64(1):
            last_gap = before
    to[21] = (last_gap / week if last_gap else gap) + 0.3
    spread = gap  # of one gap, what a gap varies by where purchases are at random
    if states.times[p] > 2:
        gaps = np.int64(states.times[p]) - 1
        span = np.int64(states.last[p]) - states.first[p]
        squares = gaps * states.squared_gaps[p] - span * span  # exact, so never below 0
        spread = np.sqrt(squares / (gaps * gaps)) / week
    to[22] = spread + 0.3
    to[23] = min(max((since - gap) / (spread + 0.5), -MOST_SPREADS), MOST_SPREADS)


def ones_among(word: np.uint64, lowest: int) -> int:
    """How many of the lowest bits of a word are set."""
    found = 0
    for bit in range(min(lowest, 64)):
        found += int(word >> np.uint64(bit) & np.uint64(1))
    return found


def add_basket(
    readings: PairReadings,
    numbers: ItemValues,
    i: int,
    first: int,
    end: int,
    values: Amounts,
    to: int,
) -> None:
    """Decayed purchases of a customer per decayed trip."""
    basket = 0.0
    for p in range(readings.indptr[i], readings.indptr[i + 1]):
        basket += decayed(readings, readings.pairs, p, numbers.middle)
    trips = decayed(readings, readings.trips, i, numbers.middle)
    values[to, first:end] = (basket + 0.1) / (trips + 0.1)


def add_expected(
    readings: PairReadings,
    near: ItemCoefficients,
    i: int,
    asked: Sums,
    first: int,
    end: int,
    values: Amounts,
    to: int,
) -> None:
    """log(1 + decayed purchases) as the customer's other items let expect it; 0 for items that take no part."""
    begin, stop = readings.indptr[i], readings.indptr[i + 1]
    part = np.empty(stop - begin, np.int64)
    bought = np.empty(stop - begin, np.float64)
    count = 0
    for p in range(begin, stop):
        if near.column[readings.item[p]] >= 0:
            part[count] = near.column[readings.item[p]]
            bought[count] = 1.0 + decayed(readings, readings.pairs, p, near.half_life)
            count += 1
    take_logarithms(bought[:count])
    weight = bought.astype(np.float32)
    doing = 0.0
    if near.seen[i]:
        for d in range(count):
            error = np.float64(weight[d]) - expected(near, part, weight, count, part[d])
            doing += weight[d] * (error * near.spread[part[d]])
    place, p = 0, begin
    for k in range(first, end):
        while p < asked[k]:
            place += near.column[readings.item[p]] >= 0
            p += 1
        column = near.column[readings.item[p]]
        if column < 0:
            values[to, k] = 0.0
            continue
        own = np.float64(weight[place])
        error = own - expected(near, part, weight, count, column)
        left = 1.0
        if near.seen[i]:
            left = max(1.0 - (doing - error * (error * near.spread[column])), LEAST_LEFT)
        values[to, k] = own - error / left


def expected(
    near: ItemCoefficients, part: Sums, weight: Prices, count: int, column: int
) -> np.float64:
    """What the first items of a customer say of one of them."""
    said = np.float32(0.0)
    for d in range(count):
        said += weight[d] * near.coefficient[column, part[d]]
    return np.float64(said)


def add_group(
    readings: PairReadings,
    numbers: ItemValues,
    g: int,
    i: int,
    known: float,
    asked: Sums,
    first: int,
    end: int,
    values: Amounts,
    to: int,
) -> None:
    """Purchases of an item's group, when the last was, how many items of it, and how many were bought later."""
    begin, stop = readings.indptr[i], readings.indptr[i + 1]
    cell, newer, cells = cells_of(readings, numbers.group[g], begin, stop)
    times, items = np.zeros(cells, np.int64), np.zeros(cells, np.int64)
    oldest, latest = np.full(cells, 2**31 - 1), np.full(cells, -(2**31))
    for p in range(begin, stop):
        c = cell[p - begin]
        times[c] += readings.pairs.times[p]
        items[c] += 1
        oldest[c] = min(oldest[c], readings.pairs.first[p])
        latest[c] = max(latest[c], readings.pairs.last[p])
    for w in range(len(numbers.half_life)):
        h, total = numbers.half_life[w], np.zeros(cells)
        for p in range(begin, stop):
            total[cell[p - begin]] += decayed(readings, readings.pairs, p, h)
        for k in range(first, end):
            bought = decayed(readings, readings.pairs, asked[k], h)
            of_group = total[cell[asked[k] - begin]]
            values[to + 2 * w, k] = of_group + 0.05
            values[to + 2 * w + 1, k] = (bought + 0.02) / (of_group + 0.05)
    to += 2 * len(numbers.half_life)
    for k in range(first, end):
        c = cell[asked[k] - begin]
        gap = gap_of(readings, asked[k], known)
        if times[c] > 1:
            gap = (latest[c] - oldest[c]) / readings.periods_a_week / (times[c] - 1)
        since = (readings.until + 1 - latest[c]) / readings.periods_a_week
        values[to, k] = since + 0.5
        values[to + 1, k] = items[c]
        values[to + 2, k] = gap + 0.3
        values[to + 3, k] = (since + 0.3) / (gap + 0.3)
        values[to + 4, k] = times[c]
        values[to + 5, k] = readings.pairs.times[asked[k]] / times[c]
        values[to + 6, k] = 1.0 + newer[asked[k] - begin]


def cells_of(
    readings: PairReadings, group: NDArray[np.int32], begin: int, stop: int
) -> tuple[Sums, Sums, int]:
    """Number the groups of a customer's items; count the pairs of the same group that were bought later than each."""
    key = np.empty(stop - begin, np.int64)
    for p in range(begin, stop):
        since = np.int64(readings.until) - readings.pairs.last[p]
        key[p - begin] = np.int64(group[readings.item[p]]) << 32 | since
    order = np.argsort(key, kind="mergesort")
    cell, newer = np.empty(len(key), np.int64), np.empty(len(key), np.int64)
    cells, latest, same = 0, 0, 0
    for r in range(len(key)):
        if r and key[order[r]] != key[order[r - 1]]:
            same = r
            if key[order[r]] >> 32 != key[order[r - 1]] >> 32:
                cells, latest = cells + 1, r
        cell[order[r]], newer[order[r]] = cells, same - latest
    return cell, newer, cells + 1


def finish(values: Amounts, decays: int, numbers: ItemValues, near: int, out: Prices) -> None:
    """Take logarithms, and make what is made of them."""
    begin = decays + numbers.value.shape[1] - OF_ITEM
    as_it_is = np.zeros(len(values), np.uint8)
    as_it_is[decays:begin] = 1
    for f in AS_THEY_ARE:
        as_it_is[begin + f] = 1
    if near:
        as_it_is[begin + OF_PAIR + (decays > 0)] = 1
    out[:] = values.astype(np.float32)
    take_some(out, as_it_is)
    timing = out[begin:]
    for k in range(values.shape[1]):
        timing[7, k] = timing[6, k] * timing[6, k]
        timing[10, k] = timing[9, k] * timing[9, k]
        timing[14, k] = timing[6, k] * timing[11, k]
        timing[15, k] = timing[6, k] * timing[8, k]
        timing[16, k] = timing[6, k] * timing[13, k]


def take_some(values: Prices, as_it_is: Flags) -> None:
    """Take the logarithms of the rows that are not to stay as they are."""
    for f in range(len(values)):
        if not as_it_is[f]:
            take_logarithms_of_floats(values[f])
