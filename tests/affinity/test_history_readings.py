"""Gaps and latest purchases of pairs and trips, against days counted one by one; and what aggregates say of them."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from tests.affinity.test_history import arrays
from tests.support.campaigns import replaced, shuffled

from couponry import InvalidInput
from couponry.affinity import PurchaseHistory
from couponry.affinity.history.building.even_spacing import even_recent, even_squared_gaps
from couponry.affinity.history.joined_history import joined

UNTIL = 19_400
SPANS = (1, 7, 28, 63, 64)
GOOD = {
    "customer": [1, 1, 2],
    "product": [5, 6, 5],
    "times": [3, 1, 3],
    "first": [1, 90, 5],
    "last": [8, 90, 85],
    "squared_gaps": [25, 0, 3202],
    "recent": [0b10000101, 1, 0b11],
}


@cache
def bought() -> pa.Table:
    """300 days: products that are bought every other day, and with gaps beyond 64 days."""
    random = np.random.default_rng(3)
    product = random.integers(0, 12, 2500)
    table = {
        "customer": random.integers(0, 8, 2500),
        "product": product,
        "day": UNTIL - (300 * random.random(2500) ** (1 + product / 4)).astype(int),
    }
    rare = {
        "customer": [1, 1, 1, 2, 2, 3],
        "product": [50] * 6,
        "day": UNTIL - np.array([250, 186, 123, 250, 187, 70]),
    }
    return pa.concat_tables([pa.table(table), pa.table(rare)])


def days_of(keys: tuple[str, ...]) -> list[list[int]]:
    """The days of each pair or customer, ascending by keys."""
    days: dict[Any, set[int]] = defaultdict(set)
    for row in bought().to_pylist():
        days[tuple(row[key] for key in keys)].add(row["day"])
    return [sorted(days[key]) for key in sorted(days)]


@cache
def history(first: int = 0, last: int = UNTIL) -> PurchaseHistory:
    day = bought()["day"].to_numpy()
    rows = bought().filter(pa.array((day >= first) & (day <= last)))
    return PurchaseHistory.from_transactions(rows, half_lives=(4.0,), until=last)


def test_readings_are_those_of_the_days() -> None:
    found, everything = history(), slice(None)
    for keys, within, variance in (
        (("customer", "product"), found.bought_within, found.gap_variance),
        (("customer",), found.trips_within, found.trip_gap_variance),
    ):
        days = days_of(keys)
        for periods in SPANS:
            counted = within(everything, periods)
            assert counted.dtype == np.int32
            assert counted.tolist() == [sum(UNTIL - d < periods for d in own) for own in days]
        expected = [np.var(np.diff(own)) if len(own) > 1 else np.nan for own in days]
        np.testing.assert_allclose(variance(everything), expected, rtol=1e-12, atol=1e-12)
        assert within(slice(3, 5), 64).tolist() == within(everything, 64)[3:5].tolist()
        assert variance(slice(3, 5)).tolist() == variance(everything)[3:5].tolist()
    assert {len(own) for own in days_of(("customer", "product"))} > {1, 2, 3}


@pytest.mark.parametrize("periods", [0, 65, 7.0, "7", True])
def test_more_periods_than_are_kept_are_refused(periods: Any) -> None:
    for within in (history().bought_within, history().trips_within):
        with pytest.raises(
            InvalidInput, match=r"^periods: expected a whole number from 1 to 64, got "
        ):
            within(slice(None), periods)


def test_days_that_are_added_or_joined_give_what_all_of_them_give() -> None:
    whole, day = history(), bought()["day"].to_numpy()
    cuts = [UNTIL - 230, UNTIL - 170, UNTIL - 100, UNTIL - 3, UNTIL]
    updated = in_parts = history(last=cuts[0])
    for before, last in pairwise(cuts):
        rows = bought().filter(pa.array((day > before) & (day <= last)))
        updated = updated.update(rows, until=last)
        in_parts = joined(in_parts, history(before + 1, last))
    assert arrays(updated) == arrays(whole)
    for states in ("pairs", "trips"):
        mine, theirs = getattr(in_parts, states), getattr(whole, states)
        for name in mine._fields[:-1]:
            assert getattr(mine, name).tolist() == getattr(theirs, name).tolist(), name
        np.testing.assert_allclose(mine.decay, theirs.decay, rtol=1e-5)


def test_aggregates_come_back_from_tables_and_files(tmp_path: Path) -> None:
    expected = history()
    rows, trips = expected.aggregates()
    assert rows["recent"].type == pa.uint64() and (rows["recent"].to_numpy() >= 2**63).any()
    signed = [
        replaced(table, "recent", table["recent"].to_numpy().view(np.int64))
        for table in (rows, trips)
    ]
    for table, name in zip(signed, ("rows.csv", "trips.csv"), strict=True):
        pa.csv.write_csv(table, tmp_path / name)
    for given in (
        (rows, trips),
        (shuffled(rows), shuffled(trips)),
        signed,
        (tmp_path / "rows.csv", tmp_path / "trips.csv"),
    ):
        found = PurchaseHistory.from_aggregates(
            given[0], unit="day", trips=given[1], half_lives=(4.0,)
        )
        for states in ("pairs", "trips"):
            for name in ("squared_gaps", "recent"):
                mine, theirs = (getattr(getattr(h, states), name) for h in (found, expected))
                assert mine.dtype == theirs.dtype and mine.tolist() == theirs.tolist()


def test_what_is_not_there_lies_evenly() -> None:
    random = np.random.default_rng(1)
    times = np.append(random.integers(1, 9, 300), random.integers(1, 200, 300)).astype(np.int32)
    span = np.where(times == 1, 0, times - 1 + random.integers(0, 200, 600) * (times % 3))
    squared, recent = even_squared_gaps(times, span), even_recent(times, span)
    for row, (n, periods) in enumerate(zip((times - 1).tolist(), span.tolist(), strict=True)):
        ages = [before * periods // n for before in range(n + 1)] if n else [0]
        assert squared[row] == sum((b - a) ** 2 for a, b in pairwise(ages))
        assert int(recent[row]) == sum(1 << age for age in ages if age < 64)
    rows = pa.table(
        {
            "customer": times.cumsum(),
            "product": np.ones(600, int),
            "times": times,
            "first": 500 - span,
            "last": np.full(600, 500),
        }
    )
    found = PurchaseHistory.from_aggregates(rows, unit="day")
    for states in (found.pairs, found.trips):  # each customer has one product
        assert states.squared_gaps.tolist() == squared.tolist()
        assert states.recent.tolist() == recent.tolist()
    told = PurchaseHistory.from_aggregates(found.aggregates()[0], unit="day")  # passes the checks
    assert arrays(told) == arrays(found)


ALLOWED = "what 'times', 'first' and 'last' allow"
ASKED = "the bits that 'times' and 'first' ask for"
BEFORE = "no bits set of periods before 'first'"
SEEN = 0b10000101
IMPOSSIBLE = [  # each differs from what is good in one row
    ("squared_gaps", [24, 0, 3202], 0, ALLOWED),
    ("squared_gaps", [38, 0, 3202], 0, ALLOWED),
    ("squared_gaps", [25, 1, 3202], 1, ALLOWED),
    ("squared_gaps", [25, 0, 3199], 2, ALLOWED),
    ("squared_gaps", [25, 0, 6243], 2, ALLOWED),
    ("squared_gaps", [25.5, 0, 3202], 0, ALLOWED),
    ("recent", [SEEN - 1, 1, 3], 0, "bit 0 set, that of 'last'"),
    ("recent", [SEEN, 1, 2**63], 2, "bit 0 set, that of 'last'"),
    ("recent", [0b110000001, 1, 3], 0, BEFORE),
    ("recent", [SEEN, 3, 3], 1, BEFORE),
    ("recent", [0b10000001, 1, 3], 0, ASKED),
    ("recent", [0b00000111, 1, 3], 0, ASKED),
    ("recent", [0b10010101, 1, 3], 0, ASKED),
    ("recent", [SEEN, 1, 7], 2, ASKED),
]


@pytest.mark.parametrize(("column", "values", "row", "expected"), IMPOSSIBLE)
def test_aggregates_that_cannot_be(column: str, values: list[Any], row: int, expected: str) -> None:
    assert len(PurchaseHistory.from_aggregates(pa.table(GOOD), unit="day")) == 3
    given = pa.array(values, pa.uint64() if column == "recent" else None)
    refused = f"column '{column}', row {row}: expected {expected}, got {values[row]}"
    with pytest.raises(InvalidInput, match=f"^table aggregates, {refused}$"):
        PurchaseHistory.from_aggregates(pa.table({**GOOD, column: given}), unit="day")


def test_a_first_purchase_before_the_64_periods_leaves_no_room_for_more() -> None:
    rows = {"customer": [1], "product": [5], "times": [3], "first": [6], "last": [70]}
    for recent, is_possible in ((0b11, True), (0b1, False), (0b111, False)):
        given = pa.table({**rows, "recent": [recent]})
        if is_possible:
            PurchaseHistory.from_aggregates(given, unit="day")
        else:
            with pytest.raises(InvalidInput, match=ASKED):
                PurchaseHistory.from_aggregates(given, unit="day")


@pytest.mark.parametrize(
    ("recent", "expected"),
    [
        ([133.0, 1.0, 3.0], ": expected whole numbers of 64 bits, got double"),
        ([133, None, 3], ", row 1: expected a number, got null"),
    ],
)
def test_words_that_are_none(recent: list[Any], expected: str) -> None:
    with pytest.raises(InvalidInput, match=f"column 'recent'{expected}"):
        PurchaseHistory.from_aggregates(pa.table({**GOOD, "recent": recent}), unit="day")
