"""`Dask`: solve over shards on a Dask cluster, by plain tasks, which Dask runs again where a worker is lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...utils.checks import shown
from ...utils.errors import InvalidInput
from ...utils.progress.watch import check_cancelled
from .cluster import Cluster
from .runner import POLL_SECONDS, Runner
from .work import work

if TYPE_CHECKING:
    from distributed import Client

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
        from distributed import TimeoutError, wait

        # tied to no worker: tasks whose workers are all lost would wait for these for ever
        futures = [
            self._client.submit(work, task, share, self.threads, pure=False, retries=RETRIES)
            for share in shares
        ]
        try:
            while True:
                try:
                    wait(futures, timeout=POLL_SECONDS)
                    break
                except TimeoutError:
                    check_cancelled()
            return list(self._client.gather(futures))
        except BaseException:
            self._client.cancel(futures)
            raise
