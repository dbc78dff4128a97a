"""Purchase histories: what an oracle counts, whatever the order of the rows; updates give what a replay gives."""

from __future__ import annotations

import datetime
import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from couponry import InvalidInput
from couponry.affinity import PurchaseHistory
from couponry.affinity.history.building import grouping
from couponry.affinity.history.building.runs import native_grouping
from couponry.kernels import affinity_contract
from couponry.kernels import available as available_backends
from couponry.utils.files.locks import writing


def transactions(seed: int, rows: int = 400, *, text: bool = False, weeks: int = 30) -> pa.Table:
    random = np.random.default_rng(seed)
    customer = random.integers(0, 40, rows) * 3 - 7
    product = random.zipf(1.4, rows) % 50
    table: dict[str, Any] = {
        "customer": [f"c{c:+}" for c in customer] if text else customer,
        "product": [f"p{p}é" for p in product] if text else product,
        "week": random.integers(1, weeks + 1, rows),
        "quantity": random.integers(0, 4, rows),
        "spend": np.round(random.exponential(3.0, rows), 2),
        "discount": random.choice([0.0, 0.0, -0.5], rows),
    }
    return pa.table(table)


def arrays(history: PurchaseHistory) -> dict[str, list[Any]]:
    """Everything in a history, bit for bit."""
    found: dict[str, Any] = {}
    for field in fields(history):
        value = getattr(history, field.name)
        if isinstance(value, affinity_contract.Pairs):
            for name, array in value._asdict().items():
                found[f"{field.name}.{name}"] = (array.dtype, array.shape, array.tobytes())
        elif isinstance(value, np.ndarray):
            found[field.name] = (value.dtype, value.tobytes())
        elif isinstance(value, pa.Array):
            found[field.name] = (value.type, value.to_pylist())
        else:
            found[field.name] = value
    return found


def oracle(table: pa.Table, half_lives: tuple[float, ...], until: int) -> dict[Any, Any]:
    """(customer, product) to its states, and decayed sums in float64."""
    seen: dict[Any, dict[int, list[Any]]] = {}
    for row in table.to_pylist():
        if row["quantity"] > 0:
            days = seen.setdefault((row["customer"], row["product"]), {})
            days.setdefault(row["week"], []).append(row)
    found = {}
    for pair, days in seen.items():
        found[pair] = (
            len(days),
            min(days),
            max(days),
            sum(any(row["discount"] for row in rows) for rows in days.values()),
            sum(round(row["spend"] * 100) for rows in days.values() for row in rows),
            sum((later - week) ** 2 for week, later in pairwise(sorted(days))),
            sum(1 << (max(days) - week) for week in days if max(days) - week < 64),
            [sum(0.5 ** ((until - week) / life) for week in days) for life in half_lives],
        )
    return found


@pytest.mark.parametrize("text", [False, True])
def test_a_history_is_what_was_bought(text: bool) -> None:
    table = transactions(1, 3000, text=text)
    history = PurchaseHistory.from_transactions(table, half_lives=(2, 8))
    expected = oracle(table, (2.0, 8.0), 30)
    decay = history.decay(slice(None))
    customers, items = history.customers.to_pylist(), history.items.to_pylist()
    assert customers == sorted(customers) and items == sorted(items)
    seen = {}
    for i, customer in enumerate(customers):
        block = slice(history.indptr[i], history.indptr[i + 1])
        assert (np.diff(history.item[block].astype(int)) > 0).all()
        for e in range(block.start, block.stop):
            states = history.pairs
            seen[customer, items[history.item[e]]] = (
                *(int(array[e]) for array in states[:-1]),
                pytest.approx(decay[e], rel=1e-5),
            )
    assert seen == expected
    assert history.left_out == int((table["quantity"].to_numpy() == 0).sum())


def test_trips_count_a_period_once() -> None:
    table = transactions(2, 3000)
    history = PurchaseHistory.from_transactions(table)
    bought = table.filter(pa.array(table["quantity"].to_numpy() > 0))
    weeks: dict[int, set[int]] = {}
    for row in bought.to_pylist():
        weeks.setdefault(row["customer"], set()).add(row["week"])
    assert history.trips.times.tolist() == [len(weeks[c]) for c in history.customers.to_pylist()]
    assert history.trips.last.tolist() == [max(weeks[c]) for c in history.customers.to_pylist()]


