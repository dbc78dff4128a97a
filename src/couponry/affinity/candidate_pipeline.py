"""From transactions to candidates in one go: histories, a model of who buys what, candidates; stages timed.

transactions ──▶ purchases by customer ──▶ model, fitted on a sample's last weeks ──▶ candidates, block by block

The sample is there when all transactions were read: where memory allows, the model is fitted while items' statistics
are added up. Histories are made twice, a range of customers at a time: for these, and for candidates.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..data import tables
from ..data.candidate_batches import CandidateBlocks
from ..data.candidate_rows import CandidateRows
from ..data.formats.parquet_metadata import read_parquet_metadata
from ..data.sizes import memory_estimate
from ..data.sizes.memory_estimate import CampaignSize, Estimate
from ..utils.clock import Clock
from ..utils.memory import available_memory
from .candidates.assortment import Assortment
from .candidates.candidate_model import CandidateModel
from .candidates.families import Families
from .history.building.from_transactions import GroupingOptions
from .history.building.grouping import Watchers
from .history.building.runs.native_grouping import BLOCK_ROWS, BYTES_PER_ROW
from .history.building.transactions import ReadOptions, Transactions
from .history.customer_sample import CustomerSample, ShareOfCustomers
from .history.history_folder import Coverage
from .history.item_statistics import ItemStatistics
from .history.period_counts import PeriodCounts
from .history.purchase_history import PurchaseHistory
from .history.ranged_history import RangedHistory, ranged_history
from .pipeline_fit import BegunFit, Fitted, fitted, half_lives
from .pipeline_model import model_of_tables
from .pipeline_source import source_of
from .targeting import Targeting

RESERVED = memory_estimate.BASE_BYTES + memory_estimate.SCORING_BYTES
"""Bytes besides what grouping may take."""

RESERVED_TO_FIT = memory_estimate.BASE_BYTES + memory_estimate.FITTING_BYTES
"""The same where a model is fitted meanwhile."""

FROM_GROUPING_BYTES = 2 * memory_estimate.MIN_GROUPING_BYTES
"""What is to be left for grouping where a model is fitted meanwhile."""

PROGRESS_LINES = 20
"""Lines that say how making candidates stands."""


class Tables(NamedTuple):
    """The tables of a campaign that is made from transactions.

    Attributes
    ----------
    offers : pyarrow.Table
    transactions : Stream, or what `PurchaseHistory.from_transactions` takes
    covers, products : table-like, optional
        As Assortment takes them.
    customers : pyarrow.Table, optional
        Who may be a candidate; None: every customer in the transactions.
    redemptions : table, optional
        Coupons of past campaigns, as `DepthResponse.fit` takes them.
    """

    offers: pa.Table
    transactions: Any
    covers: Any
    products: Any
    customers: pa.Table | None
    redemptions: Any = None


def candidate_blocks(
    given: Tables, targeting: Targeting, *, limit: int | None, clock: Clock
) -> CandidateBlocks:
    """Prepare the candidates of all customers; nothing is read yet but schemas and small tables.

    Parameters
    ----------
    given : Tables
    targeting : Targeting
    limit : int, optional
        Bytes of memory that may be taken; None: what is available.
    clock : Clock
        Times the stages history, fit and candidates.

    Returns
    -------
    CandidateBlocks
        Made when they are asked for.

    Raises
    ------
    InvalidInput
        If tables or targeting make no sense, or do not go together.
    """
    transactions, model = stated_model(given, targeting)
    allowed = None
    if given.customers is not None:
        allowed = _allowed(given.customers, transactions.customer_type)
    notes = model.notes
    pipeline = _Pipeline(transactions, model, allowed, targeting, limit, clock, notes)
    return CandidateBlocks(
        model.assortment.offers,
        transactions.customer_type,
        dict.fromkeys(model.columns, np.dtype(np.float32)),
        pipeline.blocks,
        source=source_of(transactions, model, allowed, targeting),
        notes=notes,
    )


def stated_model(given: Tables, targeting: Targeting) -> tuple[Transactions, CandidateModel]:
    """Look at the tables, and make the model that is to be fitted; no transaction is read yet.

    Parameters
    ----------
    given : Tables
    targeting : Targeting

    Returns
    -------
    Transactions
    CandidateModel

    Raises
    ------
    InvalidInput
        If tables or targeting make no sense, or do not go together.
    """
    targeting.check()
    if given.products is not None:  # read once
        given = given._replace(products=tables.as_table(given.products, "products"))
    family = targeting.family_among(given.offers.column_names)
    assortment = Assortment(given.offers, given.covers, given.products, targeting.kind, family)
    reading = ReadOptions(
        targeting.timezone, targeting.null_customers, targeting.until, with_spend=False
    )
    transactions = Transactions.open(given.transactions, targeting.columns, reading)
    bought = pa.array([], transactions.product_type)
    tables.check_kind_of_ids(
        bought, assortment.products, "table transactions, column 'product'", "covers"
    )
    past = given.redemptions
    if past is not None:
        past = tables.as_table(past, "redemptions")
        ids, label = (
            tables.ids(past, "redemptions", "customer"),
            "table redemptions, column 'customer'",
        )
        buyers = pa.array([], transactions.customer_type)
        tables.check_kind_of_ids(ids, buyers, label, "transactions")
    model = model_of_tables(assortment, given.offers, given.products, targeting, past)
    return transactions, model


def _allowed(customers: pa.Table, kind: pa.DataType) -> pa.Array:
    """Return the ids of the table customers, ascending."""
    tables.require(customers, "customers", "customer")
    ids = tables.ids(customers, "customers", "customer")
    buyers = pa.array([], kind)
    tables.check_kind_of_ids(buyers, ids, "table transactions, column 'customer'", "customers")
    return tables.ranks(ids)[1]


def estimate(
    files: list[str], offers: int, targeting: Targeting, families: int | None = None
) -> Estimate:
    """Estimate what making and solving a campaign needs, from the footers of the files of transactions alone.

    Parameters
    ----------
    files : list of str
        Files of transactions.
    offers : int
        Number of offers.
    targeting : Targeting
    families : int, optional
        Number of their families; default: each offer is one by itself.

    Returns
    -------
    Estimate
        Bytes of memory and disk.
    """
    customer = targeting.columns.get("customer", "customer")
    rows = read_parquet_metadata(Path(), files, "transactions", customer)
    customers = rows.rows
    if rows.id_range is not None and isinstance(rows.id_range[0], int):
        customers = min(customers, rows.id_range[1] - rows.id_range[0] + 1)
    families = offers if families is None else max(1, families)
    chosen = min(sum(targeting.quota.values()), families)
    size = CampaignSize(
        candidates=customers * -(-chosen * offers // families),
        customers=customers,
        offers=offers,
        columns=1,
        column_bytes=4,
        roles=True,
        text_ids=rows.id_range is None or isinstance(rows.id_range[0], str),
        in_order=True,
        table_bytes=0,
    )
    return memory_estimate.estimate_with_history(size, rows.rows)


def count_families(offers: pa.Table, targeting: Targeting) -> int:
    """Count the families of offers.

    Parameters
    ----------
    offers : pyarrow.Table
    targeting : Targeting

    Returns
    -------
    int
        At most as many as offers.
    """
    family = targeting.family_among(offers.column_names)
    if family is None or family not in offers.column_names:  # which is refused in time
        return len(offers)
    return len(Families.of_column(offers[family], f"table offers, column {family!r}"))


class _Pipeline:
    """Makes the candidates when they are asked for."""

    def __init__(
        self,
        transactions: Transactions,
        model: CandidateModel,
        allowed: pa.Array | None,
        targeting: Targeting,
        limit: int | None,
        clock: Clock,
        notes: list[str],
    ):
        self._transactions, self._model, self._allowed = transactions, model, allowed
        self._targeting, self._limit, self._clock = targeting, limit, clock
        self._notes = notes

    def blocks(self, threads: int, scratch: Path | None) -> Iterator[CandidateRows]:
        """Yield candidates, some customers at a time; purchases beyond memory go to the scratch folder."""
        folder = None if scratch is None else scratch / "purchases"
        if folder is not None:
            folder.mkdir()
        with ExitStack() as kept:
            history, model = self._history_and_model(kept, threads, folder)
            with self._clock.stage("candidates"):
                yield from self._candidates(model, history, threads)
        if folder is not None:
            shutil.rmtree(folder)

    def _history_and_model(
        self, kept: ExitStack, threads: int, folder: Path | None
    ) -> tuple[RangedHistory, CandidateModel]:
        """Read the purchases, which are there until the stack is closed, and fit the model.

        It is fitted as soon as the sample is there where memory and threads allow.
        """
        sample, counts = CustomerSample(), PeriodCounts(self._transactions.unit)
        memory, meanwhile = self._grouping_memory(threads)
        begun: list[BegunFit] = []

        def fit(
            covered: Coverage | PurchaseHistory, statistics: Callable[[], ItemStatistics]
        ) -> Fitted:
            return fitted(self._model, sample.table(), covered, self._targeting, statistics)

        def begin_fit(covered: Coverage) -> None:
            if meanwhile:
                begun.append(BegunFit(partial(fit, covered), threads))

        options = GroupingOptions(
            until=self._transactions.until,
            memory=memory,
            threads=threads,
            watch=Watchers(sample, counts),
            last_complete=lambda: self._last_complete(counts),
            when_read=begin_fit,
        )
        try:
            with self._clock.stage("history"):
                lives = half_lives(self._targeting)
                read = ranged_history(self._transactions, options, lives, folder)
                history = kept.enter_context(read)
                share = ShareOfCustomers.for_statistics(sum(counts.rows.values()))
                statistics = history.statistics(begun[0].turns if begun else None, share)
                for note in left_out_notes(self._transactions):
                    self._say(note)
            with self._clock.stage("fit"):
                found = (
                    begun[0].finish(statistics)
                    if begun
                    else fit(history.nobody, lambda: statistics)
                )
                for note in found.notes:
                    self._say(note)
        except BaseException:
            for one in begun:
                one.give_up()
            raise
        return history, found.model

    def _last_complete(self, counts: PeriodCounts) -> int | None:
        """Return the last period where the one after it seems not to be whole, and say so; else None."""
        partial = counts.partial_last() if self._targeting.until is None else None
        if partial is None:
            return None
        name = self._transactions.name_of(partial.period)
        self._say(partial.note(self._transactions.unit, name))
        return partial.period - 1

    def _say(self, note: str) -> None:
        self._notes.append(note)
        self._clock.say(note)

    def _grouping_memory(self, threads: int) -> tuple[int | None, bool]:
        """Return bytes that grouping may take, and whether a model is fitted meanwhile; None: as it thinks right."""
        limit = available_memory() if self._limit is None else self._limit
        if limit is None:
            return None, threads > 1
        if threads > 1 and limit - RESERVED_TO_FIT >= FROM_GROUPING_BYTES:
            return limit - RESERVED_TO_FIT, True
        return max(limit - RESERVED, memory_estimate.MIN_GROUPING_BYTES), False

    def _scoring_threads(self, model: CandidateModel, history: RangedHistory, threads: int) -> int:
        """Return how many of the threads may make candidates: some of what grouping took is free again."""
        grouping = self._grouping_memory(threads)[0] or 0
        threads = min(threads, history.threads)
        free = grouping - history.held_bytes - threads * BLOCK_ROWS * BYTES_PER_ROW
        allowed = max(memory_estimate.SCORING_BYTES, free)
        while threads > 1 and model.memory(threads) > allowed:
            threads -= 1
        return threads

    def _candidates(
        self, model: CandidateModel, history: RangedHistory, threads: int
    ) -> Iterator[CandidateRows]:
        """Yield the candidates of the customers who are allowed; say now and then how it stands."""
        done, total = 0, history.customers
        for rows in model.blocks(history, self._scoring_threads(model, history, threads)):
            seen = len(rows.customers)
            if self._allowed is not None:
                rows = rows.of_customers(tables.positions(rows.customers, self._allowed) >= 0)
            yield rows
            before, done = done, done + seen
            total = max(total, done)  # where it is about so many
            if before * PROGRESS_LINES // total < done * PROGRESS_LINES // total:
                self._clock.say(f"{done:,} of {total:,} customers", done / total)


def left_out_notes(read: Transactions) -> list[str]:
    """Say what was left out of transactions, in a sentence each.

    Parameters
    ----------
    read : Transactions

    Returns
    -------
    list of str
    """
    said = []
    if read.guests:
        said.append(f"{read.guests:,} transactions without a customer were left out")
    if read.too_late and read.until is not None:
        last = f"{read.unit} {read.name_of(read.until)}"
        said.append(f"{read.too_late:,} transactions after {last} were left out")
    return said
