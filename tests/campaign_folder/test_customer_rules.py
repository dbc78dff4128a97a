"""Customer rules bound what each customer gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from tests.support.campaigns import SLOTS, Tables, random_tables, replaced, shuffled
from tests.support.folders import Folder, Row, pairs, rows_of, solve

from couponry import Result, verify_result


def counts(result: Result, key: Callable[[Row], Any], tables: Tables) -> dict[Any, int]:
    known = dict(zip(pairs(rows_of(tables)), rows_of(tables), strict=True))
    found: dict[Any, int] = {}
    for pair in pairs(result.allocation.to_arrow().to_pylist()):
        group = pair[0], key(known[pair])
        found[group] = found.get(group, 0) + 1
    return found


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ({"by": "product", "max": 1}, lambda r: r["product"]),
        ({"by": "role", "max": 1}, lambda r: r["role"]),
        ({"where": {"role": ["reward"]}, "max": 1}, lambda r: r["role"] == "reward" or None),
        ({"where": {"channel": "mail"}, "max": 2}, lambda r: r["channel"] == "mail" or None),
        (
            {"by": "brand", "where": {"channel": "mail"}, "max": 1},
            lambda r: r["brand"] if r["channel"] == "mail" else None,
        ),
    ],
    ids=["by", "by role", "where role", "where", "by and where"],
)  # fmt: skip
def test_rules_bound_each_group_of_each_customer(
    rule: dict[str, Any], key: Callable[[Row], Any], folder: Folder
) -> None:
    tables = random_tables()
    result = solve(
        folder(
            tables, customer_rule=[{"name": "r", **rule}], limit=[{"name": "n", "mode": "report"}]
        )
    )
    held = counts(result, key, tables)
    bounded = {group: n for group, n in held.items() if group[1] is not None}
    assert max(bounded.values()) == rule["max"]
    # what is worth something and not bounded is given: the best of each group, and all that is in none
    expected = 0.0
    groups: dict[Any, list[float]] = {}
    for row in rows_of(tables):
        group = key(row)
        if group is None:
            expected += row["value"]
        else:
            groups.setdefault((row["customer"], group), []).append(row["value"])
    expected += sum(sum(sorted(values, reverse=True)[: rule["max"]]) for values in groups.values())
    assert result.objective == pytest.approx(expected, rel=1e-6)


def test_bounds_from_columns_of_customers(folder: Folder) -> None:
    tables = {name: shuffled(table, 9) for name, table in random_tables().items()}
    rules = [
        {"name": "slots", "max": "slots"},
        {"name": "mail", "where": {"channel": "mail"}, "max": "least"},
    ]
    result = solve(folder(tables, customer_rule=rules, limit=[{"name": "n", "mode": "report"}]))
    slots = dict(
        zip(*(tables["customers"][c].to_pylist() for c in ("customer", "slots")), strict=True)
    )
    least = dict(
        zip(*(tables["customers"][c].to_pylist() for c in ("customer", "least")), strict=True)
    )
    total = counts(result, lambda r: "all", tables)
    mail = counts(result, lambda r: r["channel"], tables)
    assert all(n <= slots[customer] for (customer, _), n in total.items())
    assert all(n <= least[customer] for (customer, channel), n in mail.items() if channel == "mail")
    assert {n for (_, channel), n in mail.items() if channel == "mail"} == {1}
    assert {n for _, n in total.items()} == {1, 2, 3, 4}


def test_min_gives_as_many_as_there_are(folder: Folder) -> None:
    """All coupons are worth less than nothing: each customer gets min, or all it can have, and those are counted."""
    tables = random_tables(customers=30)
    e = tables["candidates"].num_rows
    candidates = replaced(tables["candidates"], "value", -np.linspace(1, 2, e))
    tables["candidates"] = candidates.filter(pa.array(np.random.default_rng(0).random(e) < 0.5))
    rules = [{"name": "least", "min": 3}, {"name": "one per product", "by": "product", "max": 1}]
    path = folder(tables, customer_rule=rules, limit=[{"name": "n", "mode": "report"}])
    result = solve(path)
    products: dict[Any, set[str]] = {}
    for row in rows_of(tables):
        products.setdefault(row["customer"], set()).add(row["product"])
    held = counts(result, lambda r: None, tables)
    assert {c: n for (c, _), n in held.items()} == {c: min(3, len(p)) for c, p in products.items()}
    short = sum(len(p) < 3 for p in products.values())
    assert result.customers_below_min == short > 0
    assert result.customers == len(products)


def test_min_under_rules_that_overlap(folder: Folder) -> None:
    """Which coupon goes first decides how many fit: min asks for the most there can be, not for a greedy guess."""
    offers = pa.table({"offer": [1, 2, 3], "product": ["x", "x", "y"], "channel": ["a", "b", "a"]})
    candidates = pa.table({"customer": [7, 7, 7], "offer": [1, 2, 3], "value": [5.0, 1.0, 1.0]})
    rules = [
        {"name": "least", "min": 2},
        {"name": "products", "by": "product", "max": 1},
        {"name": "channels", "by": "channel", "max": 1},
    ]
    result = solve(
        folder(
            {"offers": offers, "candidates": candidates},
            customer_rule=rules,
            limit=[{"name": "n", "mode": "report"}],
        )
    )
    assert result.allocation.to_arrow()["offer"].to_pylist() == [2, 3]
    assert result.customers_below_min == 0


def test_min_from_a_column(folder: Folder) -> None:
    tables = random_tables()
    tables["candidates"] = replaced(
        tables["candidates"], "value", [-1.0] * tables["candidates"].num_rows
    )
    result = solve(
        folder(
            tables,
            customer_rule=[{"name": "least", "min": "least", "max": 5}],
            limit=[{"name": "n", "mode": "report"}],
        )
    )
    assert result.allocated == sum(tables["customers"]["least"].to_pylist())
    assert result.customers_below_min == 0


def test_min_of_offers_that_nobody_can_have_leaves_everybody_below_it(
    folder: Folder, tmp_path: Path
) -> None:
    """A promise of coupons that no candidate is of is broken for each customer, not left out."""
    tables = random_tables(customers=12)
    offers = tables["offers"].append_column("region", pa.array(["south"] * len(tables["offers"])))
    tables["offers"] = pa.concat_tables(
        [offers, replaced(replaced(offers.slice(0, 1), "offer", [999]), "region", ["north"])]
    )
    rules = [{"name": "some from the north", "where": {"region": "north"}, "min": 1}]
    path = folder(tables, customer_rule=rules, limit=[{"name": "n", "mode": "report"}])
    result = solve(path)
    assert result.customers_below_min == result.customers == 12
    assert verify_result(path, result.write(tmp_path / "out")).ok


@pytest.mark.parametrize(
    "sections",
    [{}, {"customer_rule": []}, {"limit": []}, {"customer_rule": [], "limit": []}],
    ids=str,
)
def test_without_rules_or_limits(sections: dict[str, Any], folder: Folder) -> None:
    tables = random_tables(customers=20)
    result = solve(folder(tables, **sections))
    rules = sections.get("customer_rule", [SLOTS])
    assert result.status == "optimal" and result.allocated == (60 if rules else 120)
    assert result.limits.num_rows == 0
