"""Clusters of this machine, as what tests of runners ask of them, whichever they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from couponry.engines.cluster.runner import Runner, Task
from couponry.engines.cluster.runners.dask import DaskRunner
from couponry.engines.cluster.runners.spark import SparkRunner

from .cluster_tasks import Lost
from .dask_cluster import DaskCluster
from .processes import descendants
from .spark_cluster import REPOSITORY, SOURCES, SparkCluster


class Connected(Protocol):
    """A runner on a cluster, and what the cluster itself says of tasks."""

    runner: Runner

    def lost(self) -> int:
        """Runs of tasks that came to nothing, so far."""
        ...

    def processes(self) -> list[int]:
        """Everything that runs for it."""
        ...


@dataclass
class ConnectedSpark:
    """On a session of Spark."""

    cluster: SparkCluster
    session: Any
    runner: Runner

    def lost(self) -> int:
        """See `Connected.lost`."""
        ends = self.cluster.task_ends(self.session)
        return sum(end["Task End Reason"]["Reason"] != "Success" for end in ends)

    def processes(self) -> list[int]:
        """See `Connected.processes`."""
        return _all_of(self.cluster)


@dataclass
class ConnectedDask:
    """On a client of Dask."""

    cluster: DaskCluster
    client: Any
    runner: Runner

    def lost(self) -> int:
        """See `Connected.lost`: a worker runs one task at a time, and its nanny notes how it ended."""
        log = self.cluster.folder / "worker.log"
        return log.read_text().count("was killed by signal 9")

    def processes(self) -> list[int]:
        """See `Connected.processes`."""
        return _all_of(self.cluster)


@contextmanager
def on_spark(cluster: SparkCluster, executors: int, **settings: str) -> Iterator[ConnectedSpark]:
    """Connect to a Spark with so many executors."""
    with cluster.session(executors, **settings) as session:
        yield ConnectedSpark(cluster, session, SparkRunner(session))


@contextmanager
def on_dask(cluster: DaskCluster, workers: int | None = None) -> Iterator[ConnectedDask]:
    """Connect to a Dask, all of whose workers are asked, or so many at a time."""
    with cluster.client() as client:
        yield ConnectedDask(cluster, client, DaskRunner(client, workers))


def _all_of(cluster: SparkCluster | DaskCluster) -> list[int]:
    return [pid for each in cluster.started for pid in descendants(each.pid)] + descendants(
        os.getpid()
    )


def driven(
    cluster: SparkCluster | DaskCluster, kind: str, folder: Path, after: int = 0
) -> tuple[int, list[str]]:
    """Exit status and output of a driver, a process of its own; see `cluster_driver`."""
    command = [sys.executable, "-m", "tests.support.cluster_driver", kind, folder, str(after)]
    paths = os.pathsep.join([str(SOURCES), str(REPOSITORY)])
    done = subprocess.run(
        command,
        env=cluster.environment | {"PYTHONPATH": paths},
        input=json.dumps(cluster.where),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.split()


class Unlucky(Runner):
    """Has the process killed that first works on one shard of some questions, and asks another runner.

    Parameters
    ----------
    runner : Runner
    folder : Path
        Where it is noted who was killed.
    killed : dict of str to int
        How many times, by the kind of the task; each time at another question, and at another shard.
    """

    def __init__(self, runner: Runner, folder: Path, killed: dict[str, int]):
        self.name, self.tasks, self.threads = runner.name, runner.tasks, runner.threads
        self._runner, self._folder, self._left = runner, folder, dict(killed)
        self.killed = 0

    def sum(self, task: Task, shards: Sequence[int]) -> Any:
        """See `Runner.sum`."""
        return self._runner.sum(self._spoilt(task, shards), shards)

    def map(self, task: Task, shards: Sequence[int]) -> Any:
        """See `Runner.map`."""
        return self._runner.map(self._spoilt(task, shards), shards)

    def _spoilt(self, task: Task, shards: Sequence[int]) -> Task:
        kind = type(task).__name__
        if not self._left.get(kind):
            return task
        self._left[kind] -= 1
        self.killed += 1
        folder = self._folder / f"{self.killed}"
        folder.mkdir()
        executor = self.killed % 2 == 0 and self.name == "spark"
        return Lost(task, str(folder), (shards[self.killed % len(shards)],), executor)
