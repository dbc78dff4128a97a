"""Small campaign folders with nothing wrong, drawn at random, to be spoilt (`folder_faults.py`) and written."""

from __future__ import annotations

import copy
import datetime
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from tests.support.campaigns import Tables, random_tables
from tests.support.odd_values import Random, toml

PURCHASES = 60


def _purchases() -> pa.Table:
    """What some customers of the campaign have bought."""
    random = np.random.default_rng(1)
    week = random.integers(1, 21, PURCHASES)
    return pa.table(
        {
            "customer": 1000 + 7 * random.integers(0, 8, PURCHASES),
            "product": [f"p{n}" for n in random.integers(0, 4, PURCHASES)],
            "week": week,
            "day": [datetime.date(2024, 1, 1) + datetime.timedelta(7 * int(n)) for n in week],
            "quantity": random.integers(0, 4, PURCHASES),
            "spend": random.uniform(0, 9, PURCHASES).round(2),
            "discount": random.choice([0.0, 0.2], PURCHASES),
        }
    )


GOOD_TABLES = {
    **random_tables(customers=8, offers=6, each=3),
    "transactions": _purchases(),
    "covers": pa.table({"offer": [50, 53, 56, 59, 62, 65], "product": ["p0", "p1", "p2", "p0", "p1", "p3"]}),
    "products": pa.table({"product": ["p0", "p1", "p2", "p3"], "category": ["tea", "tea", "mugs", None]}),
    "history": pa.table({"customer": [1000, 1007, 1], "offer": [50, 53, 50], "day": [1, 2, None]}),
    "bounds": pa.table({"supplier": [0, 1, 3], "min": [None, 1.0, 0.0], "max": [9.0, None, 4.0]}),
    "conflicts": pa.table({"offer_a": [50, 53], "offer_b": [56, 59]}),
}  # fmt: skip
OF_RULES = ("bounds", "conflicts")
"""Tables that rules and limits name."""

RULES: tuple[dict[str, Any], ...] = (
    {"name": "slots", "max": 2},
    {"name": "some", "min": 1, "max": 3},
    {"name": "own", "max": "slots", "min": "least"},
    {"name": "per product", "by": "product", "max": 1},
    {"name": "tags", "by": "tags", "max": 2},
    {"name": "mail", "where": {"channel": ["mail"]}, "max": 1},
    {"name": "days", "where": {"day": {"min": 1, "max": 9}}, "max": 2},
    {"name": "rewards", "where": {"role": "reward"}, "max": 1},
    {"name": "apart", "conflicts": "conflicts.parquet"},
)
LIMITS: tuple[dict[str, Any], ...] = (
    {"name": "print run", "max": 6, "where": {"channel": "mail"}},
    {"name": "budget", "sum": "cost", "max": 1.0},
    {"name": "response", "sum": "response", "min": 0.2},
    {"name": "weight", "sum": "weight", "max": 9.0, "customers": {"segment": "gold"}},
    {"name": "suppliers", "by": "supplier", "table": "bounds.parquet"},
    {"name": "brands", "by": "brand", "sum": "points", "max": 30},
    {"name": "return", "ratio": ["value", "cost"], "min": 0.5},
    {"name": "soft return", "ratio": ["value", "weight"], "min": 2.0, "mode": "soft", "penalty": 0.1},
    {"name": "wish", "min": 9, "mode": "soft", "penalty": 0.2, "where": {"brand": ["A", "B"]}},
    {"name": "measured", "sum": "margin", "mode": "report"},
    {"name": "no way", "min": 100},
)  # fmt: skip


Parts = Callable[[pa.Table], list[tuple[str, pa.Table]]]
"""Cuts a table into the tables of several files, each with how its name ends."""


