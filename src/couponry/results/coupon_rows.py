"""Where the rows of an allocation come from: made of a plan, or read from files, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..data import tables
from ..model.compiled_campaign import CompiledCampaign
from ..solver.plan import Plan
from ..utils.arrays.mapped_arrays import read_ahead, release_pages
from ..utils.errors import InvalidInput, first_line
from ..utils.parallel import parallel_map, worker_count

UNIT = b"couponry.unit"
"""Metadata of an allocation: the column of its units, by which it is ordered, and not by customer."""

READ_ROWS = 1 << 18
"""Rows that are read of a file at a time."""


class CouponRows(Protocol):
    """Where the rows of an allocation come from."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    @property
    def coupons(self) -> int:
        """How many rows there are."""

    @property
    def customers(self) -> int:
        """Customers with at least one coupon."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, a block at a time."""


class _BlockOfCoupons(NamedTuple):
    """The coupons of a block of customers, and how many of these have any."""

    coupons: pa.RecordBatch
    customers: int


class PlannedRows:
    """Rows made of the compact plan of the solver, anew each time, the same bits.

    Parameters
    ----------
    compiled : CompiledCampaign
        The campaign as it was solved.
    plan : Plan
        What the solver decided.
    """

    def __init__(self, compiled: CompiledCampaign, plan: Plan):
        self.compiled = compiled
        self.plan = plan
        self.offers = tables.ids(compiled.campaign.offers, "offers", "offer")
        self._customers: int | None = None
        self.schema = self._batch(np.zeros(0, np.int64)).schema

    @property
    def coupons(self) -> int:
        """How many rows there are."""
        return int(self.plan.usage[0][:, : len(self.compiled.items)].sum())

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Make the coupons of one block of customers after the other.

        Yields
        ------
        pyarrow.RecordBatch
            The coupons of a block, in order.
        """
        customers = 0
        for made in parallel_map(self._of_block, self.plan.blocks(), worker_count()):
            customers += made.customers
            yield made.coupons
        self._customers = customers

    def _of_block(self, block: tuple[int, int, NDArray[np.uint8]]) -> _BlockOfCoupons:
        """Make the coupons of a block of customers."""
        start, stop, chosen = block
        problem = self.compiled.problem
        begin, end = problem.shard.indptr[[start, stop]]
        positions = self.compiled.given(start, chosen)
        first, ends = self._ends(start, stop)
        count = _coupons_of_customers(ends, positions)
        touched = [array[begin:end] for array in (problem.shard.item, *problem.attributes)]
        read_ahead(*touched)
        coupons = self._batch(positions, first + np.repeat(np.arange(len(count)), count))
        release_pages(*touched, self.compiled.campaign.candidates.offer[begin:end])
        return _BlockOfCoupons(coupons, int(np.count_nonzero(count)))

    @property
    def customers(self) -> int:
        """Customers with at least one coupon; counted on the way of `batches`, or else in a pass at first use."""
        if self._customers is None:
            self._customers = 0
            for start, stop, chosen in self.plan.blocks():
                positions = self.compiled.given(start, chosen)
                count = _coupons_of_customers(self._ends(start, stop)[1], positions)
                self._customers += int(np.count_nonzero(count))
        return self._customers

    def _ends(self, start: int, stop: int) -> tuple[int, NDArray[np.int64]]:
        """The first customer of the units start <= u < stop, and where the candidates of each customer begin."""
        campaign = self.compiled.campaign
        if campaign.units is not None:
            start, stop = campaign.units.ptr[[start, stop]].tolist()
        return start, campaign.candidates.indptr[start : stop + 1]

    def _batch(
        self, positions: NDArray[np.int64], customer: NDArray[np.int64] | None = None
    ) -> pa.RecordBatch:
        """The coupons of the candidates at these positions."""
        batch = pa.record_batch(self.columns(positions, customer))
        units = self.compiled.campaign.units
        return batch if units is None else batch.replace_schema_metadata({UNIT: units.column})

    def columns(
        self, positions: NDArray[np.int64], customer: NDArray[np.int64] | None = None
    ) -> dict[str, Any]:
        """Make the columns of an allocation that has some candidates.

        Parameters
        ----------
        positions : ndarray of int64, shape (n_chosen,)
        customer : ndarray of int64, shape (n_chosen,), optional
            Numbers of their customers, where these are known. Default: they are looked up.

        Returns
        -------
        dict of str to array
            `customer` and `offer` as they came, and what the allocation states of each coupon.
        """
        candidates, units = self.compiled.campaign.candidates, self.compiled.campaign.units
        customer = candidates.customer_of(positions) if customer is None else customer
        columns: dict[str, Any] = {"customer": self._ids_of(customer)}
        if units is not None:
            columns[units.column] = units.names_of(customer)
        columns["offer"] = as_they_came(
            self.offers.take(pa.array(candidates.offer[positions])),
            self.compiled.campaign.offers.schema.field("offer").type,
        )
        names = self.compiled.campaign.coupon_columns()
        return columns | self.compiled.coupon_values(names, positions)

    def customers_of(self, positions: NDArray[np.int64]) -> pa.Array:
        """Say whose some candidates are.

        Parameters
        ----------
        positions : ndarray of int64, shape (n_chosen,)

        Returns
        -------
        pyarrow.Array
            As they came.
        """
        return self._ids_of(self.compiled.campaign.candidates.customer_of(positions))

    def _ids_of(self, customer: NDArray[np.int64]) -> pa.Array:
        """The ids of customers with these numbers, as they came."""
        campaign = self.compiled.campaign
        whose = campaign.candidates.customers.take(pa.array(customer))
        return as_they_came(whose, campaign.customer_type)


class SavedRows:
    """Rows in the Parquet file, or the folder of them, that an allocation was written to.

    Parameters
    ----------
    path : Path
        File or folder.
    coupons, customers : int
        How many rows there are, and of how many customers.

    Raises
    ------
    InvalidInput
        If it cannot be read, or has not that many rows.
    """

    def __init__(self, path: Path, coupons: int, customers: int):
        self.coupons, self.customers = coupons, customers
        self._path = path
        self._label = f"result folder {str(path.parent)!r}: {path.name}"
        self._files = sorted(path.glob("part-*.parquet")) if path.is_dir() else [path]
        with self._readable():
            if not self._files:
                raise InvalidInput("it has no files")
            files = [pq.ParquetFile(file) for file in self._files]
            self.schema: pa.Schema = files[0].schema_arrow
            rows = sum(file.metadata.num_rows for file in files)
            if rows != coupons:
                raise InvalidInput(f"expected {coupons:,} coupons, got {rows:,}")
        self._states = [_state(file) for file in self._files]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Read the rows, a block at a time.

        Yields
        ------
        pyarrow.RecordBatch
        """
        for path, state in zip(self._files, self._states, strict=True):
            with self._readable():
                file = pq.ParquetFile(path)
                if _state(path) != state:
                    raise InvalidInput("it was replaced since the result was read; read it again")
                parts = file.iter_batches(READ_ROWS)
            while True:
                with self._readable():
                    part = next(parts, None)
                if part is None:
                    break
                yield part

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say of what could not be read where it is."""
        try:
            yield
        except (OSError, pa.ArrowException, InvalidInput) as error:
            raise InvalidInput(f"{self._label}: {first_line(error)}") from error


def _state(file: Path) -> tuple[int, int, int]:
    """What changes whenever a file is written or replaced."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _coupons_of_customers(
    indptr: NDArray[np.int64], positions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many of some ascending positions each customer has, whose candidates begin and end at `indptr`."""
    return np.diff(np.searchsorted(positions, indptr))


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
