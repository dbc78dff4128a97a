"""allocation.parquet: every coupon is a candidate, given once, and its columns are right."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..data import tables
from ..utils.errors import InvalidInput
from .claims import Claims
from .inputs import Given
from .rounding import ROUNDING, Integers

SOURCES = {  # a column of the allocation, and the columns of the campaign that it is or follows from
    "value": ("value", "response"),
    "response": ("response",),
    "cost": ("cost", "issue_cost", "face_value"),
}


def check_coupons(table: pa.Table, given: Given, claims: Claims) -> Integers:
    """Rows of the candidates that the allocation gives."""
    tables.require(table, "allocation", "customer", "offer")
    claims.check("allocated", table.num_rows)
    ids = {name: tables.ids(table, "allocation", name) for name in ("customer", "offer")}
    known = {"customer": given.customer_ids, "offer": given.offer_ids}
    for name in ids:
        if ids[name].type != known[name].type:
            claims.differs(f"allocation: column {name!r}", known[name].type, table[name].type)
    customer, offer = (tables.positions(ids[name], known[name]) for name in ids)

    def note(problem: str, at: Integers, more: str = "") -> None:
        if len(at):
            pair = ", ".join(f"{name} {ids[name][int(at[0])].as_py()!r}" for name in ids)
            claims.note(f"allocation: {problem} row {at[0]}: {pair}{more}")

    note("not in order of customer, first at", 1 + np.flatnonzero(customer[1:] < customer[:-1]))
    rows = given.rows(customer, offer)
    foreign = np.flatnonzero(rows < 0)
    note(f"{len(foreign):,} pairs are not candidates, first", foreign)
    at = np.flatnonzero(rows >= 0)  # rows of the allocation that can be judged
    rows = rows[at]
    again = np.delete(at, np.unique(rows, return_index=True)[1])
    note(f"{len(again):,} coupons are given twice, first", again)
    for name, any_of in SOURCES.items():
        there = any(map(given.has, any_of))
        if there != (name in table.column_names):
            expected = "expected" if there else "did not expect"
            claims.note(f"allocation: {expected} a column {name!r}")
        if not there or name not in table.column_names:
            continue
        try:
            claimed = tables.numbers(table, "allocation", name, nullable=True)[at]
        except InvalidInput as error:
            claims.note(str(error))
            continue
        true = given.column(name, rows, "allocation")
        size = given.size(name, rows, "allocation")
        wrong = np.flatnonzero(~(np.abs(claimed - true) <= ROUNDING * size))
        if len(wrong):
            values = f": expected {true[wrong[0]]}, got {claimed[wrong[0]]}"
            note(f"column {name!r} is wrong in {len(wrong):,} rows, first", at[wrong], values)
    return rows
