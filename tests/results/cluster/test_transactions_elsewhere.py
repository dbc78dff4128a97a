"""Candidates that workers make of transactions: those that one machine makes, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.affinity.test_depth_response import past
from tests.support.cluster_campaigns import AS_THE_LARGEST, fingerprint
from tests.support.transactions_campaign import (
    AGREED,
    homes,
    on_cluster,
    on_one_machine,
    some,
    tables,
)

from couponry import CustomerRule, InvalidInput, Limit, PreviousPlan, Targeting
from couponry.affinity.history import customer_sample
from couponry.affinity.history.item_statistics import ItemStatistics, added_statistics
from couponry.affinity.history.purchase_history import PurchaseHistory
from couponry.engines import Cluster, InProcessRunner


def cluster(folder: Path, customers: int = 350) -> Cluster:
    return Cluster(InProcessRunner(2, 2), folder, customers)


def days(table: pa.Table) -> pa.Table:
    """Transactions by days, the last of which is far from whole."""
    week = table["week"].to_numpy()
    day = 7 * week + np.random.default_rng(2).integers(0, 7, len(table))
    day[:40] = day.max() + 1
    return table.drop_columns(["week"]).append_column("day", pa.array(day))


@pytest.mark.parametrize("kind", ["weeks", "weeks, few in statistics", "days, some customers"])
def test_the_bits_of_one_machine(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {}
    if "few" in kind:
        monkeypatch.setattr(customer_sample, "MOST_ROWS_OF_STATISTICS", 4000)
    elif kind != "weeks":
        monkeypatch.setattr(customer_sample, "MOST_ROWS_OF_STATISTICS", 9000)
        changes = {"transactions": days(tables()["transactions"]), **some()}
    local = on_one_machine(**changes)
    campaign = on_cluster(cluster(tmp_path), **changes)
    assert campaign.data.candidates.notes == local.candidates.notes
    assert list((tmp_path / "transactions").iterdir()) == []
    results = [
        each.solve(threads=1, solver_options=AS_THE_LARGEST, gap=4e-3) for each in (local, campaign)
    ]
    assert fingerprint(results[0]) == fingerprint(results[1])
    assert results[0].allocated > 1000
    assert results[1].customers == len(local.candidates.customers)


def test_an_earlier_plan_and_heads(tmp_path: Path) -> None:
    """Counted of all rows of the tables, of customers who have bought nothing, too."""
    first = on_one_machine().solve(gap=0.05).allocation
    assert first is not None
    last = first.to_arrow().select(["customer", "offer"])
    known = tables()["transactions"]["customer"].unique().sort().to_pylist()
    who = [*known, *range(max(known) + 1, max(known) + 40)]  # the last of them have bought nothing
    kinds = [("gold", "new", "silver")[n % 3] for n in range(len(who))]
    per_head = Limit(
        "fair", customers={"kind": ["new"]}, relative_to={"customers": {"kind": ["gold"]}},
        per_head=True, max=0.9,
    )  # fmt: skip
    changes: dict[str, Any] = {
        "customers": pa.table({"customer": who, "kind": kinds}),
        "limits": [*AGREED["limits"], per_head],
        "previous": PreviousPlan(last, keep=0.6),
    }
    local, campaign = on_one_machine(**changes), on_cluster(cluster(tmp_path), **changes)
    assert campaign.data.previous == local.data.previous
    assert sum(campaign.data.heads["heads"].to_pylist()) == len(who)
    results = [
        each.solve(threads=1, solver_options=AS_THE_LARGEST, gap=4e-3) for each in (local, campaign)
    ]
    assert fingerprint(results[0]) == fingerprint(results[1])
    assert results[1].previous == results[0].previous and results[0].previous["stayed"] > 100


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.int32(), pa.string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_households(kind: pa.DataType, tmp_path: Path) -> None:
    """Their members are brought together when it is known who has candidates, which are made customer by customer."""
    changes = homes(text=not pa.types.is_integer(kind))
    bought = changes.get("transactions", tables()["transactions"])
    changes["transactions"] = bought.set_column(0, "customer", bought["customer"].cast(kind))
    first = on_one_machine(**changes).solve(gap=0.05).allocation
    assert first is not None
    last = first.to_arrow().select(["customer", "offer"])
    changes |= {"previous": PreviousPlan(last, keep=0.5), "history": last.slice(0, 200)}
    changes["rules"] = [*changes["rules"], CustomerRule("once", by="offer", max=1, history=True)]
    local, campaign = on_one_machine(**changes), on_cluster(cluster(tmp_path, 90), **changes)
    assert campaign.data.previous == local.data.previous
    assert campaign.data.candidates.notes == local.candidates.notes
    assert list((tmp_path / "transactions").iterdir()) == []
    assert len(list((tmp_path / "candidates").glob("0*.arrays"))) > 3
    units = local.data.units
    assert units is not None and len(units) < len(local.candidates.customers)
    results = [
        each.solve(threads=1, solver_options=AS_THE_LARGEST, gap=4e-3) for each in (local, campaign)
    ]
    assert fingerprint(results[0]) == fingerprint(results[1])
    assert results[0].allocated > 400


def test_households_none_of_which_has_a_candidate(tmp_path: Path) -> None:
    changes = homes()
    changes["customers"] = changes["customers"].slice(len(changes["customers"]) - 20)
    for make in (on_one_machine, lambda **some: on_cluster(cluster(tmp_path), **some)):
        with pytest.raises(InvalidInput, match="candidates: expected at least one"):
            make(**changes)


def test_how_customers_answered_to_discounts_before(tmp_path: Path) -> None:
    coupons, _ = past(2, 6.0, 4.0, customers=150)
    offers = tables()["offers"]
    aim = AGREED["targeting"]
    changes = {
        "offers": offers.append_column("depth", pa.array(np.arange(len(offers)) % 5 / 10)),
        "redemptions": coupons,
        "targeting": replace(aim, response={"intercept": -2.0, "p0": 0.8}),
    }
    local, campaign = on_one_machine(**changes), on_cluster(cluster(tmp_path), **changes)
    assert campaign.data.candidates.notes == local.candidates.notes
    assert any("depth" in note for note in local.candidates.notes)
    results = [
        each.solve(threads=1, solver_options=AS_THE_LARGEST, gap=4e-3) for each in (local, campaign)
    ]
    assert fingerprint(results[0]) == fingerprint(results[1])


def test_statistics_add_up() -> None:
    rows = days(tables()["transactions"])
    whole = PurchaseHistory.from_transactions(rows)
    parts = [
        PurchaseHistory.from_transactions(rows.filter(mask), until=whole.until)
        for mask in (customer_modulo(rows, 0), customer_modulo(rows, 1), customer_modulo(rows, 2))
    ]
    found = added_statistics([ItemStatistics.from_history(part) for part in parts])
    for name, value in vars(ItemStatistics.from_history(whole)).items():
        other = getattr(found, name)
        same = np.array_equal(other, value) if isinstance(value, np.ndarray) else other == value
        assert same, name


def customer_modulo(rows: pa.Table, rest: int) -> pa.Array:
    return pa.array(rows["customer"].to_numpy() % 3 == rest)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    engine, transactions = cluster(tmp_path), tables()["transactions"]
    wrong = {
        "expected at least one purchase, got none": {"transactions": transactions[:0]},
        "expected an id, got null": {
            "transactions": transactions.set_column(
                transactions.column_names.index("customer"),
                "customer",
                pa.array([None, *transactions["customer"].to_pylist()[1:]]),
            )
        },
        "expected customers in a column 'customer'": {
            "targeting": Targeting(kind="type", columns={"customer": "who"})
        },
        "unit 'home': it needs the table customers": {"unit": "home"},
        "expected more than 4 weeks (the window)": {"transactions": transactions.slice(0, 1)},
    }
    for said, changes in wrong.items():
        with pytest.raises(InvalidInput) as raised:
            on_cluster(engine, **AGREED | changes)
        assert said in str(raised.value)
