"""A driver that solves on a cluster and may be killed.

python -m tests.support.cluster_driver KIND FOLDER AFTER < JSON

KIND is of `cluster_campaigns`, FOLDER holds shards and journal, AFTER says after how many jobs it is killed (0: never).
The JSON object has `dask`, the address of a scheduler, or `spark`, the settings of a session. It prints the fingerprint
of the result and how many jobs it took.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from couponry.engines import Cluster, Runner, checkpoint
from couponry.engines.cluster.dask import DaskRunner
from couponry.engines.cluster.spark import SparkRunner

from .cluster_campaigns import CUSTOMERS, fingerprint, solved


class Mortal(Runner):
    """Kills this process once so many jobs are done."""

    def __init__(self, runner: Runner, after: int):
        self.name, self.tasks, self.threads = runner.name, runner.tasks, runner.threads
        self._runner, self._after, self.jobs = runner, after, 0

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """See `Runner.run`."""
        found = self._runner.run(task, shares)
        self.jobs += 1
        if self.jobs == self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        return found


@contextmanager
def connected(where: dict[str, Any]) -> Iterator[Runner]:
    """A runner on the cluster that is named."""
    if "dask" in where:
        from distributed import Client

        with Client(where["dask"]) as client:
            yield DaskRunner(client)
    else:
        from pyspark.sql import SparkSession

        session = SparkSession.builder.config(map=where["spark"]).getOrCreate()
        yield SparkRunner(session)
        session.stop()


def main(kind: str, folder: str, after: int) -> None:
    """Solve, as far as it goes."""
    checkpoint.LEAST_RECORDED_CANDIDATES = 1
    with connected(json.load(sys.stdin)) as runner:
        mortal = Mortal(runner, after)
        engine = Cluster(mortal, Path(folder) / "shards", CUSTOMERS // 4)
        result = solved(kind, threads=1, engine=engine, checkpoint=Path(folder) / "journal")
        print(fingerprint(result), mortal.jobs)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
