"""Candidates made of transactions by workers, and written as shards of customers as they were stated.

Transactions are parted by customers. Units are parted by their first customers with candidates, whom nobody knows
before these are made: so candidates of units are written, and then parted once more, as those that users state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pyarrow as pa

from ...affinity.candidate_pipeline import Tables, stated_model
from ...affinity.candidates.candidate_model import CandidateModel
from ...affinity.cluster_pipeline import (
    TRANSACTIONS,
    KeepRowsTask,
    KeptPart,
    fitted_on_cluster,
    kept_rows,
)
from ...affinity.targeting import Targeting
from ...data.earlier.previous_pairs import PREVIOUS, PairCounts
from ...engines.cluster.cluster import Cluster
from ...engines.cluster.places import place_of
from ...engines.cluster.runner import Runner
from ...engines.cluster.store import ShardStore, written_by_one
from ...engines.cluster.work import Rows
from ...model.campaign_data import CampaignData
from ...utils.errors import InvalidInput
from .heads import added_heads, check_heads, heads_of
from .ingestion import Ingested, commit, ingest_into, rows_in, stated_without_customers
from .made_elsewhere import CandidateFilesTask, CandidatesOfParts, CandidatesTask
from .packed_candidates import PackedRowsTask, schema_of_packed
from .previous_elsewhere import added_counts
from .stated_before import CANDIDATES


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
    beside: tuple[Any, Any, Any],
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
    beside : tuple of (table or None, table or None, table or None)
        `covers`, `products` and `redemptions`, of this process.
    targeting : Targeting
    **agreed
        Rules, limits, value, name, backups and unit.

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
    covers, products, past = beside
    sources = Tables(offers, schemas[TRANSACTIONS].empty_table(), covers, products, None, past)
    transactions, model = stated_model(sources, targeting)
    made = _columns_of(model, transactions.customer_type)
    campaign = stated_without_customers(offers, {CANDIDATES: made, **schemas}, **agreed)
    rows_folder, folder = cluster.place(TRANSACTIONS), cluster.place(CANDIDATES)
    with written_by_one(rows_folder), written_by_one(folder):
        kept = given if campaign.unit is None else _tables_of(given, TRANSACTIONS, "customers")
        keep = KeepRowsTask(rows_folder, {name: schemas[name] for name in kept}, targeting)
        found = runner.on_rows(CountRowsTask(keep, campaign), kept, int(cluster.shard_customers))
        parts = [each.part for each in found if each.part is not None]
        rows, notes = kept_rows(rows_folder, parts, transactions, targeting)
        model, said = fitted_on_cluster(model, rows, runner)
        told = replace(campaign.candidates, notes=(*model.notes, *notes, *said))
        campaign = replace(campaign, candidates=told)
        made_of = CandidatesOfParts(rows, model, campaign)
        if campaign.unit is None:
            make = CandidatesTask(made_of, folder, PREVIOUS in schemas)
            store, campaign = _by_customer(make, runner, found)
        else:
            store, campaign = _by_unit(CandidateFilesTask(made_of), cluster, given, folder)
        place = place_of(rows_folder)
        for file in place.names():  # nobody asks for them any more
            place.remove(file)
    return store, campaign


def _columns_of(model: CandidateModel, customer: pa.DataType) -> pa.Schema:
    """Columns of the candidates that a model makes."""
    ids = {"customer": customer, "offer": pa.int64(), "role": pa.string()}
    return pa.schema({**ids, **dict.fromkeys(model.columns, pa.float32())})


def _by_customer(
    make: CandidatesTask, runner: Runner, found: list[CountedRows]
) -> tuple[ShardStore, CampaignData]:
    """Have candidates made of parts that were kept with all of their customers' rows, and commit them."""
    made = runner.map(make, range(len(make.candidates.rows.parts)))
    campaign = _counted(make.candidates.campaign, found, made, make.has_plan)
    check_heads(campaign)
    return commit(make.folder, made, campaign), campaign


def _by_unit(
    write: CandidateFilesTask, cluster: Cluster, given: Mapping[str, Any], folder: str
) -> tuple[ShardStore, CampaignData]:
    """Have candidates written, customer by customer, and bring those of a unit together."""
    rows, campaign = write.candidates.rows, write.candidates.campaign
    written = cluster.runner.map(write, range(len(rows.parts)))
    files = tuple(file for file in written if file is not None)
    if not files:
        raise InvalidInput("table candidates: expected at least one row, got none")
    schema = schema_of_packed(campaign)
    task = PackedRowsTask(rows.folder, files, schema)
    tables_of_units = {
        CANDIDATES: cluster.runner.rows(task, range(len(files)), schema),
        **_tables_of(given, "customers", "history", PREVIOUS),
    }
    store, campaign = ingest_into(folder, cluster, tables_of_units, campaign, packed=True)
    check_heads(campaign)
    return store, campaign


def _tables_of(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some of the tables, of those that are there."""
    return {name: given[name] for name in names if name in given}


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
