"""What an allocation comes to by columns and for each customer: the same as adding up its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.campaigns import random_tables

from couponry import Campaign, CustomerRule, InvalidInput, Limit, Result

SUMS = {"redemptions": "response", "cost": "cost", "value": "value"}


def campaign(**changes: Any) -> Campaign:
    data = random_tables(seed=8, customers=60, each=7)
    offers, candidates = pa.table(data["offers"]), pa.table(data["candidates"])
    random = np.random.default_rng(3)
    n = offers.num_rows
    tags = [[], ["new"], ["new", "green"], None]
    offers = offers.append_column("labels", pa.array([tags[j % 4] for j in range(n)]))
    maker = pa.array(["m1", None, "m0"] * n)[:n].dictionary_encode()
    offers = offers.append_column("maker", maker).append_column("tier", pa.array([1] * n))
    ids = pa.array(sorted(set(candidates["customer"].to_pylist())))
    customers = pa.table(
        {
            "customer": ids,
            "tier": random.choice(["gold", "silver"], len(ids)),
            "shop": pa.array([None if j % 5 == 0 else j % 3 for j in range(len(ids))]),
        }
    )
    arguments: dict[str, Any] = {
        "rules": [CustomerRule("slots", max=3)],
        "limits": [Limit("in all", max=90)],
    }
    return Campaign(offers, candidates, customers, **(arguments | changes))


@pytest.fixture(scope="module")
def result() -> Result:
    return campaign().solve(gap=1e-3, threads=2)


def rows_of(result: Result) -> list[dict[str, Any]]:
    """The coupons with all that is known of their offers and customers."""
    allocation = result.allocation
    assert allocation is not None
    data = result.campaign
    assert data.customers is not None
    offers = {row["offer"]: row for row in data.offers.to_pylist()}
    customers = {row["customer"]: row for row in data.customers.to_pylist()}
    return [
        {"offers": offers[row["offer"]], "customers": customers[row["customer"]]} | row
        for row in allocation.to_arrow().to_pylist()
    ]


def added_up(groups: list[tuple[Any, dict[str, Any]]]) -> dict[Any, tuple[Any, ...]]:
    """Coupons, customers and sums of each group."""
    by_group: dict[Any, list[dict[str, Any]]] = {}
    for group, row in groups:
        by_group.setdefault(group, []).append(row)
    return {
        group: (
            len(rows),
            len({row["customer"] for row in rows}),
            *(round(sum(row[name] for row in rows), 9) for name in SUMS.values()),
        )
        for group, rows in by_group.items()
    }


def told(table: pa.Table) -> dict[Any, tuple[Any, ...]]:
    names = table.column_names
    assert names[1:] == ["coupons", "customers", *SUMS]
    return {
        row[names[0]]: (row["coupons"], row["customers"], *(round(row[name], 9) for name in SUMS))
        for row in table.to_pylist()
    }


@pytest.mark.parametrize("column", ["supplier", "maker", "offer"])
def test_columns_of_offers(result: Result, column: str) -> None:
    expected = added_up([(row["offers"][column], row) for row in rows_of(result)])
    found = told(result.by(column))
    assert {group: sums for group, sums in found.items() if sums[0]} == expected
    assert set(found) == set(result.campaign.offers[column].to_pylist()) | set(expected)
    values = [group for group in found if group is not None]
    assert values == sorted(values) and None not in list(found)[:-1]


def test_lists_count_in_each_group(result: Result) -> None:
    pairs = [(tag, row) for row in rows_of(result) for tag in row["offers"]["labels"] or [None]]
    assert told(result.by("labels")) == added_up(pairs)


def test_roles(result: Result) -> None:
    role, plan = result.campaign.candidates.role, result.plan
    assert role is not None and plan is not None
    found = result.by("role")
    assert found["role"].to_pylist() == ["reward", "activation", "innovation"]
    of_coupons = role[plan.whole_choice().view(bool)]
    assert found["coupons"].to_pylist() == np.bincount(of_coupons, minlength=4)[1:].tolist()


def test_columns_of_customers(result: Result) -> None:
    for column in ("shop", "tier"):
        expected = added_up([(row["customers"][column], row) for row in rows_of(result)])
        assert told(result.by(column, table="customers")) == expected
    assert told(result.by("shop")) == told(result.by("shop", table="customers"))
    assert result.by("tier")["tier"].to_pylist() == [1]  # both have it: that of offers


def test_each_customer(result: Result) -> None:
    expected = added_up([(row["customer"], row) for row in rows_of(result)])
    table = result.per_customer()
    assert table["customer"].to_pylist() == result.campaign.candidates.customers.to_pylist()
    for row in table.to_pylist():
        coupons, _, *sums = expected.get(row["customer"], (0, 0, 0.0, 0.0, 0.0))
        assert (row["coupons"], *(round(row[name], 9) for name in SUMS)) == (coupons, *sums)


def test_the_same_bits_by_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couponry.engines.local.BLOCK_CANDIDATES", 30)
    one, many = (campaign().solve(gap=1e-3, threads=threads) for threads in (1, 5))
    for column in ("supplier", "labels", "role", "shop"):
        assert one.by(column).equals(many.by(column))
    assert one.per_customer().equals(many.per_customer())


@pytest.mark.parametrize("column", ["supplier", "labels", "role", "offer", "shop"])
def test_the_same_with_many_coupons_each(
    column: str, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = result.by(column)
    monkeypatch.setattr("couponry.analysis.coupon_totals.MOST_COMPARED", 2)
    assert result.by(column).equals(expected)


@pytest.mark.parametrize(
    ("column", "table", "said"),
    [
        ("suplier", None, "did you mean 'supplier'"),
        ("supplier", "customers", "table customers has no column 'supplier'"),
        ("shop", "offers", "column 'shop'"),
        ("shop", "shops", "expected 'offers' or 'customers', got 'shops'"),
    ],
)
def test_columns_that_are_not_there(
    result: Result, column: str, table: str | None, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        result.by(column, table=table)
    assert "\n" not in str(caught.value)


def test_without_an_allocation() -> None:
    hopeless = campaign(limits=[Limit("too many", min=10_000)]).solve()
    with pytest.raises(
        InvalidInput, match="by: expected an allocation, got a result that is infeasible"
    ):
        hopeless.by("supplier")
    with pytest.raises(InvalidInput, match="per_customer"):
        hopeless.per_customer()
