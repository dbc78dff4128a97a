"""limits.parquet: a right row for every limit and group; and no hard limit is broken."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from .. import tables
from .claims import Claims
from .measures import Measured
from .rounding import is_close

COLUMNS = ("name", "group", "sum", "min", "max", "achieved", "price", "binding", "mode")


def check_limits(measures: Sequence[Measured], claims: Claims) -> None:
    claims.true["limits"] = len(measures)
    table = claims.table("limits")
    if table is None:
        return
    tables.require(table, "limits", *COLUMNS)
    rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        rows.setdefault((row["name"], row["group"], row["sum"]), []).append(row)
    for measured in measures:
        what = f"limits: {measured.label}"
        same_name = rows.get(measured.key)
        if not same_name:
            claims.note(f"{what}: no row for it")
            continue
        for column, expected, got in _differences(measured, same_name.pop(0)):
            claims.differs(f"{what}: {column}", expected, got)
    for row in (row for left in rows.values() for row in left):
        claims.note(
            f"limits: limit {row['name']!r}, group {row['group']!r}: there is no such limit"
        )
    for measured in measures:
        if measured.mode == "hard" and measured.missed > measured.tolerance:
            bounds = f"[{measured.min}, {measured.max}]".replace("None", "…")
            claims.note(f"{measured.label}: {measured.achieved} is outside {bounds}")


def _differences(measured: Measured, row: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(column, expected, got) where a row does not say what was measured."""
    for column in ("min", "max", "mode"):
        if row[column] != getattr(measured, column):
            yield column, getattr(measured, column), row[column]
    if not is_close(row["achieved"], measured.achieved, measured.error):
        yield "achieved", measured.achieved, row["achieved"]
    price = row["price"]
    if price is None or not math.isfinite(price):
        yield "price", "a number", price
    elif row["binding"] is not (price != 0):
        yield "binding", f"{price != 0} at price {price}", row["binding"]
