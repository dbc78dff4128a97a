"""Candidates in Parquet files of any make: read in parts by several threads, in canonical order, refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from couponry import Campaign, CustomerRule, InvalidInput, Limit
from couponry.data import external_sort
from couponry.data.candidates import Candidates, build_candidates
from couponry.data.formats import parquet_rows
from couponry.data.streams import stream_files
from couponry.model.compiling import measures
from couponry.utils.arrays.array_store import FolderStore, MemoryStore
from couponry.utils.arrays.derived_arrays import SharedArrays

OFFERS = 40
Ids = Callable[[np.ndarray], pa.Array]

KINDS: dict[str, Ids] = {
    "int64": lambda ids: pa.array(ids * 7 - 100),
    "int32": lambda ids: pa.array(ids * 7 - 100, pa.int32()),
    "uint8": lambda ids: pa.array(ids % 256, pa.uint8()),
    "far apart": lambda ids: pa.array((ids - 20) * 2**55),
    "text": lambda ids: pa.array([f"é{i:05}" for i in ids]),
    "large text": lambda ids: pa.array([f"x{i:05}" for i in ids], pa.large_string()),
    "categories": lambda ids: pa.array([f"x{i:05}" for i in ids]).dictionary_encode(),
}
ORDERS = ("canonical", "by customer", "any")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external_sort, "BLOCK_ROWS", 300)
    monkeypatch.setattr(external_sort, "RUN_ROWS", 500)
    monkeypatch.setattr(external_sort, "MERGED_ROWS", 200)
    monkeypatch.setattr(parquet_rows, "MOST_PART_ROWS", 600)
    monkeypatch.setattr(parquet_rows, "BATCH_ROWS", 70)


def rows(order: str, customers: int = 230) -> dict[str, np.ndarray]:
    """Candidates of customers who have 1 to 12 each, and one who has all offers."""
    random = np.random.default_rng([len(order), customers])
    width = random.integers(1, 13, customers)
    width[100] = OFFERS
    offer = np.concatenate([np.sort(random.choice(OFFERS, n, replace=False)) for n in width])
    found = {
        "customer": np.repeat(np.arange(customers), width),
        "offer": offer,
        "response": random.random(len(offer), np.float32),
        "margin": random.normal(size=len(offer)),
        "points": random.integers(0, 99, len(offer)),
    }
    if order == "by customer":
        place = np.lexsort([random.random(len(offer)), found["customer"]])
    else:
        place = random.permutation(len(offer)) if order == "any" else np.arange(len(offer))
    return {name: column[place] for name, column in found.items()}


def write(folder: Path, table: pa.Table, groups: tuple[int, ...]) -> None:
    """The table in files with row groups of so many rows, one size after the other."""
    start = 0
    for part, size in enumerate(groups):
        stop = len(table) if part == len(groups) - 1 else start + len(table) // len(groups)
        path = folder / f"part-{part}.parquet"
        pq.write_table(
            table[start:stop],
            path,
            row_group_size=size,
            use_dictionary=bool((part + len(groups)) % 2),
        )
        start = stop


def build(folder: Path, offers: pa.Array, store: Any, threads: int) -> Candidates:
    names = ["customer", "offer", "response", "margin", "points"]
    rows = stream_files(folder.parent, folder.name, "candidates", names)
    kind = pa.int64() if pa.types.is_integer(offers.type) else pa.large_string()
    ids = offers.dictionary_decode() if pa.types.is_dictionary(offers.type) else offers
    return build_candidates(rows, ids.cast(kind), store, threads)


@pytest.mark.parametrize(
    ("kind", "order"),
    [*((kind, "any") for kind in KINDS), *((k, o) for k in ("int64", "text") for o in ORDERS[:2])],
)
def test_any_types_order_and_files(kind: str, order: str, tmp_path: Path) -> None:
    ids, given = KINDS[kind], rows(order)
    table = pa.table({**given, "customer": ids(given["customer"]), "offer": ids(given["offer"])})
    canonical = np.lexsort([given["offer"], given["customer"]])
    for number, groups in enumerate([(10_000,), (37, 250), (300, 900, 100, 1)]):
        folder = tmp_path / str(number)
        (folder / "store").mkdir(parents=True)
        (folder / "files").mkdir()
        write(folder / "files", table, groups)
        for store, threads in (MemoryStore(), 3), (FolderStore(folder / "store"), 2):
            found = build(folder / "files", ids(np.arange(OFFERS)), store, threads)
            count = np.bincount(given["customer"])
            assert found.customers.to_pylist() == ids(np.arange(230)).to_pylist()
            assert found.indptr.tolist() == [0, *np.cumsum(count)]
            for name, column in {"offer": found.offer, **found.columns}.items():
                assert np.array_equal(column, given[name][canonical]), name
            assert found.columns["response"].dtype == np.float32


@pytest.mark.parametrize("order", ORDERS)
def test_nobody_looks_for_spans_again(
    order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = rows(order)
    given["margin"][given["offer"] == 3] = 0.0
    given["margin"][np.flatnonzero(given["offer"] == 3)[::2]] = -0.0
    (tmp_path / "files").mkdir()
    write(tmp_path / "files", pa.table(given), (130, 300))
    made = build(tmp_path / "files", pa.array(np.arange(OFFERS + 1)), MemoryStore(), 2)
    assert isinstance(made.derived, SharedArrays)
    known = {key[1]: span for key, span in made.derived.remembered("span")}
    low, high = np.full(OFFERS + 1, np.inf), np.full(OFFERS + 1, -np.inf)
    np.minimum.at(low, given["offer"], given["margin"])
    np.maximum.at(high, given["offer"], given["margin"])
    assert np.array_equal(known["column margin"]["low"], low) and low[-1] == np.inf
    assert np.array_equal(known["column margin"]["high"], high)
    assert not np.signbit(known["column margin"]["low"][3])
    expected = compiled(tmp_path, None)
    monkeypatch.setattr(measures, "find_span", None)
    for store in None, tmp_path / "store", tmp_path / "store":
        found = compiled(tmp_path, store)
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype and np.array_equal(a, b)


def compiled(folder: Path, store: Path | None) -> list[np.ndarray]:
    """What the files' candidates are packed to."""
    made = Campaign(
        {"offer": np.arange(OFFERS), "face_value": np.ones(OFFERS)},
        folder / "files",
        rules=[CustomerRule("slots", max=2)],
        limits=[Limit("points", sum="points", max=50.0), Limit("budget", sum="response", max=20.0)],
        value="margin",
        store=store,
    )
    problem = made.compile().problem
    shard = problem.packed.shard
    return [shard.quantity, problem.packed.fine, problem.low, problem.step, problem.error]


WRONG: dict[str, tuple[str, Any, str]] = {
    "offer": ("offer", None, "column 'offer', row 1400: expected an id, got null"),
    "response": ("response", 1.5, "row 1400: expected a probability from 0 to 1, got 1.5"),
    "margin": ("margin", float("nan"), "'margin', row 1400: expected a finite number, got nan"),
    "large": ("margin", -1e31, "row 1400: expected a number from -1e+30 to 1e+30, got -1e+31"),
    "null": ("margin", None, "column 'margin', row 1400: expected a number, got null"),
    "customer": ("customer", None, "column 'customer', row 1400: expected an id, got null"),
}


@pytest.mark.parametrize("kind", ["int64", "text"])
@pytest.mark.parametrize("wrong", WRONG)
def test_the_row_of_what_is_wrong(wrong: str, kind: str, tmp_path: Path) -> None:
    given, ids = rows("canonical"), KINDS[kind]
    table = pa.table({**given, "customer": ids(given["customer"]), "offer": ids(given["offer"])})
    name, value, message = WRONG[wrong]
    values = table[name].to_pylist()
    values[1_400] = value
    place = table.column_names.index(name)
    spoilt = table.set_column(place, name, pa.array(values, table[name].type))
    pq.write_table(spoilt, tmp_path / "files.parquet", row_group_size=250)
    with pytest.raises(InvalidInput) as caught:
        build(tmp_path / "files.parquet", ids(np.arange(OFFERS)), MemoryStore(), 2)
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize("kind", KINDS)
def test_offers_that_are_not_there(kind: str, tmp_path: Path) -> None:
    given, ids = rows("canonical"), KINDS[kind]
    table = pa.table({**given, "customer": ids(given["customer"]), "offer": ids(given["offer"])})
    pq.write_table(table, tmp_path / "files.parquet", row_group_size=250)
    missing = int(np.flatnonzero(given["offer"] == OFFERS - 1)[0])
    with pytest.raises(InvalidInput) as caught:
        build(tmp_path / "files.parquet", ids(np.arange(OFFERS - 1)), MemoryStore(), 2)
    shown = ids(np.array([OFFERS - 1]))[0].as_py()
    assert str(caught.value) == (
        f"table candidates, column 'offer', row {missing}: offer {shown!r} is not in table offers"
    )


@pytest.mark.parametrize("order", ORDERS)
def test_a_pair_twice_in_files(order: str, tmp_path: Path) -> None:
    table = pa.table(rows(order))
    twice = pa.concat_tables([table, table[7:8]])
    pq.write_table(twice, tmp_path / "files.parquet", row_group_size=250)
    pair = "the pair of customer {customer} and offer {offer} is there twice"
    said = f"table candidates, row {len(table)}: " + pair.format(**table[7:8].to_pylist()[0])
    with pytest.raises(InvalidInput) as caught:
        build(tmp_path / "files.parquet", pa.array(np.arange(OFFERS)), MemoryStore(), 2)
    assert str(caught.value) == said


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    column = pa.array([b"a", b"a", b"b\xff"]).view(pa.string())
    table = pa.table({"customer": column, "offer": [1, 2, 1], "value": [1.0, 2.0, 3.0]})
    pq.write_table(table, tmp_path / "files.parquet")
    with pytest.raises(InvalidInput, match="'customer', row 2: expected text in UTF-8"):
        Campaign({"offer": [1, 2]}, tmp_path / "files.parquet")


def test_files_and_row_groups_without_rows(tmp_path: Path) -> None:
    given = pa.table(rows("canonical"))
    (tmp_path / "files").mkdir()
    pq.write_table(given[:0], tmp_path / "files" / "a.parquet")
    with pq.ParquetWriter(tmp_path / "files" / "b.parquet", given.schema) as writer:
        for part in given[:0], given, given[:0]:
            writer.write_table(part)
    pq.write_table(given[:0], tmp_path / "files" / "c.parquet")
    found = build(tmp_path / "files", pa.array(np.arange(OFFERS)), MemoryStore(), 2)
    assert found.offer.tolist() == given["offer"].to_pylist()


def test_roles_in_dictionaries(tmp_path: Path) -> None:
    given = rows("any")
    role = np.array([None, "reward", "activation", "innovation"])[given["offer"] % 4]
    table = pa.table(
        {"customer": given["customer"], "offer": given["offer"], "role": pa.array(role)}
    )
    pq.write_table(table, tmp_path / "files.parquet", row_group_size=250)
    names = ["customer", "offer", "role"]
    for column in table["role"], table["role"].dictionary_encode():
        pq.write_table(table.set_column(2, "role", column), tmp_path / "files.parquet")
        stream = stream_files(tmp_path, "files.parquet", "candidates", names)
        found = build_candidates(stream, pa.array(np.arange(OFFERS)), MemoryStore(), 2)
        assert found.role is not None and (found.role == found.offer % 4).all()
