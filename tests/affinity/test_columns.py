"""Names of columns that a user gives go before those that are there by chance."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
import pytest

from couponry import InvalidInput, Targeting
from couponry.affinity.history.building.aggregated.aggregates import (
    AggregateOptions,
    AggregateReader,
)
from couponry.affinity.history.building.transactions import Transactions

ROWS = pa.table(
    {
        "customer": [1, 2],
        "product": ["a", "b"],
        "bought": [3, 9],
        "week": [1, 1],
        "date": ["x", "y"],
    }
)


def test_what_was_said_goes_before_what_is_there() -> None:
    transactions = Transactions.open(ROWS, {"day": "bought"})
    (batch,) = transactions.batches()
    assert batch["period"].to_pylist() == [3, 9] and transactions.unit == "day"
    with pytest.raises(InvalidInput, match="expected one column of day, week, date, got week and"):
        Transactions.open(ROWS, None)
    with pytest.raises(InvalidInput, match="got 'custmer'; did you mean 'customer'"):
        Transactions.open(ROWS, {"custmer": "id"})


def test_dates_may_be_categories() -> None:
    days = pa.array([datetime.date(2024, 1, 2), datetime.date(2024, 1, 1)]).dictionary_encode()
    rows = pa.table({"customer": [1, 2], "product": ["a", "b"], "day": days})
    (batch,) = Transactions.open(rows, None).batches()
    assert batch["period"].to_pylist() == [19724, 19723]


def test_unknown_columns_of_aggregates_are_refused() -> None:
    options: dict[str, Any] = {"half_lives": (4.0,), "as_of": "last", "start": None, "until": None}
    columns = {"tmies": "n"}
    with pytest.raises(InvalidInput, match="columns: unknown key 'tmies'; did you mean 'times'"):
        AggregateReader(ROWS, ("customer",), AggregateOptions("day", columns, **options))


def test_coefficients_are_numbers_that_sums_of_them_hold() -> None:
    with pytest.raises(InvalidInput, match=r"^candidates: response: expected coefficients"):
        Targeting(response={"p0": 1e39}).check()
