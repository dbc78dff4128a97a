"""Tables in the containers that people hand over: pandas, Polars, DuckDB, NumPy, dictionaries, Arrow in pieces."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
from tests.support.databases import database
from tests.support.odd_values import Random


class StreamAlone:
    """Speaks the Arrow stream protocol and nothing else."""

    def __init__(self, table: pa.Table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


class BrokenStream:
    """Says that it speaks the Arrow stream protocol, and fails."""

    def __init__(self, answer: object):
        self._answer = answer

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class Colour(enum.Enum):
    """Values that are no numbers."""

    RED = 1


class Shy:
    """Cannot be written."""

    def __repr__(self) -> str:
        raise ValueError("not\nme")


# ---- Arrow


def _chunked(table: pa.Table, random: Random) -> pa.Table:
    """In chunks of its own for each column, some of them empty."""

    def cut(column: pa.ChunkedArray) -> pa.ChunkedArray:
        ends = np.sort(random.integers(0, len(column) + 1, 3)).tolist()
        places = zip([0, *ends], [*ends, len(column)], strict=True)
        whole = column.combine_chunks()
        parts = [whole.slice(a, b - a) for a, b in places]
        return pa.chunked_array(parts, column.type)

    return pa.table({name: cut(table[name]) for name in table.column_names})


def _view(table: pa.Table, random: Random) -> pa.Table:
    """A slice of a longer table."""
    before, after = random.integers(0, len(table) + 1, 2).tolist()
    parts = [table.slice(0, before), table, table.slice(0, after)]
    return pa.concat_tables(parts).combine_chunks().slice(before, len(table))


def _batches(table: pa.Table, random: Random) -> list[pa.RecordBatch]:
    size = int(random.choice([1, 3, 1000]))
    return table.to_batches(size) or [
        pa.record_batch(table.schema.empty_table().columns, table.schema)
    ]


def _reader(table: pa.Table, random: Random) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(table.schema, _batches(table, random))


def _relation(table: pa.Table, random: Random) -> Any:
    return database().from_arrow(table)


# ---- NumPy and dictionaries


def _arrays(table: pa.Table, random: Random) -> dict[str, Any]:
    """Arrays of NumPy, in odd memory."""
    found: dict[str, Any] = {}
    for name in table.column_names:
        values = table[name].to_numpy()
        how = random.integers(6)
        if how == 0:
            values = values[::-1].copy()[::-1]
        elif how == 1:
            values = np.repeat(values, 2)[::2]
        elif how == 2 and values.dtype.kind in "iuf":
            values = values.astype(values.dtype.newbyteorder(">"))
        elif how == 3:
            values = values.astype(object)
        elif how == 4:
            values.flags.writeable = False
        found[name] = values
    return found


# ---- pandas


def _pandas(table: pa.Table, random: Random) -> pd.DataFrame:
    return table.to_pandas()


def _pandas_objects(table: pa.Table, random: Random) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Series(table[name].to_pylist(), dtype=object) for name in table.column_names}
    )


def _pandas_arrow(table: pa.Table, random: Random) -> pd.DataFrame:
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def _pandas_nullable(table: pa.Table, random: Random) -> pd.DataFrame:
    return table.to_pandas().convert_dtypes()


def _pandas_categories(table: pa.Table, random: Random) -> pd.DataFrame:
    frame = table.to_pandas()
    for name in frame.columns:
        if isinstance(frame[name].iloc[0], str) or random.random() < 0.2:
            frame[name] = frame[name].astype("category")
    return frame


def _pandas_view(table: pa.Table, random: Random) -> pd.DataFrame:
    """Every second row, under an index that says nothing."""
    frame = table.to_pandas()
    twice = frame.loc[frame.index.repeat(2)]
    return twice.iloc[::2].set_axis(random.permutation(len(frame)) % 3, axis=0)


# ---- Polars


def _frame(table: pa.Table) -> Any:
    """A table of Polars; of a type that it panics at, an error."""
    if any(pa.types.is_decimal256(field.type) for field in table.schema):
        raise TypeError("Polars has no numbers as wide")
    return pl.from_arrow(table, rechunk=False)


def _polars(table: pa.Table, random: Random) -> Any:
    return _frame(_chunked(table, random))


def _polars_lazy(table: pa.Table, random: Random) -> Any:
    return _frame(table).lazy()


def _polars_categories(table: pa.Table, random: Random) -> Any:
    frame = _frame(table)
    texts = [name for name in frame.columns if frame[name].dtype == pl.String]
    return frame.with_columns([pl.col(name).cast(pl.Categorical) for name in texts])


def _polars_view(table: pa.Table, random: Random) -> Any:
    frame = _frame(table)
    return pl.concat([frame, frame], rechunk=bool(random.integers(2))).slice(len(frame))


Container = Callable[[pa.Table, Random], Any]

CONTAINERS: dict[str, Container] = {
    "chunks": _chunked,
    "a view": _view,
    "a record batch": lambda table, _: table.combine_chunks().to_batches()[0],
    "a reader": _reader,
    "the protocol alone": lambda table, _: StreamAlone(table),
    "a DuckDB relation": _relation,
    "lists": lambda table, _: table.to_pydict(),
    "arrays": _arrays,
    "pandas": _pandas,
    "pandas objects": _pandas_objects,
    "pandas over Arrow": _pandas_arrow,
    "pandas nullable": _pandas_nullable,
    "pandas categories": _pandas_categories,
    "a view of pandas": _pandas_view,
    "Polars": _polars,
    "a query of Polars": _polars_lazy,
    "Polars categories": _polars_categories,
    "a view of Polars": _polars_view,
}

STREAMS: dict[str, Container] = {
    "an iterator of batches": lambda table, random: iter(_batches(table, random)),
    "a data set": lambda table, _: pa.dataset.dataset(table),
}
"""Containers of candidates and transactions alone."""

NO_TABLES: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: 5, lambda: "", lambda: "nowhere.parquet", lambda: "\udcff", lambda: "\x00", list,
    lambda: [{"customer": 1}], dict, lambda: {"customer": 1}, lambda: {"customer": [1], "offer": [1, 2]},
    lambda: {1: [1]}, lambda: {"customer": None}, lambda: np.zeros(3), lambda: pd.DataFrame, lambda: pd.DataFrame(),
    lambda: pd.Series([1, 2], name="customer"), lambda: pl.Series("customer", [1]), lambda: pl.DataFrame(),
    lambda: pl.DataFrame().lazy(), lambda: pa.array([1]), lambda: pa.chunked_array([[1]]), lambda: pa.schema([]),
    lambda: pa.array([{"customer": 1}]), lambda: iter([]), lambda: iter([5]), lambda: StreamAlone, lambda: object(),
    lambda: BrokenStream(5), lambda: BrokenStream(None), lambda: BrokenStream(ValueError("no\nstream")),
    lambda: BrokenStream(pa.ArrowInvalid("bad\x1b[2J")), lambda: b"offers.parquet",
    lambda: pd.DataFrame([[1, 2]], columns=["customer", "customer"]), lambda: pd.DataFrame([[1, 2]]),
    lambda: pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("customer", "x")])),
    lambda: pl.LazyFrame({"customer": [1]}).select("nothing"), lambda: float("nan"), lambda: ...,
)  # fmt: skip
"""What is no table, or one that fails."""

ODD_CELLS: tuple[Callable[[], Any], ...] = (
    Shy, lambda: Colour.RED, lambda: 10**5000, lambda: 2**64, lambda: -(2**63) - 1, lambda: {1, 2}, lambda: 1j,
    lambda: np.datetime64("NaT"), lambda: pd.NA, lambda: pd.NaT, lambda: decimal.Decimal("NaN"),
    lambda: decimal.Decimal("Infinity"), lambda: decimal.Decimal("1E+400"), lambda: decimal.Decimal(1) / 3,
    lambda: b"x", lambda: bytearray(b"\xff"), lambda: fractions.Fraction(1, 3), lambda: uuid.UUID(int=5),
    lambda: "\udcff", lambda: "a\nb", lambda: "x" * 70_000, lambda: np.void(b"xx"), lambda: range(3), lambda: [1, "a"],
    lambda: {"a": 1}, lambda: (1, 2), lambda: [[[]]], lambda: datetime.date(1, 1, 1), lambda: datetime.datetime.max,
    lambda: datetime.time(1), lambda: datetime.timedelta.max, lambda: True, lambda: 1.5, lambda: float("nan"),
    lambda: float("inf"), lambda: "", lambda: None, lambda: np.float32(1.5), lambda: np.int8(3), lambda: np.bool_(1),
    lambda: int, lambda: np.array([1.0]), lambda: object(), lambda: "1", lambda: 1,
)  # fmt: skip
"""Values that a column of Python objects may hold among others."""
