"""`Dask`: solve over shards on a Dask cluster, by plain tasks, which Dask runs again where a worker is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ....utils.checks import shown
from ....utils.errors import InvalidInput
from ....utils.progress.watch import check_cancelled
from ..cluster import Cluster
from ..first_of_unit import CUSTOMER, FIRST
from ..runner import POLL_SECONDS, Runner, Task
from ..work import answer_of, packed_task, work
from .dask_tables import (
    MadeRows,
    as_arrow,
    cut,
    edges_of,
    is_dask_table,
    rows_of_shard,
    schema_of,
    seen_customers,
    with_first,
    work_on_pieces,
)

if TYPE_CHECKING:
    from distributed import Client, Future

RETRIES = 3
"""How often a task that failed is tried again, as Spark does; Dask itself counts workers that were lost with it."""


class Dask(Cluster):
    """Solve over shards, by tasks on a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
    store : str or Path
        Folder of the shards, which this process and all workers reach by the same name, or a URI; see `Cluster`.
    shard_customers : int
        Customers of a shard, where shards are written.
    tasks : int, optional
        Tasks of a pass. Default: as many as there are workers now.

    Raises
    ------
    InvalidInput
        If an argument is something else.
    """

    def __init__(
        self,
        client: Client,
        store: str | Path,
        shard_customers: int = 1_000_000,
        tasks: int | None = None,
    ):
        super().__init__(DaskRunner(client, tasks), store, shard_customers)


class DaskRunner(Runner):
    """Runs tasks on a Dask cluster: one for each worker, with as many threads as that worker has.

    Parameters
    ----------
    client : distributed.Client
        Of a cluster with at least one worker.
    tasks : int, optional
        Tasks that run at a time. Default: the workers that are there.

    Notes
    -----
    Dask counts mapped pages as a worker's memory: start workers with `--memory-limit 0`.
    """

    name = "dask"

    def __init__(self, client: Client, tasks: int | None = None):
        if not hasattr(client, "nthreads"):
            raise InvalidInput(f"client: expected a distributed.Client, got {shown(client)}")
        client.wait_for_workers(1)
        self._client = client
        threads = client.nthreads()
        self.tasks = tasks or len(threads)
        self.threads = min(threads.values())

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """See `Runner.run`."""
        futures = [self._submit(work, task, share, self.threads) for share in shares]
        return self._finished(futures, futures)

    def takes(self, table: Any) -> bool:
        """See `Runner.takes`: DataFrames of Dask."""
        return isinstance(table, MadeRows) or is_dask_table(table)

    def schema(self, table: Any) -> pa.Schema:
        """See `Runner.schema`."""
        return schema_of(table) if is_dask_table(table) else table.schema

    def on_rows(
        self, task: Any, tables: Mapping[str, Any], customers: int, unit: str | None = None
    ) -> list[Any]:
        """See `Runner.on_rows`: workers cut partitions by customers, and put parts together."""
        if not any(map(self.takes, tables.values())):
            return super().on_rows(task, tables, customers, unit)
        first, *_ = tables
        started: list[Future] = []

        def submit(*asked: Any) -> Future:
            started.append(self._submit(*asked))
            return started[-1]

        parts = {name: self._partitions(table, submit) for name, table in tables.items()}
        by = CUSTOMER if unit is None else FIRST
        if unit is not None:
            parts = with_first(parts, unit, submit)
        seen = [submit(seen_customers, one, by) for one in parts[first]]
        edges = edges_of(self._finished(seen, started), customers)
        names = [name for name, some in parts.items() for _ in some]
        pieces = [submit(cut, one, edges, by) for some in parts.values() for one in some]
        packed = packed_task(task)
        done = [
            submit(
                work_on_pieces,
                packed,
                n,
                names,
                self.threads,
                *(submit(getitem, p, n) for p in pieces),
            )
            for n in range(len(edges) + 1)
        ]
        return [answer_of(found) for found in self._finished(done, started)]

    def rows(self, task: Task, shards: Sequence[int], schema: pa.Schema) -> Any:
        """See `Runner.rows`: partitions, one for each shard, of which workers make tables when they are asked."""
        return MadeRows(packed_task(task), tuple(shards), schema)

    def _partitions(self, table: Any, submit: Callable[..., Future]) -> list[Any]:
        """Partitions as tables of Arrow, where they are; a table of this process is one of its own."""
        if isinstance(table, MadeRows):
            return [submit(rows_of_shard, table.task, n, self.threads) for n in table.shards]
        if not self.takes(table):
            return [table]
        schema = schema_of(table)
        return [submit(as_arrow, one, schema) for one in self._client.compute(table.to_delayed())]

    def _submit(self, function: Callable[..., Any], *asked: Any) -> Future:
        # tied to no worker: tasks whose workers are all lost would wait for these for ever
        return self._client.submit(function, *asked, pure=False, retries=RETRIES)

    def _finished(self, futures: list[Future], started: list[Future]) -> list[Any]:
        """Wait for some of what was started, and end it all where this thread is told to stop."""
        from distributed import TimeoutError, wait

        try:
            while True:
                try:
                    wait(futures, timeout=POLL_SECONDS)
                    break
                except TimeoutError:
                    check_cancelled()
            return list(self._client.gather(futures))
        except BaseException:
            self._client.cancel(started)
            raise
