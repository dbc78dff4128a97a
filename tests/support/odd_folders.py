"""Campaign folders that are spoilt at random: one or several faults each, all of them told by the case's number."""

from __future__ import annotations

import copy
import io
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from tests.support.campaigns import Tables, random_tables, replaced
from tests.support.odd_columns import FLOATS, INTEGERS, odd_column
from tests.support.odd_values import Random, odd_key, odd_value, spoilt, toml

GOOD_TABLES = {
    **random_tables(customers=8, offers=6, each=3),
    "history": pa.table({"customer": [1000, 1007, 1], "offer": [50, 53, 50], "day": [1, 2, None]}),
    "bounds": pa.table({"supplier": [0, 1, 3], "min": [None, 1.0, 0.0], "max": [9.0, None, 4.0]}),
    "conflicts": pa.table({"offer_a": [50, 53], "offer_b": [56, 59]}),
}

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

    @classmethod
    def good(cls, random: Random) -> OddFolder:
        """A campaign with nothing wrong."""
        tables = dict(GOOD_TABLES)
        names = {name: f"{name}.parquet" for name in ("offers", "candidates", "customers")}
        if random.random() < 0.3:
            names["history"] = "history.parquet"
        if random.random() < 0.2:
            tables["candidates"] = tables["candidates"].drop(["value"])
        spec: dict[str, Any] = {"schema": 1, "name": "odd", "tables": names}
        for key, pool in (("customer_rule", RULES), ("limit", LIMITS)):
            chosen = random.choice(len(pool), int(random.integers(3)), replace=False)
            spec[key] = [copy.deepcopy(pool[i]) for i in chosen]
            if not spec[key]:
                del spec[key]
        return cls(random, tables, spec)

    def pick(self, pool: Any) -> Any:
        """One of them."""
        pool = list(pool)
        return pool[self.random.integers(len(pool))]

    def write(self, folder: Path) -> None:
        """Write it, and do to the files what was decided."""
        folder.mkdir()
        for name, table in self.tables.items():
            path = folder / f"{name}.parquet"
            if self.formats.get(name) == "csv":
                write_csv(table, path.with_suffix(".csv"))
            else:
                rows = int(self.random.choice([3, 1000]))
                is_good = table is GOOD_TABLES.get(name)
                path.write_bytes(good_bytes(name, rows) if is_good else parquet_bytes(table, rows))
        (folder / "campaign.toml").write_bytes(toml(self.spec).encode("utf-8", "surrogatepass"))
        for spoil in self.after:
            spoil(folder)


def parquet_bytes(table: pa.Table, rows: int) -> bytes:
    """A table as Parquet, `rows` to a row group; columns of types that Parquet does not have are left out."""
    while True:
        file = io.BytesIO()
        try:
            pq.write_table(table, file, row_group_size=rows)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError):
            table = table.select(table.column_names[:-1])
        else:
            return file.getvalue()


@cache
def good_bytes(name: str, rows: int) -> bytes:
    """A table without faults as Parquet."""
    return parquet_bytes(GOOD_TABLES[name], rows)


def write_csv(table: pa.Table, path: Path) -> None:
    """Write those columns that CSV can hold."""
    for name in table.column_names:
        try:
            pa.csv.write_csv(table.select([name]), io.BytesIO())
        except pa.ArrowException:
            table = table.drop([name])
    pa.csv.write_csv(table, path)


# ---- faults


def _leaf(odd: OddFolder) -> tuple[Any, Any]:
    """Some mapping or list in the specification, and a key of it."""
    at: Any = odd.spec
    while True:
        key = odd.pick(at) if isinstance(at, dict) else int(odd.random.integers(len(at)))
        inner = at[key]
        if not isinstance(inner, (dict, list)) or not inner or odd.random.random() < 0.1:
            return at, key
        at = inner


def _toml_value(odd: OddFolder) -> str:
    at, key = _leaf(odd)
    at[key] = odd_value(odd.random)
    return "a value"


def _toml_key(odd: OddFolder) -> str:
    at, key = _leaf(odd)
    if not isinstance(at, dict):
        return "a value"
    what = odd.pick(["missing", "renamed", "misspelt"])
    value = at.pop(key)
    if what == "renamed":
        at[odd_key(odd.random)] = value
    elif what == "misspelt" and key:
        place = int(odd.random.integers(len(key)))
        at[key[:place] + key[place + 1 :]] = value
    return f"a key {what}"


