"""Histories of purchases that were aggregated elsewhere: what comes out goes in again, in any order, bit for bit."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.affinity.test_history import arrays, transactions
from tests.support.campaigns import replaced, shuffled

from couponry import InvalidInput
from couponry.affinity import PurchaseHistory

LIVES = (2.0, 8.0)
GOOD = {
    "customer": [1, 1, 2],
    "product": [5, 6, 5],
    "times": [2, 1, 1],
    "first": [1, 3, 2],
    "last": [4, 3, 2],
}
TRIPS = {"customer": [1], "times": [2], "first": [1], "last": [4]}


@pytest.fixture(scope="module", params=[False, True], ids=["integers", "text"])
def history(request: pytest.FixtureRequest) -> PurchaseHistory:
    table = transactions(5, 2000, text=request.param)
    return PurchaseHistory.from_transactions(table.drop(["quantity"]), half_lives=LIVES)


def taken(rows: Any, trips: Any, **options: Any) -> PurchaseHistory:
    return PurchaseHistory.from_aggregates(
        rows, unit="week", trips=trips, half_lives=LIVES, **options
    )


def test_what_comes_out_goes_in_again(history: PurchaseHistory, tmp_path: Path) -> None:
    rows, trips = history.aggregates()
    expected = arrays(history)
    ways: dict[str, Any] = {
        "as it comes": (rows, trips),
        "in batches": (rows.to_reader(3), trips.to_reader(7)),
        "in another order": (shuffled(rows), shuffled(trips)),
        "in batches in another order": (shuffled(rows).to_reader(50), shuffled(trips).to_reader(5)),
    }
    for way, given in ways.items():
        assert arrays(taken(*given)) == expected, way
    assert arrays(taken(rows, trips, folder=tmp_path / "history")) == expected
    assert arrays(PurchaseHistory.open(tmp_path / "history")) == expected


def test_an_update_goes_on_where_aggregates_end() -> None:
    table = transactions(6, 2000).drop(["quantity"])
    week = table["week"].to_numpy()
    early, late = table.filter(pa.array(week <= 20)), table.filter(pa.array(week > 20))
    options: dict[str, Any] = {"half_lives": LIVES}
    whole = PurchaseHistory.from_transactions(table, **options)
    first = PurchaseHistory.from_transactions(early, until=20, **options)
    again = taken(*first.aggregates(), until=20)
    assert arrays(again.update(late)) == arrays(whole)


def test_decayed_counts_of_now(history: PurchaseHistory) -> None:
    rows, trips = history.aggregates()
    now = history.decay(slice(None))
    for h, name in enumerate(("decay_2", "decay_8")):
        rows = replaced(rows, name, now[:, h])
    found = taken(rows, trips, as_of="until", until=history.until, columns={"decay_8": "decay_8"})
    # the trips' decayed counts are read as of now, too
    assert np.allclose(found.pairs.decay, history.pairs.decay, rtol=1e-5)
    forgotten = taken(
        replaced(rows, "decay_2", np.zeros(len(rows))), trips, as_of="until", until=1000
    )
    assert (forgotten.pairs.decay[:, 0] == 1).all()  # what the last purchase counts


def test_purchases_that_lie_evenly() -> None:
    rows = pa.table(
        {
            "customer": [1, 1, 2],
            "product": [5, 6, 5],
            "times": [3, 1, 4],
            "first": [2, 9, 1],
            "last": [10, 9, 4],
        }
    )
    found = taken(rows, None)
    expected = [
        [sum(0.5 ** (gap / life) for gap in gaps) for life in LIVES]
        for gaps in ([0, 4, 8], [0], [0, 1, 2, 3])
    ]
    assert np.allclose(found.pairs.decay, expected, rtol=1e-6)
    assert found.trips.times.tolist() == [3, 4] and found.trips.first.tolist() == [2, 1]
    assert (found.start, found.until, found.unit) == (1, 10, "week")


def test_dates_are_days() -> None:
    day = datetime.date(2024, 5, 1)
    rows = {"customer": ["a"], "product": ["x"], "times": [1], "last": [day]}
    found = PurchaseHistory.from_aggregates(rows, unit="day")
    assert found.until == (day - datetime.date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"product": [5, 5, 5]}, "expected each customer and product once"),
        ({"times": [2, 0, 1]}, "column 'times', row 1: expected a whole number of periods, got 0"),
        ({"times": [2, 1.5, 1]}, "column 'times', row 1"),
        (
            {"times": [5, 1, 1]},
            "column 'times', row 0: expected at most one for each period, got 5",
        ),
        (
            {"times": [1, 1, 1]},
            "column 'times', row 0: expected more than 1 from 'first' to 'last'",
        ),
        (
            {"first": [5, 3, 2]},
            "column 'first', row 0: expected a period up to that of 'last', got 5",
        ),
        ({"discounted": [0, 2, 0]}, "column 'discounted', row 1: expected no more than 'times'"),
        ({"spend": [0.0, 1e15, 0.0]}, "column 'spend', row 1: expected an amount of money"),
        (
            {"decay_8": [1.0, float("nan"), 1.0]},
            "column 'decay_8', row 1: expected a finite number",
        ),
        ({"last": [4, None, 2]}, "column 'last', row 1: expected an id, got null"),
        ({"customer": [1, None, 2]}, "column 'customer', row 1"),
    ],
)
def test_rows_that_make_no_sense(change: dict[str, list[Any]], expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        taken(pa.table({**GOOD, **change}), None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"unit": "month"}, "unit: expected day or week"),
        ({"as_of": "now"}, "as_of: expected last or until"),
        ({"as_of": "until"}, "until: expected the period"),
        ({"until": 3}, "expected periods from 1 to 3, got 1 to 4"),
        ({"start": 2}, "expected periods from 2 to 4, got 1 to 4"),
        (
            {"trips": {"customer": [1], "times": [2], "first": [1], "last": [4]}},
            "customer 2 has purchases, but no trips",
        ),
    ],
)
def test_arguments_that_make_no_sense(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        PurchaseHistory.from_aggregates(
            pa.table(GOOD), **{"unit": "week", "half_lives": LIVES, **options}
        )
