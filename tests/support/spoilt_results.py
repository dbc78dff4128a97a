"""Results that are written and then spoilt, one claim at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.support.campaigns import replaced


def change_json(out: Path, name: str = "result.json", **changes: Any) -> None:
    content = json.loads((out / name).read_text())
    content.update(changes)
    (out / name).write_text(json.dumps(content))


def change_number(key: str, by: float) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        change_json(out, **{key: json.loads((out / "result.json").read_text())[key] + by})

    return change


def without_key(key: str) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        content = json.loads((out / "result.json").read_text())
        del content[key]
        (out / "result.json").write_text(json.dumps(content))

    return change


def change_table(name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def apply(out: Path) -> None:
        table = pq.read_table(out / f"{name}.parquet")
        pq.write_table(change(table), out / f"{name}.parquet")

    return apply


def cell(name: str, column: str, row: int, value: Any) -> Callable[[Path], None]:
    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value(values[row]) if callable(value) else value
        return replaced(table, column, pa.array(values, table[column].type))

    return change_table(name, change)


def remove(name: str) -> Callable[[Path], None]:
    return lambda out: (out / name).unlink()
