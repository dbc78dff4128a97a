"""Histories made a range of customers at a time: together the whole history, bit for bit, as often as they are made."""

from __future__ import annotations

from pathlib import Path
from threading import Semaphore
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.campaigns import replaced, shuffled

from couponry.affinity import ItemStatistics, PersonalModel, PurchaseHistory
from couponry.affinity.history.building.from_transactions import GroupingOptions
from couponry.affinity.history.building.runs import native_grouping
from couponry.affinity.history.building.transactions import ReadOptions, Transactions
from couponry.affinity.history.customer_part import customers_at
from couponry.affinity.history.customer_sample import ShareOfCustomers, hash_ids
from couponry.affinity.history.pair_states import concatenate_states
from couponry.affinity.history.ranged_history import RangedHistory, ranged_history

HALF_LIVES = (1.0, 4.0, 16.0, 64.0)


def rows(count: int = 6000, items: int = 90, first: int = 1) -> pa.Table:
    random = np.random.default_rng(count)
    return pa.table(
        {
            "customer": random.integers(0, 300, count),
            "product": random.integers(0, items, count),
            "week": random.integers(first, first + 30, count),
            "spend": random.integers(0, 900, count) / 100,
            "discount": random.integers(0, 2, count) * 0.5,
        }
    )


def whole(history: RangedHistory) -> dict[str, Any]:
    """All ranges put together."""
    parts = []
    for make in history.parts():
        made = make()
        states = [concatenate_states([one]) for one in (made.pairs, made.trips)]
        parts.append((made.customers, np.diff(made.indptr), made.item.copy(), *states))
    customers, counts, item, pairs, trips = zip(*parts, strict=True)
    found = {"customers": pa.concat_arrays(customers).to_pylist()}
    found |= {"counts": np.concatenate(counts).tolist(), "item": np.concatenate(item).tolist()}
    for name, states in (("pairs", pairs), ("trips", trips)):
        for field, array in concatenate_states(list(states))._asdict().items():
            found[f"{name}-{field}"] = array.tobytes()
    return found


def expected(history: PurchaseHistory) -> dict[str, Any]:
    found: dict[str, Any] = {"customers": history.customers.to_pylist()}
    found |= {"counts": np.diff(history.indptr).tolist(), "item": history.item.tolist()}
    for name, states in (("pairs", history.pairs), ("trips", history.trips)):
        for field, array in states._asdict().items():
            found[f"{name}-{field}"] = array.tobytes()
    return found


def texts(table: pa.Table) -> pa.Table:
    named = pa.array([f"Zoë {i:04}" for i in table["customer"].to_pylist()])
    return replaced(table, "customer", named)


@pytest.mark.parametrize(
    "table",
    [
        rows(),
        rows(first=19_000),
        rows(first=-70),
        rows(first=40_000),
        rows(items=1 << 17),
        replaced(rows(), "spend", pa.array(np.zeros(6000))),
        texts(rows()),
    ],
    ids=["weeks", "days", "before 0", "late", "many items", "nothing paid", "text"],
)
@pytest.mark.parametrize("memory", [None, 1 << 20])
def test_all_ranges_are_the_whole_history(
    table: pa.Table, memory: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = PurchaseHistory.from_transactions(table, half_lives=HALF_LIVES)
    monkeypatch.setattr(native_grouping, "RUN_ROWS", 1000)
    monkeypatch.setattr(native_grouping, "BLOCK_ROWS", 2048)
    options = GroupingOptions(memory=memory, threads=2)  # of the smaller memory, most goes to disk
    given = Transactions.open(shuffled(table), None)
    with ranged_history(given, options, HALF_LIVES, tmp_path) as history:
        statistics, known = history.statistics(), ItemStatistics.from_history(plain)
        assert history.customers == statistics.customers == len(plain.customers)
        assert history.nobody.items.equals(plain.items)
        for field in ("buyers", "repeaters", "popularity", "gaps", "gap_weeks", "knew", "again"):
            assert getattr(statistics, field).tobytes() == getattr(known, field).tobytes()
        assert whole(history) == expected(plain)
        assert whole(history) == expected(plain)  # once more
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("table", [rows(), texts(rows())], ids=["numbers", "text"])
def test_statistics_of_a_share_of_the_customers(
    table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = PurchaseHistory.from_transactions(table, half_lives=HALF_LIVES)
    share = ShareOfCustomers(2)
    kept = np.flatnonzero(hash_ids(plain.customers) < np.uint64(1 << 62))
    known = ItemStatistics.from_history(customers_at(plain, kept))
    monkeypatch.setattr(native_grouping, "RUN_ROWS", 1000)
    monkeypatch.setattr(native_grouping, "BLOCK_ROWS", 2048)
    given = Transactions.open(shuffled(table), None)
    with ranged_history(given, GroupingOptions(threads=2), HALF_LIVES, tmp_path) as history:
        statistics = history.statistics(share=share)
        assert 40 < len(kept) < 120 and statistics.customers == len(kept)
        assert history.customers == 4 * len(kept)
        assert statistics.items.equals(plain.items)
        for field in ("buyers", "repeaters", "popularity", "gaps", "gap_weeks", "knew", "again"):
            assert getattr(statistics, field).tobytes() == getattr(known, field).tobytes()
        assert whole(history) == expected(plain)


def test_ranges_of_rows_that_duckdb_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb")
    monkeypatch.setattr(native_grouping, "SHARE_OF_IDS", 0.0)
    plain = expected(PurchaseHistory.from_transactions(rows(), half_lives=HALF_LIVES))
    given = Transactions.open(texts(rows()), None)
    options = GroupingOptions(memory=1 << 29, threads=2)
    with ranged_history(given, options, HALF_LIVES, tmp_path) as history:
        assert history.statistics().customers == len(plain["customers"])
        for _ in range(2):
            found = whole(history)
            assert found.pop("customers") == [f"Zoë {i:04}" for i in plain["customers"]]
            assert found == {name: array for name, array in plain.items() if name != "customers"}


def test_without_what_was_paid(tmp_path: Path) -> None:
    table = rows()
    plain = PurchaseHistory.from_transactions(table.drop_columns("spend"), half_lives=HALF_LIVES)
    unread = replaced(table, "spend", pa.array([float("nan")] * len(table)))
    given = Transactions.open(unread, None, ReadOptions(with_spend=False))
    with ranged_history(given, GroupingOptions(), HALF_LIVES, None) as history:
        assert whole(history) == expected(plain)
        assert history.held_bytes == 8 * len(table)  # a customer's number, and what was bought when
    named = Transactions.open(table, {"spend": "spend"}, ReadOptions(with_spend=False))
    with ranged_history(named, GroupingOptions(), HALF_LIVES, None) as history:
        assert history.held_bytes == 12 * len(table)


def test_a_scorer_of_others_is_that_of_their_history() -> None:
    """Customers whom the model was learned from are told apart in every range."""
    table = rows()
    early = table["week"].to_numpy() <= 20
    parts = [table.filter(pa.array(one)) for one in (early, ~early)]
    before, window = (PurchaseHistory.from_transactions(p, half_lives=HALF_LIVES) for p in parts)
    model = PersonalModel(trees=False).fit([(before, window)])
    scorer = model.scorer(before)
    mixed = table.filter(pa.array(table["customer"].to_numpy() % 3 > 0))
    for some in (table, mixed):
        told = replaced(some, "customer", pa.array(some["customer"].to_numpy() + 150))
        other = PurchaseHistory.from_transactions(told, half_lives=HALF_LIVES)
        assert other.items.equals(before.items)
        found = scorer.of(other).score(0, len(other.customers))
        assert found.tobytes() == model.score(other).tobytes()


def test_threads_that_count_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_grouping, "BLOCK_ROWS", 100)
    monkeypatch.setattr("couponry.affinity.history.building.runs.sorted_runs.SAMPLED_ROWS", 10)
    at_once, most = 0, 0

    class Turns(Semaphore):
        def __enter__(self) -> bool:
            nonlocal at_once, most
            entered = super().__enter__()
            at_once += 1
            most = max(most, at_once)
            return entered

        def __exit__(self, *error: object) -> None:  # type: ignore[override]
            nonlocal at_once
            at_once -= 1
            super().__exit__(*error)

    options = GroupingOptions(threads=4)
    with ranged_history(Transactions.open(rows(), None), options, HALF_LIVES, tmp_path) as history:
        assert len(list(history.parts())) > 9
        alone = history.statistics(Turns(1))
        assert most == 1
        together = history.statistics()
    for name, values in vars(together).items():
        if isinstance(values, np.ndarray):
            assert values.tobytes() == getattr(alone, name).tobytes(), name