@dataclass
class OddFolder:
    """A campaign folder before it is written, and what is wrong with it."""

    random: Random
    tables: Tables
    spec: dict[str, Any]
    faults: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    after: list[Callable[[Path], None]] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Parts] = field(default_factory=dict)

    @classmethod
    def good(cls, random: Random) -> OddFolder:
        """A campaign with a table of candidates, and nothing wrong."""
        names = ["offers", "candidates", "customers"]
        if random.random() < 0.3:
            names.append("history")
        tables = {name: GOOD_TABLES[name] for name in (*names, *OF_RULES)}
        if random.random() < 0.2:
            tables["candidates"] = tables["candidates"].drop(["value"])
        return cls(random, tables, _spec(random, names, RULES, LIMITS))

    @classmethod
    def of_purchases(cls, random: Random) -> OddFolder:
        """A campaign whose candidates are made of purchases, and nothing wrong."""
        names = ["offers", "transactions"]
        more = ("covers", "products", "customers", "history")
        names += [name for name in more if random.random() < 0.5]
        tables = {name: GOOD_TABLES[name] for name in (*names, *OF_RULES)}
        rules = [rule for rule in RULES if "customers" in names or rule["name"] != "own"]
        limits = [limit for limit in LIMITS if "weight" not in repr(limit)]
        spec = _spec(random, names, rules, limits)
        when = str(random.choice(["week", "day", "date"]))
        told: dict[str, Any] = {
            "reward": 2,
            "activation": 1,
            "innovation": 2,
            "window": int(random.integers(1, 5)),
        }
        if "products" in names:
            told["kind"] = "category"
        if random.random() < 0.3:
            told["columns"] = {"customer": "household"}
        if random.random() < 0.3:
            told["response"] = {"intercept": -1.0, "p0": 0.8, "role=reward": 0.5}
            told["incremental"] = bool(random.random() < 0.5)
        spec["candidates"] = told
        kept = [name for name in tables["transactions"].column_names if name not in ("week", "day")]
        dated = tables["transactions"].select(["week" if when == "week" else "day", *kept])
        new = {"customer": told.get("columns", {}).get("customer", "customer"), "day": when}
        tables["transactions"] = dated.rename_columns([new.get(c, c) for c in dated.column_names])
        return cls(random, tables, spec)

    def pick(self, pool: Any) -> Any:
        """One of them."""
        pool = list(pool)
        return pool[self.random.integers(len(pool))]

    def write(self, folder: Path) -> None:
        """Write it, and do to the files what was decided."""
        folder.mkdir()
        for name, table in self.tables.items():
            rows = int(self.random.choice([3, 1000]))
            if name in self.parts:
                for ending, part in self.parts[name](table):
                    path = folder / f"{name}{ending}"
                    path.parent.mkdir(exist_ok=True)
                    write_table(part, path, rows)
            elif self.formats.get(name) == "csv":
                write_csv(table, folder / f"{name}.csv")
            elif table is GOOD_TABLES[name]:
                (folder / f"{name}.parquet").write_bytes(good_bytes(name, rows))
            else:
                write_table(table, folder / f"{name}.parquet", rows)
        (folder / "campaign.toml").write_bytes(toml(self.spec).encode("utf-8", "surrogatepass"))
        for spoil in self.after:
            spoil(folder)


def _spec(
    random: Random,
    names: list[str],
    rules: Sequence[dict[str, Any]],
    limits: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """A campaign.toml with these tables, and some of these rules and limits."""
    files = {name: f"{name}.parquet" for name in names}
    spec: dict[str, Any] = {"schema": 1, "name": "odd", "tables": files}
    for key, pool in (("customer_rule", rules), ("limit", limits)):
        chosen = random.choice(len(pool), int(random.integers(3)), replace=False)
        if len(chosen):
            spec[key] = [copy.deepcopy(pool[i]) for i in chosen]
    return spec


def write_table(table: pa.Table, path: Path, rows: int) -> None:
    """Write a table as the name of the file says, in row groups of so many rows."""
    if path.suffix == ".csv":
        write_csv(table, path)
    else:
        path.write_bytes(parquet_bytes(table, rows))


def parquet_bytes(table: pa.Table, rows: int) -> bytes:
    """A table as Parquet, `rows` to a row group; columns of types that Parquet does not have are left out."""
    while True:
        file = io.BytesIO()
        try:
            pq.write_table(table, file, row_group_size=rows)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError):
            table = table.select(range(table.num_columns - 1))
        else:
            return file.getvalue()


@cache
def good_bytes(name: str, rows: int) -> bytes:
    """A table without faults as Parquet."""
    return parquet_bytes(GOOD_TABLES[name], rows)


def write_csv(table: pa.Table, path: Path) -> None:
    """Write those columns that CSV can hold."""
    able = []
    for number in range(table.num_columns):
        try:
            pa.csv.write_csv(table.select([number]), io.BytesIO())
        except pa.ArrowException:
            continue
        able.append(number)
    pa.csv.write_csv(table.select(able), path)
