"""The code of docs/affinity.md runs, one block after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.instances.synthetic_purchases import Shoppers

from couponry.affinity import PurchaseHistory

PAGE = Path(__file__).resolve().parents[2] / "docs" / "affinity.md"
SIZE = Shoppers(600, rows=15, products=100, types=12, offers=20, weeks=12, scattered=False)


def write_tables(folder: Path) -> None:
    """What the page calls by name: transactions in one place, and by week with other column names."""
    kinds = SIZE.products_table().rename_columns(["product", "category"])
    rows, names = SIZE.block(0), {"customer": "household_id"}
    last = pa.array(rows["week"].to_numpy() == SIZE.weeks - 1)
    earlier = pa.array(rows["week"].to_numpy() < SIZE.weeks - 1)
    renamed = rows.rename_columns([names.get(name, name) for name in rows.column_names])
    for name, table in {
        "offers.parquet": SIZE.offers_table(),
        "covers.parquet": SIZE.covers_table(),
        "products.parquet": kinds,
        "transactions/all.parquet": rows,
        "weeks/earlier.parquet": renamed.filter(earlier),
        "week-49.parquet": renamed.filter(last),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        pq.write_table(table, folder / name)


def windows(path: Path) -> list[tuple[PurchaseHistory, PurchaseHistory]]:
    """The last four weeks, and what was before."""
    rows = pq.read_table(path)
    week, last = rows["week"].to_numpy(), SIZE.weeks - 5
    before = PurchaseHistory.from_transactions(rows.filter(pa.array(week <= last)), until=last)
    return [(before, PurchaseHistory.from_transactions(rows.filter(pa.array(week > last))))]


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tables(tmp_path)
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code) == 5
    names: dict[str, Any] = {}
    exec(code[0], names)
    assert names["result"].status == "optimal" and names["result"].allocated > 0
    exec(code[1], names)
    assert names["history"].until == SIZE.weeks - 1 and len(names["campaign"].candidates) > 0
    names["windows"] = windows(tmp_path / "transactions" / "all.parquet")
    exec(code[2], names)
    assert names["personal"].names_[-3:] == ["age", "spend", "even"]
    assert len(list(names["simple"].blocks(names["windows"][0][0]))) > 0
    exec(code[3], names)
    random = np.random.default_rng(1)
    names["offer_factors"], names["customer_factors"] = random.normal(size=(2, 50, 8))
    exec(code[4], names)
    assert names["offers"].number.tolist() == [32] * 50
