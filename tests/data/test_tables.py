"""Tables of other libraries: categories, queries that have not run, UUIDs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import couponry
from couponry.data import tables
from couponry.data.streams import stream

UUIDS = [uuid.UUID(int=number << 90 | number) for number in (3, 1, 2)]

FRAMES: dict[str, Callable[[list[Any]], Any]] = {
    "dict": lambda ids: {"customer": ids},
    "pandas": lambda ids: pd.DataFrame({"customer": ids}),
    "pandas categories": lambda ids: pd.DataFrame({"customer": pd.Categorical(ids)}),
    "Polars": lambda ids: pl.DataFrame({"customer": ids}),
    "Polars query": lambda ids: pl.LazyFrame({"customer": ids}),
    "Polars categories": lambda ids: pl.DataFrame({"customer": pl.Series(ids, dtype=pl.Categorical)}),
    "Polars enumeration": lambda ids: pl.DataFrame({"customer": pl.Series(ids, dtype=pl.Enum(ids))}),
}  # fmt: skip


@pytest.mark.parametrize("kind", FRAMES)
def test_ids_of_any_library(kind: str) -> None:
    texts = ["007", "7", "b"]
    table = tables.as_table(FRAMES[kind](texts), "customers")
    assert tables.ids(table, "customers", "customer").to_pylist() == texts
    streamed = stream(FRAMES[kind](texts), "candidates", ["customer"])
    (batch,) = streamed.batches()
    assert tables.ids(batch, "candidates", "customer").to_pylist() == texts


@pytest.mark.parametrize("chunks", [1, 2])
def test_uuids_are_text(chunks: int) -> None:
    parts = [pa.table({"customer": UUIDS}), pa.table({"customer": [None, UUIDS[0]]})[1:]][:chunks]
    table = tables.as_table(pa.concat_tables(parts), "customers")
    expected = [str(one) for one in [*UUIDS, UUIDS[0]]][: 3 if chunks == 1 else 4]
    assert tables.ids(table, "customers", "customer").to_pylist() == expected
    with_null = tables.as_table(pa.table({"x": [None, UUIDS[1]]}), "customers")
    assert with_null["x"].to_pylist() == [None, str(UUIDS[1])]


@pytest.mark.parametrize("kind", ["iterator", "reader", "frame"])
def test_a_campaign_of_uuids(kind: str) -> None:
    table = pa.table({"customer": UUIDS, "offer": ["a"] * 3, "value": [1.0, 2.0, 3.0]})
    candidates = {
        "iterator": lambda: iter(table.to_batches()),
        "reader": lambda: table.to_reader(),
        "frame": lambda: table.to_pandas(),
    }[kind]()
    where = {"customer": UUIDS[1:]}
    limits = [couponry.Limit("two", customers=where, max=1)]
    customers = {"customer": UUIDS}
    result = couponry.Campaign({"offer": ["a"]}, candidates, customers, limits=limits).solve()
    assert result.allocation.to_arrow()["customer"].to_pylist() == sorted(
        map(str, [UUIDS[0], UUIDS[2]])
    )
    asked = [result.explain(customer).summary() for customer in (UUIDS[0], str(UUIDS[0]))]
    assert asked[0] == asked[1]