@settings(max_examples=16, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    rows=st.sampled_from([1, 30, 400]),
    cuts=st.lists(st.integers(1, 29), min_size=1, max_size=3, unique=True),
    text=st.booleans(),
    many=st.sampled_from([1, 7, 1 << 20]),
)
def test_updates_give_what_a_replay_gives(
    seed: int, rows: int, cuts: list[int], text: bool, many: int
) -> None:
    table = transactions(seed, rows, text=text)
    table = table.set_column(3, "quantity", pa.array(np.ones(rows)))
    week = table["week"].to_numpy()
    bounds = [0, *sorted(cuts), 30]
    whole = PurchaseHistory.from_transactions(table, until=30)
    history = None
    before, grouping.BLOCK_PAIRS = grouping.BLOCK_PAIRS, many
    try:
        for low, high in pairwise(bounds):
            part = table.filter(pa.array((week > low) & (week <= high)))
            if history is not None:
                history = history.update(part, until=high)
            elif len(part):
                history = PurchaseHistory.from_transactions(part, until=high)
    finally:
        grouping.BLOCK_PAIRS = before
    assert history is not None
    assert arrays(history) == arrays(whole)


def test_the_order_of_rows_threads_and_batches_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = transactions(3, 5000)
    expected = arrays(PurchaseHistory.from_transactions(table, threads=1))
    shuffled = table.take(np.random.default_rng(0).permutation(len(table)))
    assert arrays(PurchaseHistory.from_transactions(shuffled, threads=2)) == expected
    for part in range(3):
        pq.write_table(shuffled.slice(part * 2000, 2000), tmp_path / f"part-{part}.parquet")
    monkeypatch.setattr("couponry.affinity.history.building.duckdb_session.BATCH_ROWS", 100)
    from_files = PurchaseHistory.from_transactions(
        tmp_path / "part-*.parquet", folder=tmp_path / "kept", memory_limit="200MB"
    )
    assert arrays(from_files) == expected
    assert arrays(PurchaseHistory.open(tmp_path / "kept")) == expected
    assert [path.name for path in tmp_path.glob("*couponry*")] == []  # nothing spilled is left


KILLED = """
    import sys, time
    import pyarrow as pa
    from couponry.affinity import PurchaseHistory
    from couponry.affinity.history.building import merging

    def stop(*arguments, **options):
        print("there", flush=True)
        time.sleep(600)

    if sys.argv[1] == "kill while it is written":
        merging.HistoryMerger.finish = stop

    def batches():
        yield pa.record_batch({"customer": [1], "product": [1], "week": [1]})
        if sys.argv[1] == "kill while it is read":
            stop()

    PurchaseHistory.from_transactions(batches(), folder=sys.argv[2])
"""


@pytest.mark.parametrize("when", ["read", "written"])
def test_killed_and_run_again(when: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(KILLED),
        f"kill while it is {when}",
        str(tmp_path / "kept"),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert process.stdout is not None and process.stdout.readline() == b"there\n"
    process.kill()
    process.wait(600)
    process.stdout.close()
    assert not (tmp_path / "kept").exists() and len(list(tmp_path.glob(".kept.*.draft"))) == 1
    found = PurchaseHistory.from_transactions(transactions(4), folder=tmp_path / "kept")
    assert arrays(found) == arrays(PurchaseHistory.from_transactions(transactions(4)))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]  # nor what DuckDB had put aside


def test_a_history_that_cannot_fit_is_refused_before_it_starts(tmp_path: Path) -> None:
    pq.write_table(transactions(4, 50_000), tmp_path / "rows.parquet")
    with pytest.raises(
        InvalidInput, match=r"50,000 transactions needs about .* MiB, but only 1\.0 MiB"
    ):
        PurchaseHistory.from_transactions(tmp_path / "rows.parquet", memory_limit="1MiB")


def test_a_kept_history_is_updated_where_it_lies(tmp_path: Path) -> None:
    table = transactions(4, 2000)
    late = table["week"].to_numpy() > 20
    history = PurchaseHistory.from_transactions(
        table.filter(pa.array(~late)), folder=tmp_path / "kept", until=20
    )
    history = history.update(table.filter(pa.array(late)), folder=tmp_path / "kept")
    assert arrays(history) == arrays(PurchaseHistory.from_transactions(table))
    assert arrays(PurchaseHistory.open(tmp_path / "kept")) == arrays(history)


