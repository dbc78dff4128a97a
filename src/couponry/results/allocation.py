"""`Allocation`: the coupons given, made block by block from a plan."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..data import tables
from ..model.compiled_campaign import CompiledCampaign
from ..solver.plan import Plan
from ..utils.arrays.mapped_arrays import read_ahead, release_pages

PART_ROWS = 1 << 24
"""Rows of a Parquet file, about; an allocation with more is written as a folder of files."""


class Allocation:
    """The coupons given, one row each; `Result.allocation`.

    Rows have customer, offer, and those of value, response and cost that exist. They are ordered by customer, then by
    offer, with ids as they came. Nothing is held but the compact plan of the solver: `batches` makes the rows anew each
    time, the same bits. The allocation speaks the Arrow stream protocol, so whatever takes Arrow takes it.

    Parameters
    ----------
    compiled : CompiledCampaign
        The campaign as it was solved.
    plan : Plan
        What the solver decided, in its compact form.

    Attributes
    ----------
    schema : pyarrow.Schema
        Names and types of the columns.

    Examples
    --------
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> result = couponry.Campaign(offers, candidates).solve()
    >>> len(result.allocation)
    3
    >>> result.allocation.to_arrow()["offer"].to_pylist()
    ['jam', 'tea', 'tea']
    """

    def __init__(self, compiled: CompiledCampaign, plan: Plan):
        self._compiled = compiled
        self._plan = plan
        self._offers = tables.ids(compiled.campaign.offers, "offers", "offer")
        self._table: pa.Table | None = None
        self._customers: int | None = None
        self.schema = self._batch(np.zeros(0, np.int64)).schema

    def __len__(self) -> int:
        return self._plan.coupons

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Make the coupons of one block of customers after the other.

        Yields
        ------
        pyarrow.RecordBatch
            The coupons of a block, in order.
        """
        problem = self._compiled.problem
        customers = 0
        for start, stop, chosen in self._plan.blocks():
            begin, end = problem.shard.indptr[[start, stop]]
            positions = begin + np.flatnonzero(chosen.view(bool))
            customers += _distinct_customers(problem.shard.indptr[start : stop + 1], positions)
            touched = [array[begin:end] for array in (problem.shard.item, *problem.attributes)]
            read_ahead(*touched)
            yield self._batch(positions)
            release_pages(*touched, self._compiled.campaign.candidates.offer[begin:end])
        self._customers = customers

    @property
    def customers(self) -> int:
        """Customers with at least one coupon; counted on the way of `batches`, or else in a pass at first use."""
        if self._customers is None:
            indptr = self._compiled.problem.shard.indptr
            self._customers = sum(
                _distinct_customers(
                    indptr[start : stop + 1], indptr[start] + np.flatnonzero(chosen.view(bool))
                )
                for start, stop, chosen in self._plan.blocks()
            )
        return self._customers

    def to_arrow(self) -> pa.Table:
        """Return all coupons as a table in memory, made at first use and kept.

        Returns
        -------
        pyarrow.Table
            One row for each coupon.
        """
        if self._table is None:
            self._table = pa.Table.from_batches(self.batches(), self.schema).combine_chunks()
        return self._table

    def to_pandas(self) -> Any:
        """Return all coupons as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row for each coupon.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """Return all coupons as a Polars DataFrame.

        Returns
        -------
        polars.DataFrame
            One row for each coupon.

        Raises
        ------
        ImportError
            If Polars is not installed.
        """
        return as_polars(self.to_arrow(), "Allocation")

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def __getattr__(self, name: str) -> Any:
        """Deprecated: what only a `pyarrow.Table` has, which `Result.allocation` once was."""
        if name.startswith("_") or not hasattr(pa.Table, name):
            raise AttributeError(f"Allocation has no attribute {name!r}")
        _warn_of_table(f".{name}")
        return getattr(self.to_arrow(), name)

    def __getitem__(self, key: Any) -> Any:
        """Deprecated: a column, which `Result.allocation` once gave as a `pyarrow.Table`."""
        _warn_of_table(f"[{key!r}]")
        return self.to_arrow()[key]

    def write(self, path: Path) -> None:
        """Write a Parquet file, or a folder of them if there are more than 16 million coupons.

        Parameters
        ----------
        path : Path
            File or folder, which must not exist.
        """
        if len(self) <= PART_ROWS:
            pq.write_table(self.to_arrow(), path)
            return
        path.mkdir()
        batches = self.batches()
        batch = next(batches, None)
        part = 0
        while batch is not None:
            rows = 0
            with pq.ParquetWriter(path / f"part-{part:05}.parquet", self.schema) as writer:
                while batch is not None and rows < PART_ROWS:
                    writer.write_batch(batch)
                    rows += batch.num_rows
                    batch = next(batches, None)
            part += 1

    def _batch(self, positions: NDArray[np.int64]) -> pa.RecordBatch:
        """The coupons of the candidates at these positions."""
        candidates = self._compiled.campaign.candidates
        customer = self._compiled.problem.customer_of(positions)
        columns: dict[str, Any] = {
            "customer": as_they_came(
                candidates.customers.take(pa.array(customer)), self._compiled.campaign.customer_type
            ),
            "offer": as_they_came(
                self._offers.take(pa.array(candidates.offer[positions])),
                self._compiled.campaign.offers.schema.field("offer").type,
            ),
        }
        for name in self._compiled.campaign.coupon_columns():
            columns[name] = self._compiled.coupon_values(name, positions)
        return pa.record_batch(columns)


def _distinct_customers(indptr: NDArray[np.int64], positions: NDArray[np.int64]) -> int:
    """How many customers, whose candidates begin and end at `indptr`, have any of some ascending positions."""
    ends = np.searchsorted(positions, indptr)
    return int((ends[1:] > ends[:-1]).sum())


def as_polars(table: pa.Table, of: str) -> Any:
    """Turn a table into a Polars DataFrame.

    Parameters
    ----------
    table : pyarrow.Table
    of : str
        The class whose `to_polars` asks, for messages.

    Returns
    -------
    polars.DataFrame

    Raises
    ------
    ImportError
        If Polars is not installed.
    """
    try:
        import polars
    except ImportError:
        raise ImportError(f"{of}.to_polars needs Polars: pip install polars") from None
    return polars.from_arrow(table)


def as_they_came(ids: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast ids to the integer type that they came in, or to text with 32-bit offsets, which most readers expect.

    Parameters
    ----------
    ids : pyarrow.Array
    kind : pyarrow.DataType
        Type of the column that they came in.

    Returns
    -------
    pyarrow.Array
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return ids.cast(kind if pa.types.is_integer(kind) else pa.string())


def _warn_of_table(use: str) -> None:
    """Warn of a use of the allocation as the table that it once was."""
    warnings.warn(
        f"Result.allocation{use}: it is an Allocation now; use Result.allocation.to_arrow(){use}",
        DeprecationWarning,
        stacklevel=3,
    )
