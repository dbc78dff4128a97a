"""allocation.parquet: every coupon is a candidate, given once, and its columns are right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from .. import tables
from .claims import Claims
from .given import Given
from .rounding import ROUNDING, Floats, Integers

Pair = Callable[[int], str]  # a row of the allocation in words


def check_coupons(table: pa.Table, given: Given, claims: Claims) -> Integers:
    """Rows of the candidates that the allocation gives."""
    tables.require(table, "allocation", "customer", "offer")
    claims.check_count("allocated", table.num_rows)
    ids = {name: tables.ids(table, "allocation", name) for name in ("customer", "offer")}
    known = {"customer": given.customer_ids, "offer": given.offer_ids}
    for name in ids:
        if ids[name].type != known[name].type:
            claims.differs(f"allocation: column {name!r}", known[name].type, table[name].type)
    customer, offer = (tables.positions(ids[name], known[name]) for name in ids)

    def pair(row: int) -> str:
        return f"row {row}: " + ", ".join(f"{name} {ids[name][row].as_py()!r}" for name in ids)

    descents = np.flatnonzero(customer[1:] < customer[:-1])
    if len(descents):
        first = pair(1 + int(descents[0]))
        claims.note(f"allocation: not in order of customer, first at {first}")
    rows = given.rows(customer, offer)
    foreign = np.flatnonzero(rows < 0)
    if len(foreign):
        first = pair(int(foreign[0]))
        claims.note(f"allocation: {len(foreign):,} pairs are not candidates, first {first}")
    at = np.flatnonzero(rows >= 0)  # rows of the allocation that can be judged
    again = np.delete(at, np.unique(rows[at], return_index=True)[1])
    if len(again):
        first = pair(int(again[0]))
        claims.note(f"allocation: {len(again):,} coupons are given twice, first {first}")
    _check_columns(table, at, rows[at], given, claims, pair)
    return rows[at]


def _check_columns(
    table: pa.Table, at: Integers, rows: Integers, given: Given, claims: Claims, pair: Pair
) -> None:
    """value, response and cost of each coupon, those that exist or follow."""
    sources = {
        "value": ("value", "response"),
        "response": ("response",),
        "cost": ("cost", "issue_cost", "face_value"),
    }
    for name, any_of in sources.items():
        there = any(map(given.has, any_of))
        if there != (name in table.column_names):
            expected = "expected" if there else "did not expect"
            claims.note(f"allocation: {expected} a column {name!r}")
            continue
        if not there:
            continue
        claimed = _floats(table[name])
        if claimed is None:
            claims.differs(f"allocation: column {name!r}", "numbers", table[name].type)
            continue
        claimed, true = claimed[at], given.column(name, rows, "allocation")
        differ = np.flatnonzero(claimed != true)
        allowed = ROUNDING * given.size(name, rows[differ], "allocation")
        wrong = differ[~(np.abs(claimed[differ] - true[differ]) <= allowed)]
        if len(wrong):
            i = wrong[0]
            claims.differs(
                f"allocation: column {name!r} is wrong in {len(wrong):,} rows, first {pair(int(at[i]))}",
                true[i],
                claimed[i],
            )


def _floats(column: pa.ChunkedArray) -> Floats | None:
    """A column as float64, nulls as NaN; None where it does not hold numbers."""
    if not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
        return None
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), float)
