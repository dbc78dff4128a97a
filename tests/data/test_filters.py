"""The where grammar: values of any library, dates in text, and which values occur nowhere."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from couponry.data import tables
from couponry.data.where.conditions import plain_where
from couponry.data.where.filters import absent_values, rows_where
from couponry.utils.errors import InvalidInput

DAYS = [datetime.date(2024, 5, day) for day in (1, 2, 3)]


class Channel(Enum):
    """A user's own names."""

    MAIL = "mail"


TABLE = pa.table(
    {
        "channel": ["mail", "email", None],
        "supplier": pa.array([1, 2, 7], pa.int16()),
        "share": pa.array([0.5, 0.1, 2.0], pa.float32()),
        "day": DAYS,
        "time": [datetime.datetime(2024, 5, day, 0 if day == 1 else 12) for day in (1, 2, 3)],
        "large": pa.array([2**64 - 1, 0, 5], pa.uint64()),
        "tags": [["a", "b"], [], ["b"]],
    }
)


def rows(where: dict[str, Any]) -> list[int]:
    return np.flatnonzero(rows_where(TABLE, "offers", where, "limit 'L'")).tolist()


CONDITIONS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "NumPy number": ({"supplier": np.int64(2)}, [1]),
    "NumPy float": ({"supplier": np.float32(2)}, [1]),
    "NumPy text": ({"channel": np.str_("mail")}, [0]),
    "array of no dimension": ({"supplier": np.array(2)}, [1]),
    "array": ({"supplier": np.array([1, 7])}, [0, 2]),
    "array of text": ({"channel": np.array(["mail", "email"])}, [0, 1]),
    "pandas Series": ({"supplier": pd.Series([1, 2])}, [0, 1]),
    "pandas Index": ({"channel": pd.Index(["mail"])}, [0]),
    "Polars Series": ({"channel": pl.Series(["mail", "email"])}, [0, 1]),
    "Arrow array": ({"supplier": pa.array([7])}, [2]),
    "Arrow scalar": ({"supplier": pa.scalar(7)}, [2]),
    "set": ({"supplier": {1, 2}}, [0, 1]),
    "range of Python": ({"supplier": range(1, 3)}, [0, 1]),
    "keys": ({"channel": {"mail": 1}.keys()}, [0]),
    "enumeration": ({"channel": Channel.MAIL}, [0]),
    "single precision": ({"share": 0.1}, [1]),
    "largest of 64 bits": ({"large": 2**64 - 1}, [0]),
    "negative among unsigned": ({"large": [-1, 5]}, [2]),
    "date": ({"day": DAYS[1]}, [1]),
    "date as text": ({"day": "2024-05-02"}, [1]),
    "dates as text": ({"day": ["2024-05-02", "2024-05-03"]}, [1, 2]),
    "NumPy date": ({"day": np.datetime64("2024-05-02")}, [1]),
    "dates of NumPy": ({"day": np.array(["2024-05-02", "2024-05-03"], "datetime64[D]")}, [1, 2]),
    "dates of pandas": ({"day": pd.to_datetime(["2024-05-02"])}, [1]),
    "a time that is no date": ({"day": datetime.datetime(2024, 5, 2, 12)}, []),
    "time as text": ({"time": "2024-05-02T12:00"}, [1]),
    "date of a time": ({"time": DAYS[0]}, [0]),
    "time of pandas": ({"time": pd.Timestamp("2024-05-02 12:00")}, [1]),
    "time of NumPy in nanoseconds": ({"time": np.datetime64("2024-05-02T12:00", "ns")}, [1]),
    "range of NumPy numbers": ({"supplier": {"min": np.int8(2), "max": np.float64(7)}}, [1, 2]),
    "range of text dates": ({"day": {"min": "2024-05-02"}}, [1, 2]),
    "range of times": ({"time": {"max": "2024-05-02"}}, [0]),
    "range of NumPy dates": ({"day": {"max": np.datetime64("2024-05-02")}}, [0, 1]),
    "list column": ({"tags": np.array(["a"])}, [0]),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_conditions(case: str) -> None:
    where, expected = CONDITIONS[case]
    assert rows(where) == expected
    plain = plain_where(where, "limit 'L': where")
    assert rows(plain) == expected
    assert plain == plain_where(plain, "limit 'L': where")  # and can be compared


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"channel": []}, "expected a value"),
    "null": ({"channel": None}, "expected a value"),
    "not a number": ({"share": np.nan}, "expected a value"),
    "not a time": ({"day": pd.NaT}, "expected a value"),
    "missing in pandas": ({"channel": pd.Series(["mail", None])}, "expected a value"),
    "arrays of arrays": ({"supplier": np.array([[1], [2]])}, "expected a value"),
    "a whole number of many digits": ({"supplier": [2**70, "x"]}, "holds int16"),
    "text among numbers": ({"supplier": "007"}, "holds int16, got ['007']"),
    "no date": ({"day": "soon"}, "holds date32"),
    "a range of words": ({"day": {"min": "soon"}}, "expected dates as range"),
    "a range of something": ({"supplier": {"least": 1}}, "range {min, max}"),
    "true among numbers": ({"supplier": True}, "holds int16"),
    "unknown column": ({"chanel": 1}, "'chanel'; did you mean 'channel'? (columns: channel, "),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_condition(case: str) -> None:
    where, message = WRONG[case]
    with pytest.raises(InvalidInput) as caught:
        rows(where)
    assert str(caught.value).startswith("limit 'L': where") and message in str(caught.value)


