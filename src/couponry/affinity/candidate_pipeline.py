"""From transactions to candidates in one go: histories, a model of who buys what, candidates; stages timed.

transactions ──▶ purchase history ──▶ model, fitted on a sample's last weeks ──▶ candidates, block by block
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data import memory_estimate, tables
from ..data.candidate_batches import CandidateBlocks
from ..data.candidate_rows import CandidateRows
from ..data.formats.parquet_metadata import read_parquet_metadata
from ..data.ids import digest_of
from ..data.memory_estimate import CampaignSize, Estimate
from ..utils.clock import Clock
from ..utils.errors import InvalidInput
from ..utils.memory import available_memory
from .candidates.assortment import Assortment
from .candidates.candidate_model import CandidateModel
from .history.building.from_transactions import GroupingOptions
from .history.building.grouping import Watchers
from .history.building.transactions import ReadOptions, Transactions
from .history.customer_part import customers_spread
from .history.customer_sample import FEW_CUSTOMERS, CustomerSample
from .history.decay import HALF_LIVES
from .history.item_statistics import ItemStatistics
from .history.period_counts import PeriodCounts
from .history.periods import PERIODS_PER_WEEK
from .history.purchase_history import PurchaseHistory, group_transactions
from .pipeline_model import model_of_tables
from .scores import lightgbm_trees
from .scores.guards.blend import LEAST_SHARE
from .scores.training_windows import Window, bought_again
from .targeting import Targeting

FORMAT = 5
"""Of how candidates are made: with another one here, stores of an earlier one are made again."""

RESERVED = memory_estimate.BASE_BYTES + memory_estimate.SCORING_BYTES
"""Bytes besides what grouping may take."""

LEAST_PURCHASES = 500
"""Purchases, of what was bought before and of what was not, that a model of them is fitted on at least: some seven for
each feature."""

MOST_PAIRS = 5 << 16
"""Pairs of two windows' histories that a model is fitted on: a quarter more than trees are fitted from."""

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
    """

    offers: pa.Table
    transactions: Any
    covers: Any
    products: Any
    customers: pa.Table | None


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
    targeting.check()
    if given.products is not None:  # read once
        given = given._replace(products=tables.as_table(given.products, "products"))
    assortment = Assortment(given.offers, given.covers, given.products, targeting.kind)
    reading = ReadOptions(targeting.timezone, targeting.null_customers, targeting.until)
    transactions = Transactions.open(given.transactions, targeting.columns, reading)
    bought = pa.array([], transactions.product_type)
    tables.check_kind_of_ids(
        bought, assortment.products, "table transactions, column 'product'", "covers"
    )
    allowed = None
    if given.customers is not None:
        allowed = _allowed(given.customers, transactions.customer_type)
    model = model_of_tables(assortment, given.offers, given.products, targeting)
    notes = model.notes
    pipeline = _Pipeline(transactions, model, allowed, targeting, limit, clock, notes)
    return CandidateBlocks(
        assortment.offers,
        transactions.customer_type,
        dict.fromkeys(model.columns, np.dtype(np.float32)),
        pipeline.blocks,
        source=_source(transactions, model, allowed, targeting),
        notes=notes,
    )


def _allowed(customers: pa.Table, kind: pa.DataType) -> pa.Array:
    """Return the ids of the table customers, ascending."""
    tables.require(customers, "customers", "customer")
    ids = tables.ids(customers, "customers", "customer")
    buyers = pa.array([], kind)
    tables.check_kind_of_ids(buyers, ids, "table transactions, column 'customer'", "customers")
    return tables.ranks(ids)[1]


def estimate(files: list[str], offers: int, targeting: Targeting) -> Estimate:
    """Estimate what making and solving a campaign needs, from the footers of the files of transactions alone.

    Parameters
    ----------
    files : list of str
        Files of transactions.
    offers : int
        Number of offers.
    targeting : Targeting

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
    size = CampaignSize(
        candidates=customers * min(sum(targeting.quota.values()), offers),
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
        """Yield candidates, some customers at a time; histories are kept in the scratch folder if there is one."""
        folder = None if scratch is None else scratch / "purchases"
        sample, counts = CustomerSample(), PeriodCounts(self._transactions.unit)
        with self._clock.stage("history"):
            options = GroupingOptions(
                until=self._transactions.until,
                memory=self._grouping_memory(),
                threads=threads,
                watch=Watchers(sample, counts),
                last_complete=lambda: self._last_complete(counts),
                passing=True,
            )
            half_lives = _half_lives(self._targeting)
            history = group_transactions(self._transactions, options, half_lives, folder)
            self._say_what_is_left_out()
        with self._clock.stage("fit"):
            model = self._fitted(history, sample.table())
        del sample, options
        with self._clock.stage("candidates"):
            yield from self._candidates(model, history, threads)
            del history
            if folder is not None:
                shutil.rmtree(folder)

    def _last_complete(self, counts: PeriodCounts) -> int | None:
        """Return the last period where the one after it seems not to be whole, and say so; else None."""
        partial = counts.partial_last() if self._targeting.until is None else None
        if partial is None:
            return None
        name, unit = self._transactions.name_of(partial.period), self._transactions.unit
        usual = f"{partial.usual:,} are usual{' on that day of the week' if unit == 'day' else ''}"
        self._say(
            f"{unit} {name} has {partial.rows:,} transactions, where {usual}: it was taken to be incomplete and left "
            f"out; until = {name} in the targeting takes it as it is"
        )
        return partial.period - 1

    def _say_what_is_left_out(self) -> None:
        read = self._transactions
        if read.guests:
            self._say(f"{read.guests:,} transactions without a customer were left out")
        if read.too_late and read.until is not None:
            last = f"{read.unit} {read.name_of(read.until)}"
            self._say(f"{read.too_late:,} transactions after {last} were left out")

    def _say(self, note: str) -> None:
        self._notes.append(note)
        self._clock.say(note)

    def _grouping_memory(self) -> int | None:
        """Return bytes that grouping may take; None: as much as it thinks right."""
        limit = available_memory() if self._limit is None else self._limit
        return None if limit is None else max(limit - RESERVED, memory_estimate.MIN_GROUPING_BYTES)

    def _candidates(
        self, model: CandidateModel, history: PurchaseHistory, threads: int
    ) -> Iterator[CandidateRows]:
        """Yield the candidates of the customers who are allowed; say now and then how it stands."""
        done, total = 0, len(history.customers)
        for rows in model.blocks(history, threads):
            seen = len(rows.customers)
            if self._allowed is not None:
                rows = rows.of_customers(tables.positions(rows.customers, self._allowed) >= 0)
            yield rows
            before, done = done, done + seen
            if before * PROGRESS_LINES // total < done * PROGRESS_LINES // total:
                self._clock.say(f"{done:,} of {total:,} customers", done / total)

    def _fitted(self, history: PurchaseHistory, sample: pa.Table | None) -> CandidateModel:
        """Return the model, fitted on the last weeks of a sample of customers, and on the weeks before them.

        These are left out where the history before them is too short to be like the one that is scored.
        """
        targeting, unit = self._targeting, history.unit
        last = history.until - targeting.window * PERIODS_PER_WEEK[unit]
        if sample is None or last < history.start:
            raise InvalidInput(
                f"table transactions: expected more than {targeting.window} weeks (the window) of them, "
                f"got {unit}s {history.start} to {history.until}"
            )
        rows = sample.select(["customer", "product", "period"]).rename_columns(
            ["customer", "product", unit]
        )
        rows = rows.filter(pc.less_equal(rows[unit], history.until))
        before = pc.less_equal(rows[unit], last)
        earlier, later = rows.filter(before), rows.filter(pc.invert(before))
        if len(earlier) == 0 or len(later) == 0:
            raise InvalidInput(
                f"table transactions: expected purchases up to {unit} {last} and after it, the last "
                f"{targeting.window} weeks, got {len(earlier):,} and {len(later):,} of a sample"
            )
        windows = [self._window(rows, last, history.until)]
        then, window = windows[0]
        before_that = 2 * last - history.until
        long = before_that - history.start + 1 >= LEAST_SHARE * (last - history.start + 1)
        sold = pc.sum(pc.greater(earlier[unit], before_that)).as_py()
        if long and 0 < sold < len(earlier):
            windows = _thinned([self._window(rows, before_that, last), *windows])
        self._drop_models(then, window)
        known = then.update(later, until=history.until)
        fitted = self._model.fit(windows, known, ItemStatistics.from_history(history))
        blend = getattr(fitted.personal, "blend_", None)
        if blend is not None and blend.note is not None:
            self._say(f"rewards are ranked by decayed frequency and repeat rate: {blend.note}")
        return fitted

    def _window(self, rows: pa.Table, last: int, until: int) -> Window:
        """Return what was bought up to a period, and in the window after it."""
        period = rows[rows.column_names[-1]]
        options: dict[str, Any] = {"half_lives": _half_lives(self._targeting)}
        before = pc.less_equal(period, last)
        within = pc.and_(pc.invert(before), pc.less_equal(period, until))
        then = PurchaseHistory.from_transactions(rows.filter(before), until=last, **options)
        window = PurchaseHistory.from_transactions(rows.filter(within), until=until, **options)
        return then, replace(window, start=last + 1)  # also where nobody bought at first

    def _drop_models(self, then: PurchaseHistory, window: PurchaseHistory) -> None:
        """Do without models of which too few purchases can be seen, and say so."""
        again = int(bought_again(then, window).sum())
        model = self._model
        if again < LEAST_PURCHASES and model.personal is not None:
            model.personal = None
            self._say(
                f"fewer than {LEAST_PURCHASES} purchases of the window were of what was bought before: rewards are "
                "ranked by decayed frequency and repeat rate, not by a PersonalModel"
            )
        if len(window) - again < LEAST_PURCHASES and model.discovery is not None:
            model.discovery = None
            self._say(
                f"fewer than {LEAST_PURCHASES} purchases of the window were of what was not bought before: activations "
                "and innovations are ranked by neighbours and popularity, not by a DiscoveryModel"
            )


def _thinned(windows: list[Window]) -> list[Window]:
    """Return the windows of as many customers as have MOST_PAIRS pairs together, and of FEW_CUSTOMERS at least."""
    pairs = sum(len(history) for history, _ in windows)
    customers = [len(history.customers) for history, _ in windows]
    most = [max(count * MOST_PAIRS // max(pairs, 1), FEW_CUSTOMERS) for count in customers]
    return [
        (customers_spread(history, some), later)
        for (history, later), some in zip(windows, most, strict=True)
    ]


def _half_lives(targeting: Targeting) -> tuple[float, ...]:
    """Return the half-lives of histories, in weeks: every second of those that are usual, and the one of scores."""
    return tuple(sorted({*HALF_LIVES[::2], float(targeting.half_life)}))


def _source(
    transactions: Transactions,
    model: CandidateModel,
    allowed: pa.Array | None,
    targeting: Targeting,
) -> dict[str, Any] | None:
    """Return what the candidates are made from, as JSON has it; None if transactions are not in files."""
    if transactions.files is None:
        return None
    money = [np.asarray(column, np.float32).tolist() for column in model.money or ()]
    groups = getattr(model.personal, "groups", None)
    return {
        "made": FORMAT,
        "offers": digest_of(model.assortment.offers),
        "assortment": model.assortment.digest(),
        "groups": None if groups is None else groups.digest(),
        "trees": lightgbm_trees.is_installed(),
        "customers": None if allowed is None else digest_of(allowed),
        "targeting": targeting.as_dict(),
        "offer_columns": {name: list(of) for name, of in (model.offer_columns or {}).items()},
        "money": money,
        "files": transactions.files,
    }
