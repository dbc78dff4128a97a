"""The campaign folder means what the format says, from the tables that go in to the files that come out."""

from __future__ import annotations

import datetime
import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import SLOTS, Tables, random_tables, replaced, shuffled

from couponry import Campaign, CustomerRule, Limit, Result, read_campaign, write_campaign
from couponry.verify import verify_result

Folder = Callable[..., Path]
RESULT_KEYS = {
    "status", "objective", "bound", "gap", "max_violation", "allocated", "customers", "candidates",
    "full_passes", "seconds", "peak_memory_bytes", "threads", "backend", "engine", "seed",
    "version",
}  # fmt: skip


def solve(folder: Path, **options: Any) -> Result:
    return read_campaign(folder).solve(**options)


def same(one: Result, other: Result) -> None:
    """Bit for bit the same allocation and limits."""
    assert one.allocation.to_arrow().equals(other.allocation.to_arrow())
    assert one.objective == other.objective and one.bound == other.bound
    assert one.limits.drop(["price"]).equals(other.limits.drop(["price"]))


def rows_of(tables: Tables) -> list[dict[str, Any]]:
    """Every candidate with all that is known of its offer and its customer, as plain dictionaries."""
    offers = {row["offer"]: row for row in tables["offers"].to_pylist()}
    customers = {row["customer"]: row for row in tables["customers"].to_pylist()}
    candidates = tables["candidates"].to_pylist()
    return [{**offers[c["offer"]], **customers[c["customer"]], **c} for c in candidates]


def pairs(rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(row["customer"], row["offer"]) for row in rows]


# ---- where tables come from

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


# ---- ids

ID_TYPES = [
    pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64(),
    pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()),
]  # fmt: skip


@pytest.mark.parametrize("kind", ID_TYPES, ids=str)
def test_ids_keep_their_type(kind: pa.DataType, folder: Folder) -> None:
    tables = random_tables(customers=20)
    small = {name: {} for name in ("customer", "offer")}
    for name, numbers in small.items():
        values = tables[f"{name}s"][name].to_pylist()
        numbers.update({value: n for n, value in enumerate(values)})
    for name, table in tables.items():
        for column, numbers in small.items():
            if column in table.column_names:
                codes = pa.array([numbers[value] for value in table[column].to_pylist()])
                text = pa.types.is_string(kind) or pa.types.is_dictionary(kind)
                ids = codes.cast(pa.string()).cast(kind) if text else codes.cast(kind)
                tables[name] = replaced(tables[name], column, ids)
    result = solve(folder(tables, limit=[{"name": "all", "mode": "report"}], **RULES))
    expected = pa.int64() if pa.types.is_integer(kind) else pa.string()
    assert result.allocation.to_arrow()["customer"].type == expected
    assert result.allocation.to_arrow()["offer"].type == expected
    given = set(pairs(result.allocation.to_arrow().to_pylist()))
    candidates = tables["candidates"].select(["customer", "offer"])
    assert given <= set(pairs(candidates.to_pylist()))
    assert {customer for customer, _ in given} == set(candidates["customer"].to_pylist())


RULES: dict[str, Any] = {"customer_rule": [SLOTS]}


@pytest.mark.parametrize("strings", [False, True], ids=["integers", "strings"])
def test_allocation_is_ordered_by_customer(strings: bool, folder: Folder) -> None:
    tables = {name: shuffled(table) for name, table in random_tables(strings=strings).items()}
    given = solve(folder(tables, limit=[{"name": "all", "mode": "report"}], **RULES)).allocation
    found = given["customer"].to_pylist()
    assert found == sorted(found, key=str.encode if strings else None)
    assert len(found) == 60 * 3


# ---- defaults of the money columns

MONEY = ("margin", "face_value", "issue_cost")


