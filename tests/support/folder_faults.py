"""What is done to campaign folders at random: one or several faults each, all of them told by the case's number."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tests.support.campaigns import replaced
from tests.support.odd_columns import FLOATS, INTEGERS, odd_column
from tests.support.odd_folders import OF_RULES, OddFolder, Parts
from tests.support.odd_values import odd_key, odd_value, spoilt


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
    text = repr(odd.spec)
    return str(odd.pick([n for n in odd.tables if n not in OF_RULES or n in text]))


def _own_table(odd: OddFolder) -> str:
    """Some table that campaign.toml names under [tables]."""
    return str(odd.pick([name for name in odd.tables if name not in OF_RULES]))


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
    if not table.num_columns:
        return "columns: none"
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
    name = _own_table(odd)
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


def _parts(odd: OddFolder) -> str:
    name = _own_table(odd)
    what = odd.pick(["alike", "alike", "one empty", "other types", "a column missing", "a column more",
                     "a CSV file", "no text in one", "one is missing"])  # fmt: skip
    named = odd.pick(["list", "glob", "folder"])
    if isinstance(odd.spec.get("tables"), dict):
        odd.spec["tables"][name] = {
            "list": [f"{name}/{number}.parquet" for number in range(2)],
            "glob": f"{name}/*",
            "folder": name,
        }[named]
        if what == "a CSV file" and named == "list":
            odd.spec["tables"][name][1] = f"{name}/1.csv"
    odd.parts[name] = _cut(odd, what)
    return f"parts: {what}"


def _cut(odd: OddFolder, what: str) -> Parts:
    """Cuts a table into two files, of which the second may be another than the first."""

    def cut(table: pa.Table) -> list[tuple[str, pa.Table]]:
        if len(set(table.column_names)) < table.num_columns:
            return [("/0.parquet", table)]
        place = 0 if what == "one empty" else int(odd.random.integers(table.num_rows + 1))
        first, second = table.slice(0, place), table.slice(place)
        ending = ".csv" if what == "a CSV file" else ".parquet"
        name = odd.pick(table.column_names) if table.num_columns else None
        if what == "other types":
            second = pa.table({c: _of_another_type(second[c]) for c in second.column_names})
        elif what == "a column missing" and name is not None:
            second = second.drop([name])
        elif what == "a column more":
            second = replaced(second, "extra", pa.array(range(len(second)), pa.int64()))
        elif what == "no text in one" and name is not None:
            no_text = pa.array([b"\xff"] * len(second), pa.binary()).view(pa.string())
            second = replaced(second, name, no_text)
        parts = [("/0.parquet", first), (f"/1{ending}", second)]
        return parts[:1] if what == "one is missing" else parts

    return cut


def _of_another_type(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same values in another type, where they fit into it."""
    kind = column.type
    if pa.types.is_integer(kind):
        other: pa.DataType = pa.int32()
    elif pa.types.is_floating(kind):
        other = pa.float32()
    elif pa.types.is_string(kind):
        other = pa.large_string()
    else:
        return column
    try:
        return column.cast(other)
    except pa.ArrowInvalid:
        return column


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
    "parts": (1.5, _parts),
    "option": (1, _options),
}
"""Kinds of faults, each with how often it is tried beside the others."""

_WEIGHTS = np.array([weight for weight, _ in FAULTS.values()])


HARMLESS = {
    "rows: rows: shuffled",
    "columns: columns: as dictionary",
    "file: file: a folder of parts",
    "parts: parts: alike",
    "parts: parts: one empty",
}
"""Faults that are none: the campaign is the same."""


def good_folder(number: int) -> OddFolder:
    """The campaign folder of a case before anything is done to it."""
    random = np.random.default_rng(number)
    return (OddFolder.of_purchases if is_of_purchases(number) else OddFolder.good)(random)


def is_of_purchases(number: int) -> bool:
    """Whether candidates of a case are made of purchases: seldom, they take ten times as long."""
    return number % 40 == 39


def odd_folder(number: int) -> OddFolder:
    """The campaign folder of a case."""
    odd = good_folder(number)
    faults = odd.random.choice([0, 1, 1, 1, 1, 2, 3], p=np.array([1, 9, 9, 9, 9, 5, 3]) / 45)
    for _ in range(int(faults)):
        kind = list(FAULTS)[odd.random.choice(len(FAULTS), p=_WEIGHTS / _WEIGHTS.sum())]
        try:
            odd.faults.append(f"{kind}: {FAULTS[kind][1](odd)}")
        except (pa.ArrowException, KeyError, OverflowError, UnicodeDecodeError):
            odd.faults.append(f"{kind}: none, as earlier ones have left no such column")
    return odd