def test_of_two_updates_of_one_history_none_is_lost(tmp_path: Path) -> None:
    table = transactions(4, 2000)
    late = table["week"].to_numpy() > 20
    kept = tmp_path / "kept"
    PurchaseHistory.from_transactions(table.filter(pa.array(~late)), folder=kept, until=20)
    one, two = PurchaseHistory.open(kept), PurchaseHistory.open(kept)
    one.update(table.filter(pa.array(late)), folder=kept)
    with pytest.raises(InvalidInput, match=r"^history .*up to week 20, got one up to week 30: .*"):
        two.update(table.filter(pa.array(late)), folder=kept)
    assert arrays(PurchaseHistory.open(kept)) == arrays(PurchaseHistory.from_transactions(table))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    with (
        writing(kept, "history"),
        ThreadPoolExecutor(1) as pool,
        pytest.raises(InvalidInput, match=r"^history .*: another run is writing it"),
    ):
        pool.submit(PurchaseHistory.from_transactions, table, folder=kept).result()


def test_a_history_that_is_damaged_is_refused(tmp_path: Path) -> None:
    kept, random = tmp_path / "kept", np.random.default_rng(0)
    expected = arrays(PurchaseHistory.from_transactions(transactions(4), folder=kept))
    whole = shutil.copytree(kept, tmp_path / "whole")
    refused = 0
    for file in sorted(whole.iterdir()):
        text = file.read_bytes()
        bit = bytearray(text)
        bit[random.integers(256 * (file.suffix == ".npy"), len(text))] ^= 4
        for damaged in (bytes(bit), text[:-1]):
            shutil.rmtree(kept)
            shutil.copytree(whole, kept)
            (kept / file.name).write_bytes(damaged)
            try:
                assert arrays(PurchaseHistory.open(kept)) == expected and file.stem == "states"
            except InvalidInput as error:
                refused += 1
                assert str(error).startswith(f"history '{kept}': expected one, but ")
    assert refused == 2 * (len(list(whole.iterdir())) - 1)


@pytest.mark.parametrize("version", [1, 2, 4])
def test_a_history_of_another_version_is_refused_and_replaced(version: int, tmp_path: Path) -> None:
    table, kept = transactions(4), tmp_path / "kept"
    PurchaseHistory.from_transactions(table, folder=kept)
    manifest = json.loads((kept / "manifest.json").read_text())
    if version == 1:  # had no record of the arrays
        del manifest["check"], manifest["arrays"]
    (kept / "manifest.json").write_text(json.dumps({**manifest, "format": version}))
    expected = (
        rf"^history '{kept}': expected one, but it is of format {version}, where this version keeps format 3: build it "
        "anew from its transactions$"
    )
    with pytest.raises(InvalidInput, match=expected):
        PurchaseHistory.open(kept)
    PurchaseHistory.from_transactions(table, folder=kept)
    assert arrays(PurchaseHistory.open(kept)) == arrays(PurchaseHistory.from_transactions(table))


def test_a_failed_update_leaves_what_was_there(tmp_path: Path) -> None:
    table = transactions(5, 500)
    history = PurchaseHistory.from_transactions(table, folder=tmp_path / "kept")
    before = arrays(history)
    with pytest.raises(InvalidInput, match="expected periods after 30"):
        history.update(table, folder=tmp_path / "kept")
    bad = table.set_column(2, "week", pa.array(np.full(500, 31)))
    bad = bad.set_column(4, "spend", pa.array(np.full(500, np.nan)))
    with pytest.raises(InvalidInput, match="column 'spend'"):
        history.update(bad, folder=tmp_path / "kept")
    assert arrays(PurchaseHistory.open(tmp_path / "kept")) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]


def test_products_of_several_items_and_of_none() -> None:
    table = pa.table(
        {"customer": [1, 1, 1, 2], "product": ["a", "b", "c", "c"], "week": [1, 1, 3, 4]}
    )
    catalogue = {"product": ["a", "b", "b", "b"], "item": [10, 10, 20, 20]}
    history = PurchaseHistory.from_transactions(table, catalogue=pa.table(catalogue))
    assert history.items.to_pylist() == [10, 20]
    assert history.indptr.tolist() == [0, 2, 2]  # customer 2 bought nothing that is kept
    assert history.pairs.times.tolist() == [1, 1]
    assert history.trips.times.tolist() == [2, 1]


def test_dates_are_days() -> None:
    date = [datetime.date(2024, 2, 28), datetime.date(2024, 3, 1)]
    table = pa.table({"customer": [1, 1], "product": [5, 5], "date": date})
    history = PurchaseHistory.from_transactions(table)
    assert history.unit == "day" and history.until - history.start == 2
    stamps = pa.array([datetime.datetime(2024, 2, 28, 23, 59), datetime.datetime(2024, 3, 1, 0, 1)])
    other = PurchaseHistory.from_transactions(table.set_column(2, "day", stamps))
    assert arrays(other) == arrays(history)


