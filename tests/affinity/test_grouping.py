"""Sorted runs group purchases as DuckDB does, bit for bit: any ids, items, periods, runs, ranges and memory."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.affinity.test_history import arrays

from couponry import InvalidInput
from couponry.affinity import PurchaseHistory
from couponry.affinity.history.building import from_transactions, grouping
from couponry.affinity.history.building.duckdb_grouping import DuckDBPurchases
from couponry.affinity.history.building.from_transactions import GroupingOptions
from couponry.affinity.history.building.packed_rows import narrowed, pack, widened
from couponry.affinity.history.building.runs import native_grouping, text_numbers
from couponry.affinity.history.building.runs.extents import Extents
from couponry.affinity.history.building.runs.run import Room, Run, make_run, new_room
from couponry.affinity.history.building.runs.sorted_runs import SAMPLED_ROWS, SortedRuns
from couponry.affinity.history.building.transactions import ReadOptions, Transactions
from couponry.affinity.history.purchase_history import group_transactions
from couponry.kernels import load
from couponry.kernels.purchases_contract import PurchaseColumns

pytest.importorskip("duckdb")


def bought(seed: int) -> pa.Table:
    """Random transactions: returns, guests, refunds, the same thing twice, ids of any size."""
    random = np.random.default_rng(seed)
    rows = int(random.choice([1, 20, 700]))
    customer = random.integers(0, random.choice([1, 9, 300]), rows) - 4
    product = random.integers(0, random.choice([1, 12]), rows)
    when = random.integers(0, random.choice([3, 90]), rows) + random.choice([-5, 19_000])
    kind = random.integers(3)
    ids = pa.array(customer * int(random.choice([1, 2**55])))
    if random.integers(2):
        ids = pa.array([f"{'long' * int(c % 3)}{c}é" * int(c != 2) for c in customer])
        ids = ids.cast(random.choice([pa.string(), pa.large_string()]))
        ids = ids.dictionary_encode() if random.integers(2) else ids
    table: dict[str, Any] = {
        "customer": pc.if_else(pa.array(random.random(rows) < 0.1 * (seed % 2)), None, ids),
        "product": product
        if kind == 0
        else product * -(2**50)
        if kind == 1
        else [f"p{p}é" for p in product],
        "quantity": random.integers(-1, 6, rows).astype(np.int8),
        "spend": np.round(random.normal(3.0, 4.0, rows), 2) * random.choice([1.0, 1e9]),
        "discount": random.choice([0.0, 0.0, -0.5], rows),
    }
    if random.integers(2):
        table["week"] = when
    else:
        table["date"] = [datetime.date(1970, 1, 1) + datetime.timedelta(days=int(d)) for d in when]
    return pa.table(table)


def built(table: pa.Table, seed: int, folder: Path | None = None, **options: Any) -> Any:
    """A history of the first weeks, and the rest added to it; or what was refused."""
    random = np.random.default_rng(seed)
    catalogue = None
    if random.integers(2):
        products = table["product"].unique().to_pylist()[::2]
        items = random.integers(0, 5, 2 * len(products)).tolist()
        kind = table["product"].type
        catalogue = pa.table({"product": pa.array(products * 2, kind), "item": items})
    column = "week" if "week" in table.column_names else "date"
    when = table[column].cast(pa.int32()).to_numpy()
    middle = int(np.median(when))
    common = {"catalogue": catalogue, "null_customers": "skip", "folder": folder, **options}
    try:
        history = PurchaseHistory.from_transactions(
            table.filter(pa.array(when <= middle)), half_lives=(1.0, 8.0), until=middle, **common
        )
        return arrays(history.update(table.filter(pa.array(when > middle)), **common))
    except Exception as error:
        return type(error), str(error)


class Onlooker:
    """Shows batches to a function."""

    def __init__(self, show: Callable[[pa.RecordBatch], None]):
        self.take = show

    def look(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.take(pa.array(np.arange(len(batch))))


@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1), rows=st.sampled_from([1, 50, 1 << 19]), spilled=st.booleans()
)
def test_sorted_runs_and_duckdb_group_alike(seed: int, rows: int, spilled: bool) -> None:
    table = bought(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_grouping, "RUN_ROWS", rows)
        patch.setattr(native_grouping, "BLOCK_ROWS", rows)
        patch.setattr(native_grouping, "SHARE_OF_RUNS", 0.0 if spilled else 0.5)
        patch.setattr("couponry.affinity.history.building.runs.sorted_runs.MOST_ROWS", rows)
        patch.setattr(text_numbers, "LEAST_ROOM", rows)
        patch.setattr(grouping, "BLOCK_PAIRS", rows)
        patch.setattr(
            "couponry.affinity.history.building.runs.sorted_runs.SAMPLED_ROWS", 1 + rows // 50
        )
        patch.setattr("couponry.affinity.history.building.pieces.PIECE_ROWS", rows)
        found = built(table, seed, threads=2)
        patch.setattr(from_transactions, "SortedPurchases", DuckDBPurchases)
        assert built(table, seed, threads=1) == found


@pytest.mark.parametrize("until", [None, 7])
def test_plain_columns_are_read_as_others_are(
    until: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    rows = 3000
    table = pa.table(
        {
            "customer": random.integers(-9, 90, rows).astype(np.int32),
            "product": random.integers(0, 40, rows).astype(np.uint8),
            "week": random.integers(0, 12, rows).astype(np.int16),
            "quantity": random.integers(0, 3, rows),
            "spend": random.integers(-50, 900, rows) / 8,
            "discount": random.integers(0, 2, rows).astype(np.float32),
        }
    )
    seen: list[pa.RecordBatch] = []

    def history(read: Any) -> Any:
        transactions = Transactions.open(read, None, ReadOptions(until=until))
        options = GroupingOptions(watch=Onlooker(seen.append), threads=2)
        found = arrays(group_transactions(transactions, options, (4.0,), None))
        looked = pa.Table.from_batches(seen).to_pydict()
        seen.clear()
        return found, looked, transactions.left_out, transactions.too_late

    monkeypatch.setattr("couponry.affinity.history.building.pieces.PIECE_ROWS", 700)
    plain = history(table)
    assert plain[2] > 500 and (plain[3] > 0) == (until is not None)
    text = table["customer"].cast(pa.string())
    assert history(table.set_column(0, "customer", text))[1:] == (
        plain[1] | {"customer": [str(customer) for customer in plain[1]["customer"]]}, *plain[2:],
    )  # fmt: skip
    monkeypatch.setattr(Transactions, "plain", lambda *given: None)
    assert history(table) == plain


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("quantity", np.nan),
        ("spend", 1e14),
        ("spend", np.inf),
        ("discount", -1e31),
        ("week", 2**31),
    ],
)
def test_a_plain_number_that_makes_no_sense_is_named(column: str, row: float) -> None:
    week = np.arange(3000) // 300
    columns = {
        "customer": week,
        "product": week,
        "week": week,
        "quantity": week + 1.0,
        "spend": week + 1.0,
    }
    columns |= {"discount": week * 1.0}
    columns[column] = np.where(np.arange(3000) == 2999, row, columns[column]).astype(
        columns[column].dtype
    )
    with pytest.raises(InvalidInput, match=f"column '{column}', row 2999: expected"):
        PurchaseHistory.from_transactions(pa.table(columns), half_lives=(1.0,))


@pytest.mark.parametrize(("last", "text"), [(None, 0), (-9, 0), (5, 1), (17, 0), (17, 1), (40, 1)])
def test_a_last_period_that_is_left_out(
    last: int | None, text: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(3)
    week = np.arange(400) // 20
    table = pa.table(
        {"customer": week // 3 + random.integers(0, 4, 400), "product": week, "week": week}
    )
    table = table.set_column(0, "customer", table["customer"].cast(pa.string())) if text else table
    seen: list[int] = []

    def history() -> Any:
        options = GroupingOptions(
            watch=Onlooker(lambda batch: seen.append(len(batch))), last_complete=lambda: last
        )
        read = Transactions.open(table, None, ReadOptions())
        try:
            return arrays(group_transactions(read, options, (4.0,), None))
        except Exception as error:
            return str(error)

    found = history()
    monkeypatch.setattr(from_transactions, "SortedPurchases", DuckDBPurchases)
    assert history() == found and sum(seen) == 800


@pytest.mark.parametrize("share", [0.0, 2e-4])
def test_ids_that_do_not_fit_into_memory_are_put_into_order_by_duckdb(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = np.arange(300) // 50
    table = pa.table({"customer": [f"c{k}" for k in range(300)], "product": week, "week": week})
    seen: list[pa.RecordBatch] = []

    def history(rows: Any) -> Any:
        read = Transactions.open(rows, None, ReadOptions())
        options = GroupingOptions(memory=64 << 20, watch=Onlooker(seen.append), threads=1)
        return arrays(group_transactions(read, options, (4.0,), None))

    found = history(table)
    monkeypatch.setattr(native_grouping, "SHARE_OF_IDS", share)
    monkeypatch.setattr(native_grouping, "RUN_ROWS", 90)
    monkeypatch.setattr("couponry.affinity.history.building.pieces.PIECE_ROWS", 30)
    monkeypatch.setattr(text_numbers, "LEAST_ROOM", 20)
    assert history(table) == found
    assert [one for batch in seen for one in batch["customer"].to_pylist()] == 2 * table[
        "customer"
    ].to_pylist()
    with pytest.raises(InvalidInput, match="memory_limit: expected room for the ids"):
        history(iter(table.to_batches(40)))


def test_words_of_32_bits_say_what_those_of_64_do() -> None:
    random = np.random.default_rng(0)
    number = np.append([0, (1 << 16) - 1], random.integers(0, 1 << 16, 500)).astype(np.uint32)
    period = np.append([0, (1 << 15) - 1], random.integers(0, 1 << 15, 500)).astype(np.int32)
    discounted = random.integers(0, 2, 502).astype(np.uint8)
    narrow = number << np.uint32(16) | period.view(np.uint32) << np.uint32(1) | discounted
    before = narrow.copy()
    assert (widened(narrow) == pack(number, period, discounted)).all()
    assert (narrow == before).all()
    assert (narrowed(widened(narrow)) == narrow).all()


def columns_of(customer: NDArray[np.int64], most: int, seed: int) -> PurchaseColumns:
    """Purchases of these customers, of item numbers up to the most; nothing was paid."""
    random, n = np.random.default_rng(seed), len(customer)
    return PurchaseColumns(
        customer,
        random.integers(0, most, n).astype(np.uint32),
        random.integers(0, 90, n).astype(np.int32),
        random.integers(0, 2, n).astype(np.uint8),
        np.zeros(n, np.int64),
    )


def run_of(columns: PurchaseColumns, room: Room = new_room) -> Run:
    return make_run([columns], Extents.of_columns(columns), load("reference").unchecked, room)


def test_a_run_in_the_order_of_ids_is_kept_in_the_types_of_others() -> None:
    random = np.random.default_rng(1)
    crowded = np.append(np.zeros(600, np.int64), random.integers(0, 1 << 20, 600))
    by_id = run_of(columns_of(crowded, 50, 2))
    others = run_of(columns_of(random.integers(0, 1 << 20, 4000), 50, 3))
    assert by_id.starts is None and others.starts is not None
    for run in (by_id, others):
        assert [column.dtype for column in run.rows] == [np.uint32, np.uint32, np.int32]
        assert len(run.rows.spend) == 0


def test_runs_of_narrow_and_of_wide_words_are_read_alike() -> None:
    random = np.random.default_rng(4)
    columns = [
        columns_of(random.integers(0, 900, 300), most, seed)
        for seed, most in enumerate([1 << 17, 40, 1 << 17, 40])
    ]
    runs = SortedRuns(1 << 20, None, "tests", load().unchecked)
    for each in columns:
        runs.add(run_of(each, runs.room))
    bounds = runs.cut(SAMPLED_ROWS // 2, np.array([300, 600]))
    found = [(*rows.customer.tolist(), *rows.bought.tolist()) for rows in map(runs.read, range(3))]
    limits = [0, *bounds.tolist(), 900]
    customer = np.concatenate([each.customer for each in columns])
    word = np.concatenate([pack(each.number, each.period, each.discounted) for each in columns])
    for number, rows in enumerate(found):
        is_there = (customer >= limits[number]) & (customer < limits[number + 1])
        half = len(rows) // 2
        pairs = sorted(zip(rows[:half], rows[half:], strict=True))
        assert pairs == sorted(
            zip(customer[is_there].tolist(), word[is_there].tolist(), strict=True)
        )
