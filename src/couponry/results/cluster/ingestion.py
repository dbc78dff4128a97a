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
from ...data.earlier.previous_pairs import PREVIOUS, PairCounts
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
from .heads import added_heads, heads_of, written_heads
from .packed_candidates import unpacked
from .packing import UNITS
from .previous_elsewhere import added_counts, check_pairs, has_column, look_up
from .stated_before import CANDIDATES, offers_digest
from .stated_customers import StatedCustomers


def stated_without_customers(
    offers: Any,
    schemas: Mapping[str, pa.Schema],
    *,
    rules: Sequence[CustomerRule] = (),
    limits: Sequence[Limit] = (),
    value: str = "value",
    name: str = "campaign",
    backups: int = 0,
    unit: str | None = None,
) -> CampaignData:
    """State a campaign whose customers are elsewhere.

    Parameters
    ----------
    offers : table
    schemas : mapping of str to pyarrow.Schema
        Of `candidates`, and of `customers`, `history` and `previous` where there are any.
    rules, limits, value, name, backups, unit
        As `couponry.Campaign` takes them.

    Returns
    -------
    CampaignData
        Of no customers. Limits on what stays of an earlier plan are not among its own yet.

    Raises
    ------
    InvalidInput
    """
    checked, asked = check_parts(limits, "limit", Limit), check_parts(rules, "rule", CustomerRule)
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
        {column: np.zeros(0, checks.dtypes[column]) for column in checks.numeric}
        | has_column(schemas),
    )
    beside = _beside_candidates(schemas, nobody.customers)
    made = CampaignData.make(
        offer_table, nobody, rules=rules, limits=limits, value=value, name=name, backups=backups,
        unit=unit, **beside,
    )  # fmt: skip
    if PREVIOUS in schemas:
        check_pairs(made, schemas[PREVIOUS])
    return replace(
        made,
        candidate_names=tuple(schemas[CANDIDATES].names),
        customer_type=schemas[CANDIDATES].field("customer").type,
    )


def _beside_candidates(schemas: Mapping[str, pa.Schema], customers: pa.Array) -> dict[str, Any]:
    """Tables `customers` and `history` without rows, whose ids are of the same kind as those of candidates."""
    beside = {
        table: schemas[table].empty_table()
        for table in ("customers", "history")
        if table in schemas
    }
    for table, empty in beside.items():
        ids = tables.ids(empty, table, "customer")
        label = f"table {table}, column 'customer'"
        tables.check_kind_of_ids(ids, customers, label, CANDIDATES)
    return beside


class Ingested(NamedTuple):
    """What became of a part of the tables.

    Attributes
    ----------
    entry : ShardEntry or None
        None where nobody has a candidate.
    heads : pyarrow.Table or None
        Of `heads_of`.
    previous : PairCounts or None
        Of the earlier plan, where there is one.
    units : int
        How many units the customers are.
    """

    entry: ShardEntry | None
    heads: pa.Table | None
    previous: PairCounts | None = None
    units: int = 0


@dataclass(frozen=True, eq=False)
class IngestTask:
    """Check rows of tables, and write the customers that they are of.

    Attributes
    ----------
    campaign : CampaignData
        Stated without customers.
    folder : str
        Where shards are written: a path or a URI.
    previous : pyarrow.Schema or None
        Of the earlier plan, where there is one.
    packed : bool
        Whether the rows of candidates are those of `packed_candidates`, which workers have made.
    """

    campaign: CampaignData
    folder: str
    previous: pa.Schema | None = None
    packed: bool = False

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
        others: dict[str, list[pa.RecordBatch]] = {"customers": [], "history": [], PREVIOUS: []}

        def candidates() -> Iterator[pa.RecordBatch]:
            for name, batch in rows:
                if name == CANDIDATES:
                    yield batch
                else:
                    others[name].append(batch)

        rows_of = candidates()
        made = unpacked(rows_of, self.campaign) if self.packed else self._checked(rows_of, threads)
        of_tables = {"customers": self.campaign.customers, "history": self.campaign.history}
        customers, history = (rows_in(empty, others[name]) for name, empty in of_tables.items())
        for check, table in ((check_customers, customers), (check_history, history)):
            if table is not None:
                check(table)
        heads = heads_of(customers, self.campaign)
        counts = None
        if self.previous is not None:
            nobody = self.campaign.candidates
            pairs = rows_in(self.previous.empty_table(), others[PREVIOUS])
            found, counts = look_up(made or nobody, self.campaign, pairs, threads)
            made = None if made is None else found
        if made is None:
            return Ingested(None, heads, counts)
        stated = StatedCustomers.of_rows(made, customers, history, self.campaign.unit)
        arrays = {**stated.arrays(), "first": np.zeros(1, np.int64)}
        entry = write_shard(self.folder, number, arrays, threads)
        return Ingested(entry, heads, counts, len(stated))

    def _checked(self, some: Iterator[pa.RecordBatch], threads: int) -> Candidates | None:
        """Candidates of the rows; None where there are none, and then all rows have been looked at."""
        first = next((batch for batch in some if batch.num_rows), None)
        if first is None:
            return None
        named = {*self.campaign.candidates.columns} - ({PREVIOUS} if self.previous else set())
        columns = ["customer", "offer", "role", "mandatory", *sorted(named)]
        read = stream(chain([first], some), CANDIDATES, columns)
        offers = tables.ids(self.campaign.offers, "offers", "offer")
        return build_candidates(read, offers, MemoryStore(), threads)


