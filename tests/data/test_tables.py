"""Tables of other libraries: categories, queries that have not run, UUIDs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import couponry
from couponry.data import tables
from couponry.data.arrow_columns import labels
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


@pytest.mark.parametrize("name", ["customer", "value"])
def test_whole_numbers_that_are_too_large_are_named_by_their_row(name: str) -> None:
    most = 2**63 - 1 if name == "customer" else 2**53
    column = pa.chunked_array([[0, 1], [most, most + 1, most + 2]], pa.uint64())
    candidates = {"customer": [1, 2, 3, 4, 5], "offer": [1] * 5, "value": [1.0] * 5, name: column}
    table = pa.table(candidates)
    sentence = rf"row 3: expected a whole number from 0 to {most:,}.*, got {most + 1:,}$"
    with pytest.raises(
        couponry.InvalidInput, match=f"table candidates, column '{name}', {sentence}"
    ):
        couponry.Campaign({"offer": [1]}, table)
    again = table.set_column(
        table.column_names.index(name), name, pa.array([0, 1, 2, 3, most], pa.uint64())
    )
    assert couponry.Campaign({"offer": [1]}, again).solve().status == "optimal"


@pytest.mark.parametrize("ids", [[1, 2], ["a", "b"]])
@pytest.mark.parametrize("empty", [np.array([]), [], pa.nulls(0), pa.array([], pa.date32())])
def test_an_empty_table_may_have_columns_of_any_type(ids: list[Any], empty: Any) -> None:
    offers = {"offer": ids, "day": [1, 2]}
    candidates = {"customer": ids, "offer": ids, "value": [1.0, 2.0]}
    rules = [
        couponry.CustomerRule("window", window=3, max=1),
        couponry.CustomerRule("apart", conflicts={"offer_a": empty, "offer_b": empty}),
    ]
    history = pa.table({"customer": empty, "offer": empty})
    with pytest.warns(couponry.CampaignWarning, match="names no pair"):
        result = couponry.Campaign(offers, candidates, history=history, rules=rules).solve()
    assert result.objective == 3.0


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


def test_categories_of_numbers_are_numbers() -> None:
    rows = {"customer": [1, 2, 2], "offer": [7, 7, 8], "value": [1.5, 2.5, 1.0]}
    candidates = pd.DataFrame(rows).astype("category")
    offers = pd.DataFrame({"offer": [7, 8], "day": pd.Categorical([3, 5], categories=[3, 4, 5])})
    limits = [
        couponry.Limit("late", where={"day": {"min": 4}}, max=0),
        couponry.Limit("a category without offers", where={"day": 4}, max=1),
    ]
    result = couponry.Campaign(offers, candidates, limits=limits).solve()
    assert result.objective == 4.0
    assert result.allocation.to_arrow()["customer"].to_pylist() == [1, 2]


def test_chunks_without_rows_are_left_out() -> None:
    """PyArrow can neither join them nor take from them where they come from a stream."""
    ids = pa.array([1, 2, 3])
    chunks = pa.chunked_array([ids[:1], ids[1:1], ids[1:]])
    table = pa.table({"customer": chunks, "x": pa.chunked_array([ids[:2], ids[2:]])})
    found = tables.as_table(table, "customers")
    assert tables.ids(found, "customers", "customer").to_pylist() == [1, 2, 3]
    (streamed,) = stream(iter([table]), "candidates", ["customer"]).batches()
    assert tables.ids(streamed, "candidates", "customer").to_pylist() == [1, 2, 3]
    none = tables.as_table(table.slice(3), "customers")
    assert tables.ids(none, "customers", "customer").to_pylist() == []


@pytest.mark.parametrize("kind", [pa.list_view, pa.large_list_view])
def test_views_of_lists_with_nulls(kind: Callable[[pa.DataType], pa.DataType]) -> None:
    rows = [[], None, ["a", None], None, ["b"], []]
    column = pa.array(rows, kind(pa.string()))
    found = tables.as_table(pa.table({"tags": pa.chunked_array([column[1:4], column])}), "offers")
    assert found["tags"].to_pylist() == rows[1:4] + rows


def test_text_of_polars_within_structs() -> None:
    rows = [{"a": "x", "b": ["y", None]}, None, {"a": None, "b": None}, {"a": "z", "b": []}]
    kind = pa.struct([("a", pa.string_view()), ("b", pa.list_view(pa.string_view()))])
    for column in (pa.array(rows, kind), pl.Series(rows).to_arrow()):
        found = tables.as_table(
            pa.table({"shape": pa.chunked_array([column[1:], column])}), "offers"
        )
        assert found["shape"].to_pylist() == rows[1:] + rows
        assert found.take([0, 3])["shape"].to_pylist() == [None, rows[0]]


def test_unions_are_refused_where_they_are_read() -> None:
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array(["reward"])])
    candidates = {"customer": [1], "offer": ["a"], "value": [1.0]}
    couponry.Campaign({"offer": ["a"]}, pa.table({**candidates, "note": union}))
    with pytest.raises(couponry.InvalidInput, match=r"^table candidates, column 'role': expected"):
        couponry.Campaign({"offer": ["a"]}, pa.table({**candidates, "role": union}))


@pytest.mark.parametrize(
    "given",
    [
        pl.LazyFrame({"offer": ["a"]}).select("nothing"),
        pa.RecordBatchReader.from_batches(
            pa.schema([("offer", pa.int64())]), (1 / 0 for _ in range(1))
        ),
        pl.DataFrame,
        pd.DataFrame,
    ],
    ids=["query", "reader", "class of Polars", "class of pandas"],
)
def test_what_fails_as_it_is_read_is_one_line(given: Any) -> None:
    with pytest.raises(couponry.InvalidInput, match=r"^table offers: [^\n]+$"):
        couponry.Campaign(given, {"customer": [1], "offer": ["a"], "value": [1.0]})


@pytest.mark.parametrize("ids", [[1, "1"], np.array([1, 2], complex), np.ones((2, 2))])
def test_a_column_that_is_none_is_named(ids: Any) -> None:
    candidates = {"customer": ids, "offer": ["a", "a"], "value": [1.0, 1.0]}
    with pytest.raises(couponry.InvalidInput, match=r"^table candidates, column 'customer': "):
        couponry.Campaign({"offer": ["a"]}, candidates)


def test_a_column_of_nulls_has_no_values() -> None:
    code, values = labels(pa.chunked_array([pa.nulls(2)]), "column")
    assert code.tolist() == [-1, -1] and values == []


def test_lists_of_lists_are_refused_where_their_values_are_asked_for() -> None:
    offers = pa.table({"offer": ["a"], "tags": [[[1]]]})
    limits = [couponry.Limit("L", by="tags", table={"tags": [1], "max": [1.0]})]
    candidates = {"customer": [1], "offer": ["a"], "value": [1.0]}
    with pytest.raises(
        couponry.InvalidInput, match=r"^limit 'L': by: column 'tags' of offers: exp"
    ):
        couponry.Campaign(offers, candidates, limits=limits).solve()
