"""Days of offers and of the history, and the windows of consecutive days that matter."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from couponry import Campaign, CustomerRule, InvalidInput
from couponry.data.where.days import Days, days_of, first_days, windows_with

MONDAY = dt.date(2026, 11, 30)


@pytest.mark.parametrize("seed", range(40))
def test_no_other_window_has_more(seed: int) -> None:
    random = np.random.default_rng([seed, 3])
    days = random.integers(0, 30, random.integers(1, 9))
    others = random.integers(-20, 50, random.integers(0, 9))
    length = int(random.integers(1, 12))
    first = first_days(days, others, length)
    everything = {*days.tolist(), *others.tolist()}

    def held(begin: int) -> set[int]:
        return everything & {*range(begin, begin + length)}

    chosen = [held(int(begin)) for begin in first]
    for begin in range(-60, 90):
        if held(begin) & {*days.tolist()}:
            assert any(held(begin) <= window for window in chosen)
    assert all(window & {*days.tolist()} for window in chosen)
    assert not any(a < b or (a == b and a is not b) for a in chosen for b in chosen)
    row, window = windows_with(first, length, Days(days, np.ones(len(days), bool), False))
    pairs = {*zip(row.tolist(), window.tolist(), strict=True)}
    for r, day in enumerate(days):
        for w, begin in enumerate(first):
            assert ((r, w) in pairs) == (begin <= day < begin + length)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([MONDAY, None]),
        pa.array([dt.datetime(2026, 11, 30, 23, 59), None]),
        pa.array([dt.datetime(2026, 11, 30, 22, 59, tzinfo=dt.UTC), None]).cast(
            pa.timestamp("us", "Europe/Berlin")
        ),
    ],
    ids=["date", "time", "time with a zone"],
)
def test_times_count_as_their_date(column: pa.Array) -> None:
    days = days_of(pa.chunked_array([column]), "column")
    assert days.are_dates and days.known.tolist() == [True, False]
    assert dt.date(1970, 1, 1) + dt.timedelta(int(days.day[0])) == MONDAY


def test_whole_numbers_may_be_floats_and_no_others() -> None:
    whole = days_of(pa.chunked_array([[3.0, None]]), "column")
    assert whole.day[0] == 3 and not whole.are_dates
    with pytest.raises(InvalidInput, match=r"column, row 1: expected a whole number.*2\.5"):
        days_of(pa.chunked_array([[3.0, 2.5]]), "column")


@pytest.mark.parametrize("far", [pa.array([3, 2**64 - 1], pa.uint64()), pa.array([None, 1e30])])
def test_days_that_no_integer_holds_are_named(far: pa.Array) -> None:
    with pytest.raises(InvalidInput, match=r"column, row 1: expected a day from .*, got 1.*"):
        days_of(pa.chunked_array([far]), "column")


def campaign(*rules: CustomerRule, **history: Any) -> Campaign:
    """Offers on Monday, Wednesday and Sunday, and one without a day."""
    day = [MONDAY, MONDAY + dt.timedelta(2), MONDAY + dt.timedelta(6), None]
    offers = pa.table({"offer": [1, 2, 3, 4], "day": day})
    candidates = {"customer": [7] * 4, "offer": [1, 2, 3, 4], "value": [4.0, 3.0, 2.0, 1.0]}
    return Campaign(offers, candidates, history=history or None, rules=rules)


def given(made: Campaign) -> list[int]:
    offers: list[int] = made.solve().allocation.to_arrow()["offer"].to_pylist()
    return offers


def test_windows_of_dates() -> None:
    assert given(campaign(CustomerRule("week", window=7, max=1))) == [1, 4]
    assert given(campaign(CustomerRule("six days", window=6, max=1))) == [1, 3, 4]
    assert given(campaign(CustomerRule("two", window=7, max=2))) == [1, 2, 4]


def test_windows_of_dates_with_what_was_sent_before() -> None:
    sent = {"customer": [7], "offer": [2], "day": [dt.datetime(2026, 11, 25, 18, 0)]}
    week = CustomerRule("week", window=7, max=1)
    assert given(campaign(week, **sent)) == [2, 4]  # Monday is too soon
    assert given(campaign(CustomerRule("week", window=7, max=1, history=False), **sent)) == [1, 4]


def test_a_conflict_ends_after_some_days() -> None:
    pairs = {"offer_a": [2], "offer_b": [2]}
    sent = {"customer": [7], "offer": [2], "day": [dt.date(2026, 11, 4)]}
    assert given(campaign(CustomerRule("again", conflicts=pairs), **sent)) == [1, 3, 4]
    assert given(campaign(CustomerRule("again", conflicts=pairs, within=28), **sent)) == [1, 3, 4]
    assert given(campaign(CustomerRule("again", conflicts=pairs, within=27), **sent)) == [
        1,
        2,
        3,
        4,
    ]


def test_conflicts_in_one_order() -> None:
    def apart(a: int, b: int, **sent: Any) -> list[int]:
        pairs = {"offer_a": [a], "offer_b": [b]}
        return given(campaign(CustomerRule("then", conflicts=pairs, ordered=True), **sent))

    assert apart(1, 3) == [1, 2, 4] and apart(3, 1) == [1, 2, 3, 4]
    past = {"customer": [7], "day": [dt.date(2026, 11, 20)]}
    assert apart(3, 1, offer=[3], **past) == [2, 3, 4]  # 3 was sent before 1
    assert apart(1, 3, offer=[3], **past) == [1, 2, 4]  # as 1 will be before 3
