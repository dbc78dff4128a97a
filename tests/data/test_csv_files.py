"""CSV files: what is written like a code stays as it was written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from couponry import Campaign, InvalidInput, read_campaign
from couponry.data import tables
from couponry.data.formats.csv_files import read_csv

CASES = {
    "codes": ("x\n007\n8\n", pa.string(), ["007", "8"]),
    "negative codes": ("x\n-01\n8\n", pa.string(), ["-01", "8"]),
    "quoted": ('x\n"007"\n8\n', pa.string(), ["007", "8"]),
    "the last of all": ("x\n1\n01", pa.string(), ["1", "01"]),
    "numbers": ("x\n0\n10\n200\n", pa.int64(), [0, 10, 200]),
    "fractions": ("x\n0.05\n1.0\n", pa.float64(), [0.05, 1.0]),
    "nothing between": ("x,y\n007,1\n,2\n", pa.string(), ["007", None]),
    "fractions as ids": ("customer\n1e5\n2.50\n", pa.string(), ["1e5", "2.50"]),
    "digits beyond any integer": ("offer\n99999999999999999999\n", pa.string(), ["9" * 20]),
    "dates as ids": ("customer\n2024-05-01\n", pa.string(), ["2024-05-01"]),
    "truth as ids": ("customer\ntrue\nfalse\n", pa.string(), ["true", "false"]),
    "whole numbers as ids": ("customer\n1\n2\n", pa.int64(), [1, 2]),
    "nobody": ("customer\n", pa.null(), []),
}


@pytest.mark.parametrize("case", CASES)
def test_columns(case: str, tmp_path: Path) -> None:
    text, kind, expected = CASES[case]
    (tmp_path / "x.csv").write_text(text)
    table = read_csv(tmp_path / "x.csv")
    assert table.column(0).type == kind and table.column(0).to_pylist() == expected
    assert table.num_rows == len(expected)


def test_ids_keep_their_text_from_file_to_allocation(tmp_path: Path) -> None:
    (tmp_path / "offers.csv").write_text("offer,supplier,margin\n01,007,2\n02,070,3\n")
    (tmp_path / "candidates.csv").write_text(
        "customer,offer,response\n0001,01,0.5\n0001,02,0.5\n12,02,0.25\n"
    )
    (tmp_path / "customers.csv").write_text("customer,segment\n0001,0\n12,1\n")
    (tmp_path / "bounds.csv").write_text("supplier,max\n007,1\n070,1\n")
    (tmp_path / "campaign.toml").write_text(
        """
schema = 1
[tables]
offers = "offers.csv"
candidates = "candidates.csv"
customers = "customers.csv"
[[limit]]
name = "by supplier"
by = "supplier"
table = "bounds.csv"
[[limit]]
name = "one"
where = { supplier = "070", offer = ["02"] }
customers = { customer = "0001" }
max = 0
"""
    )
    result = read_campaign(tmp_path).solve()
    rows = result.allocation.to_arrow().select(["customer", "offer"]).to_pylist()
    assert rows == [{"customer": "0001", "offer": "01"}, {"customer": "12", "offer": "02"}]
    assert result.explain("0001").decisions


def test_files_of_which_one_has_codes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("customer\n007\n")
    (tmp_path / "b.csv").write_text("customer\n8\n")
    found = tables.read(tmp_path, ["a.csv", "b.csv"], "customers")
    assert found["customer"].to_pylist() == ["007", "8"]


def test_tables_of_which_one_has_codes(tmp_path: Path) -> None:
    (tmp_path / "offers.csv").write_text("offer,margin\n007,1\n12,1\n")
    (tmp_path / "candidates.csv").write_text("customer,offer,response\n1,12,0.5\n")
    with pytest.raises(InvalidInput, match="write ids alike in both, or as text in Parquet"):
        Campaign(tmp_path / "offers.csv", tmp_path / "candidates.csv")


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int32(), pa.uint64(), pa.int64()])
def test_integers_keep_their_type(kind: pa.DataType) -> None:
    offers = {"offer": pa.array([3, 1], kind)}
    pairs = pa.table({"customer": pa.array([7, 5], kind), "offer": pa.array([1, 3], kind)})
    campaign = Campaign(offers, pairs.append_column("value", pa.array([1.0, 2.0])))
    found = campaign.solve().allocation.to_arrow()
    assert found.schema.field("customer").type == kind == found.schema.field("offer").type
    assert found["customer"].to_pylist() == [5, 7]
