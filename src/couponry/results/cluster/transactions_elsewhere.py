"""Candidates made of transactions by workers, and written as shards of customers as they were stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ...affinity.candidate_pipeline import Tables, stated_model
from ...affinity.candidates.candidate_model import CandidateModel
from ...affinity.cluster_pipeline import (
    TRANSACTIONS,
    KeepRowsTask,
    KeptRows,
    fitted_on_cluster,
    kept_rows,
)
from ...affinity.targeting import Targeting
from ...data import tables
from ...data.candidate_batches import CandidateBlocks
from ...engines.cluster.cluster import Cluster
from ...engines.cluster.places import place_of
from ...engines.cluster.store import ShardEntry, ShardStore, write_shard, written_by_one
from ...model.campaign_checks import check_customers
from ...model.campaign_data import CampaignData
from ...model.contact_history import check_history
from ...utils.arrays.array_store import MemoryStore
from .heads import check_heads
from .ingestion import CANDIDATES, commit, stated_without_customers
from .stated_customers import StatedCustomers, rows_of


@dataclass(frozen=True, eq=False)
class CandidatesTask:
    """Make the candidates of the customers of parts, and write them.

    Attributes
    ----------
    rows : KeptRows
    model : CandidateModel
        Fitted.
    campaign : CampaignData
        Stated without customers.
    folder : str
        Where shards are written: a path or a URI.
    """

    rows: KeptRows
    model: CandidateModel
    campaign: CampaignData
    folder: str

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[ShardEntry | None]:
        """See `engines.cluster.runner.Task`; None where nobody has a candidate."""
        return [self._made(number, threads) for number in shards]

    def _made(self, number: int, threads: int) -> ShardEntry | None:
        if not self.rows.has_purchases(number):
            return None
        history = self.rows.history(number, threads)
        customers, past = (self._table(name, number, threads) for name in ("customers", "history"))
        allowed = None
        if customers is not None:
            check_customers(customers)
            allowed = tables.ids(customers, "customers", "customer")
        if past is not None:
            check_history(past)
        found = []
        for rows in self.model.blocks(history, threads):
            if allowed is not None:
                rows = rows.of_customers(tables.positions(rows.customers, allowed) >= 0)
            found.append(rows)
        if not any(map(len, found)):
            return None
        blocks = CandidateBlocks(
            self.model.assortment.offers,
            history.customers.type,
            dict.fromkeys(self.model.columns, np.dtype(np.float32)),
            lambda *_: iter(found),
        )
        made = blocks.collect(MemoryStore(), threads)
        kept = {name: made.columns[name] for name in self.campaign.candidates.columns}
        stated = StatedCustomers(
            replace(made, columns=kept),
            rows_of(customers, "customers", made.customers),
            rows_of(past, "history", made.customers),
        )
        arrays = {**stated.arrays(), "first": np.zeros(1, np.int64)}
        return write_shard(self.folder, number, arrays, threads)

    def _table(self, name: str, number: int, threads: int) -> pa.Table | None:
        if getattr(self.campaign, name) is None:
            return None
        return self.rows.table(number, name, threads).combine_chunks()


def ingest_transactions(
    cluster: Cluster,
    offers: pa.Table,
    given: Mapping[str, Any],
    beside: tuple[Any, Any],
    targeting: Targeting,
    **agreed: Any,
) -> tuple[ShardStore, CampaignData]:
    """Make candidates of transactions, by those who run tasks for a cluster.

    Parameters
    ----------
    cluster : Cluster
    offers : pyarrow.Table
    given : mapping of str to table
        `transactions`, and `customers` and `history` where there are any, each with a column `customer`.
    beside : tuple of (table or None, table or None)
        `covers` and `products`, of this process.
    targeting : Targeting
    **agreed
        Rules, limits, value and name.

    Returns
    -------
    ShardStore
    CampaignData
        Stated without customers.

    Raises
    ------
    InvalidInput
        If tables or targeting make no sense, or transactions are too few.
    """
    runner = cluster.runner
    schemas = {name: runner.schema(table) for name, table in given.items()}
    nothing = schemas[TRANSACTIONS].empty_table()
    transactions, model = stated_model(Tables(offers, nothing, *beside, None), targeting)
    made_of = {"customer": schemas[TRANSACTIONS].field("customer").type, "offer": pa.int64()}
    made_of |= {"role": pa.string(), **dict.fromkeys(model.columns, pa.float32())}
    stated = {CANDIDATES: pa.schema(made_of), **schemas}
    campaign = stated_without_customers(offers, stated, **agreed)
    check_heads(campaign)
    rows_folder, folder = cluster.place(TRANSACTIONS), cluster.place(CANDIDATES)
    with written_by_one(rows_folder), written_by_one(folder):
        task = KeepRowsTask(rows_folder, schemas, targeting)
        found = runner.on_rows(task, given, int(cluster.shard_customers))
        parts = [part for part in found if part is not None]
        rows, notes = kept_rows(rows_folder, parts, transactions, targeting)
        model, said = fitted_on_cluster(model, rows, runner)
        told = replace(campaign.candidates, notes=(*model.notes, *notes, *said))
        campaign = replace(campaign, candidates=told)
        make = CandidatesTask(rows, model, campaign, folder)
        entries = runner.map(make, range(len(parts)))
        store = commit(folder, entries, campaign)
        place = place_of(rows_folder)
        for file in place.names():  # nobody asks for them any more
            place.remove(file)
    return store, campaign
