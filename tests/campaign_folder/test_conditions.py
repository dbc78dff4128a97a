"""Which coupons a limit or a rule is about: where, customers and by."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest
from tests.support.campaigns import Tables, random_tables, replaced
from tests.support.folders import RULES, Folder, Row, pairs, rows_of, same, solve

WHERE: dict[str, tuple[dict[str, Any], Callable[[Row], bool]]] = {
    "single string": ({"channel": "mail"}, lambda r: r["channel"] == "mail"),
    "single number": ({"supplier": 2}, lambda r: r["supplier"] == 2),
    "whole number as float": ({"supplier": 2.0}, lambda r: r["supplier"] == 2),
    "no such number": ({"supplier": 2.5}, lambda r: False),
    "a number and a fraction": ({"supplier": [1, 2.5]}, lambda r: r["supplier"] == 1),
    "list": ({"brand": ["A", "C"]}, lambda r: r["brand"] in ("A", "C")),
    "list with strangers": ({"brand": ["A", "Z"]}, lambda r: r["brand"] == "A"),
    "null never matches": ({"brand": ["A", "B", "C"]}, lambda r: r["brand"] is not None),
    "range": ({"day": {"min": 7, "max": 19}}, lambda r: 7 <= r["day"] <= 19),
    "range from": ({"day": {"min": 10}}, lambda r: r["day"] >= 10),
    "range to": ({"day": {"max": 9.5}}, lambda r: r["day"] <= 9.5),
    "range of one": ({"day": {"min": 7, "max": 7}}, lambda r: r["day"] == 7),
    "range on fractions": ({"margin": {"max": 2.0}}, lambda r: r["margin"] <= 2.0),
    "range with nulls": (
        {"budget": {"min": -5}},
        lambda r: r["budget"] is not None and r["budget"] >= -5,
    ),
    "list column": ({"tags": "even"}, lambda r: "even" in r["tags"]),
    "list column, any of": ({"tags": ["even", "odd"]}, lambda r: "even" in r["tags"]),
    "all must hold": (
        {"channel": "mail", "day": {"max": 20}, "tags": ["all"]},
        lambda r: r["channel"] == "mail" and r["day"] <= 20 and "all" in r["tags"],
    ),
    "role": ({"role": "reward"}, lambda r: r["role"] == "reward"),
    "roles": ({"role": ["reward", "activation"]}, lambda r: r["role"] in ("reward", "activation")),
    "role and column": (
        {"role": ["innovation"], "brand": ["B"]},
        lambda r: r["role"] == "innovation" and r["brand"] == "B",
    ),
    "bool": ({"national": True}, lambda r: r["national"]),
    "date": ({"start": datetime.date(2024, 5, 3)}, lambda r: r["start"].day == 3),
    "range of dates": (
        {"start": {"min": datetime.date(2024, 5, 3), "max": datetime.date(2024, 5, 8)}},
        lambda r: 3 <= r["start"].day <= 8,
    ),
    "nothing": ({}, lambda r: True),
}  # fmt: skip


@pytest.fixture(scope="module")
def attributes() -> Tables:
    """Tables with columns of every kind; a role is null here and there; all candidates are worth giving."""
    tables = random_tables()
    offers = tables["offers"]
    offers = replaced(offers, "national", [n % 3 == 0 for n in range(12)])
    offers = replaced(offers, "start", [datetime.date(2024, 5, 1 + n) for n in range(12)])
    offers = replaced(offers, "budget", [None if n % 4 == 1 else float(n - 8) for n in range(12)])
    offers = replaced(offers, "tags", [None, [], *offers["tags"].to_pylist()[2:]])
    roles = tables["candidates"]["role"].to_pylist()
    roles[::7] = [None] * len(roles[::7])
    candidates = replaced(tables["candidates"], "role", roles)
    return {**tables, "offers": offers, "candidates": candidates}


def everything(tables: Tables) -> list[Row]:
    return [{**row, "tags": row["tags"] or []} for row in rows_of(tables)]


def test_where_of_limits(attributes: Tables, folder: Folder) -> None:
    limits = [
        {"name": name, "mode": "report", "where": where} for name, (where, _) in WHERE.items()
    ]
    result = solve(folder(attributes, customer_rule=[], limit=limits))
    rows = everything(attributes)
    assert result.allocated == len(rows)
    found = dict(
        zip(result.limits["name"].to_pylist(), result.limits["achieved"].to_pylist(), strict=True)
    )
    assert found == {name: sum(map(holds, rows)) for name, (_, holds) in WHERE.items()}
    assert result.limits["group"].null_count == len(limits)


@pytest.mark.parametrize("case", WHERE)
def test_where_of_rules(case: str, attributes: Tables, folder: Folder) -> None:
    where, holds = WHERE[case]
    rule = {"name": "none of these", "max": 0, "where": where}
    result = solve(
        folder(attributes, customer_rule=[rule], limit=[{"name": "n", "mode": "report"}])
    )
    expected = pairs([row for row in everything(attributes) if not holds(row)])
    if not where:  # about everything: it bounds the number of coupons
        expected = []
    assert pairs(result.allocation.to_arrow().to_pylist()) == sorted(expected)


def test_customers_of_limits(attributes: Tables, folder: Folder) -> None:
    cases: dict[str, tuple[dict[str, Any], Callable[[Row], bool]]] = {
        "gold": ({"segment": "gold"}, lambda r: r["segment"] == "gold"),
        "both": ({"segment": ["gold", "silver"]}, lambda r: r["segment"] is not None),
        "age": ({"age": {"min": 30, "max": 40}}, lambda r: 30 <= r["age"] <= 40),
        "gold of age": (
            {"segment": ["gold"], "age": {"min": 30}},
            lambda r: r["segment"] == "gold" and r["age"] >= 30,
        ),
        "by id": ({"customer": [1000, 1007]}, lambda r: r["customer"] in (1000, 1007)),
    }
    limits = [
        {
            "name": name,
            "mode": "report",
            "sum": "weight",
            "customers": where,
            "where": {"channel": "mail"},
        }
        for name, (where, _) in cases.items()
    ]
    result = solve(folder(attributes, customer_rule=[], limit=limits))
    rows = [row for row in everything(attributes) if row["channel"] == "mail"]
    expected = [sum(r["weight"] for r in rows if holds(r)) for _, holds in cases.values()]
    assert result.limits["achieved"].to_pylist() == pytest.approx(expected, rel=1e-12)


SUMS = ["count", "cost", "response", "value", "weight", "points", "margin"]


@pytest.mark.parametrize("by", [None, "brand", "supplier", "tags", "role", "start", "national"])
def test_sums_by_group(by: str | None, attributes: Tables, folder: Folder) -> None:
    limits = [{"name": name, "sum": name, "mode": "report"} for name in SUMS]
    if by is not None:
        limits = [{**limit, "by": by} for limit in limits]
    result = solve(folder(attributes, customer_rule=[], limit=limits))
    expected: dict[tuple[str, str | None], float] = {}
    for row in everything(attributes):
        cost = row["issue_cost"] + row["response"] * row["face_value"]
        amounts = {**row, "count": 1, "cost": cost}
        value = None if by is None else row[by]
        if by is not None and value is None:
            continue
        for group in value if isinstance(value, list) else [value]:
            for name in SUMS:
                key = name, None if by is None else str(group)
                expected[key] = expected.get(key, 0.0) + amounts[name]
    found = {(row["name"], row["group"]): row["achieved"] for row in result.limits.to_pylist()}
    assert found == pytest.approx(expected, rel=1e-12)


def test_every_value_of_by_is_held_to_the_bound(folder: Folder) -> None:
    tables = random_tables()
    limits = [
        {"name": "brands", "by": "brand", "max": 20},
        {"name": "tags", "by": "tags", "sum": "weight", "max": 60.0},
        {"name": "roles", "by": "role", "sum": "count", "max": 25},
        {"name": "products", "by": "product", "where": {"channel": "email"}, "min": 3},
    ]
    path = folder(tables, limit=limits, **RULES)
    result = solve(path)
    table = result.limits.to_pylist()
    groups = {
        name: [row["group"] for row in table if row["name"] == name]
        for name in ("brands", "tags", "roles", "products")
    }
    assert groups["brands"] == ["A", "B", "C"]  # null is no value
    assert groups["tags"] == ["all", "even"]
    assert sorted(groups["roles"]) == ["activation", "innovation", "reward"]
    assert groups["products"] == [f"p{n}" for n in range(6)]
    assert all(row["max"] is None or row["achieved"] <= row["max"] + 1e-9 for row in table)
    assert all(row["min"] is None or row["achieved"] >= row["min"] for row in table)
    assert any(row["binding"] for row in table)
    given = dict(zip(pairs(rows_of(tables)), rows_of(tables), strict=True))
    chosen = [given[pair] for pair in pairs(result.allocation.to_arrow().to_pylist())]
    for row in table:
        if row["name"] == "roles":
            assert row["achieved"] == sum(r["role"] == row["group"] for r in chosen)


def test_bounds_from_a_table(folder: Folder) -> None:
    bounds = pa.table(
        {
            "supplier": [3, 0, 1, 77],
            "max": pa.array([None, 25.0, 8.0, 4.0]),
            "min": pa.array([12.0, None, 2.0, None]),
        }
    )
    limit = {"name": "commitments", "by": "supplier", "table": "bounds.parquet"}
    path = folder(more={"bounds": bounds}, limit=[limit], **RULES)
    result = solve(path)
    rows = {row["group"]: row for row in result.limits.to_pylist()}
    assert set(rows) == {"3", "0", "1", "77"}  # supplier 2 is not asked for
    assert (rows["3"]["min"], rows["3"]["max"]) == (12.0, None)
    assert (rows["1"]["min"], rows["1"]["max"]) == (2.0, 8.0)
    assert (
        rows["1"]["achieved"] == 8 and rows["0"]["achieved"] <= 25 and rows["3"]["achieved"] >= 12
    )
    assert rows["77"]["achieved"] == 0  # nobody can get one
    pa.csv.write_csv(bounds, path / "bounds.csv")
    text = (path / "campaign.toml").read_text()
    (path / "campaign.toml").write_text(text.replace("bounds.parquet", "bounds.csv"))
    same(solve(path), result)


def test_a_promise_about_offers_that_nobody_can_get(folder: Folder) -> None:
    bounds = pa.table({"supplier": [77], "min": [1.0]})
    limit = {"name": "promise", "by": "supplier", "table": "bounds.parquet"}
    result = solve(folder(more={"bounds": bounds}, limit=[limit], **RULES))
    assert result.status == "infeasible"
    (entry,) = result.infeasible["limits"]
    assert (entry["limit"], entry["group"], entry["min"], entry["reachable"]) == (
        "promise",
        "77",
        1.0,
        0.0,
    )
