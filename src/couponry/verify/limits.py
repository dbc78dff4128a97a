"""Checks limits.parquet: a right row for every limit and group, and no hard limit that is violated."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow as pa

from ..data import tables
from .claims import Claims
from .recomputed_limits import RecomputedLimit
from .rounding import ROUNDING, is_close

COLUMNS = ("name", "group", "sum", "min", "max", "achieved", "price", "binding", "mode")


def check_limits(limits: list[RecomputedLimit], table: pa.Table | None, claims: Claims) -> None:
    """Compare limits.parquet with the limits as recomputed, and note hard limits that are violated.

    Parameters
    ----------
    limits : list of RecomputedLimit
        What is true.
    table : pyarrow.Table or None
        What is claimed; None: nothing.
    claims : Claims
        Receives the problems found.
    """
    claims.true["limits"] = len(limits)
    if table is not None:
        _check_table(limits, table, claims)
    for limit in limits:
        if limit.mode == "hard" and limit.violation > limit.tolerance:
            bounds = f"[{limit.min}, {limit.max}]".replace("None", "…")
            claims.note(f"{limit.label}: {limit.achieved} is outside {bounds}")


def _check_table(limits: list[RecomputedLimit], table: pa.Table, claims: Claims) -> None:
    """Compare each row of limits.parquet with the limit that it is of."""
    rows = defaultdict(list)
    for row in table.to_pylist():
        rows[row["name"], row["group"], row["sum"]].append(row)
    for limit in limits:
        what = f"limits: {limit.label}"
        of_it = rows[limit.name, limit.group, limit.sum]
        if not of_it:
            claims.note(f"{what}: no row for it")
            continue
        for column, expected, got in _differences(limit, of_it.pop(0)):
            claims.differs(f"{what}: {column}", expected, got)
    for row in chain.from_iterable(rows.values()):
        what = f"limits: limit {row['name']!r}, group {row['group']!r}"
        claims.note(f"{what}: there is no such limit")


def claimed_limits(claims: Claims) -> pa.Table | None:
    """Read limits.parquet.

    Parameters
    ----------
    claims : Claims
        Receives a problem if it is missing.

    Returns
    -------
    pyarrow.Table or None
        None if there is none.
    """
    if not claims.is_result:
        return None
    table = claims.table("limits")
    if table is not None:
        tables.require(table, "limits", *COLUMNS)
    return table


def _differences(limit: RecomputedLimit, row: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield (column, expected, got) where a row does not say what was recomputed."""
    for column in ("min", "max", "mode"):
        if row[column] != getattr(limit, column):
            yield column, getattr(limit, column), row[column]
    admitted = row.get("error") or 0.0
    if not 0 <= admitted <= limit.error + limit.packed:
        yield "error", f"at most {limit.error + limit.packed}", admitted
    elif not is_close(row["achieved"], limit.achieved, limit.error + admitted):
        yield "achieved", limit.achieved, row["achieved"]
    second_error = limit.second_error if admitted else 0.0
    if "second_sum" in row and not is_close(row["second_sum"], limit.second_sum, second_error):
        yield "second_sum", limit.second_sum, row["second_sum"]
    price = row["price"]
    if price is None or not math.isfinite(price):
        yield "price", "a number", price
    elif "dual" in row and not _is_price(price, row["dual"], row.get("second_sum")):
        yield "dual", f"what price {price} comes from", row["dual"]
    binds = limit.binds(limit.packed + admitted)
    if binds is not None and row["binding"] is not binds:
        yield "binding", binds, row["binding"]


def _is_price(price: float, dual: Any, second: float | None) -> bool:
    """Whether a price is that of its row, for each unit of what is divided."""
    if not isinstance(dual, float) or not math.isfinite(dual):
        return False
    return is_close(price, dual if second is None else dual * second, ROUNDING * abs(price))
