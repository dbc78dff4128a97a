"""limits.parquet: a right row for every limit and group; and no hard limit is broken."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

from ..data import tables
from .claims import Claims
from .measures import Measured
from .rounding import is_close

COLUMNS = ("name", "group", "sum", "min", "max", "achieved", "price", "binding", "mode")


def check_limits(measures: list[Measured], claims: Claims) -> None:
    claims.true["limits"] = len(measures)
    table = claims.table("limits")
    if table is None:
        return
    tables.require(table, "limits", *COLUMNS)
    rows = defaultdict(list)
    for row in table.to_pylist():
        rows[row["name"], row["group"], row["sum"]].append(row)
    for measured in measures:
        what = f"limits: {measured.label}"
        of_it = rows[measured.name, measured.group, measured.sum]
        if not of_it:
            claims.note(f"{what}: no row for it")
            continue
        for column, expected, got in _differences(measured, of_it.pop(0)):
            claims.differs(f"{what}: {column}", expected, got)
    for row in chain.from_iterable(rows.values()):
        what = f"limits: limit {row['name']!r}, group {row['group']!r}"
        claims.note(f"{what}: there is no such limit")
    for measured in measures:
        if measured.mode == "hard" and measured.missed > measured.tolerance:
            bounds = f"[{measured.min}, {measured.max}]".replace("None", "…")
            claims.note(f"{measured.label}: {measured.achieved} is outside {bounds}")


def _differences(measured: Measured, row: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(column, expected, got) where a row does not say what was measured."""
    for column in ("min", "max", "mode"):
        if row[column] != getattr(measured, column):
            yield column, getattr(measured, column), row[column]
    admitted = row.get("error") or 0.0
    if not 0 <= admitted <= measured.error + measured.packed:
        yield "error", f"at most {measured.error + measured.packed}", admitted
    elif not is_close(row["achieved"], measured.achieved, measured.error + admitted):
        yield "achieved", measured.achieved, row["achieved"]
    price = row["price"]
    if price is None or not math.isfinite(price):
        yield "price", "a number", price
    elif row["binding"] is not (price != 0):
        yield "binding", f"{price != 0} at price {price}", row["binding"]
