"""What tests of campaign folders share: solving one, comparing results, candidates as plain rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.support.campaigns import SLOTS, Tables

from couponry import Result, read_campaign

Folder = Callable[..., Path]
Row = dict[str, Any]
RULES: dict[str, Any] = {"customer_rule": [SLOTS]}


def solve(folder: Path, **options: Any) -> Result:
    """Read a campaign folder and solve it."""
    return read_campaign(folder).solve(**options)


def same(one: Result, other: Result) -> None:
    """Bit for bit the same allocation and limits."""
    assert one.allocation.to_arrow().equals(other.allocation.to_arrow())
    assert one.objective == other.objective and one.bound == other.bound
    assert one.limits.drop(["price"]).equals(other.limits.drop(["price"]))


def rows_of(tables: Tables) -> list[Row]:
    """Every candidate with all that is known of its offer and its customer, as plain dictionaries."""
    offers = {row["offer"]: row for row in tables["offers"].to_pylist()}
    customers = {row["customer"]: row for row in tables["customers"].to_pylist()}
    candidates = tables["candidates"].to_pylist()
    return [{**offers[c["offer"]], **customers[c["customer"]], **c} for c in candidates]


def pairs(rows: Iterable[Row]) -> list[tuple[Any, Any]]:
    """Customer and offer of each row."""
    return [(row["customer"], row["offer"]) for row in rows]
