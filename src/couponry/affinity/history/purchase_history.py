"""PurchaseHistory: who bought what, how often and how lately, by customer; a later week is added, not recomputed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...kernels.affinity_contract import Pairs
from ...utils.memory import parse_size
from ...utils.threads import thread_count
from .building.aggregated.aggregates import AggregateOptions, aggregate_tables
from .building.aggregated.from_aggregates import build_from_aggregates
from .building.duckdb_session import Resources
from .building.from_transactions import GroupingOptions, add_transactions, check_memory
from .building.transactions import ReadOptions, Transactions
from .decay import HALF_LIVES, checked_half_lives
from .history_arrays import HistoryArrays
from .history_folder import Built, Coverage, open_history
from .history_readings import HistoryReadings
from .periods import PERIODS_PER_WEEK, period_number


@dataclass(frozen=True)
class PurchaseHistory(HistoryReadings):
    """Purchases of customers by item, with decayed counts at several half-lives.

    An item is a product, or whatever products were mapped to. Build a history by `from_transactions` or
    `from_aggregates`, add later weeks by `update`, and open one that lies in a folder by `open`. Arrays are in memory
    or memory-mapped, and read only.

    Attributes
    ----------
    customers : pyarrow.Array, shape (n_customers,)
        Ids (int64 or large_string), ascending.
    items : pyarrow.Array, shape (n_items,)
        Ids (int64 or large_string), ascending.
    indptr : ndarray of int64, shape (n_customers + 1,)
        Pairs of customer i are ``indptr[i]:indptr[i + 1]``.
    item : ndarray of uint32, shape (n_pairs,)
        Item of each (customer, item) pair: positions in `items`, ascending for a customer.
    pairs : Pairs
        State of each pair: ``times`` (int32: periods in which the item was bought), ``first`` and ``last`` (int32:
        periods), ``discounted`` (int32: how many of the times at a discount), ``spend`` (int64: hundredths of the
        currency), ``squared_gaps`` (int64: sum of the squared gaps between each time and the next, in periods),
        ``recent`` (uint64: bit k is set where one of the times is k periods before the last one), ``decay`` (float32,
        shape (n_pairs, n_half_lives): decayed count of the times, as of the last one). Discounted and spend are 0
        where the transactions did not say.
    trips : Pairs
        The same of each customer's purchases of anything, of length n_customers.
    half_lives : tuple of float
        In weeks.
    unit : {"day", "week"}
        What a period is.
    start, until : int
        First and last period that is covered.
    left_out : int
        Transactions that were left out because their quantity was not above 0.
    guests : int
        Transactions that were left out because they had no customer.

    Notes
    -----
    A pair counts a period once, however many transactions there were in it. Its decayed count follows the recursion
    ``decay = decay * factor[gap] + 1`` over the pair's own periods in ascending order, in float32; the bits of
    ``recent`` move up by the gap, and those that leave its 64 are forgotten. So a later week changes only the pairs
    that were bought in it, and the result is what the whole history at once would have given, bit for bit.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = pa.table({"customer": [1, 1, 2], "product": ["tea", "tea", "mug"], "week": [1, 3, 3]})
    >>> history = PurchaseHistory.from_transactions(rows, half_lives=[2.0])
    >>> history.items.to_pylist()
    ['mug', 'tea']
    >>> history.pairs.times.tolist()
    [2, 1]
    >>> history.decay(slice(None)).tolist()
    [[1.5], [1.0]]
    """

    customers: pa.Array
    items: pa.Array
    indptr: NDArray[np.int64]
    item: NDArray[np.uint32]
    pairs: Pairs
    trips: Pairs
    half_lives: tuple[float, ...]
    unit: str
    start: int
    until: int
    left_out: int = 0
    guests: int = 0

    @classmethod
    def from_transactions(
        cls,
        transactions: Any,
        *,
        columns: Mapping[str, str] | None = None,
        catalogue: Any = None,
        half_lives: Sequence[float] = HALF_LIVES,
        until: int | date | None = None,
        folder: str | Path | None = None,
        memory_limit: int | str | None = None,
        threads: int | None = None,
        timezone: str | None = None,
        null_customers: str = "refuse",
    ) -> PurchaseHistory:
        """Group transactions into a history, out of core.

        Parameters
        ----------
        transactions : path, table or stream of record batches
            A Parquet or CSV file, glob or folder; anything that speaks the Arrow stream protocol; or record batches.
            Columns: `customer` and `product` (integers or strings); one of `day` (whole numbers, dates or timestamps),
            `date` and `week` (whole numbers); and where they exist `quantity` (rows of 0 or less are returns, and left
            out), `spend` (money) and `discount` (any but 0: bought at a discount).
        columns : mapping of str to str, optional
            Names of the columns where they are others, such as ``{"customer": "household_id"}``.
        catalogue : table, optional
            Columns `product` and `item`: a product's purchases are those of each of its items, such as coupons that are
            good for it, or its brand. Products that the catalogue lacks count as trips alone.
        half_lives : sequence of float
            In weeks.
        until : int or date, optional
            Last period that the transactions cover; default: the last that is there.
        folder : str or pathlib.Path, optional
            Where the history is kept, memory-mapped; default: in memory. The folder appears whole or not at all.
        memory_limit : int or str, optional
            What grouping may take before it goes to disk: bytes, or text such as "8GiB". What cannot fit is refused.
        threads : int, optional
            Default: all that may be used.
        timezone : str, optional
            The shop's, such as "Europe/Berlin": timestamps with a zone are days there. Default: days in UTC.
        null_customers : {"refuse", "skip"}
            Whether rows without a customer, such as those of guests, are left out and counted (`guests`).

        Returns
        -------
        PurchaseHistory
            The same bits for any order of the rows and any number of threads.

        Raises
        ------
        InvalidInput, ImportError
            If a table is not as described or a history would not fit; if ids of customers are text, do not fit into
            memory, and DuckDB (``couponry[affinity]``), which puts them into order on disk, is missing.
        """
        read = Transactions.open(transactions, columns, ReadOptions(timezone, null_customers))
        memory = parse_size(memory_limit, "memory_limit")
        if folder is None and memory is not None:
            check_memory(read, memory, len(half_lives))
        options = GroupingOptions(catalogue, period_number(until, read.unit), memory, threads)
        return group_transactions(read, options, half_lives, folder)

    @classmethod
    def from_aggregates(
        cls,
        rows: Any,
        *,
        unit: str,
        trips: Any = None,
        columns: Mapping[str, str] | None = None,
        half_lives: Sequence[float] = HALF_LIVES,
        as_of: str = "last",
        start: int | None = None,
        until: int | None = None,
        folder: str | Path | None = None,
        memory_limit: int | str | None = None,
        threads: int | None = None,
    ) -> PurchaseHistory:
        """Build a history from purchases that were aggregated elsewhere.

        Parameters
        ----------
        rows : path, table or stream of record batches
            One row per `customer` and `product`: `times`, in how many periods it was bought; `last`, when last; and
            where they exist `first`, `discounted` (in how many of them at a discount), `spend`, `squared_gaps`,
            `recent` (uint64, or the same bits as int64), and decayed counts `decay_4`, `decay_16`, ... by half-life in
            weeks. Of these last three, those that are not there are those of purchases that lie evenly from first to
            last. Rows in order are taken as they come; others are ordered by DuckDB, on disk at `memory_limit`.
        unit : {"day", "week"}
            What a period is; days are whole numbers or dates.
        trips : path, table or stream of record batches, optional
            The same of each customer's purchases of anything, without `product`. Default: a customer comes as often
            as its most bought item is bought.
        columns, half_lives : optional
            As for `from_transactions`.
        as_of : {"last", "until"}
            Whether decayed counts are as of each row's `last`, or as of the period `until`.
        start, until : int, optional
            First and last period that are covered; default: those that are there.
        folder, memory_limit, threads : optional
            As for `from_transactions`.

        Returns
        -------
        PurchaseHistory
            What `aggregates` gives comes back bit for bit.

        Raises
        ------
        InvalidInput
            If a table or an argument is not as described.
        ImportError
            If rows have to be ordered and DuckDB is not installed.

        See Also
        --------
        aggregates : Tables of a history in the form that is read here.
        """
        weeks = checked_half_lives(half_lives)
        memory = parse_size(memory_limit, "memory_limit")
        options = AggregateOptions(unit, columns, weeks, as_of, start, until)
        resources = Resources(memory, thread_count(threads), None)
        return _assemble(build_from_aggregates(rows, trips, options, resources, folder))

    @classmethod
    def open(cls, folder: str | Path) -> PurchaseHistory:
        """Open a history that lies in a folder, memory-mapped.

        Parameters
        ----------
        folder : str or pathlib.Path
            A folder that `from_transactions`, `from_aggregates` or `update` wrote.

        Returns
        -------
        PurchaseHistory
            Its arrays are read from the files when they are used.

        Raises
        ------
        InvalidInput
            If the folder holds no history.
        """
        return _assemble(open_history(folder))

    def update(
        self,
        transactions: Any,
        *,
        columns: Mapping[str, str] | None = None,
        catalogue: Any = None,
        until: int | date | None = None,
        folder: str | Path | None = None,
        memory_limit: int | str | None = None,
        threads: int | None = None,
        timezone: str | None = None,
        null_customers: str = "refuse",
    ) -> PurchaseHistory:
        """Add later transactions: exactly what all of them at once would have given.

        Parameters
        ----------
        transactions : path, table or stream of record batches
            As for `from_transactions`; all later than `until` of this history.
        columns, catalogue, until : optional
            As for `from_transactions`.
        folder : str or pathlib.Path, optional
            Where the new history is kept: another folder, or that of this history, which is replaced. Default: in
            memory.
        memory_limit, threads, timezone, null_customers : optional
            As for `from_transactions`.

        Returns
        -------
        PurchaseHistory
            A new history; this one stays as it is.

        Raises
        ------
        InvalidInput
            If transactions are not all later than `until`, or do not go with the history's ids or unit; or if the
            folder holds another history than this one, as after an update by somebody else.
        """
        read = Transactions.open(transactions, columns, ReadOptions(timezone, null_customers))
        memory = parse_size(memory_limit, "memory_limit")
        options = GroupingOptions(catalogue, period_number(until, read.unit), memory, threads)
        covered = Coverage(*(getattr(self, field.name) for field in fields(Coverage)))
        return _assemble(add_transactions(self._arrays, covered, read, options, folder))

    def aggregates(self) -> tuple[pa.Table, pa.Table]:
        """List the pairs and the trips as tables that `from_aggregates` takes.

        Returns
        -------
        pairs : pyarrow.Table
            Columns customer, product, times, first, last, discounted, spend, squared_gaps, recent, and decay_... by
            half-life; in memory.
        trips : pyarrow.Table
            The same without product.
        """
        return aggregate_tables(self._arrays, self.half_lives)

    @property
    def _arrays(self) -> HistoryArrays:
        return HistoryArrays(
            self.customers, self.items, self.indptr, self.item, self.pairs, self.trips
        )

    def __len__(self) -> int:
        """Return the number of (customer, item) pairs."""
        return len(self.item)

    @property
    def periods_a_week(self) -> int:
        """Periods in a week: 7 where a period is a day, else 1."""
        return PERIODS_PER_WEEK[self.unit]


def group_transactions(
    transactions: Transactions,
    options: GroupingOptions,
    half_lives: Sequence[float],
    folder: str | Path | None,
) -> PurchaseHistory:
    """Build a history from transactions that are checked while they are read.

    Parameters
    ----------
    transactions : Transactions
    options : GroupingOptions
    half_lives : sequence of float
        In weeks.
    folder : str or pathlib.Path, optional
        Where the history is kept; None: in memory.

    Returns
    -------
    PurchaseHistory
    """
    nothing = Coverage(checked_half_lives(half_lives))
    empty = HistoryArrays.empty(len(nothing.half_lives))
    return _assemble(add_transactions(empty, nothing, transactions, options, folder))


def _assemble(built: Built) -> PurchaseHistory:
    """Put arrays and what they cover together."""
    arrays, covered = built
    return PurchaseHistory(**vars(arrays), **vars(covered))
