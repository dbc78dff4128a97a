"""Rows of Dask's own tables, brought together by customers: what tasks do with partitions, and where parts are cut.

Each partition is cut where all others are, and each part is put together of its pieces. Plain tasks do it, which Dask
runs again where a worker is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import getitem
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..first_of_unit import CUSTOMER, by_unit, cut_by, firsts, members_of, seen_of, told
from ..work import answer_of, work, work_on_rows

SEEN_SHARE = 64
"""Of so many customers one is seen, by the hash of its id, to tell how many there are and where parts are cut."""


class MadeRows(NamedTuple):
    """A table whose rows workers make of shards.

    Attributes
    ----------
    task : bytes
        Of `work.packed_task`; it returns a table for each shard.
    shards : tuple of int
    schema : pyarrow.Schema
    """

    task: bytes
    shards: tuple[int, ...]
    schema: pa.Schema


def rows_of_shard(task: bytes, shard: int, threads: int) -> pa.Table:
    """Make the rows of a shard.

    Parameters
    ----------
    task : bytes
    shard : int
    threads : int

    Returns
    -------
    pyarrow.Table
    """
    [table] = answer_of(work(task, (shard,), threads))
    return table


def is_dask_table(table: Any) -> bool:
    """Tell whether a table is a DataFrame of Dask.

    Parameters
    ----------
    table : object

    Returns
    -------
    bool
    """
    return hasattr(table, "to_delayed") and hasattr(table, "npartitions")


def schema_of(table: Any) -> pa.Schema:
    """Tell the columns of a DataFrame of Dask by its first row.

    Parameters
    ----------
    table : dask.dataframe.DataFrame

    Returns
    -------
    pyarrow.Schema
    """
    found = pa.Schema.from_pandas(table.head(1, npartitions=-1), preserve_index=False)
    return found.remove_metadata()


def as_arrow(partition: Any, schema: pa.Schema) -> pa.Table:
    """Take a partition as a table of Arrow.

    Parameters
    ----------
    partition : pandas.DataFrame
    schema : pyarrow.Schema

    Returns
    -------
    pyarrow.Table
    """
    return pa.Table.from_pandas(partition, schema=schema, preserve_index=False)


def seen_customers(table: pa.Table, by: str) -> pa.Array:
    """Find a share of the customers of a partition, the same in every partition.

    Parameters
    ----------
    table : pyarrow.Table
    by : str
        Column that says who they are.

    Returns
    -------
    pyarrow.Array
        Each once.
    """
    import pandas as pd

    known = pc.unique(table[by]).drop_null()
    hashed = pd.util.hash_pandas_object(known.to_pandas(), index=False).to_numpy()
    return known.filter(pa.array(hashed % SEEN_SHARE == 0))


def edges_of(seen: Sequence[pa.Array], customers: int) -> NDArray[Any]:
    """Find where parts of about so many customers are cut.

    Parameters
    ----------
    seen : sequence of pyarrow.Array
        Of all partitions.
    customers : int
        Of a part.

    Returns
    -------
    ndarray of int64, or of str
        First customer of each part but the first, ascending.
    """
    kind = pa.large_string() if not pa.types.is_integer(seen[0].type) else pa.int64()
    known = pc.unique(pa.concat_arrays([one.cast(kind) for one in seen]))
    known = known.take(pc.sort_indices(known))
    parts = max(1, -(-SEEN_SHARE * len(known) // customers))
    at = np.unique(np.arange(1, parts) * len(known) // parts)
    return _values(known)[at[at > 0]]


def cut(table: pa.Table, edges: NDArray[Any], by: str) -> list[pa.Table]:
    """Cut the rows of a partition into those of each part.

    Parameters
    ----------
    table : pyarrow.Table
    edges : ndarray
        Of `edges_of`.
    by : str
        Column that says whose they are.

    Returns
    -------
    list of pyarrow.Table
    """
    column = table[by].combine_chunks()
    known = pc.is_valid(column).to_numpy(zero_copy_only=False)
    part = np.zeros(len(table), np.int64)  # who is null is told by whoever takes the rows
    part[known] = np.searchsorted(edges, _values(column.drop_null()), side="right")
    return [table.filter(pa.array(part == number)) for number in range(len(edges) + 1)]


def with_first(
    parts: Mapping[str, Sequence[Any]], unit: str, submit: Callable[..., Any]
) -> dict[str, list[Any]]:
    """Tell every row of partitions the first customer of its unit; see `first_of_unit`.

    Parameters
    ----------
    parts : mapping of str to sequence
        Partitions of each table, or futures of them; the first table has candidates.
    unit : str
    submit : callable
        Has a function called by a worker, and returns a future.

    Returns
    -------
    dict of str to list
        Futures of other partitions of the same rows.
    """
    candidates, *_ = parts.values()
    buckets = range(len(parts["customers"]))

    def of_bucket(cut_up: Sequence[Any], bucket: int) -> list[Any]:
        return [submit(getitem, one, bucket) for one in cut_up]

    n = len(buckets)
    seen = [submit(seen_of, one, n) for one in candidates]
    members = [submit(members_of, one, unit, n) for one in parts["customers"]]
    of_units = [
        submit(by_unit, unit, n, len(seen), *of_bucket(seen, b), *of_bucket(members, b))
        for b in buckets
    ]
    found = [submit(firsts, unit, n, *of_bucket(of_units, b)) for b in buckets]
    known = [of_bucket(found, b) for b in buckets]
    made: dict[str, list[Any]] = {}
    for name, some in parts.items():
        cut_up = [submit(cut_by, one, CUSTOMER, n) for one in some]
        made[name] = [
            submit(told, piece, *known[b]) for b in buckets for piece in of_bucket(cut_up, b)
        ]
    return made


def work_on_pieces(
    task: bytes, number: int, names: Sequence[str], threads: int, *pieces: pa.Table
) -> bytes:
    """Do a task with the pieces of a part.

    Parameters
    ----------
    task, number, threads
        As `work.work_on_rows` takes them.
    names : sequence of str
        Of the table of each piece.
    *pieces : pyarrow.Table

    Returns
    -------
    bytes
    """
    named = zip(names, pieces, strict=True)
    rows = ((name, batch) for name, piece in named for batch in piece.to_batches())
    return work_on_rows(task, number, rows, threads)


def _values(ids: pa.Array) -> NDArray[Any]:
    """Ids whose order is that of customers: whole numbers, or text by its characters, which is by its bytes."""
    if not pa.types.is_integer(ids.type):
        return np.array(ids.to_pylist(), object)
    numbers: NDArray[np.int64] = ids.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return numbers
