"""What a result writes, and campaigns that are written and read again."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import random_tables, replaced, shuffled
from tests.support.folders import RULES, Folder, same, solve

from couponry import Campaign, CustomerRule, Limit, read_campaign, write_campaign
from couponry.campaign_folder.write import write_result
from couponry.verify import verify_result

RESULT_KEYS = {
    "status", "objective", "bound", "gap", "max_violation", "allocated", "customers", "candidates",
    "full_passes", "seconds", "peak_memory_bytes", "threads", "backend", "engine", "seed",
    "version",
}  # fmt: skip


FULL: dict[str, Any] = {
    "customer_rule": [
        {"name": "slots", "max": "slots", "min": 1},
        {"by": "product", "max": 1},
        {"name": "mail", "where": {"channel": ["mail"], "day": {"min": 1, "max": 28}}, "max": 2},
    ],
    "limit": [
        {"name": "cap", "sum": "count", "max": 40, "where": {"brand": ["A"], "role": ["reward"]}},
        {"name": "Ü „quoted“ \"name\" \\ \n", "sum": "cost", "max": 4.5, "customers": {"age": {"min": 20.5}}},
        {"name": "suppliers", "sum": "response", "by": "supplier", "table": "bounds.parquet"},
        {"name": "return", "by": "brand", "ratio": ["value", "cost"], "min": 5.0},
        {"name": "wish", "where": {"brand": ["A"]}, "min": 5000, "mode": "soft", "penalty": 0.01},
        {"by": "role", "sum": "weight", "mode": "report"},
    ],
}  # fmt: skip
BOUNDS = pa.table({"supplier": [0, 1], "max": pa.array([3.0, None]), "min": pa.array([None, 0.5])})


def test_files_of_a_result(folder: Folder, tmp_path: Path) -> None:
    path = folder(more={"bounds": BOUNDS}, **FULL)
    result = solve(path)
    out = result.write(tmp_path / "out")
    assert sorted(file.name for file in out.iterdir()) == [
        "allocation.parquet",
        "limits.parquet",
        "result.json",
        "solution.json",
        "solution.npz",
    ]
    claims = json.loads((out / "result.json").read_text())
    assert set(claims) >= RESULT_KEYS
    assert (
        claims["allocated"] == result.allocation.to_arrow().num_rows and claims["customers"] == 60
    )
    assert claims["candidates"] == 360 and claims["status"] == "optimal"
    assert claims["gap"] == pytest.approx(
        (claims["bound"] - claims["objective"]) / abs(claims["bound"])
    )
    assert isinstance(claims["seconds"], dict) and claims["peak_memory_bytes"] > 10**6
    assert claims["bound"] >= claims["objective"]
    allocation = pq.read_table(out / "allocation.parquet")
    assert allocation.column_names == ["customer", "offer", "value", "response", "cost"]
    assert allocation.equals(result.allocation.to_arrow())
    limits = pq.read_table(out / "limits.parquet")
    assert {field.name: str(field.type) for field in limits.schema} == {
        "name": "string", "group": "string", "sum": "string", "min": "double", "max": "double",
        "achieved": "double", "error": "double", "price": "double", "second_sum": "double",
        "dual": "double", "binding": "bool", "mode": "string",
    }  # fmt: skip
    assert limits.num_rows == 1 + 1 + 2 + 3 + 1 + 3
    assert verify_result(path, out).problems == []


def test_price_is_what_one_more_unit_is_worth(folder: Folder) -> None:
    """Forty coupons worth 1, 2, ..., 40 and room for ten: one more is worth 30."""
    tables = {
        "offers": pa.table({"offer": [1]}),
        "candidates": pa.table(
            {"customer": np.arange(40), "offer": np.ones(40, int), "value": np.arange(1.0, 41.0)}
        ),
    }
    result = solve(folder(tables, customer_rule=[], limit=[{"name": "room", "max": 10}]))
    assert result.objective == sum(range(31, 41))
    row = result.limits.to_pylist()[0]
    assert 30 - 1e-6 <= row["price"] <= 31 + 1e-6 and row["binding"] is True
    wide = solve(folder(tables, customer_rule=[], limit=[{"name": "room", "max": 50}]))
    row = wide.limits.to_pylist()[0]
    assert row["price"] == 0 and row["binding"] is False


def test_files_of_an_infeasible_campaign(folder: Folder, tmp_path: Path) -> None:
    limits = [
        {"name": "few", "max": 10, "where": {"brand": ["A"]}},
        {"name": "many", "min": 15, "where": {"brand": ["A"], "channel": "mail"}},
        {"name": "innocent", "max": 100},
    ]
    path = folder(limit=limits, **RULES)
    result = solve(path)
    out = result.write(tmp_path / "out")
    of_session = ["solution.json", "solution.npz"]
    assert sorted(f.name for f in out.iterdir()) == ["infeasible.json", "result.json", *of_session]
    claims = json.loads((out / "result.json").read_text())
    assert set(claims) >= RESULT_KEYS
    assert claims["status"] == "infeasible" and claims["objective"] is None
    conflict = json.loads((out / "infeasible.json").read_text())
    asked = {entry["limit"]: entry for entry in conflict["limits"]}
    assert set(asked) == {"few", "many"}
    assert asked["few"]["max"] == 10 and asked["few"]["reachable"] > 10
    assert asked["many"]["min"] == 15 and asked["many"]["reachable"] < 15
    assert verify_result(path, out).problems == []


def test_write_and_read_campaign(folder: Folder, tmp_path: Path) -> None:
    campaign = read_campaign(folder(more={"bounds": BOUNDS}, **FULL))
    again = read_campaign(write_campaign(campaign, tmp_path / "again"))
    assert again.name == campaign.name and again.value == campaign.value
    assert [rule.name for rule in again.rules] == ["slots", "rule 2", "mail"]
    assert [limit.name for limit in again.limits] == [limit.name for limit in campaign.limits]
    same(again.solve(), campaign.solve())


def test_write_and_read_a_campaign_made_in_python(tmp_path: Path) -> None:
    """Whatever Python types its rules and limits are made of."""
    tables = random_tables(strings=True)
    start = pa.array([datetime.date(2024, 5, 1 + n) for n in range(12)])
    tables["offers"] = replaced(tables["offers"], "start", start)
    campaign = Campaign(
        **{name: shuffled(table) for name, table in tables.items()},
        rules=[
            CustomerRule("slots", max=np.int64(3), min=1),
            CustomerRule(max=2.0, where={"tags": {"even"}}),
        ],
        limits=[
            Limit(max=np.float64(35.5), where={"brand": ("A", "B"), "supplier": np.int64(2)}),
            Limit("dates", max=70, where={"start": {"min": datetime.date(2024, 5, 4)}}),
            Limit("ratio", ratio=("value", "cost"), min=3),
            Limit("cents", sum="cost", max=0.1 + 0.2 + 3, customers={"age": {"max": 40}}),
            Limit("table", by="brand", table={"brand": ["A", "C"], "max": [25, None]}),
            Limit("soft", min=10**6, mode="soft", penalty=1e-5),
        ],
        value="weight",
        name='spring "24" \\ ü',
    )
    again = read_campaign(write_campaign(campaign, tmp_path / "campaign"))
    assert again.name == campaign.name
    same(again.solve(), campaign.solve())


def test_objective_is_exact_to_the_last_bits(folder: Folder) -> None:
    """Objective and achieved sums are of the values as given, not of their packed form."""
    tables = random_tables(customers=500)
    values = np.random.default_rng(5).lognormal(0, 3, 3000)
    tables["candidates"] = replaced(tables["candidates"], "value", values)
    result = solve(folder(tables, limit=[{"name": "cap", "sum": "value", "max": 9_000.0}], **RULES))
    given = math.fsum(result.allocation.to_arrow()["value"].to_pylist())
    assert set(result.allocation.to_arrow()["value"].to_pylist()) <= set(values.tolist())
    assert result.objective == pytest.approx(given, rel=1e-13)
    assert result.limits["achieved"].to_pylist() == [pytest.approx(given, rel=1e-13)]


def test_a_result_without_an_allocation_stands_beside_one_that_has_one(
    folder: Folder, tmp_path: Path
) -> None:
    result = solve(folder(**RULES))
    out, beside = tmp_path / "out", tmp_path / "out.unsolved"
    assert result.write(out) == out
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    nothing: dict[str, Any] = {"status": "unsolved"}
    assert write_result(out, None, None, None, lambda: nothing, overwrite=True) == beside
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert json.loads((beside / "result.json").read_text()) == nothing
    assert result.write(out, overwrite=True) == out and not beside.exists()
    assert (
        write_result(out, None, None, None, lambda: nothing, overwrite=True, replace_solved=True)
        == out
    )
    assert [path.name for path in out.iterdir()] == ["result.json"]