BAD = [
    ({"week": None}, "expected one column of day, week, date, got none"),
    ({"day": [1, 1]}, "expected one column of day, week, date, got day and week"),
    ({"customer": [1, None]}, "column 'customer', row 1: expected an id, got null"),
    ({"customer": [0.5, 1.0]}, "column 'customer': expected integers or strings"),
    ({"week": [0.5, 1.0]}, "column 'week': expected whole numbers or dates"),
    ({"week": [1, 2**40]}, "column 'week', row 1: expected a day or week"),
    ({"week": [1, 2**20]}, "at most 131,072 periods"),
    ({"quantity": [1.0, float("nan")]}, "column 'quantity', row 1: expected a finite number"),
    ({"quantity": [0, -1]}, "expected at least one purchase, got none"),
    ({"spend": ["x", "y"]}, "column 'spend': expected numbers"),
    ({"spend": [1.0, 1e15]}, "column 'spend', row 1: expected an amount"),
    ({"discount": [None, 0.0]}, "column 'discount', row 0: expected a number, got null"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_transactions(change: dict[str, Any], message: str) -> None:
    table = {"customer": [1, 2], "product": [3, 4], "week": [1, 2], **change}
    given = pa.table({name: column for name, column in table.items() if column is not None})
    with pytest.raises(InvalidInput, match=message):
        PurchaseHistory.from_transactions(given)


def test_bad_arguments(tmp_path: Path) -> None:
    table = transactions(6)
    history = PurchaseHistory.from_transactions(table)
    with pytest.raises(InvalidInput, match="columns: expected names among"):
        PurchaseHistory.from_transactions(table, columns={"client": "customer"})
    with pytest.raises(InvalidInput, match="expected a column 'household'"):
        PurchaseHistory.from_transactions(table, columns={"customer": "household"})
    with pytest.raises(InvalidInput, match="half_lives"):
        PurchaseHistory.from_transactions(table, half_lives=[0])
    with pytest.raises(InvalidInput, match="until: expected 30 or later"):
        PurchaseHistory.from_transactions(table, until=3)
    with pytest.raises(InvalidInput, match="as_of: expected 30"):
        history.decay(slice(None), 12)
    with pytest.raises(InvalidInput, match="expected integers as in the history"):
        history.update(transactions(6, text=True))
    with pytest.raises(InvalidInput, match="column 'product': expected integers as in table"):
        PurchaseHistory.from_transactions(table, catalogue={"product": ["a"], "item": [1]})
    with pytest.raises(InvalidInput, match="no file"):
        PurchaseHistory.from_transactions(tmp_path / "none-*.parquet")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text("of something else")
    with pytest.raises(InvalidInput, match="holds something else"):
        PurchaseHistory.from_transactions(table, folder=tmp_path / "other")
    with pytest.raises(InvalidInput, match="history"):
        PurchaseHistory.open(tmp_path / "other")


def test_without_duckdb_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.setattr(native_grouping, "SHARE_OF_IDS", 0.0)
    with pytest.raises(ImportError, match=r"couponry\[affinity\]"):
        PurchaseHistory.from_transactions(transactions(7, text=True))
    assert len(PurchaseHistory.from_transactions(transactions(7)).customers)  # needs none


@pytest.mark.parametrize("name", [n for n, state in available_backends().items() if state == "yes"])
def test_every_backend_folds_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = transactions(8, 1500)
    monkeypatch.setenv("COUPONRY_BACKEND", "reference")
    expected = arrays(PurchaseHistory.from_transactions(table))
    monkeypatch.setenv("COUPONRY_BACKEND", name)
    assert arrays(PurchaseHistory.from_transactions(table)) == expected


def test_what_duckdb_cannot_write_is_an_error_of_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    duckdb = pytest.importorskip("duckdb")

    def full(*_: Any, **__: Any) -> Any:
        raise duckdb.IOException("IO Error: Could not write file: No space left on device")

    monkeypatch.setattr(duckdb, "connect", full)
    monkeypatch.setattr(native_grouping, "SHARE_OF_IDS", 0.0)
    with pytest.raises(OSError, match=r"^grouping .*: IO Error: Could not write file: No space"):
        PurchaseHistory.from_transactions(transactions(7, text=True), folder=tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []


def test_what_runs_cannot_write_is_an_error_of_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            pass

    monkeypatch.setattr(native_grouping, "SHARE_OF_RUNS", 0.0)
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    with pytest.raises(OSError, match=r"^grouping the transactions: .*No space left on device"):
        PurchaseHistory.from_transactions(transactions(7), folder=tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []
