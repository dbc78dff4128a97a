"""Tables come from files and frames of any kind, in any order, and give the same result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import SLOTS, Tables, random_tables, shuffled
from tests.support.folders import Folder, same, solve

from couponry import Campaign, CustomerRule, Limit

duckdb = pytest.importorskip("duckdb")

RICH: dict[str, Any] = {
    "customer_rule": [
        {"name": "slots", "max": "slots", "min": 1},
        {"name": "one per product", "by": "product", "max": 1},
    ],
    "limit": [
        {"name": "cap", "sum": "count", "max": 30, "where": {"brand": ["A", "B"]}},
        {"name": "gold", "sum": "cost", "max": 4.0, "customers": {"segment": "gold"}},
        {"name": "suppliers", "sum": "response", "by": "supplier", "max": 3.5},
        {"name": "weight", "sum": "weight", "min": 20.0},
    ],
}


def flat() -> Tables:
    """Random tables that fit into CSV."""
    tables = random_tables()
    return {**tables, "offers": tables["offers"].drop(["tags"])}


def as_csv(folder: Path, name: str, table: pa.Table) -> str:
    pa.csv.write_csv(table, folder / f"{name}.csv")
    return f"{name}.csv"


def as_upper_case_csv(folder: Path, name: str, table: pa.Table) -> str:
    pa.csv.write_csv(table, folder / f"{name}.CSV")
    return f"{name}.CSV"


def as_list(folder: Path, name: str, table: pa.Table) -> list[str]:
    names = [f"{name}-{part}.parquet" for part in "ba"]
    half = table.num_rows // 2
    pq.write_table(table.slice(0, half), folder / names[0])
    pq.write_table(table.slice(half), folder / names[1])
    return names


def as_mixed_list(folder: Path, name: str, table: pa.Table) -> list[str]:
    half = table.num_rows // 2
    pq.write_table(table.slice(0, half), folder / f"{name}-1.parquet")
    pa.csv.write_csv(table.slice(half), folder / f"{name}-2.csv")
    return [f"{name}-1.parquet", f"{name}-2.csv"]


def as_glob(folder: Path, name: str, table: pa.Table) -> str:
    as_list(folder, name, table)
    return f"{name}-?.parquet"


def as_glob_of_folders(folder: Path, name: str, table: pa.Table) -> str:
    for part in range(3):
        (folder / name / f"day={part}").mkdir(parents=True)
        rows = np.arange(part, table.num_rows, 3)
        pq.write_table(table.take(pa.array(rows)), folder / name / f"day={part}" / "0.parquet")
    return f"{name}/*/*.parquet"


def as_folder(folder: Path, name: str, table: pa.Table) -> str:
    as_glob_of_folders(folder, name, table)
    (folder / name / "_SUCCESS").touch()
    (folder / name / "day=0" / ".0.parquet.crc").touch()
    return name


def as_absolute(folder: Path, name: str, table: pa.Table) -> str:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    pq.write_table(table, elsewhere / f"{name}.parquet")
    return str(elsewhere / f"{name}.parquet")


def as_small_row_groups(folder: Path, name: str, table: pa.Table) -> str:
    pq.write_table(table, folder / f"{name}.pq", row_group_size=7, compression="zstd")
    return f"{name}.pq"


SOURCES = [
    as_csv, as_upper_case_csv, as_list, as_mixed_list, as_glob, as_glob_of_folders, as_folder,
    as_absolute, as_small_row_groups,
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_files_of_any_kind_give_the_same_result(source: Any, folder: Folder) -> None:
    tables = flat()
    expected = solve(folder(tables, **RICH))
    other = folder(tables, **RICH)
    names = {name: source(other, name, table) for name, table in tables.items()}
    (other / "offers.parquet").unlink()
    text = (other / "campaign.toml").read_text()
    for name, value in names.items():
        text = text.replace(f'{name} = "{name}.parquet"', f"{name} = {json.dumps(value)}")
    (other / "campaign.toml").write_text(text)
    same(solve(other), expected)
    assert expected.status == "optimal"


def test_globs_and_folders_pass_over_what_writers_leave(folder: Folder) -> None:
    tables = flat()
    expected = solve(folder(tables, **RICH))
    path = folder(tables, tables={"offers": "offers.parquet", "candidates": "in/*"}, **RICH)
    (path / "in").mkdir()
    (path / "candidates.parquet").rename(path / "in" / "part-[0].parquet")
    for name in ("_SUCCESS", ".part-[0].parquet.crc"):
        (path / "in" / name).write_bytes(b"crc")
    same(solve(path), expected)
    text = (path / "campaign.toml").read_text()
    (path / "campaign.toml").write_text(text.replace("in/*", "in/part-[0].parquet"))
    same(solve(path), expected)


def test_candidates_scattered_over_files_in_any_order(folder: Folder) -> None:
    tables = flat()
    expected = solve(folder(tables, **RICH))
    scattered = {name: shuffled(table, 5) for name, table in tables.items()}
    names = [f"candidates-{part}.parquet" for part in range(7)]
    other = folder(scattered, tables={"offers": "offers.parquet", "candidates": names}, **RICH)
    for part, name in enumerate(names):
        rows = pa.array(np.arange(part, scattered["candidates"].num_rows, 7))
        pq.write_table(scattered["candidates"].take(rows), other / name)
    same(solve(other), expected)


@pytest.mark.parametrize("seed", range(5))
def test_order_of_rows_and_columns_does_not_matter(seed: int, folder: Folder) -> None:
    tables = random_tables()
    expected = solve(folder(tables, **RICH))
    mixed = {
        name: shuffled(table, seed).select(
            np.random.default_rng(seed).permutation(table.column_names)
        )
        for name, table in tables.items()
    }
    same(solve(folder(mixed, **RICH)), expected)


def duckdb_relation(table: pa.Table) -> Any:
    return duckdb.connect().from_arrow(table)


FRAMES: dict[str, Callable[[pa.Table], Any]] = {
    "pandas": lambda table: table.to_pandas(),
    "pandas with Arrow types": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.from_arrow,
    "duckdb": duckdb_relation,
    "record batch reader": lambda table: table.to_reader(max_chunksize=11),
    "chunked table": lambda table: pa.Table.from_batches(table.to_batches(max_chunksize=13)),
    "dictionary": lambda table: table.to_pydict(),
    "NumPy arrays": lambda table: {
        name: table[name].to_numpy() if not pa.types.is_list(table[name].type) else table[name]
        for name in table.column_names
    },
}


@pytest.mark.parametrize("strings", [False, True], ids=["integer ids", "string ids"])
@pytest.mark.parametrize("frame", FRAMES)
def test_frames_of_any_library_give_the_same_bits(frame: str, strings: bool) -> None:
    tables = random_tables(strings=strings)
    rules = [CustomerRule("slots", max="slots"), CustomerRule("products", max=1, by="product")]
    limits = [
        Limit("cap", sum="count", max=30, where={"brand": ["A", "B"], "tags": "even"}),
        Limit("cost", sum="cost", by="brand", max=4.0),
        Limit("gold", sum="weight", max=30, customers={"segment": ["gold"]}),
    ]
    expected = Campaign(**tables, rules=rules, limits=limits).solve()
    given = {name: FRAMES[frame](table) for name, table in tables.items()}
    same(Campaign(**given, rules=rules, limits=limits).solve(), expected)


def test_paths_as_tables(folder: Folder) -> None:
    path = folder()
    rules = [CustomerRule(**SLOTS)]
    tables = {name: path / f"{name}.parquet" for name in ("offers", "candidates", "customers")}
    limits = [Limit("all", mode="report")]
    expected = Campaign(**random_tables(), rules=rules, limits=limits).solve()
    same(Campaign(**tables, rules=rules, limits=limits).solve(), expected)
    names = {name: str(table) for name, table in tables.items()}
    same(Campaign(**names, rules=rules, limits=limits).solve(), expected)


def test_the_given_tables_are_not_changed() -> None:
    frames = {name: table.to_pandas() for name, table in random_tables().items()}
    before = {name: frame.copy(deep=True) for name, frame in frames.items()}
    Campaign(
        **frames, rules=[CustomerRule("slots", max="slots")], limits=[Limit("n", max=20)]
    ).solve()
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[name])