def test_messages_say_what_the_user_wrote() -> None:
    with pytest.raises(InvalidInput, match=r"^limit 'L': customers: table customers has no column"):
        rows_where(TABLE, "customers", {"age": 1}, "limit 'L'", "customers")
    with pytest.raises(InvalidInput, match=r"^limit 'L': customers 'supplier': the column holds"):
        rows_where(TABLE, "customers", {"supplier": "x"}, "limit 'L'", "customers")


ABSENT: dict[str, tuple[str, Any, list[Any]]] = {
    "there": ("channel", "mail", []),
    "one of two": ("channel", ["mail", "mial"], ["mial"]),
    "fraction": ("supplier", [1, 2.5], [2.5]),
    "number": ("supplier", [3, 7], [3]),
    "beyond the type": ("supplier", 2**40, [2**40]),
    "list column": ("tags", ["a", "c"], ["c"]),
    "date": ("day", ["2024-05-02", "2024-06-02"], ["2024-06-02"]),
    "range": ("supplier", {"min": 100}, []),
}


@pytest.mark.parametrize("case", ABSENT)
@pytest.mark.parametrize("chunks", [1, 3])
def test_absent_values(case: str, chunks: int) -> None:
    column, test, expected = ABSENT[case]
    table = pa.concat_tables([TABLE.slice(n, 1) for n in range(3)]) if chunks == 3 else TABLE
    assert absent_values(table[column], test, "x") == expected


@pytest.mark.parametrize("rows", [20, 60, 500])
def test_absent_values_of_many(rows: int) -> None:
    """More values than are looked for one by one, of a table with fewer rows, or with more."""
    column = pa.chunked_array([[n % 20 for n in range(rows)], [None]])
    wanted = [25, *range(15, 40), 3, 25]
    assert absent_values(column, wanted, "x") == [n for n in wanted if n >= 20]


FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(
        {"channel": pd.Categorical(["mail"], categories=["mail", "email"])}
    ),
    "Polars": lambda: pl.DataFrame({"channel": pl.Series(["mail"], dtype=pl.Enum(["mail", "email"]))}),
}  # fmt: skip


@pytest.mark.parametrize("library", FRAMES)
def test_categories_occur_whether_a_row_has_them_or_not(library: str) -> None:
    table = tables.as_table(FRAMES[library](), "offers")
    assert absent_values(table["channel"], ["email", "mail", "kiosk"], "x") == ["kiosk"]
    assert rows_where(table, "offers", {"channel": "mail"}, "x").tolist() == [True]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1.0, float("nan")], "got double, row 1: expected a finite number, got nan$"),
        ([1, 2**60 + 1], "got int64, row 1: expected a whole number from -9,007"),
        (["a", "b"], "got string$"),
    ],
)
def test_a_range_over_what_is_no_number(values: list[Any], why: str) -> None:
    expected = f"^limit: where 'x': a range needs a column of numbers, {why}"
    with pytest.raises(InvalidInput, match=expected):
        rows_where(pa.table({"x": values}), "offers", {"x": {"min": 1}}, "limit")
