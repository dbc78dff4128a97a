"""Candidates as tables with one row for each customer, whose candidates are bytes: what is cheap to bring elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data.arrow_columns import one_array
from ...data.candidates import Candidates
from ...data.earlier.previous_pairs import PREVIOUS
from ...data.ids import INTEGERS, as_ids
from ...engines.cluster.places import map_file
from ...model.campaign_data import CampaignData
from ...utils.arrays.array_store import Arrays
from .stated_customers import CUSTOMER, CUSTOMER_ENDS

ROLE, COLUMN = "role", "column "
"""Names of arrays: of roles, and what those of columns begin with."""

ROWS_IN_BATCH = 1 << 14
"""Customers in a batch, whose candidates are some megabytes."""


def schema_of_packed(campaign: CampaignData) -> pa.Schema:
    """Tell the columns of such tables.

    Parameters
    ----------
    campaign : CampaignData
        Stated without customers: what columns candidates have.

    Returns
    -------
    pyarrow.Schema
        Columns that every engine knows.
    """
    ids = pa.int64() if campaign.candidates.customers.type == INTEGERS else pa.string()
    return pa.schema({CUSTOMER: ids, **dict.fromkeys(_dtypes(campaign), pa.binary())})


@dataclass(frozen=True, eq=False)
class PackedRowsTask:
    """Read candidates of customers that were written, a file for each shard, as such tables.

    Attributes
    ----------
    folder : str
        A path or a URI.
    files : tuple of (str, str)
        Name and digest of each.
    schema : pyarrow.Schema
        Of `schema_of_packed`.
    """

    folder: str
    files: tuple[tuple[str, str], ...]
    schema: pa.Schema

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[pa.Table]:
        """See `engines.cluster.runner.Task`; a table of each shard."""
        return [self._table(number, threads) for number in shards]

    def _table(self, number: int, threads: int) -> pa.Table:
        arrays = map_file(self.folder, *self.files[number], threads, lambda name: True)
        return pa.Table.from_batches(packed(arrays, self.schema), self.schema)


def packed(arrays: Arrays, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Make a row of each customer.

    Parameters
    ----------
    arrays : dict of str to ndarray
        As `StatedCustomers.arrays` has them, of single customers.
    schema : pyarrow.Schema
        Of `schema_of_packed`.

    Yields
    ------
    pyarrow.RecordBatch
    """
    customers, indptr = as_ids(arrays[CUSTOMER], arrays.get(CUSTOMER_ENDS)), arrays["indptr"]
    for start in range(0, len(customers), ROWS_IN_BATCH):
        ptr = indptr[start : start + ROWS_IN_BATCH + 1]
        columns = [customers[start : start + len(ptr) - 1].cast(schema.field(CUSTOMER).type)]
        for name in schema.names[1:]:
            own = arrays[name][ptr[0] : ptr[-1]]
            ends = ((ptr - ptr[0]) * own.itemsize).astype(np.int32)
            buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(own))]
            columns.append(pa.Array.from_buffers(pa.binary(), len(ptr) - 1, buffers))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def unpacked(batches: Iterable[pa.RecordBatch], campaign: CampaignData) -> Candidates | None:
    """Take candidates out of rows of such tables, in any order.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
    campaign : CampaignData
        Stated without customers: what columns candidates have.

    Returns
    -------
    Candidates or None
        None where there are no rows.
    """
    dtypes = _dtypes(campaign)
    rows = list(batches)
    if not sum(map(len, rows)):
        return None
    ids = pa.field(CUSTOMER, campaign.candidates.customers.type)
    wide = pa.schema([ids, *(pa.field(name, pa.large_binary()) for name in dtypes)])
    table = pa.Table.from_batches(rows).select(wide.names).cast(wide).combine_chunks()
    table = table.take(pc.sort_indices(table[CUSTOMER]))
    found, indptr = dict[str, NDArray[Any]](), np.zeros(1, np.int64)
    for name, dtype in dtypes.items():
        column = one_array(table[name])
        _, ends, content = column.buffers()
        indptr = np.frombuffer(ends, np.int64)[: len(table) + 1] // dtype.itemsize
        found[name] = np.frombuffer(content, dtype)[: int(indptr[-1])]
    return Candidates(
        one_array(table[CUSTOMER]),
        indptr,
        found["offer"],
        found.get(ROLE),
        None,
        {name.removeprefix(COLUMN): own for name, own in found.items() if name.startswith(COLUMN)},
        notes=campaign.candidates.notes,
    )


def _dtypes(campaign: CampaignData) -> dict[str, np.dtype[Any]]:
    """Types of the arrays that have an entry for each candidate."""
    own = campaign.candidates
    roles = {} if own.role is None else {ROLE: own.role.dtype}
    columns = {COLUMN + name: own.columns[name].dtype for name in own.columns if name != PREVIOUS}
    return {"offer": own.offer.dtype, **roles, **columns}
