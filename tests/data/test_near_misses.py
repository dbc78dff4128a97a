"""Tables and columns that are nearly right: one sentence has what came, and what would have done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pytest

from couponry import Campaign, InvalidInput

OFFERS = {"offer": [0, 1]}
ROWS: dict[str, Any] = {"customer": [5, 5, 7], "offer": [0, 1, 0], "value": [1.0, 2.0, 3.0]}
TABLE = pa.table(ROWS)


def refusal(candidates: Any) -> str:
    with pytest.raises(InvalidInput) as refused:
        Campaign(OFFERS, candidates).solve(threads=1)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def with_column(name: str, values: Any) -> Any:
    return {**ROWS, name: values}


@pytest.mark.parametrize(
    ("candidates", "nearest"),
    [
        (TABLE.to_pylist(), "Table.from_pylist makes one of it"),
        (TABLE.to_batches(), "Table.from_batches makes one of it"),
        ([TABLE], "concat_tables makes one of it"),
        (TABLE.to_pandas().to_records(index=False), "pandas.DataFrame makes one of it"),
        (pa.dataset.dataset(TABLE).scanner(), "its to_reader() is one"),
    ],
)
def test_what_makes_a_table_of_it(candidates: Any, nearest: str) -> None:
    assert refusal(candidates).endswith(nearest)


def test_a_connection_is_no_relation() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        assert refusal(connection).endswith("what its sql(…) gives is one")


@pytest.mark.parametrize(
    ("ids", "nearest"),
    [
        ([5.0, 5.0, 7.0], "got double; cast whole numbers to int64"),
        (pd.array([5, None, 7], "Float64"), "got double; cast whole numbers to int64"),
        (pa.array([5, 5, 7]).cast(pa.decimal128(38)), "cast whole numbers to int64"),
        ([b"a", b"a", b"b"], "got binary; cast text to string"),
        ([True, True, False], "got bool; write them as text"),
        (pa.array([5, 5, 7]).cast(pa.timestamp("s")), "write them as text"),
    ],
)
def test_ids_of_other_types(ids: Any, nearest: str) -> None:
    said = refusal(with_column("customer", ids))
    assert said.startswith("table candidates, column 'customer': expected integers or strings, got")
    assert nearest in said


@pytest.mark.parametrize("ids", [pd.period_range("2026-01", periods=3, freq="M")])
def test_periods_are_no_numbers(ids: Any) -> None:
    """They are stored as months since 1970, which nobody meant."""
    frame = pd.DataFrame({**ROWS, "customer": ids})
    assert "expected integers or strings, got extension<pandas.period" in refusal(frame)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["1.5", "2,5", "3"], "column 'value': expected numbers, got string; row 1 has '2,5'"),
        (["1.5", "", "3"], "column 'value': expected numbers, got string; row 1 has ''"),
        (["1.5", " 2", "-.3e+5"], "expected numbers, got string; cast such text to float64"),
        ([True, False, True], "expected numbers, got bool; cast true and false to int8"),
        (1.5, "column 'value': expected what Arrow takes: 'float' object is not iterable"),
        (np.ones((3, 1)), "column 'value': expected what Arrow takes: only handle 1-dimensional"),
    ],
)
def test_values_of_other_types(values: Any, said: str) -> None:
    assert said in refusal(with_column("value", values))


def test_true_and_false_in_bytes_are_that() -> None:
    must = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, 0], pa.int8()))
    result = Campaign(OFFERS, with_column("mandatory", must)).solve(threads=1)
    assert result.status == "optimal"


HEADER, LINE = "customer{0}offer{0}value", "5{0}1{0}1.5"


@pytest.mark.parametrize(
    ("name", "content", "nearest"),
    [
        ("a.csv", f"{HEADER}\n{LINE}\n".format(";").encode(), "are separated by commas"),
        ("a.csv", f"{HEADER}\n{LINE}\n".format("\t").encode(), "are separated by commas"),
        ("a.csv", f"{HEADER}\né{LINE}\n".format(",").encode("latin1"), "expected UTF-8"),
        ("a.csv", f"{HEADER}\n{LINE}\n".format(",").encode("utf-16"), "expected UTF-8"),
        ("a.txt", f"{HEADER}\n{LINE}\n".format(",").encode(), "whose name ends in .csv"),
        ("a.csv.gz", b"\x1f\x8b" + bytes(40), "whose name ends in .csv"),
    ],
)
def test_files_of_other_kinds(name: str, content: bytes, nearest: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert nearest in refusal(tmp_path / name)
