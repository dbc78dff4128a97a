"""From transactions to candidates in one go: histories, a model of who buys what, candidates; stages timed.

transactions ──▶ purchase history ──▶ model, fitted on a sample's last weeks ──▶ candidates, block by block
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data import memory_estimate, tables
from ..data.candidate_batches import CandidateBlocks
from ..data.candidate_rows import Rows
from ..data.ids import digest_of
from ..data.memory_estimate import Estimate, Size
from ..data.parquet_metadata import footers
from ..utils.clock import Clock
from ..utils.errors import InvalidInput
from ..utils.memory import available_memory
from .candidates.assortment import Assortment
from .candidates.candidate_model import CandidateModel
from .history.customer_sample import CustomerSample
from .history.purchase_history import PurchaseHistory
from .history.purchases import PERIODS_A_WEEK, Purchases
from .scores.response import ResponseModel
from .targeting import Targeting

# of how candidates are made; another one here, and stores of an earlier one are made again
FORMAT = 1
RESERVED = memory_estimate.BASE + memory_estimate.MAKING  # bytes besides what DuckDB may take
LINES = 20  # that say how making candidates stands


def candidate_blocks(
    offers: pa.Table,
    transactions: Any,
    covers: Any,
    products: Any,
    customers: pa.Table | None,
    targeting: Targeting,
    *,
    limit: int | None,
    clock: Clock,
) -> CandidateBlocks:
    """The candidates of everybody in the transactions, or of those in `customers`, too; nothing is read yet but schemas
    and the small tables.

    limit: bytes of memory that may be taken, None: what is available. clock: is told of the stages history, fit and
    candidates.
    """
    targeting.check()
    assortment = Assortment(offers, covers, products, targeting.kind)
    purchases = Purchases.of(transactions, targeting.columns)
    if assortment.products.type != purchases.product:
        raise InvalidInput(
            "table transactions, column 'product': expected "
            f"{tables.kind_of_ids(assortment.products)} as in table covers"
        )
    allowed = None if customers is None else _allowed(customers, purchases.customer)
    model = _model(assortment, offers, targeting)
    making = _Making(purchases, model, allowed, targeting, limit, clock)
    return CandidateBlocks(
        assortment.offers,
        purchases.customer,
        dict.fromkeys(model.columns, np.dtype(np.float32)),
        making.blocks,
        source=_source(purchases, model, allowed, targeting),
    )


def _model(assortment: Assortment, offers: pa.Table, targeting: Targeting) -> CandidateModel:
    """The model that is to be fitted."""
    ordered = offers.take(pc.sort_indices(tables.ids(offers, "offers", "offer")))
    money = None
    if targeting.incremental:
        tables.require(offers, "offers", "margin", "face_value")
        money = (
            tables.numbers(ordered, "offers", "margin"),
            tables.numbers(ordered, "offers", "face_value"),
        )
    return CandidateModel(
        assortment,
        targeting.quota,
        half_life=targeting.half_life,
        response=None if targeting.response is None else ResponseModel(targeting.response),
        offer_columns=_offer_columns(ordered, targeting),
        money=money,
    )


def _allowed(customers: pa.Table, kind: pa.DataType) -> pa.Array:
    """Ids of the table customers, ascending."""
    tables.require(customers, "customers", "customer")
    ids = tables.ids(customers, "customers", "customer")
    if ids.type != kind:
        raise InvalidInput(
            "table transactions, column 'customer': expected "
            f"{tables.kind_of_ids(ids)} as in table customers"
        )
    return tables.ranks(ids)[1]


def estimate(files: list[str], offers: int, targeting: Targeting) -> Estimate:
    """What making and solving a campaign of these files of transactions needs, from their footers alone."""
    customer = targeting.columns.get("customer", "customer")
    rows = footers(Path(), files, "transactions", customer)
    customers = rows.rows
    if rows.ids is not None and isinstance(rows.ids[0], int):
        customers = min(customers, rows.ids[1] - rows.ids[0] + 1)
    size = Size(
        candidates=customers * min(sum(targeting.quota.values()), offers),
        customers=customers,
        offers=offers,
        columns=1,
        column_bytes=4,
        roles=True,
        text_ids=rows.ids is None or isinstance(rows.ids[0], str),
        in_order=True,
        table_bytes=0,
    )
    return memory_estimate.estimate_with_history(size, rows.rows)


class _Making:
    """Makes the candidates when they are asked for."""

    def __init__(
        self,
        purchases: Purchases,
        model: CandidateModel,
        allowed: pa.Array | None,
        targeting: Targeting,
        limit: int | None,
        clock: Clock,
    ):
        self._purchases, self._model, self._allowed = purchases, model, allowed
        self._targeting, self._limit, self._clock = targeting, limit, clock

    def blocks(self, threads: int, scratch: Path | None) -> Iterator[Rows]:
        folder = None if scratch is None else scratch / "purchases"
        limit = available_memory() if self._limit is None else self._limit
        sample = CustomerSample()
        with self._clock.stage("history"):
            history = PurchaseHistory.grouped(
                self._purchases,
                half_lives=(self._targeting.half_life,),
                folder=folder,
                memory=None
                if limit is None
                else max(limit - RESERVED, memory_estimate.LEAST_GROUPING),
                threads=threads,
                watch=sample.add,
            )
        with self._clock.stage("fit"):
            model = self._fitted(history, sample.table())
        del sample
        with self._clock.stage("candidates"):
            done, everybody = 0, len(history.customers)
            for rows in model.blocks(history, threads):
                seen = len(rows.customers)
                if self._allowed is not None:
                    rows = rows.of(tables.positions(rows.customers, self._allowed) >= 0)
                yield rows
                before, done = done, done + seen
                if before * LINES // everybody < done * LINES // everybody:
                    self._clock.say(f"{done:,} of {everybody:,} customers")
            del history
            if folder is not None:
                shutil.rmtree(folder)

    def _fitted(self, history: PurchaseHistory, sample: pa.Table | None) -> CandidateModel:
        targeting, unit = self._targeting, history.unit
        last = history.until - targeting.window * PERIODS_A_WEEK[unit]
        if sample is None or last < history.start:
            raise InvalidInput(
                f"table transactions: expected more than {targeting.window} weeks (the window) of them, "
                f"got {unit}s {history.start} to {history.until}"
            )
        rows = sample.select(["customer", "product", "period"]).rename_columns(
            ["customer", "product", unit]
        )
        before = pc.less_equal(rows[unit], last)
        options: dict[str, Any] = {"half_lives": (targeting.half_life,)}
        earlier, later = rows.filter(before), rows.filter(pc.invert(before))
        if len(earlier) == 0 or len(later) == 0:
            raise InvalidInput(
                f"table transactions: expected purchases up to {unit} {last} and after it, the last "
                f"{targeting.window} weeks, got {len(earlier):,} and {len(later):,} of a sample"
            )
        then = PurchaseHistory.from_transactions(earlier, until=last, **options)
        window = PurchaseHistory.from_transactions(later, until=history.until, **options)
        return self._model.fit([(then, window)], then.update(later, until=history.until))


def _offer_columns(offers: pa.Table, targeting: Targeting) -> dict[str, Any]:
    """What the response model asks for of offers: depth, category and any column it has a coefficient of."""
    wanted = {name.split("=")[0] for name in targeting.response or {}} - {"intercept", "p0", "role"}
    if "category" in wanted:
        wanted.add("depth")
    found: dict[str, Any] = {}
    for name in sorted(wanted):
        tables.require(offers, "offers", name)
        found[name] = (
            np.array(offers[name].to_pylist(), object)
            if name == "category"
            else tables.numbers(offers, "offers", name)
        )
    return found


def _source(
    purchases: Purchases, model: CandidateModel, allowed: pa.Array | None, targeting: Targeting
) -> dict[str, Any] | None:
    """What the candidates are made from, as JSON has it; None: it cannot be told."""
    if purchases.files is None:
        return None
    money = [] if model.money is None else [column.tolist() for column in model.money]
    return {
        "made": FORMAT,
        "offers": digest_of(model.assortment.offers),
        "assortment": model.assortment.digest(),
        "customers": None if allowed is None else digest_of(allowed),
        "targeting": targeting.as_dict(),
        "offer_columns": {name: list(values) for name, values in model.offer_columns.items()},
        "money": money,
        "files": purchases.files,
    }
