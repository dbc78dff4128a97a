"""`ClusterCampaign`: a campaign whose customers stay on a cluster; this process has tables of items alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from .affinity.cluster_pipeline import TRANSACTIONS
from .affinity.targeting import Targeting
from .cluster_result import ClusterResult
from .data import tables
from .data.earlier.previous_pairs import PREVIOUS
from .engines.cluster.cluster import Cluster
from .kernels import BackendName, load
from .model.campaign_data import CampaignData
from .model.campaign_view import warn_of_findings
from .model.changes import LimitChanges, OfferChanges, RuleChanges, changed
from .model.inputs.campaign_inputs import check_previous
from .model.inputs.previous_plan import PreviousPlan
from .model.limits import Limit
from .model.rules import CustomerRule
from .results.cluster.heads import check_heads
from .results.cluster.ingestion import ingest, stated_without_customers
from .results.cluster.packing import StatedShards
from .results.cluster.previous_elsewhere import after, given_before
from .results.cluster.stated_before import (
    CANDIDATES,
    check_offers,
    check_unit_of,
    ingested,
)
from .results.cluster.transactions_elsewhere import ingest_transactions
from .results.options import DEFAULT_GAP, SolveOptions
from .results.solve import solve
from .solver.options import DEFAULT_OPTIONS, SolverOptions
from .utils.checks import shown
from .utils.errors import InvalidInput
from .utils.progress.cancel import CancelToken
from .utils.progress.watch import Progress
from .utils.table_types import Table


class ClusterCampaign:
    """A campaign whose customers stay on a cluster, from the tables to the allocation.

    Workers check the rows where they are, and write them as shards into the engine's folder; nothing in this process
    grows with the number of customers. The allocation is that of a `Campaign` of the same tables, bit for bit.

    Parameters
    ----------
    engine : couponry.engines.Cluster
        Such as `couponry.engines.Spark(session, store)`.
    offers : table
        As for `Campaign`, here.
    candidates, customers, history : table
        As for `Campaign`: DataFrames of the engine's Spark or Dask, or tables of this process. Without candidates the
        customers are those that another campaign has left in the engine's folder, with the columns that it used.
    rules, limits, value, name, backups : optional
        As for `Campaign`.
    previous : PreviousPlan, optional
        As for `Campaign`; its table may be a DataFrame of the engine's, such as the coupons that workers have written.
    unit : str, optional
        As for `Campaign`. Workers find who is one unit, and bring the rows of its customers together.

    Raises
    ------
    InvalidInput
        With one line that names what is wrong. Rows are counted within their part of a table.

    Examples
    --------
    >>> import couponry, tempfile
    >>> from couponry.engines import Cluster, InProcessRunner
    >>> candidates = {"customer": [2, 1, 1], "offer": ["tea", "tea", "jam"], "value": [3.0, 2.0, 1.0]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     engine = Cluster(InProcessRunner(), folder, shard_customers=1)
    ...     limits = [couponry.Limit("in all", max=2)]
    ...     campaign = couponry.ClusterCampaign(engine, {"offer": ["tea", "jam"]}, candidates, limits=limits)
    ...     campaign.solve().objective
    5.0
    """

    __slots__ = ("_engine", "_shards")

    def __init__(
        self,
        engine: Cluster,
        offers: Table,
        candidates: Any = None,
        customers: Any = None,
        history: Any = None,
        *,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
        name: str = "campaign",
        backups: int = 0,
        previous: PreviousPlan | None = None,
        unit: str | None = None,
    ):
        _check_engine(engine)
        parts = {"rules": rules, "limits": limits}
        agreed: dict[str, Any] = {**parts, "value": value, "name": name, "backups": backups}
        agreed["unit"] = unit
        if candidates is None:
            store, schemas, counts = ingested(engine)
            if previous is None:
                schemas.pop(PREVIOUS, None)
                counts[PREVIOUS] = None
            stated = replace(stated_without_customers(offers, schemas, **agreed), **counts)
            check_offers(store, stated)
            check_unit_of(store, unit)
        else:
            check_previous(previous, (), value)
            before = given_before(previous, engine.runner.takes)
            beside = {"customers": customers, "history": history, PREVIOUS: before}
            given = _given(engine, {CANDIDATES: candidates, **beside})
            schemas = {table: engine.runner.schema(rows) for table, rows in given.items()}
            columns = *schemas[CANDIDATES].names, *tables.as_table(offers, "offers").column_names
            check_previous(previous, columns, value)
            stated = stated_without_customers(offers, schemas, **agreed)
            store, stated = ingest(engine, given, stated)
        check_heads(stated)
        stated = after(stated, previous)
        self._hold(engine, StatedShards(store, stated, load().name))

    @classmethod
    def from_transactions(
        cls,
        engine: Cluster,
        offers: Table,
        transactions: Any,
        covers: Table | None = None,
        products: Table | None = None,
        customers: Any = None,
        history: Any = None,
        *,
        redemptions: Table | None = None,
        targeting: Targeting | None = None,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
        name: str = "campaign",
        backups: int = 0,
        previous: PreviousPlan | None = None,
        unit: str | None = None,
    ) -> ClusterCampaign:
        """Make a campaign whose candidates are made of raw transactions, on the cluster.

        Workers group customers' transactions and make their candidates. The model is fitted in this process, on a
        sample of customers, and is that of `Campaign.from_transactions`, like the candidates.

        Parameters
        ----------
        engine : couponry.engines.Cluster
            As for `ClusterCampaign`.
        offers, covers, products, redemptions : table
            As for `Campaign.from_transactions`, here.
        transactions, customers, history : table
            DataFrames of the engine's Spark or Dask, or tables of this process, each with a column `customer`.
        targeting, rules, limits, value, name, backups, previous, unit : optional
            As for `Campaign.from_transactions`; the earlier plan as for `ClusterCampaign`.

        Returns
        -------
        ClusterCampaign
            With the candidates of all customers.

        Raises
        ------
        InvalidInput
            With one line that names what is wrong.
        """
        _check_engine(engine)
        _check_column_of_customers(aim := targeting or Targeting())
        check_previous(previous, (), value)
        about = {"customers": customers, "history": history}
        about[PREVIOUS] = given_before(previous, engine.runner.takes)
        given = _given(engine, {TRANSACTIONS: transactions} | about)
        beside = tables.as_table(offers, "offers"), given, (covers, products, redemptions), aim
        store, stated = ingest_transactions(
            engine, *beside, rules=rules, limits=limits, value=value, name=name, backups=backups,
            unit=unit,
        )  # fmt: skip
        made = cls.__new__(cls)
        made._hold(engine, StatedShards(store, after(stated, previous), load().name))
        return made

    def _hold(self, engine: Cluster, shards: StatedShards) -> None:
        self._engine, self._shards = engine, shards

    @property
    def data(self) -> CampaignData:
        """What was stated, without customers."""
        return self._shards.campaign

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self.data.name

    @property
    def offers(self) -> pa.Table:
        """The offers, in ascending order of their ids."""
        return self.data.offers

    @property
    def rules(self) -> tuple[CustomerRule, ...]:
        """The customer rules, each with a name."""
        return self.data.rules

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits, each with a name."""
        return self.data.limits

    def __repr__(self) -> str:
        """Name and sizes, in one line."""
        there = self._shards.store.manifest
        sizes = f"{there.customers:,} customers, {there.candidates:,} candidates"
        return f"<ClusterCampaign {self.name!r}: {sizes} in {len(there.shards):,} shards>"

    def changed(
        self,
        *,
        limits: LimitChanges | None = None,
        drop_limits: Iterable[str] = (),
        add_limits: Iterable[Limit] = (),
        offers: OfferChanges | None = None,
        rules: RuleChanges | None = None,
        drop_rules: Iterable[str] = (),
        add_rules: Iterable[CustomerRule] = (),
    ) -> ClusterCampaign:
        """Make another campaign of the same customers; see `Campaign.changed`.

        Where nothing but bounds of limits changes, workers need not compile their shards again. The shards of the
        campaign that was solved last are kept: results of others can list no allocation any more.

        Parameters
        ----------
        limits, drop_limits, add_limits, offers, rules, drop_rules, add_rules : optional
            As for `Campaign.changed`.

        Returns
        -------
        ClusterCampaign
            It shares the customers.

        Raises
        ------
        InvalidInput
        """
        shards = self._shards
        other = changed(
            shards.campaign, limits=limits, drop_limits=drop_limits, add_limits=add_limits,
            offers=offers, rules=rules, drop_rules=drop_rules, add_rules=add_rules,
        )  # fmt: skip
        check_heads(other)
        made = ClusterCampaign.__new__(ClusterCampaign)
        made._hold(self._engine, StatedShards(shards.store, other, shards.backend))
        return made

    def solve(
        self,
        *,
        gap: float = DEFAULT_GAP,
        time_limit: float | None = None,
        threads: int | None = None,
        seed: int = 0,
        backend: BackendName | None = None,
        progress: Progress = False,
        cancel: CancelToken | None = None,
        checkpoint: str | Path | None = None,
        start: Any = None,
        solver_options: SolverOptions | None = None,
    ) -> ClusterResult:
        """Find the best allocation, with its certificate; see `Campaign.solve`.

        Parameters
        ----------
        gap, time_limit, threads, seed, backend, progress, cancel, checkpoint, start, solver_options : optional
            As for `Campaign.solve`.

        Returns
        -------
        ClusterResult
            Its `status` says what came of it.

        Raises
        ------
        InvalidInput

        Warns
        -----
        CampaignWarning
        """
        solver = DEFAULT_OPTIONS if solver_options is None else solver_options
        parts = (gap, time_limit, threads, seed, backend, progress, cancel, checkpoint, start)
        options = SolveOptions(*parts, solver, self._engine)
        shards = StatedShards(
            self._shards.store, self._shards.campaign, options.load_backend().name
        )
        solution = solve(self.data, options, None, warn_of_findings, shards)
        return ClusterResult.from_solution(solution, shards, self._engine)


def _check_engine(engine: Any) -> None:
    if not isinstance(engine, Cluster):
        raise InvalidInput(f"engine: expected a cluster of couponry.engines, got {shown(engine)}")


def _check_column_of_customers(targeting: Targeting) -> None:
    if targeting.columns.get("customer", "customer") != "customer":
        found = shown(targeting.columns["customer"])
        raise InvalidInput(
            f"targeting: columns: expected customers in a column 'customer', got {found}; rename it"
        )


def _given(engine: Cluster, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Tables of the cluster as they are, others as tables of Arrow; each has customers."""
    given = {
        table: rows if engine.runner.takes(rows) else tables.as_table(rows, table)
        for table, rows in stated.items()
        if rows is not None
    }
    for table, rows in given.items():
        tables.require(engine.runner.schema(rows).empty_table(), table, "customer")
    return given
