"""Good calls of the kernels of scores: features of pairs, log odds of beginning, responses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from couponry.kernels.affinity_contract import Chosen, Pairs
from couponry.kernels.scores_contract import (
    LATE_WEEKS,
    OF_GROUP,
    OF_ITEM,
    OF_PAIR,
    BegunTables,
    ItemCoefficients,
    ItemValues,
    PairReadings,
    ResponseTables,
)

UNTIL, PERIODS = 400, 300


def features_arguments(
    random: np.random.Generator,
    *,
    customers: int,
    items: int,
    half_lives: int = 4,
    groupings: int = 2,
    near: bool = True,
) -> dict[str, Any]:
    """Arguments of `pair_features`: customers with some of the items each, and some pairs that are asked about."""
    owned = [np.flatnonzero(random.random(items) < 0.6) for _ in range(customers)]
    item = np.concatenate(owned).astype(np.uint32)
    indptr = _offsets([len(some) for some in owned])
    readings = PairReadings(
        indptr,
        item,
        _states(random, len(item), half_lives),
        _states(random, customers, half_lives),
        random.random((PERIODS, half_lives)).astype(np.float32),
        UNTIL,
        int(random.choice([1, 7])),
    )
    asked = np.flatnonzero(random.random(len(item)) < random.choice([0.3, 1.0]))
    if len(item):
        asked = np.union1d(asked, [len(item) - 1])
    trends = max(half_lives - 2, 0)
    value = random.normal(size=(items, trends + OF_ITEM))
    value[:, trends + 3] = random.random(items) * 9
    value[:, [trends + 5 + 2 * w for w in range(len(LATE_WEEKS))]] = random.random((items, 2))
    some = np.array(sorted({0, half_lives - 1} if half_lives else []), np.int32)
    group = random.integers(0, 5, (groupings, items)).astype(np.int32)
    middle = int(random.integers(0, max(half_lives, 1)))
    numbers = ItemValues(item[asked].astype(np.int64), value, group, some, middle)
    coefficients = ItemCoefficients.none()
    if near and half_lives:
        coefficients = _coefficients(random, customers, items, half_lives)
    count = 3 * half_lives + trends + OF_PAIR + (half_lives > 0) + (len(coefficients.column) > 0)
    count += groupings * (2 * len(some) + OF_GROUP)
    return {
        "readings": readings,
        "numbers": numbers,
        "near": coefficients,
        "start": 0,
        "stop": customers,
        "asked": asked,
        "out": np.zeros((count, len(asked)), np.float32),
    }


def begun_arguments(
    random: np.random.Generator, *, customers: int, items: int, offers: int, groupings: int = 2
) -> dict[str, Any]:
    """Arguments of `score_begun`."""
    owned = [np.flatnonzero(random.random(items) < 0.5) for _ in range(customers)]
    item = np.concatenate(owned).astype(np.int32)
    prior, offer, popular = random.normal(size=(3, offers)).astype(np.float32)
    near, customer = random.normal(size=(2, 3)).astype(np.float32)
    near[0] = abs(near[0]) + np.float32(0.1)
    tables = BegunTables(
        prior,
        near,
        offer,
        popular,
        customer,
        random.integers(0, 9, (groupings, items)).astype(np.int32),
        random.integers(0, 9, (groupings, offers)).astype(np.int32),
        9,
        random.normal(size=(groupings, 2)).astype(np.float32),
    )
    return {
        "tables": tables,
        "indptr": _offsets([len(some) for some in owned]),
        "item": item,
        "weight": (random.random(len(item)) * 3).astype(np.float32),
        "chosen": _chosen(random, customers, offers),
    }


def response_arguments(
    random: np.random.Generator, *, customers: int, offers: int
) -> dict[str, Any]:
    """Arguments of `response_odds`."""
    score, squared, trips = random.normal(size=(3, 3)).astype(np.float32)
    shifted = 3 * int(random.integers(2))
    tables = ResponseTables(
        random.normal(size=(3, offers)).astype(np.float32),
        score,
        squared,
        trips,
        float(random.normal()),
        random.normal(size=(shifted, offers)).astype(np.float32),
        int(random.integers(2)),
    )
    chosen = _chosen(random, customers, offers)
    chosen.score[::7] = np.float32(0.0)
    p0, p1 = np.zeros((2, len(chosen.offer)), np.float32)
    came = (random.random(customers) * 20).astype(np.float32)
    return {"tables": tables, "trips": came, "chosen": chosen, "p0": p0, "p1": p1}


def _states(random: np.random.Generator, count: int, half_lives: int) -> Pairs:
    """States of pairs that go together: first and last purchase, how many between them, and which lately."""
    last = UNTIL - random.integers(0, 200, count)
    times = random.choice([1, 1, 2, 3, 9], count)
    first = np.where(times > 1, last - random.integers(9, 100, count), last)
    recent = random.integers(0, 2**63, count, dtype=np.uint64) & random.integers(
        0, 2**63, count, dtype=np.uint64
    ) | np.uint64(1)
    recent[times == 1] = 1
    made = Pairs.new(count, half_lives)
    return made._replace(
        times=times.astype(np.int32),
        first=first.astype(np.int32),
        last=last.astype(np.int32),
        discounted=random.integers(0, times + 1).astype(np.int32),
        squared_gaps=(last - first) ** 2,
        recent=recent,
        decay=(1 + random.random((count, half_lives)) * 4).astype(np.float32),
    )


def _coefficients(
    random: np.random.Generator, customers: int, items: int, half_lives: int
) -> ItemCoefficients:
    part = random.random(items) < 0.7
    part[0] = True
    column = np.where(part, np.cumsum(part) - 1, -1).astype(np.int32)
    size = int(part.sum())
    coefficient = random.normal(size=(size, size)).astype(np.float32)
    np.fill_diagonal(coefficient, 0.0)
    seen = random.integers(0, 2, customers).astype(np.uint8)
    return ItemCoefficients(
        column, coefficient, random.random(size) / 40, seen, int(random.integers(0, half_lives))
    )


def _chosen(random: np.random.Generator, customers: int, offers: int) -> Chosen:
    number = random.integers(0, min(offers, 40) + 1, customers).astype(np.int32)
    number[0] = min(offers, 40)
    rows = [np.sort(random.choice(offers, n, replace=False)) for n in number]
    count = int(number.sum())
    return Chosen(
        number,
        np.concatenate(rows).astype(np.int32),
        random.integers(0, 3, count).astype(np.uint8),
        random.normal(size=count).astype(np.float32),
    )


def _offsets(lengths: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
