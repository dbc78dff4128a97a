"""From transactions to a fitted model and histories on a cluster: each worker has the transactions of some customers.

transactions ──▶ parts of customers ──▶ sample, periods ──▶ model (here) ──▶ histories of parts (on workers)

Sums over customers are of whole numbers, and the sample is the same for any order of the rows, so that the model is the
one that all transactions on one machine would give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..engines.cluster.places import map_file, write_file
from ..engines.cluster.runner import Runner
from ..engines.cluster.work import Rows
from ..utils.errors import InvalidInput
from .candidate_pipeline import left_out_notes
from .candidates.candidate_model import CandidateModel
from .history.building.from_transactions import GroupingOptions
from .history.building.transactions import ReadOptions, Transactions
from .history.customer_part import customers_at
from .history.customer_sample import CustomerSample, ShareOfCustomers, hash_ids
from .history.history_folder import Coverage
from .history.item_statistics import ItemStatistics, added_statistics
from .history.period_counts import PeriodCounts
from .history.purchase_history import PurchaseHistory, group_transactions
from .pipeline_fit import fitted, half_lives
from .targeting import Targeting

TRANSACTIONS = "transactions"


class KeptPart(NamedTuple):
    """The rows of some customers, as a worker has written them, and what it has seen of their transactions.

    Attributes
    ----------
    file : tuple of (str, str)
        Name and digest.
    periods : dict of int to int
        Transactions of each period, without returns.
    guests, left_out, too_late : int
        As `Transactions` counts them.
    """

    file: tuple[str, str]
    periods: dict[int, int]
    guests: int
    left_out: int
    too_late: int


@dataclass(frozen=True, eq=False)
class KeepRowsTask:
    """Write the rows of some customers as they are.

    Attributes
    ----------
    folder : str
        A path or a URI.
    schemas : dict of str to pyarrow.Schema
        Of the tables.
    targeting : Targeting
    """

    folder: str
    schemas: dict[str, pa.Schema]
    targeting: Targeting

    def __call__(self, number: int, rows: Iterator[Rows], threads: int) -> KeptPart | None:
        """Do it, in a worker; None where nobody has bought anything."""
        batches: dict[str, list[pa.RecordBatch]] = {name: [] for name in self.schemas}
        for name, batch in rows:
            batches[name].append(batch)
        tables = {
            name: pa.Table.from_batches(found).select(self.schemas[name].names)
            if found
            else self.schemas[name].empty_table()
            for name, found in batches.items()
        }
        if not tables[TRANSACTIONS].num_rows:
            return None
        read = opened(tables[TRANSACTIONS], self.targeting)
        counts = PeriodCounts(read.unit)
        for batch in read.batches():
            counts.add(batch)
        arrays = {name: _written(table) for name, table in tables.items()}
        file = write_file(self.folder, f"{number:06d}", arrays, threads)
        return KeptPart(file, counts.rows, read.guests, read.left_out, read.too_late)


def opened(table: pa.Table, targeting: Targeting) -> Transactions:
    """Look at transactions as a targeting reads them.

    Parameters
    ----------
    table : pyarrow.Table
    targeting : Targeting

    Returns
    -------
    Transactions
    """
    reading = ReadOptions(targeting.timezone, targeting.null_customers, targeting.until)
    return Transactions.open(table, targeting.columns, reading)


@dataclass(frozen=True, eq=False)
class KeptRows:
    """Rows of customers in parts, and what histories of them cover; a recipe that may be sent to workers.

    Attributes
    ----------
    folder : str
    parts : tuple of KeptPart
        In the customers' order.
    targeting : Targeting
    covered : Coverage
        Of all customers.
    last_complete : int or None
        The last period that is kept, where a later one is not whole.
    """

    folder: str
    parts: tuple[KeptPart, ...]
    targeting: Targeting
    covered: Coverage
    last_complete: int | None

    def table(self, number: int, name: str, threads: int) -> pa.Table:
        """Read a table of a part.

        Parameters
        ----------
        number : int
        name : str
        threads : int

        Returns
        -------
        pyarrow.Table
        """
        arrays = map_file(self.folder, *self.parts[number].file, threads, name.__eq__)
        return pa.ipc.open_stream(pa.py_buffer(arrays[name])).read_all()

    def history(self, number: int, threads: int) -> PurchaseHistory:
        """Group the purchases of a part.

        Parameters
        ----------
        number : int
        threads : int

        Returns
        -------
        PurchaseHistory
            It covers what everybody's does.
        """
        read = opened(self.table(number, TRANSACTIONS, threads), self.targeting)
        options = GroupingOptions(
            until=self.covered.until, threads=threads, last_complete=lambda: self.last_complete
        )
        made = group_transactions(read, options, half_lives(self.targeting), None)
        return replace(made, start=self.covered.start)

    @property
    def transactions(self) -> int:
        """Those of all periods."""
        return sum(sum(part.periods.values()) for part in self.parts)

    def has_purchases(self, number: int) -> bool:
        """Tell whether anything was bought in a part that counts.

        Parameters
        ----------
        number : int

        Returns
        -------
        bool
        """
        return any(period <= self.covered.until for period in self.parts[number].periods)


def kept_rows(
    folder: str, parts: Sequence[KeptPart], transactions: Transactions, targeting: Targeting
) -> tuple[KeptRows, list[str]]:
    """Find out what histories of parts cover together.

    Parameters
    ----------
    folder : str
    parts : sequence of KeptPart
    transactions : Transactions
        Of no rows.
    targeting : Targeting

    Returns
    -------
    KeptRows
    list of str
        What is to be known of the transactions.

    Raises
    ------
    InvalidInput
        Where there are none.
    """
    counts, notes = PeriodCounts(transactions.unit), list[str]()
    for part in parts:
        for period, rows in part.periods.items():
            counts.take((period, np.array([rows], np.int64)))
    if not counts.rows:
        raise InvalidInput("table transactions: expected at least one purchase, got none")
    last_complete = None
    partial = counts.partial_last() if targeting.until is None else None
    if partial is not None:
        last_complete = partial.period - 1
        notes.append(partial.note(transactions.unit, transactions.name_of(partial.period)))
    for part in parts:
        transactions.count(part.left_out, part.guests, part.too_late)
    notes += left_out_notes(transactions)
    until = transactions.until
    if until is None:
        until = max(counts.rows) if last_complete is None else last_complete
    covered = Coverage(
        half_lives(targeting),
        transactions.unit,
        min(counts.rows),
        until,
        transactions.left_out,
        transactions.guests,
    )
    return KeptRows(folder, tuple(parts), targeting, covered, last_complete), notes


@dataclass(frozen=True, eq=False)
class SampleTask:
    """Take a sample of the customers of parts; see `CustomerSample`."""

    rows: KeptRows

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[pa.Table | None]:
        """See `engines.cluster.runner.Task`; the sample of all parts stands in the first place."""
        sample = CustomerSample()
        for number in shards:
            table = self.rows.table(number, TRANSACTIONS, threads)
            for batch in opened(table, self.rows.targeting).batches():
                sample.add(batch)
        return [sample.table(), *([None] * (len(shards) - 1))]


@dataclass(frozen=True, eq=False)
class StatisticsTask:
    """Count what histories of parts say of their items."""

    rows: KeptRows

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[ItemStatistics | None]:
        """See `engines.cluster.runner.Task`; those of all parts stand in the first place."""
        share = ShareOfCustomers.for_statistics(self.rows.transactions)
        found = []
        for number in shards:
            if self.rows.has_purchases(number):
                history = self.rows.history(number, threads)
                if share.halvings:
                    kept = share.holds(hash_ids(history.customers))
                    history = customers_at(history, np.flatnonzero(kept))
                found.append(ItemStatistics.from_history(history))
        nothing: list[ItemStatistics | None] = [None] * len(shards)
        return [added_statistics(found), *nothing[1:]] if found else nothing


def fitted_on_cluster(
    model: CandidateModel, rows: KeptRows, runner: Runner
) -> tuple[CandidateModel, list[str]]:
    """Fit a model on a sample of everybody's purchases, with everybody's statistics of items.

    Parameters
    ----------
    model : CandidateModel
        Changed.
    rows : KeptRows
    runner : Runner

    Returns
    -------
    CandidateModel
    list of str
        What is to be said of how it was fitted.

    Raises
    ------
    InvalidInput
        If the transactions are too few, or cover too few weeks.
    """
    numbers = range(len(rows.parts))
    sample = CustomerSample()
    for part in runner.map(SampleTask(rows), numbers):
        for batch in () if part is None else part.to_batches():
            sample.add(batch)

    def statistics() -> ItemStatistics:
        found = runner.map(StatisticsTask(rows), numbers)
        return added_statistics([part for part in found if part is not None])

    found = fitted(model, sample.table(), rows.covered, rows.targeting, statistics)
    return found.model, found.notes


def _written(table: pa.Table) -> NDArray[np.uint8]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)