def _toml_more(odd: OddFolder) -> str:
    section = odd.pick(["customer_rule", "limit", "tables", "objective", "candidates", ""])
    if section in ("customer_rule", "limit"):
        parts = odd.spec.setdefault(section, [{"name": "more", "max": 3}])
        part = odd.pick(parts) if isinstance(parts, list) and parts else None
    else:
        part = odd.spec.setdefault(section, {}) if section else odd.spec
    if isinstance(part, dict):
        part[odd_key(odd.random)] = odd_value(odd.random)
    return "a key more"


def _toml_bytes(odd: OddFolder) -> str:
    return _bytes_of(odd, "campaign.toml")


def _bytes_of(odd: OddFolder, name: str) -> str:
    way = [""]

    def spoil(folder: Path) -> None:
        path = folder / name
        if path.is_file():
            way[0], data = spoilt(path.read_bytes(), odd.random)
            path.write_bytes(data)

    odd.after.append(spoil)
    return "bytes"


def _table(odd: OddFolder) -> str:
    used = ["offers", "candidates", "customers"]
    text = repr(odd.spec)
    return str(
        odd.pick(used + [name for name in ("history", "bounds", "conflicts") if name in text])
    )


def _cell(odd: OddFolder) -> str:
    name = _table(odd)
    table = odd.tables[name]
    if not table.num_columns or not table.num_rows:
        return "a cell"
    column = odd.pick(table.column_names)
    values = table[column].to_pylist()
    row = int(odd.random.integers(len(values)))
    pool = FLOATS if pa.types.is_floating(table[column].type) else INTEGERS
    values[row] = odd.pick([None, *pool, values[0]])
    try:
        odd.tables[name] = replaced(table, column, pa.array(values, table[column].type))
    except (pa.ArrowException, OverflowError, TypeError):
        values[row] = None
        odd.tables[name] = replaced(table, column, pa.array(values, table[column].type))
    return "a cell"


def _column(odd: OddFolder) -> str:
    name = _table(odd)
    table = odd.tables[name]
    kind, values = odd_column(odd.random, table.num_rows)
    column = odd.pick([*table.column_names, "brand", "value", "cost", "extra"])
    odd.tables[name] = replaced(table, column, values)
    return f"a column of {kind}"


def _columns(odd: OddFolder) -> str:
    name = _table(odd)
    table = odd.tables[name]
    column = odd.pick(table.column_names)
    what = odd.pick(["missing", "renamed", "twice", "none", "as text", "as dictionary"])
    if what == "missing":
        odd.tables[name] = table.drop([column])
    elif what == "renamed":
        new = odd.pick([odd_key(odd.random), column + "s", column.upper()])
        odd.tables[name] = table.rename_columns(
            [new if c == column else c for c in table.column_names]
        )
    elif what == "twice":
        odd.tables[name] = table.append_column(column, table[odd.pick(table.column_names)])
    elif what == "none":
        odd.tables[name] = table.select([])
    elif not pa.types.is_nested(table[column].type):
        text = (
            table[column].cast(pa.string())
            if what == "as text"
            else table[column].dictionary_encode()
        )
        odd.tables[name] = replaced(table, column, text)
    return f"columns: {what}"


