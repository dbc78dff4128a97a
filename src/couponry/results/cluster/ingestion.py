"""Tables of a cluster become shards of customers as they were stated, written where the rows are."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ...data import tables
from ...data.candidate_checks import CandidateChecks
from ...data.candidates import Candidates, build_candidates
from ...data.ids import digest_of
from ...data.streams import stream
from ...data.table_files import plain_schema
from ...engines.cluster.cluster import Cluster
from ...engines.cluster.store import (
    ShardEntry,
    ShardStore,
    write_manifest,
    write_shard,
    written_by_one,
)
from ...engines.cluster.work import Rows
from ...model.campaign_checks import candidate_columns, check_customers, check_parts, sorted_offers
from ...model.campaign_data import CampaignData
from ...model.contact_history import check_history
from ...model.limits import Limit
from ...model.rules import CustomerRule
from ...utils.arrays.array_store import MemoryStore
from ...utils.errors import InvalidInput
from .heads import added_heads, heads_of, read_heads, written_heads
from .only_here import refuse_costs
from .stated_customers import StatedCustomers, rows_of

CANDIDATES = "candidates"


def stated_without_customers(
    offers: Any,
    schemas: Mapping[str, pa.Schema],
    *,
    rules: Sequence[CustomerRule] = (),
    limits: Sequence[Limit] = (),
    value: str = "value",
    name: str = "campaign",
) -> CampaignData:
    """State a campaign whose customers are elsewhere.

    Parameters
    ----------
    offers : table
    schemas : mapping of str to pyarrow.Schema
        Of `candidates`, and of `customers` and `history` where there are any.
    rules, limits, value, name
        As `couponry.Campaign` takes them.

    Returns
    -------
    CampaignData
        Of no customers.

    Raises
    ------
    InvalidInput
    """
    checked, asked = check_parts(limits, "limit", Limit), check_parts(rules, "rule", CustomerRule)
    refuse_costs(asked)
    columns = sorted(candidate_columns(checked, value, asked))
    schema = plain_schema(schemas[CANDIDATES], CANDIDATES, columns)
    offer_table = sorted_offers(tables.as_table(offers, "offers"))
    offer_ids = tables.ids(offer_table, "offers", "offer")
    checks = CandidateChecks(schema, offer_ids)
    nobody = Candidates(
        pa.array([], checks.customer_type),
        np.zeros(1, np.int64),
        np.zeros(0, checks.dtypes["offer"]),
        np.zeros(0, np.uint8) if "role" in checks.dtypes else None,
        np.zeros(0, np.uint8) if "mandatory" in checks.dtypes else None,
        {column: np.zeros(0, checks.dtypes[column]) for column in checks.numeric},
    )
    beside = {
        table: schemas[table].empty_table()
        for table in ("customers", "history")
        if table in schemas
    }
    for table, empty in beside.items():
        ids = tables.ids(empty, table, "customer")
        label = f"table {table}, column 'customer'"
        tables.check_kind_of_ids(ids, nobody.customers, label, CANDIDATES)
    made = CampaignData.make(
        offer_table, nobody, rules=rules, limits=limits, value=value, name=name, **beside
    )
    return replace(
        made,
        candidate_names=tuple(schemas[CANDIDATES].names),
        customer_type=schemas[CANDIDATES].field("customer").type,
    )


class Ingested(NamedTuple):
    """What became of a part of the tables.

    Attributes
    ----------
    entry : ShardEntry or None
        None where nobody has a candidate.
    heads : pyarrow.Table or None
        Of `heads_of`.
    """

    entry: ShardEntry | None
    heads: pa.Table | None


@dataclass(frozen=True, eq=False)
class IngestTask:
    """Check rows of tables, and write the customers that they are of.

    Attributes
    ----------
    campaign : CampaignData
        Stated without customers.
    folder : str
        Where shards are written: a path or a URI.
    """

    campaign: CampaignData
    folder: str

    def __call__(self, number: int, rows: Iterator[Rows], threads: int) -> Ingested:
        """Do it, in a worker.

        Parameters
        ----------
        number : int
            Of the part.
        rows : iterator of (str, pyarrow.RecordBatch)
        threads : int

        Returns
        -------
        Ingested
        """
        others: dict[str, list[pa.RecordBatch]] = {"customers": [], "history": []}

        def candidates() -> Iterator[pa.RecordBatch]:
            for name, batch in rows:
                if name == CANDIDATES:
                    yield batch
                else:
                    others[name].append(batch)

        made = self._candidates(candidates(), threads)
        customers, history = (self._rows(name, others[name]) for name in others)
        for check, table in ((check_customers, customers), (check_history, history)):
            if table is not None:
                check(table)
        heads = heads_of(customers, self.campaign)
        if made is None:
            return Ingested(None, heads)
        stated = StatedCustomers(
            made,
            rows_of(customers, "customers", made.customers),
            rows_of(history, "history", made.customers),
        )
        arrays = {**stated.arrays(), "first": np.zeros(1, np.int64)}
        return Ingested(write_shard(self.folder, number, arrays, threads), heads)

    def _candidates(self, some: Iterator[pa.RecordBatch], threads: int) -> Candidates | None:
        """Candidates of the rows; None where there are none, and then all rows have been looked at."""
        first = next((batch for batch in some if batch.num_rows), None)
        if first is None:
            return None
        columns = ["customer", "offer", "role", "mandatory", *self.campaign.candidates.columns]
        read = stream(chain([first], some), CANDIDATES, columns)
        offers = tables.ids(self.campaign.offers, "offers", "offer")
        return build_candidates(read, offers, MemoryStore(), threads)

    def _rows(self, name: str, batches: Sequence[pa.RecordBatch]) -> pa.Table | None:
        """Rows of a table, with the columns that it was stated with."""
        empty = getattr(self.campaign, name)
        if empty is None:
            return None
        found = pa.Table.from_batches(batches) if batches else empty
        return found.select(empty.column_names).cast(empty.schema).combine_chunks()


def ingest(
    cluster: Cluster, given: Mapping[str, Any], campaign: CampaignData
) -> tuple[ShardStore, CampaignData]:
    """Write shards of customers as they were stated, by those who run tasks for a cluster.

    Parameters
    ----------
    cluster : Cluster
    given : mapping of str to table
        `candidates`, and `customers` and `history` where there are any.
    campaign : CampaignData
        Stated without customers.

    Returns
    -------
    ShardStore
    CampaignData
        With heads counted, where limits ask for them.

    Raises
    ------
    InvalidInput
        Where a table is not as it should be, or the folder cannot be written.
    """
    folder = cluster.place("candidates")
    with written_by_one(folder):
        task = IngestTask(campaign, folder)
        found = cluster.runner.on_rows(task, given, int(cluster.shard_customers))
        counted = replace(campaign, heads=added_heads([part.heads for part in found]))
        return commit(folder, [part.entry for part in found], counted), counted


def commit(folder: str, found: Sequence[ShardEntry | None], campaign: CampaignData) -> ShardStore:
    """Say which shards are there, and how they were stated.

    Parameters
    ----------
    folder : str
        A path or a URI.
    found : sequence of ShardEntry or None
        In the customers' order; None where a part has no candidates.
    campaign : CampaignData
        Stated without customers.

    Returns
    -------
    ShardStore

    Raises
    ------
    InvalidInput
        Where nobody has a candidate.
    """
    entries = [entry for entry in found if entry is not None]
    if not entries:
        raise InvalidInput("table candidates: expected at least one row, got none")
    before = accumulate((entry.customers for entry in entries), initial=0)
    numbered = [replace(e, first=n) for e, n in zip(entries, before, strict=False)]
    source = {"offers": _offers_digest(campaign), "schemas": _schemas_of(campaign)}
    if campaign.heads is not None:
        source["heads"] = written_heads(campaign.heads)
    return write_manifest(folder, numbered, frozenset(), source)


def ingested(cluster: Cluster) -> tuple[ShardStore, dict[str, pa.Schema], pa.Table | None]:
    """Find shards of customers as they were stated, which were written before.

    Parameters
    ----------
    cluster : Cluster

    Returns
    -------
    ShardStore
    dict of str to pyarrow.Schema
        Of the tables, for `stated_without_customers`.
    pyarrow.Table or None
        Heads, where they were counted.

    Raises
    ------
    InvalidInput
        Where there are none.
    """
    store = ShardStore.open(cluster.place(CANDIDATES))
    source = store.manifest.source
    schemas = {
        name: pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
        for name, text in source["schemas"].items()
    }
    return store, schemas, read_heads(source["heads"]) if "heads" in source else None


def check_offers(store: ShardStore, campaign: CampaignData) -> None:
    """Refuse shards that were written with other offers, whose rows candidates name.

    Parameters
    ----------
    store : ShardStore
    campaign : CampaignData

    Raises
    ------
    InvalidInput
    """
    if store.manifest.source["offers"] != _offers_digest(campaign):
        raise InvalidInput(
            f"shards {store.folder!r}: they were written with other offers; state the candidates again"
        )


def _offers_digest(campaign: CampaignData) -> str:
    return digest_of(tables.ids(campaign.offers, "offers", "offer"))


def _schemas_of(campaign: CampaignData) -> dict[str, str]:
    """Columns that shards have of each table, as text."""
    own = campaign.candidates
    fields = [("customer", campaign.customer_type), ("offer", pa.int64())]
    fields += [("role", pa.string())] if own.role is not None else []
    fields += [("mandatory", pa.bool_())] if own.mandatory is not None else []
    fields += [(name, pa.from_numpy_dtype(column.dtype)) for name, column in own.columns.items()]
    schemas = {CANDIDATES: pa.schema(fields)}
    for name in ("customers", "history"):
        if getattr(campaign, name) is not None:
            schemas[name] = getattr(campaign, name).schema
    return {name: base64.b64encode(schema.serialize()).decode() for name, schema in schemas.items()}
