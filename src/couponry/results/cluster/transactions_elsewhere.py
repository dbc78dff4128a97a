"""Candidates made of transactions by workers, and written as shards of customers as they were stated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ...affinity.candidate_pipeline import Tables, stated_model
from ...affinity.candidates.candidate_model import CandidateModel
from ...affinity.cluster_pipeline import (
    TRANSACTIONS,
    KeepRowsTask,
    KeptPart,
    KeptRows,
    fitted_on_cluster,
    kept_rows,
)
from ...affinity.targeting import Targeting
from ...data import tables
from ...data.candidate_batches import CandidateBlocks
from ...data.earlier.previous_pairs import PREVIOUS, PairCounts
from ...engines.cluster.cluster import Cluster
from ...engines.cluster.places import place_of
from ...engines.cluster.store import ShardStore, write_shard, written_by_one
from ...engines.cluster.work import Rows
from ...model.campaign_checks import check_customers
from ...model.campaign_data import CampaignData
from ...model.contact_history import check_history
from ...utils.arrays.array_store import MemoryStore
from .heads import added_heads, check_heads, heads_of
from .ingestion import Ingested, commit, rows_in, stated_without_customers
from .previous_elsewhere import added_counts, look_up
from .stated_before import CANDIDATES
from .stated_customers import StatedCustomers


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
    has_plan : bool
        Whether there is an earlier plan.
    """

    rows: KeptRows
    model: CandidateModel
    campaign: CampaignData
    folder: str
    has_plan: bool

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[Ingested]:
        """See `engines.cluster.runner.Task`; no entry where nobody has a candidate."""
        return [self._made(number, threads) for number in shards]

    def _made(self, number: int, threads: int) -> Ingested:
        if not self.rows.has_purchases(number):
            return Ingested(None, None)
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
            return Ingested(None, None)
        blocks = CandidateBlocks(
            self.model.assortment.offers,
            history.customers.type,
            dict.fromkeys(self.model.columns, np.dtype(np.float32)),
            lambda *_: iter(found),
        )
        made = blocks.collect(MemoryStore(), threads)
        columns = [name for name in self.campaign.candidates.columns if name in made.columns]
        made, counts = replace(made, columns={name: made.columns[name] for name in columns}), None
        if self.has_plan:
            pairs = self.rows.table(number, PREVIOUS, threads)
            made, counts = look_up(made, self.campaign, pairs, threads)
        stated = StatedCustomers.of_rows(made, customers, past)
        arrays = {**stated.arrays(), "first": np.zeros(1, np.int64)}
        return Ingested(write_shard(self.folder, number, arrays, threads), None, counts)

    def _table(self, name: str, number: int, threads: int) -> pa.Table | None:
        if getattr(self.campaign, name) is None:
            return None
        return self.rows.table(number, name, threads).combine_chunks()


class CountedRows(NamedTuple):
    """Rows that were kept, and what was counted of them.

    Attributes
    ----------
    part : KeptPart or None
    heads : pyarrow.Table or None
        Of `heads_of`.
    pairs : int
        Of an earlier plan.
    """

    part: KeptPart | None
    heads: pa.Table | None
    pairs: int


@dataclass(frozen=True, eq=False)
class CountRowsTask:
    """Write the rows of some customers as they are, and count the customers, and pairs of an earlier plan.

    Attributes
    ----------
    keep : KeepRowsTask
    campaign : CampaignData
        Stated without customers.
    """

    keep: KeepRowsTask
    campaign: CampaignData

    def __call__(self, number: int, rows: Iterator[Rows], threads: int) -> CountedRows:
        """Do it, in a worker."""
        customers, pairs = list[pa.RecordBatch](), 0

        def passing() -> Iterator[Rows]:
            nonlocal pairs
            for name, batch in rows:
                if name == "customers":
                    customers.append(batch)
                pairs += batch.num_rows if name == PREVIOUS else 0
                yield name, batch

        part = self.keep(number, passing(), threads)
        heads = heads_of(rows_in(self.campaign.customers, customers), self.campaign)
        return CountedRows(part, heads, pairs)


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
        `transactions`, and `customers`, `history` and `previous` where there are any, each with a column `customer`.
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
    has_plan = PREVIOUS in schemas
    rows_folder, folder = cluster.place(TRANSACTIONS), cluster.place(CANDIDATES)
    with written_by_one(rows_folder), written_by_one(folder):
        task = CountRowsTask(KeepRowsTask(rows_folder, schemas, targeting), campaign)
        found = runner.on_rows(task, given, int(cluster.shard_customers))
        parts = [each.part for each in found if each.part is not None]
        rows, notes = kept_rows(rows_folder, parts, transactions, targeting)
        model, said = fitted_on_cluster(model, rows, runner)
        told = replace(campaign.candidates, notes=(*model.notes, *notes, *said))
        campaign = replace(campaign, candidates=told)
        make = CandidatesTask(rows, model, campaign, folder, has_plan)
        made = runner.map(make, range(len(parts)))
        campaign = _counted(campaign, found, made, has_plan)
        check_heads(campaign)
        store = commit(folder, made, campaign)
        place = place_of(rows_folder)
        for file in place.names():  # nobody asks for them any more
            place.remove(file)
    return store, campaign


def _counted(
    campaign: CampaignData, found: list[CountedRows], made: list[Ingested], has_plan: bool
) -> CampaignData:
    """State heads, and the counts of an earlier plan."""
    heads = added_heads([each.heads for each in found])
    if not has_plan:
        return replace(campaign, heads=heads)
    counts = added_counts([each.previous for each in made]) or PairCounts(0, 0)
    pairs = sum(each.pairs for each in found)
    return replace(campaign, heads=heads, previous=counts._replace(pairs=pairs))
