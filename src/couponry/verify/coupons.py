"""Checks allocation.parquet: every coupon is a candidate, allocated once, and its columns are right."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..data import tables
from ..utils.errors import InvalidInput
from .claims import Claims
from .inputs import Inputs
from .rounding import ROUNDING, Integers

SOURCES = {
    "value": ("value", "response"),
    "response": ("response",),
    "cost": ("cost", "issue_cost", "face_value"),
}
"""Columns of the allocation, and the columns of the campaign that each is equal to or follows from."""


class _Pairs:
    """The pairs of customer and offer in an allocation, with ids for messages."""

    def __init__(self, table: pa.Table, inputs: Inputs, claims: Claims):
        self._claims = claims
        self._ids = {name: tables.ids(table, "allocation", name) for name in ("customer", "offer")}
        known = {"customer": inputs.customer_ids, "offer": inputs.offer_ids}
        for name, ids in self._ids.items():
            if ids.type != known[name].type:
                claims.differs(f"allocation: column {name!r}", known[name].type, table[name].type)
        self.customer, self.offer = (
            tables.positions(ids, known[name]) for name, ids in self._ids.items()
        )

    def note(self, problem: str, at: Integers, more: str = "") -> None:
        """Note a problem of some rows, with the ids in the first one."""
        if len(at):
            row = int(at[0])
            pair = ", ".join(f"{name} {ids[row].as_py()!r}" for name, ids in self._ids.items())
            self._claims.note(f"allocation: {problem} row {row}: {pair}{more}")


def check_coupons(table: pa.Table, inputs: Inputs, claims: Claims) -> Integers:
    """Check the allocation, and look its coupons up among the candidates.

    Parameters
    ----------
    table : pyarrow.Table
        The allocation.
    inputs : Inputs
    claims : Claims

    Returns
    -------
    ndarray of int64, shape (n_allocated,)
        Rows of the allocated candidates; coupons that are not candidates are left out.
    """
    tables.require(table, "allocation", "customer", "offer")
    claims.check("allocated", table.num_rows)
    pairs = _Pairs(table, inputs, claims)
    unordered = 1 + np.flatnonzero(pairs.customer[1:] < pairs.customer[:-1])
    pairs.note("not in order of customer, first at", unordered)
    rows = inputs.rows(pairs.customer, pairs.offer)
    foreign = np.flatnonzero(rows < 0)
    pairs.note(f"{len(foreign):,} pairs are not candidates, first", foreign)
    at = np.flatnonzero(rows >= 0)  # rows of the allocation that can be judged
    rows = rows[at]
    again = np.delete(at, np.unique(rows, return_index=True)[1])
    pairs.note(f"{len(again):,} coupons are given twice, first", again)
    for name, any_of in SOURCES.items():
        there = any(map(inputs.has, any_of))
        if there != (name in table.column_names):
            expected = "expected" if there else "did not expect"
            claims.note(f"allocation: {expected} a column {name!r}")
        if there and name in table.column_names:
            _check_column(name, table, at, rows, inputs, pairs, claims)
    return rows


def _check_column(
    name: str,
    table: pa.Table,
    at: Integers,
    rows: Integers,
    inputs: Inputs,
    pairs: _Pairs,
    claims: Claims,
) -> None:
    """Compare a column of the allocation, at some of its rows, with what the candidates in `rows` say."""
    try:
        claimed = tables.numbers(table, "allocation", name, nullable=True)[at]
    except InvalidInput as error:
        claims.note(str(error))
        return
    true = inputs.column(name, rows, "allocation")
    size = inputs.size(name, rows, "allocation")
    wrong = np.flatnonzero(~(np.abs(claimed - true) <= ROUNDING * size))
    if len(wrong):
        values = f": expected {true[wrong[0]]}, got {claimed[wrong[0]]}"
        pairs.note(f"column {name!r} is wrong in {len(wrong):,} rows, first", at[wrong], values)