def _rows(odd: OddFolder) -> str:
    name = _table(odd)
    table = odd.tables[name]
    what = odd.pick(["none", "one", "some missing", "some twice", "shuffled"])
    n = table.num_rows
    order = odd.random.permutation(n)
    rows = {"none": order[:0], "one": order[:1], "some missing": order[: n // 2], "some twice": [*order, *order[:2]],
            "shuffled": order}[what]  # fmt: skip
    odd.tables[name] = table.take(pa.array(np.array(rows, np.int64)))
    return f"rows: {what}"


def _parquet_bytes(odd: OddFolder) -> str:
    return f"Parquet {_bytes_of(odd, f'{_table(odd)}.parquet')}"


def _csv(odd: OddFolder) -> str:
    name = odd.pick(["offers", "candidates", "customers"])
    odd.formats[name] = "csv"
    if isinstance(odd.spec.get("tables"), dict):
        odd.spec["tables"][name] = f"{name}.csv"
    what = odd.pick(["as it is", "bytes", "latin-1", "utf-16", "semicolons", "CRLF", "quoted", "no header", "ragged",
                     "blank lines", "open quote", "a long line"])  # fmt: skip

    def spoil(folder: Path) -> None:
        path = folder / f"{name}.csv"
        if not path.is_file():
            return
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines(keepends=True)
        changed: Any = {
            "latin-1": lambda: ("é" + text).encode("latin-1", "replace"),
            "utf-16": lambda: text.encode("utf-16"),
            "semicolons": lambda: text.replace(",", ";"),
            "CRLF": lambda: text.replace("\n", "\r\n"),
            "quoted": lambda: "\n".join(
                ",".join(f'"{c}"' for c in r.strip().split(",")) for r in lines
            ),
            "no header": lambda: "".join(lines[1:]),
            "ragged": lambda: text + "1,2\n",
            "blank lines": lambda: "\n\n".join(lines),
            "open quote": lambda: text.replace(",", ',"', 1),
            "a long line": lambda: text + "9" * 300_000 + "\n",
        }.get(what, lambda: text)()
        path.write_bytes(
            changed if isinstance(changed, bytes) else changed.encode("utf-8", "surrogatepass")
        )

    odd.after.append(spoil)
    return f"CSV {_bytes_of(odd, f'{name}.csv')}" if what == "bytes" else f"CSV {what}"


def _file(odd: OddFolder) -> str:
    name = odd.pick([f"{_table(odd)}.parquet", f"{_table(odd)}.parquet", "campaign.toml"])
    what = odd.pick(["missing", "empty", "a folder", "an empty folder", "a link to itself", "a link to nothing",
                     "a pipe", "a socket", "a device", "the folder itself",
                     "another table", "a folder of parts"])  # fmt: skip

    def spoil(folder: Path) -> None:
        path = folder / name
        if not path.is_file():
            return
        aside = folder / "aside"
        path.rename(aside)
        if what == "empty":
            path.write_bytes(b"")
        elif what in ("a folder", "an empty folder", "a folder of parts"):
            path.mkdir()
            if what == "a folder":
                (path / "notes.txt").write_text("mine")
            elif what == "a folder of parts":
                shutil.copy(aside, path / "part-0.parquet")
                (path / "_SUCCESS").write_text("")
        elif what == "a link to itself":
            path.symlink_to(path)
        elif what == "a link to nothing":
            path.symlink_to(folder / "nowhere")
        elif what == "a pipe":
            os.mkfifo(path)
        elif what == "a socket":
            here = os.getcwd()
            os.chdir(folder)  # names of sockets are short
            try:
                with socket.socket(socket.AF_UNIX) as made:
                    made.bind(name)
            finally:
                os.chdir(here)
        elif what == "a device":
            path.symlink_to(
                odd.pick(["/dev/zero", "/dev/null", "/dev/full", "/dev/tty", "/dev/urandom"])
            )
        elif what == "the folder itself":
            path.symlink_to(folder)
        elif what == "another table":
            other = folder / odd.pick(["offers.parquet", "bounds.parquet", "campaign.toml"])
            shutil.copy(other if other.is_file() else aside, path)

    odd.after.append(spoil)
    return f"file: {what}"


def _options(odd: OddFolder) -> str:
    option = odd.pick(["--gap", "--time-limit", "--threads", "--seed", "--backend", "--store", "--memory-limit",
                       "--checkpoint", "--start", "--fast"])  # fmt: skip
    value = odd.pick(["", "0", "1", "-1", "nan", "inf", "1e400", "9" * 400, "9" * 5000, "1e-300", "²", "1_000", " 1",
                      "0x10", "true", "native", "reference", "/dev/null", "/dev/zero", "/", "nowhere/x",
                      "x\x1by", "x" * 300,
                      "\udcff", "8GiB", "1k", "9" * 300 + "TiB", "1024", "1025"])  # fmt: skip
    odd.arguments += [option, value]
    return f"option {option}"


FAULTS: dict[str, tuple[float, Callable[[OddFolder], str]]] = {
    "campaign.toml value": (5, _toml_value),
    "campaign.toml key": (2, _toml_key),
    "campaign.toml more": (3, _toml_more),
    "campaign.toml bytes": (1, _toml_bytes),
    "cell": (3, _cell),
    "column": (6, _column),
    "columns": (2, _columns),
    "rows": (1, _rows),
    "Parquet": (3, _parquet_bytes),
    "CSV": (2, _csv),
    "file": (1, _file),
    "option": (1, _options),
}
"""Kinds of faults, each with how often it is tried beside the others."""

_WEIGHTS = np.array([weight for weight, _ in FAULTS.values()])


def odd_folder(number: int) -> OddFolder:
    """The campaign folder of a case."""
    random = np.random.default_rng(number)
    odd = OddFolder.good(random)
    for _ in range(
        int(random.choice([0, 1, 1, 1, 1, 2, 3], p=np.array([1, 9, 9, 9, 9, 5, 3]) / 45))
    ):
        kind = list(FAULTS)[random.choice(len(FAULTS), p=_WEIGHTS / _WEIGHTS.sum())]
        odd.faults.append(f"{kind}: {FAULTS[kind][1](odd)}")
    return odd
