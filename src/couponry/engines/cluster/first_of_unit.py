"""The first customer of each unit, found where rows are: by it units are brought together, and never cut.

Rows are cut into buckets by hashes of ids, and whoever asks puts the pieces of a bucket together. Three rounds: by
customer, to see who of the table customers has candidates; by unit, to find the first of those; and by customer again,
to tell every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FIRST = "first customer of the unit"
"""Column that rows get: what they are parted by."""

CUSTOMER = "customer"

SEEN = "has candidates"


def with_kinds(table: pa.Table, *names: str) -> pa.Table:
    """Take some columns, with ids as customers' order has them: whole numbers, or text.

    Parameters
    ----------
    table : pyarrow.Table
    *names : str

    Returns
    -------
    pyarrow.Table
    """
    return pa.table({name: plain(table[name]) for name in names})


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take values as a kind that does not depend on the part of the table that they are in.

    Parameters
    ----------
    column : pyarrow.ChunkedArray

    Returns
    -------
    pyarrow.ChunkedArray
        Whole numbers of int64, and text of large_string.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain(column.cast(kind.value_type))
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.large_string())
    return column


def cut_by(table: pa.Table, name: str, buckets: int) -> list[pa.Table]:
    """Cut rows into buckets by a column, the same value into the same bucket wherever it is.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
    buckets : int

    Returns
    -------
    list of pyarrow.Table
    """
    if buckets == 1:
        return [table]
    import pandas as pd

    hashed = pd.util.hash_pandas_object(plain(table[name]).to_pandas(), index=False)
    bucket = hashed.to_numpy() % np.uint64(buckets)
    return [table.filter(pa.array(bucket == number)) for number in range(buckets)]


def seen_of(candidates: pa.Table, buckets: int) -> list[pa.Table]:
    """List who has candidates, by bucket.

    Parameters
    ----------
    candidates : pyarrow.Table
        Some rows.
    buckets : int

    Returns
    -------
    list of pyarrow.Table
    """
    known = pc.unique(with_kinds(candidates, CUSTOMER)[CUSTOMER])
    return cut_by(pa.table({CUSTOMER: known.drop_null()}), CUSTOMER, buckets)


def members_of(customers: pa.Table, unit: str, buckets: int) -> list[pa.Table]:
    """List customers and their units, by bucket of the customer.

    Parameters
    ----------
    customers : pyarrow.Table
        Some rows.
    unit : str
        Column that says who is one unit.
    buckets : int

    Returns
    -------
    list of pyarrow.Table
    """
    found = with_kinds(customers, CUSTOMER, unit)
    if pa.types.is_large_string(found[unit].type):  # empty text says nothing, as null does
        said = pc.if_else(
            pc.equal(found[unit], ""), pa.scalar(None, pa.large_string()), found[unit]
        )
        found = found.set_column(1, unit, said)
    return cut_by(found.filter(pc.is_valid(found[CUSTOMER])), CUSTOMER, buckets)


def by_unit(unit: str, buckets: int, count: int, *pieces: pa.Table) -> list[pa.Table]:
    """Tell who of a bucket of customers has candidates, and cut them by unit.

    Parameters
    ----------
    unit : str
    buckets : int
    count : int
        How many of the pieces list who has candidates; the others are of `members_of`.
    *pieces : pyarrow.Table

    Returns
    -------
    list of pyarrow.Table
    """
    seen = pa.concat_tables(pieces[:count])[CUSTOMER].combine_chunks()
    members = pa.concat_tables(pieces[count:])
    flag = pc.is_in(members[CUSTOMER], value_set=seen.cast(members[CUSTOMER].type))
    return cut_by(members.append_column(SEEN, flag), unit, buckets)


def firsts(unit: str, buckets: int, *pieces: pa.Table) -> list[pa.Table]:
    """Find the first customer of each unit of a bucket, and cut its customers by themselves again.

    Parameters
    ----------
    unit : str
    buckets : int
    *pieces : pyarrow.Table
        Of `by_unit`.

    Returns
    -------
    list of pyarrow.Table
        Columns `customer` and `FIRST`; whoever is in no unit that has candidates is its own first.
    """
    members = pa.concat_tables(pieces).combine_chunks()
    counted = members.filter(pc.and_(members[SEEN], pc.is_valid(members[unit])))
    order = pc.sort_indices(counted[CUSTOMER])
    counted = counted.take(order)
    values = _one(counted[unit])
    known = pc.unique(values)
    place = pc.index_in(_one(members[unit]), value_set=known, skip_nulls=True)
    at = pc.index_in(known, value_set=values)  # of several the first, which has the least id
    first = _one(counted[CUSTOMER]).take(at).take(place)
    found = pc.coalesce(first, _one(members[CUSTOMER]))
    return cut_by(pa.table({CUSTOMER: members[CUSTOMER], FIRST: found}), CUSTOMER, buckets)


def told(table: pa.Table, *members: pa.Table) -> pa.Table:
    """Add the column to rows of a bucket.

    Parameters
    ----------
    table : pyarrow.Table
    *members : pyarrow.Table
        Of `firsts`, of the same bucket.

    Returns
    -------
    pyarrow.Table
        Of whom table customers does not know, the customer itself.
    """
    known = pa.concat_tables(members).combine_chunks()
    customer = _one(plain(table[CUSTOMER]))
    at = pc.index_in(customer, value_set=_one(known[CUSTOMER]).cast(customer.type))
    first = _one(known[FIRST]).take(at).cast(customer.type)
    return table.append_column(FIRST, pc.coalesce(first, customer))


def with_first_here(tables: Mapping[str, pa.Table], unit: str) -> dict[str, pa.Table]:
    """Do all of it with tables of this process.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        The first one has candidates.
    unit : str

    Returns
    -------
    dict of str to pyarrow.Table
    """
    candidates, *_ = tables.values()
    seen, members = seen_of(candidates, 1), members_of(tables["customers"], unit, 1)
    known = firsts(unit, 1, *by_unit(unit, 1, 1, *seen, *members))
    return {name: told(table, *known) for name, table in tables.items()}


def _one(column: Any) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
