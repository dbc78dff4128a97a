"""Builds the arrays of a history from transactions, or adds later transactions to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ....data import tables
from ....data.sizes.memory_estimate import PAIRS_PER_ROW
from ....utils.arrays.array_store import Arrays, ArrayStore
from ....utils.errors import InvalidInput
from ....utils.memory import size_text
from ....utils.progress.watch import go_on
from ....utils.threads import thread_count
from ..decay import decay_factors
from ..history_arrays import HistoryArrays, write_items
from ..history_folder import Built, Coverage, build_history
from ..periods import check_span
from .duckdb_grouping import DuckDBPurchases
from .duckdb_session import Resources
from .grouping import GroupedPurchases, Watcher, Watching
from .merging import HistoryMerger
from .runs.native_grouping import IdsBeyondMemory, SortedPurchases
from .transactions import Transactions

BYTES_PER_PAIR, BYTES_PER_HALF_LIFE = 44, 4
"""Size of a (customer, item) pair in memory: its item and states, and each of its decayed counts."""


@dataclass(frozen=True)
class GroupingOptions:
    """How transactions are added to a history.

    Attributes
    ----------
    catalogue : table-like, optional
        What a product counts as: columns product and item.
    until : int, optional
        Last period that the transactions cover; None: the last that is there.
    memory : int, optional
        Bytes that DuckDB may take before it goes to disk.
    threads : int, optional
    watch : Watcher, optional
        Looks at every batch of transactions before they are grouped.
    last_complete : callable, optional
        Called when all of them were read: the last period that is kept; None: all are.
    when_read : callable, optional
        Called with what the history will cover, when all of them were read and before they are added up.
    """

    catalogue: Any = None
    until: int | None = None
    memory: int | None = None
    threads: int | None = None
    watch: Watcher | None = None
    last_complete: Callable[[], int | None] | None = None
    when_read: Callable[[Coverage], None] | None = None


def add_transactions(
    old: HistoryArrays,
    covered: Coverage,
    transactions: Transactions,
    options: GroupingOptions,
    folder: str | Path | None,
) -> Built:
    """Add transactions to a history, which may be empty.

    Parameters
    ----------
    old : HistoryArrays
    covered : Coverage
        What `old` covers.
    transactions : Transactions
        All later than what is covered.
    options : GroupingOptions
    folder : str or pathlib.Path, optional
        Where the new history is kept; None: in memory.

    Returns
    -------
    HistoryArrays, Coverage

    Raises
    ------
    InvalidInput
        If units, types of ids or periods do not go with the history.
    """
    _check_same_unit_and_ids(old, covered, transactions)
    go_on("histories", "transactions are read")

    def build(store: ArrayStore, scratch: Path | None) -> tuple[Arrays, Coverage]:
        with read_and_grouped(covered, transactions, options, scratch) as (grouped, coverage):
            return _merged(old, grouped, coverage, store), coverage

    return build_history(folder, build, covered if covered.unit else None)


@contextmanager
def read_and_grouped(
    covered: Coverage, transactions: Transactions, options: GroupingOptions, scratch: Path | None
) -> Iterator[tuple[GroupedPurchases, Coverage]]:
    """Read transactions that are added to a history; a context that gives back what they take up.

    Parameters
    ----------
    covered : Coverage
        What the history covers.
    transactions : Transactions
        All later than that.
    options : GroupingOptions
    scratch : pathlib.Path, optional
        Where what does not fit into memory is kept; None: the system's place for temporary files.

    Yields
    ------
    GroupedPurchases, Coverage
        The purchases by customer, and what the history covers with them.

    Raises
    ------
    InvalidInput
        If periods do not go with the history, or transactions make no sense.
    """
    catalogue = None
    if options.catalogue is not None:
        catalogue = _checked_catalogue(options.catalogue, transactions.product_type)
    resources = Resources(options.memory, thread_count(options.threads), scratch)
    with _grouped(transactions, catalogue, resources, options) as grouped:
        coverage = _extended(covered, grouped, transactions, options.until)
        if options.when_read is not None:
            options.when_read(coverage)
        yield grouped, coverage


def check_memory(transactions: Transactions, memory: int, n_half_lives: int) -> None:
    """Refuse, with the sizes, a history in memory that cannot fit there, as far as Parquet files tell.

    Parameters
    ----------
    transactions : Transactions
    memory : int
        Bytes.
    n_half_lives : int

    Raises
    ------
    InvalidInput
        With the bytes that are needed.
    """
    paths = [Path(path) for path, *_ in transactions.files or []]
    rows = sum(pq.read_metadata(path).num_rows for path in paths if path.suffix.lower() != ".csv")
    bytes_per_pair = BYTES_PER_PAIR + BYTES_PER_HALF_LIFE * n_half_lives
    needed = int(rows * PAIRS_PER_ROW * bytes_per_pair)
    if needed > memory:
        raise InvalidInput(
            f"memory: the history of {rows:,} transactions needs about {size_text(needed)}, but only "
            f"{size_text(memory)} are allowed; with a folder (folder=) it is kept on disk"
        )


def _check_same_unit_and_ids(
    old: HistoryArrays, covered: Coverage, transactions: Transactions
) -> None:
    if covered.unit and transactions.unit != covered.unit:
        raise InvalidInput(
            f"table transactions: expected a column of a {covered.unit} as in the history, "
            f"got one of a {transactions.unit}"
        )
    if len(old.customers) and transactions.customer_type != old.customers.type:
        raise InvalidInput(
            "table transactions, column 'customer': expected "
            f"{tables.kind_of_ids(old.customers)} as in the history"
        )


def _checked_catalogue(catalogue: Any, product_type: pa.DataType) -> pa.Table:
    """Return product and item, each pair once: repeated, its spend would count twice."""
    table = tables.as_table(catalogue, "catalogue", ["product", "item"])
    tables.require(table, "catalogue", "product", "item")
    product = tables.ids(table, "catalogue", "product")
    bought = pa.array([], product_type)
    tables.check_kind_of_ids(product, bought, "table catalogue, column 'product'", "transactions")
    pairs = pa.table({"product": product, "item": tables.ids(table, "catalogue", "item")})
    return pairs.group_by(["product", "item"]).aggregate([])


def _grouped(
    transactions: Transactions,
    catalogue: pa.Table | None,
    resources: Resources,
    options: GroupingOptions,
) -> GroupedPurchases:
    """Read the transactions and return them by customer; by DuckDB if their ids do not fit into memory."""
    watching = Watching(options.watch, options.last_complete)
    try:
        return SortedPurchases(transactions, catalogue, resources, watching)
    except IdsBeyondMemory:
        if not transactions.repeatable:
            raise InvalidInput(
                "memory_limit: expected room for the ids of all customers, which are text, got too little; "
                "transactions in files need less"
            ) from None
    transactions.begin_again()
    watching.begin_again()
    return DuckDBPurchases(transactions, catalogue, resources, watching)


def _extended(
    covered: Coverage, grouped: GroupedPurchases, transactions: Transactions, until: int | None
) -> Coverage:
    """Return what the history covers with the new purchases; refuse those that are not later."""
    has_purchases = grouped.last >= grouped.first
    is_new = not covered.unit
    if has_purchases and not is_new and grouped.first <= covered.until:
        raise InvalidInput(
            f"table transactions: expected periods after {covered.until}, the last of the history, got {grouped.first}"
        )
    last = grouped.last if has_purchases else covered.until
    if until is not None and until < last:
        raise InvalidInput(f"until: expected {last} or later, got {until}")
    if is_new and not has_purchases:
        raise InvalidInput("table transactions: expected at least one purchase, got none")
    start = grouped.first if is_new else covered.start
    last = last if until is None else until
    check_span(start, last)
    left_out = covered.left_out + transactions.left_out
    guests = covered.guests + transactions.guests
    return Coverage(covered.half_lives, transactions.unit, start, last, left_out, guests)


def _merged(
    old: HistoryArrays,
    grouped: GroupedPurchases,
    coverage: Coverage,
    store: ArrayStore,
) -> Arrays:
    """Write the arrays of the old history and the grouped purchases into a store."""
    if len(old.items) and len(grouped.items) and old.items.type != grouped.items.type:
        raise InvalidInput(
            f"table transactions: expected {tables.kind_of_ids(old.items)} as items, as in the history, "
            f"got {tables.kind_of_ids(grouped.items)}"
        )
    both = [ids for ids in (old.items, grouped.items) if len(ids)] or [grouped.items]
    items = tables.ranks(pa.concat_arrays(both))[1]
    named_items = write_items(items, store)
    n_periods = coverage.until - coverage.start + 1
    factors = decay_factors(coverage.half_lives, coverage.unit, n_periods)
    arrays = HistoryMerger(old, items, factors, store).merge(grouped)
    return {**arrays, **named_items}