def rows_in(empty: pa.Table | None, batches: Sequence[pa.RecordBatch]) -> pa.Table | None:
    """Put rows of a table together, with the columns that it was stated with.

    Parameters
    ----------
    empty : pyarrow.Table or None
        Without rows; None where there is no such table.
    batches : sequence of pyarrow.RecordBatch

    Returns
    -------
    pyarrow.Table or None
    """
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
        `candidates`, and `customers`, `history` and `previous` where there are any.
    campaign : CampaignData
        Stated without customers.

    Returns
    -------
    ShardStore
    CampaignData
        With heads counted, where limits ask for them, and the pairs of an earlier plan.

    Raises
    ------
    InvalidInput
        Where a table is not as it should be, or the folder cannot be written.
    """
    folder = cluster.place(CANDIDATES)
    with written_by_one(folder):
        return ingest_into(folder, cluster, given, campaign)


def ingest_into(
    folder: str,
    cluster: Cluster,
    given: Mapping[str, Any],
    campaign: CampaignData,
    *,
    packed: bool = False,
) -> tuple[ShardStore, CampaignData]:
    """Do it, in a folder that nobody else writes.

    Parameters
    ----------
    folder : str
    cluster, given, campaign
        As `ingest` takes them.
    packed : bool
        Whether the table of candidates is one of `packed_candidates`.

    Returns
    -------
    ShardStore
    CampaignData
        As `ingest` returns them.

    Raises
    ------
    InvalidInput
    """
    before = cluster.runner.schema(given[PREVIOUS]) if PREVIOUS in given else None
    task = IngestTask(campaign, folder, before, packed)
    found = cluster.runner.on_rows(task, given, int(cluster.shard_customers), campaign.unit)
    heads = added_heads([part.heads for part in found])
    counts = added_counts([part.previous for part in found])
    counted = replace(campaign, heads=heads, previous=counts)
    return commit(folder, found, counted), counted


def commit(folder: str, found: Sequence[Ingested], campaign: CampaignData) -> ShardStore:
    """Say which shards are there, and how they were stated.

    Parameters
    ----------
    folder : str
        A path or a URI.
    found : sequence of Ingested
        In the customers' order.
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
    entries = [part.entry for part in found if part.entry is not None]
    if not entries:
        raise InvalidInput("table candidates: expected at least one row, got none")
    before = accumulate((entry.customers for entry in entries), initial=0)
    numbered = [replace(e, first=n) for e, n in zip(entries, before, strict=False)]
    source: dict[str, Any] = {"offers": offers_digest(campaign), "schemas": _schemas_of(campaign)}
    if campaign.unit is not None:
        units = [part.units for part in found if part.entry is not None]
        firsts = list(accumulate(units[:-1], initial=0))
        source[UNITS] = {"column": campaign.unit, "firsts": firsts}
    if campaign.heads is not None:
        source["heads"] = written_heads(campaign.heads)
    if campaign.previous is not None:
        source[PREVIOUS] = list(campaign.previous)
    return write_manifest(folder, numbered, frozenset(), source)


def _schemas_of(campaign: CampaignData) -> dict[str, str]:
    """Columns that shards have of each table, as text."""
    own = campaign.candidates
    fields = [("customer", campaign.customer_type), ("offer", pa.int64())]
    fields += [("role", pa.string())] if own.role is not None else []
    fields += [("mandatory", pa.bool_())] if own.mandatory is not None else []
    columns = [name for name in own.columns if name != PREVIOUS or campaign.previous is None]
    fields += [(name, pa.from_numpy_dtype(own.columns[name].dtype)) for name in columns]
    schemas = {CANDIDATES: pa.schema(fields)}
    if campaign.previous is not None:
        offers = tables.ids(campaign.offers, "offers", "offer").type
        pair = [("customer", campaign.customer_type), ("offer", offers)]
        schemas[PREVIOUS] = pa.schema(pair)
    for name in ("customers", "history"):
        if getattr(campaign, name) is not None:
            schemas[name] = getattr(campaign, name).schema
    return {name: base64.b64encode(schema.serialize()).decode() for name, schema in schemas.items()}
