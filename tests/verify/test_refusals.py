"""What a solve refuses is refused by verification, in the same words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.support.campaigns import random_tables, replaced, spec, write_folder

from couponry import InvalidInput, read_campaign, verify_allocation, verify_result

Folder = Callable[..., Path]
BY_TABLE = {"name": "suppliers", "by": "supplier", "table": "bounds.parquet"}
NOWHERE = pa.array([1], pa.timestamp("us", "Mars/Olympus"))


def bounds(**columns: Any) -> dict[str, Any]:
    return {"more": {"bounds": pa.table(columns)}, "limit": [BY_TABLE]}


def limit(**keys: Any) -> dict[str, Any]:
    return {"limit": [{"name": "L", **keys}]}


def rules(**keys: Any) -> dict[str, Any]:
    return {"customer_rule": [{"name": "R", **keys}]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a key is null": (bounds(supplier=[0, None], max=[1.0, 2.0]), "row 1: expected a value, got null"),
    "a key is there twice": (bounds(supplier=[0, 1, 0], max=[1.0, 2.0, 3.0]), "row 2: 0 is there twice"),
    "keys of another type": (bounds(supplier=["a"], min=[1.0]), "expected values like 0"),
    "min above max": (bounds(supplier=[2], min=[3.0], max=[2.0]), "row 0: min 3.0 is above max 2.0"),
    "no bounds": (bounds(supplier=[2]), "expected a column 'min' or 'max'"),
    "bounds of text": (bounds(supplier=[2], max=["many"]), "expected numbers"),
    "bounds that are times": (bounds(supplier=[2], min=NOWHERE), "column 'min': expected numbers"),
    "keys of a time zone that there is not": (bounds(supplier=NOWHERE, max=[2.0]), "column 'supplier': "),
    "keys that are lists": (bounds(supplier=[[2]], max=[2.0]), "column 'supplier': expected text, numbers"),
    "keys that Python does not tell apart": (
        bounds(supplier=pa.array([1000, 1001], pa.time64("ns")), max=[2.0, 3.0]), "whole microseconds"
    ),
    "min above max of a customer": (
        {"customer_rule": [{"name": "R", "max": "slots", "min": 3}]}, "is above max 1 of customer_rule 'R' for"
    ),
    "min above max of another rule": (
        {"customer_rule": [{"name": "few", "max": 1}, {"name": "R", "max": 4, "min": 2}, {"name": "S", "max": 3}]},
        "customer_rule 'R': min 2 is above max 1 of customer_rule 'few'",
    ),
    "min above max of part of the offers": (
        rules(min="age", max="slots", by="brand"), "customer_rule 'R': min 18 is above max 1 for customer 1000"
    ),
    "no such column to sum": (limit(ratio=["value", "wait"], max=2.0), "limit 'L': neither candidates"),
    "no role": (limit(max=3, where={"role": [7.5]}), "expected one of reward"),
    "no such column of offers": (limit(max=3, where={"rol": "x"}), "did you mean 'role'? (columns: offer, "),
    "no such column to group by": (limit(max=3, by="rol"), "did you mean 'role'? (they have: offer, "),
    "no such objective": ({"objective": {"value": "net"}}, "objective: neither candidates"),
    "no column for bounds": (rules(min="few", max="many"), "table customers has no column 'few'"),
    "limits come before rules": ({**limit(sum="x", max=2), **rules(max="many")}, "limit 'L': neither"),
    "limits come one by one": (
        {"limit": [{"name": "L", "max": 2, "customers": {"kind": 1}}, {"name": "M", "sum": "x", "max": 2}]},
        "limit 'L'",
    ),
    "whatever is wrong with them": (
        {"limit": [{"name": "L", "sum": "x", "max": 2}, {"name": "M", "max": 2, "customers": {"kind": 1}}]},
        "limit 'L'",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a campaign without fault."""
    path = tmp_path_factory.mktemp("refusals")
    return read_campaign(write_folder(path, random_tables(), spec())).solve().write(path / "out")


@pytest.mark.parametrize("case", REFUSED)
def test_in_the_same_words(case: str, solved: Path, folder: Folder) -> None:
    sections, expected = REFUSED[case]
    more = sections.get("more")
    path = folder(None, more, **{name: sections[name] for name in sections if name != "more"})
    with pytest.raises(InvalidInput) as of_solve:
        read_campaign(path).solve()
    assert expected in str(of_solve.value)
    with pytest.raises(InvalidInput) as of_result:
        verify_result(path, solved)
    with pytest.raises(InvalidInput) as of_allocation:
        verify_allocation(path, solved / "nowhere.parquet")
    assert str(of_solve.value) == str(of_result.value) == str(of_allocation.value)


def test_a_ratio_to_something_negative(solved: Path, folder: Folder) -> None:
    tables = random_tables()
    weights = [
        w - 1e3 * (n in (9, 200)) for n, w in enumerate(tables["candidates"]["weight"].to_pylist())
    ]
    tables["candidates"] = replaced(tables["candidates"], "weight", weights)
    path = folder(tables, None, **limit(ratio=["value", "weight"], max=9.0))
    with pytest.raises(
        InvalidInput, match="expected 'weight' from 0 up, got a negative"
    ) as of_solve:
        read_campaign(path).solve()
    with pytest.raises(InvalidInput) as of_result:
        verify_result(path, solved)
    assert str(of_solve.value) == str(of_result.value)


def test_history_comes_before_customers(solved: Path, folder: Folder) -> None:
    tables = random_tables()
    ids = tables["customers"]["customer"].cast(pa.string())
    tables["customers"] = replaced(tables["customers"], "customer", ids)
    names = {
        "offers": "offers.parquet",
        "candidates": "candidates.parquet",
        "history": "history.parquet",
    }
    path = folder(
        tables,
        {"history": pa.table({"customer": ["a"], "offer": [50]})},
        **rules(max="slots"),
        tables=names,
    )
    with pytest.raises(InvalidInput, match="table history, column 'customer'") as of_solve:
        read_campaign(path).solve()
    with pytest.raises(InvalidInput) as of_result:
        verify_result(path, solved)
    assert str(of_solve.value) == str(of_result.value)