@pytest.mark.parametrize(
    "missing", [(), *itertools.combinations(MONEY, 1), ("margin", "issue_cost"), MONEY], ids=str
)
@pytest.mark.parametrize("per_candidate", [(), ("margin",), MONEY], ids=str)
def test_default_value_and_cost(
    missing: tuple[str, ...], per_candidate: tuple[str, ...], folder: Folder
) -> None:
    tables = random_tables(customers=20)
    tables["candidates"] = tables["candidates"].drop(["value"])
    rng = np.random.default_rng(2)
    for name in per_candidate:
        column = rng.uniform(0, 2, tables["candidates"].num_rows)
        tables["candidates"] = replaced(tables["candidates"], name, column)
    for name in missing:
        tables["offers"] = tables["offers"].drop([name])
    result = solve(
        folder(tables, limit=[{"name": "cost", "sum": "cost", "mode": "report"}], **RULES)
    )
    known = {(row["customer"], row["offer"]): row for row in rows_of(tables)}
    given = result.allocation.to_arrow().to_pylist()
    cost_known = any(name in known[pairs(given[:1])[0]] for name in MONEY[1:]) if given else False
    for row in given:
        of = known[row["customer"], row["offer"]]
        margin, face, issue = (of.get(name, 0.0) for name in MONEY)
        assert row["response"] == of["response"]
        assert row["value"] == pytest.approx(of["response"] * (margin - face) - issue, rel=1e-12)
        assert ("cost" in row) == cost_known
        if cost_known:
            assert row["cost"] == pytest.approx(issue + of["response"] * face, rel=1e-12)
    assert result.objective == pytest.approx(sum(row["value"] for row in given), rel=1e-12)
    total = sum(row.get("cost", 0.0) for row in given)
    assert result.limits["achieved"].to_pylist() == [pytest.approx(total, rel=1e-12)]
    # nothing that is worth less than nothing is given without being asked for
    assert all(row["value"] >= 0 for row in given)


def test_given_columns_come_before_the_defaults(folder: Folder) -> None:
    tables = random_tables(customers=20)
    tables["candidates"] = replaced(tables["candidates"], "cost", [0.25] * 120)
    tables["offers"] = replaced(
        tables["offers"], "value", [99.0] * 12
    )  # candidates' own comes first
    result = solve(
        folder(tables, limit=[{"name": "all", "sum": "cost", "mode": "report"}], **RULES)
    )
    assert set(result.allocation.to_arrow()["cost"].to_pylist()) == {0.25}
    assert result.limits["achieved"].to_pylist() == [0.25 * result.allocated]
    assert max(result.allocation.to_arrow()["value"].to_pylist()) < 99


def test_response_of_the_offers(folder: Folder) -> None:
    tables = random_tables(customers=20)
    tables["candidates"] = tables["candidates"].drop(["value", "response"])
    tables["offers"] = replaced(tables["offers"], "response", np.linspace(0.01, 0.12, 12))
    given = solve(folder(tables, limit=[{"name": "all", "mode": "report"}], **RULES)).allocation
    response = dict(
        zip(tables["offers"]["offer"].to_pylist(), np.linspace(0.01, 0.12, 12), strict=True)
    )
    assert given["response"].to_pylist() == [response[o] for o in given["offer"].to_pylist()]


def test_another_value_column(folder: Folder) -> None:
    tables = random_tables(customers=20)
    path = folder(
        tables,
        objective={"value": "weight"},
        limit=[{"name": "n", "max": 1, "mode": "report"}],
        **RULES,
    )
    result = solve(path)
    known = dict(zip(pairs(rows_of(tables)), rows_of(tables), strict=True))
    best = sum(
        sum(sorted((row["weight"] for row in group), reverse=True)[:3])
        for _, group in itertools.groupby(rows_of(tables), key=lambda row: row["customer"])
    )
    weights = [known[pair]["weight"] for pair in pairs(result.allocation.to_arrow().to_pylist())]
    assert result.objective == pytest.approx(sum(weights), rel=1e-12)
    assert best * (1 - 5e-4) <= result.objective <= best * (1 + 1e-12)
    # the allocation states value as it is, whatever is maximised
    values = [known[pair]["value"] for pair in pairs(result.allocation.to_arrow().to_pylist())]
    assert result.allocation.to_arrow()["value"].to_pylist() == values


