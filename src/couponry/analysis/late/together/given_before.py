"""Coupons that late customers, or others of their units, have: rows beside those of candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....data import tables
from ....utils.errors import InvalidInput
from ....utils.table_types import Table

HELD = "given before"
"""Column of candidates that says which of them are coupons that customers have."""

GIVEN = "given"
"""What messages call the table."""


def with_given(
    candidates: Table, given: Table, columns: Sequence[str], summed: Mapping[str, str]
) -> pa.Table:
    """Put coupons that customers have beside candidates.

    Parameters
    ----------
    candidates : table
    given : table
        `customer` and `offer`, `role` where candidates have roles, and columns that customer rules sum.
    columns : sequence of str
        Of candidates, that are asked for.
    summed : mapping of str to str
        Columns of candidates that customer rules sum, and which rule does.

    Returns
    -------
    pyarrow.Table
        With a column `HELD`; numbers that nobody says of coupons that customers have are 0.

    Raises
    ------
    InvalidInput
        Where a column is missing, or a candidate was given before.
    """
    rows, had = tables.as_table(candidates, "candidates"), tables.as_table(given, GIVEN)
    tables.require(had, GIVEN, "customer", "offer")
    rows = rows.select([name for name in columns if name in rows.column_names])
    for name, label in summed.items():
        if name in rows.column_names and name not in had.column_names:
            raise InvalidInput(
                f"table {GIVEN}: expected a column {name!r}, which {label} sums, got none"
            )
    try:
        beside = {field.name: _column(had, field, field.name in summed) for field in rows.schema}
    except pa.ArrowException as error:
        raise InvalidInput(f"table {GIVEN}: expected ids as table candidates has them") from error
    held = [pa.array(np.zeros(len(rows))), pa.array(np.ones(len(had)))]
    return pa.concat_tables([rows, pa.table(beside)]).append_column(HELD, pa.chunked_array(held))


def _column(had: pa.Table, field: pa.Field, is_summed: bool) -> pa.ChunkedArray | pa.Array:
    """A column of coupons that customers have; numbers that nobody asks for are 0."""
    if field.name == "mandatory" or field.name not in had.column_names:
        if field.name in ("role", "mandatory"):
            return pa.nulls(len(had), field.type)
        return pa.repeat(pa.scalar(0, field.type), len(had))
    found = had[field.name].cast(field.type)
    if is_summed or field.name in ("customer", "offer", "role"):
        return found
    return pc.fill_null(found, pa.scalar(0, field.type))


def rows_of_unit(
    rows: Table, what: str, customers: pa.Table | None, unit: str, customer: Any
) -> pa.Table:
    """Take the rows of a customer and of others of its unit.

    Parameters
    ----------
    rows : table
        With `customer`.
    what : str
        What messages call it.
    customers : pyarrow.Table or None
        Who is in which unit; None, or without the column: nobody is, which whoever decides refuses.
    unit : str
        That column.
    customer : int or str

    Returns
    -------
    pyarrow.Table
    """
    table, members = tables.as_table(rows, what), pa.array([customer])
    if customers is not None and {"customer", unit} <= set(customers.column_names):
        own = customers.filter(pc.equal(customers["customer"], pa.scalar(customer)))
        if len(own) and own[unit][0].is_valid:
            members = customers.filter(pc.equal(customers[unit], own[unit][0]))["customer"]
    members = members.cast(table["customer"].type)
    return table.filter(pc.is_in(table["customer"], value_set=members))