# ---- where, customers, by: on a campaign that gives every candidate, limits count what they are about

Row = dict[str, Any]
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


# ---- modes


def test_report_is_never_enforced(folder: Folder) -> None:
    report = {"name": "n", "max": 1, "mode": "report"}
    free = solve(folder(limit=[{"name": "n", "mode": "report"}], **RULES))
    result = solve(folder(limit=[report], **RULES))
    assert (
        result.allocation.to_arrow().equals(free.allocation.to_arrow()) and result.allocated == 180
    )
    row = result.limits.to_pylist()[0]
    assert (row["max"], row["achieved"], row["price"], row["binding"], row["mode"]) == (
        1.0, 180.0, 0.0, False, "report",
    )  # fmt: skip
    assert result.max_violation == 0


@pytest.mark.parametrize("penalty", [0.0, 0.4, 1.5, 100.0])
def test_soft_max_is_missed_where_that_pays(penalty: float, folder: Folder) -> None:
    tables = random_tables(customers=20)
    limit = {"name": "wish", "max": 30, "mode": "soft", "penalty": penalty}
    result = solve(folder(tables, customer_rule=[], limit=[limit]), gap=1e-9)
    values = sorted(tables["candidates"]["value"].to_pylist(), reverse=True)
    best = sum(values[:30]) + sum(max(0.0, value - penalty) for value in values[30:])
    assert result.objective == pytest.approx(best, rel=1e-8)
    count = 30 + sum(value > penalty for value in values[30:])
    if penalty:
        assert result.allocated == count
        given = sum(result.allocation.to_arrow()["value"].to_pylist())
        assert result.objective == pytest.approx(given - penalty * (count - 30), rel=1e-12)
    assert result.max_violation == 0  # of hard limits


def test_soft_min_pays_for_coupons_worth_less_than_nothing(folder: Folder) -> None:
    tables = random_tables(customers=20)
    values = -np.linspace(0.01, 1, tables["candidates"].num_rows)
    tables["candidates"] = replaced(tables["candidates"], "value", values)
    limit = {"name": "wish", "min": 50, "mode": "soft", "penalty": 0.2005}
    result = solve(folder(tables, customer_rule=[], limit=[limit]), gap=1e-9)
    worthwhile = values[-values < 0.2005]
    best = worthwhile.sum() - 0.2005 * (50 - len(worthwhile))
    assert result.objective == pytest.approx(best, rel=1e-8)
    assert result.allocated == len(worthwhile)


@pytest.mark.parametrize(
    "bounds", [{"min": 6.0}, {"max": 3.0}, {"min": 2.5, "max": 2.6}, {"min": 1e6}], ids=str
)
def test_ratio(bounds: dict[str, float], folder: Folder) -> None:
    """Against every subset of ten candidates; a ratio to nothing is kept."""
    tables = random_tables(customers=5, each=2, offers=4, seed=3)
    rows = rows_of(tables)
    value = np.array([row["value"] for row in rows])
    weight = np.array([row["weight"] for row in rows])
    subsets = np.array(list(itertools.product([False, True], repeat=10)))
    above, below = subsets @ value, subsets @ weight
    kept = np.ones(len(subsets), bool)
    kept &= above >= bounds.get("min", -np.inf) * below if "min" in bounds else True
    kept &= above <= bounds.get("max", np.inf) * below if "max" in bounds else True
    limit = {"name": "return", "ratio": ["value", "weight"], **bounds}
    result = solve(folder(tables, customer_rule=[], limit=[limit]), gap=1e-9)
    assert result.objective == pytest.approx(above[kept].max(), abs=1e-9)
    row = result.limits.to_pylist()[0]
    assert row["sum"] == "value / weight" and row["group"] is None
    if result.allocated:
        assert bounds.get("min", 0) <= row["achieved"] <= bounds.get("max", np.inf)
    else:
        assert row["achieved"] is None and bounds["min"] == 1e6


def test_ratio_by_group(folder: Folder) -> None:
    limit = {"name": "return", "by": "brand", "ratio": ["value", "cost"], "min": 60.0}
    path = folder(limit=[limit], **RULES)
    result = solve(path)
    for row in result.limits.to_pylist():
        assert row["achieved"] >= 60.0 - 1e-9 and row["min"] == 60.0
    free = solve(folder(limit=[{**limit, "mode": "report"}], **RULES))
    assert min(free.limits["achieved"].to_pylist()) < 60.0 and free.objective > result.objective


# ---- customer rules


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


# ---- what comes out

FULL: dict[str, Any] = {
    "customer_rule": [
        {"name": "slots", "max": "slots", "min": 1},
        {"by": "product", "max": 1},
        {"name": "mail", "where": {"channel": ["mail"], "day": {"min": 1, "max": 28}}, "max": 2},
    ],
    "limit": [
        {"name": "cap", "sum": "count", "max": 40, "where": {"brand": ["A"], "role": ["reward"]}},
        {"name": "Ü „quoted“ \"name\" \\ \n", "sum": "cost", "max": 4.5, "customers": {"age": {"min": 20.5}}},
        {"name": "suppliers", "sum": "response", "by": "supplier", "table": "bounds.parquet"},
        {"name": "return", "by": "brand", "ratio": ["value", "cost"], "min": 5.0},
        {"name": "wish", "where": {"brand": ["A"]}, "min": 5000, "mode": "soft", "penalty": 0.01},
        {"by": "role", "sum": "weight", "mode": "report"},
    ],
}  # fmt: skip
BOUNDS = pa.table({"supplier": [0, 1], "max": pa.array([3.0, None]), "min": pa.array([None, 0.5])})


def test_files_of_a_result(folder: Folder, tmp_path: Path) -> None:
    path = folder(more={"bounds": BOUNDS}, **FULL)
    result = solve(path)
    out = result.write(tmp_path / "out")
    assert sorted(file.name for file in out.iterdir()) == [
        "allocation.parquet",
        "limits.parquet",
        "result.json",
    ]
    claims = json.loads((out / "result.json").read_text())
    assert set(claims) >= RESULT_KEYS
    assert (
        claims["allocated"] == result.allocation.to_arrow().num_rows and claims["customers"] == 60
    )
    assert claims["candidates"] == 360 and claims["status"] == "optimal"
    assert claims["gap"] == pytest.approx(
        (claims["bound"] - claims["objective"]) / abs(claims["bound"])
    )
    assert isinstance(claims["seconds"], dict) and claims["peak_memory_bytes"] > 10**6
    assert claims["bound"] >= claims["objective"]
    allocation = pq.read_table(out / "allocation.parquet")
    assert allocation.column_names == ["customer", "offer", "value", "response", "cost"]
    assert allocation.equals(result.allocation.to_arrow())
    limits = pq.read_table(out / "limits.parquet")
    assert {field.name: str(field.type) for field in limits.schema} == {
        "name": "string", "group": "string", "sum": "string", "min": "double", "max": "double",
        "achieved": "double", "error": "double", "price": "double", "second_sum": "double",
        "binding": "bool", "mode": "string",
    }  # fmt: skip
    assert limits.num_rows == 1 + 1 + 2 + 3 + 1 + 3
    assert verify_result(path, out).problems == []


def test_price_is_what_one_more_unit_is_worth(folder: Folder) -> None:
    """Forty coupons worth 1, 2, ..., 40 and room for ten: one more is worth 30."""
    tables = {
        "offers": pa.table({"offer": [1]}),
        "candidates": pa.table(
            {"customer": np.arange(40), "offer": np.ones(40, int), "value": np.arange(1.0, 41.0)}
        ),
    }
    result = solve(folder(tables, customer_rule=[], limit=[{"name": "room", "max": 10}]))
    assert result.objective == sum(range(31, 41))
    row = result.limits.to_pylist()[0]
    assert 30 - 1e-6 <= row["price"] <= 31 + 1e-6 and row["binding"] is True
    wide = solve(folder(tables, customer_rule=[], limit=[{"name": "room", "max": 50}]))
    row = wide.limits.to_pylist()[0]
    assert row["price"] == 0 and row["binding"] is False


def test_files_of_an_infeasible_campaign(folder: Folder, tmp_path: Path) -> None:
    limits = [
        {"name": "few", "max": 10, "where": {"brand": ["A"]}},
        {"name": "many", "min": 15, "where": {"brand": ["A"], "channel": "mail"}},
        {"name": "innocent", "max": 100},
    ]
    path = folder(limit=limits, **RULES)
    result = solve(path)
    out = result.write(tmp_path / "out")
    assert sorted(file.name for file in out.iterdir()) == ["infeasible.json", "result.json"]
    claims = json.loads((out / "result.json").read_text())
    assert set(claims) >= RESULT_KEYS
    assert claims["status"] == "infeasible" and claims["objective"] is None
    conflict = json.loads((out / "infeasible.json").read_text())
    asked = {entry["limit"]: entry for entry in conflict["limits"]}
    assert set(asked) == {"few", "many"}
    assert asked["few"]["max"] == 10 and asked["few"]["reachable"] > 10
    assert asked["many"]["min"] == 15 and asked["many"]["reachable"] < 15
    assert verify_result(path, out).problems == []


def test_write_and_read_campaign(folder: Folder, tmp_path: Path) -> None:
    campaign = read_campaign(folder(more={"bounds": BOUNDS}, **FULL))
    again = read_campaign(write_campaign(campaign, tmp_path / "again"))
    assert again.name == campaign.name and again.value == campaign.value
    assert [rule.name for rule in again.rules] == ["slots", "rule 2", "mail"]
    assert [limit.name for limit in again.limits] == [limit.name for limit in campaign.limits]
    same(again.solve(), campaign.solve())


def test_write_and_read_a_campaign_made_in_python(tmp_path: Path) -> None:
    """Whatever Python types its rules and limits are made of."""
    tables = random_tables(strings=True)
    start = pa.array([datetime.date(2024, 5, 1 + n) for n in range(12)])
    tables["offers"] = replaced(tables["offers"], "start", start)
    campaign = Campaign(
        **{name: shuffled(table) for name, table in tables.items()},
        rules=[
            CustomerRule("slots", max=np.int64(3), min=1),
            CustomerRule(max=2.0, where={"tags": {"even"}}),
        ],
        limits=[
            Limit(max=np.float64(35.5), where={"brand": ("A", "B"), "supplier": np.int64(2)}),
            Limit("dates", max=70, where={"start": {"min": datetime.date(2024, 5, 4)}}),
            Limit("ratio", ratio=("value", "cost"), min=3),
            Limit("cents", sum="cost", max=0.1 + 0.2 + 3, customers={"age": {"max": 40}}),
            Limit("table", by="brand", table={"brand": ["A", "C"], "max": [25, None]}),
            Limit("soft", min=10**6, mode="soft", penalty=1e-5),
        ],
        value="weight",
        name='spring "24" \\ ü',
    )
    again = read_campaign(write_campaign(campaign, tmp_path / "campaign"))
    assert again.name == campaign.name
    same(again.solve(), campaign.solve())


def test_objective_is_exact_to_the_last_bits(folder: Folder) -> None:
    """Objective and achieved sums are of the values as given, not of their packed form."""
    tables = random_tables(customers=500)
    values = np.random.default_rng(5).lognormal(0, 3, 3000)
    tables["candidates"] = replaced(tables["candidates"], "value", values)
    result = solve(folder(tables, limit=[{"name": "cap", "sum": "value", "max": 9_000.0}], **RULES))
    given = math.fsum(result.allocation.to_arrow()["value"].to_pylist())
    assert set(result.allocation.to_arrow()["value"].to_pylist()) <= set(values.tolist())
    assert result.objective == pytest.approx(given, rel=1e-13)
    assert result.limits["achieved"].to_pylist() == [pytest.approx(given, rel=1e-13)]
