"""A driver that solves on a cluster and may be killed.

python -m tests.support.cluster_driver KIND FOLDER AFTER < JSON

KIND is of `cluster_campaigns`, FOLDER holds shards, journal and coupons, AFTER says after how many jobs it is killed
(0: never). The JSON object has `dask`, the address of a scheduler, or `spark`, the settings of a session. It prints the
fingerprint of the result, how many jobs the solve took, and how many followed: listing and writing the coupons.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from couponry.engines import Cluster, Runner
from couponry.engines.cluster.runners.dask import DaskRunner
from couponry.engines.cluster.runners.spark import SparkRunner
from couponry.result import Result
from couponry.results.cluster.parts import MANIFEST

from .cluster_campaigns import CUSTOMERS, fingerprint, solved


class Mortal(Runner):
    """Counts jobs, and ends this process, or what it does, once so many are done and what they answered is known.

    Parameters
    ----------
    runner : Runner
    after : int
        0: never.
    end : callable
        Does not return.
    """

    def __init__(self, runner: Runner, after: int, end: Callable[[], Any]):
        self.name, self.tasks, self.threads = runner.name, runner.tasks, runner.threads
        self._runner, self.after, self._end, self.jobs = runner, after, end, 0

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """See `Runner.run`."""
        self.end_if_due()
        found = self._runner.run(task, shares)
        self.jobs += 1
        return found

    def end_if_due(self) -> None:
        """End, unless jobs are left."""
        if 0 < self.after == self.jobs:
            self._end()


class Ended(Exception):
    """What a driver does has ended."""


def ended_after_each_job(kind: str, runner: Runner, folder: Path) -> tuple[int, Result]:
    """Solve, and end after each job, once what it answered is known; how many jobs there were, and the result.

    Each time one job is done, and none is done twice.
    """

    def end() -> None:
        raise Ended

    engine, journal = Cluster(runner, folder / "shards", CUSTOMERS // 4), folder / "journal"
    for times in count():
        mortal = Mortal(runner, 1, end)
        try:
            result = solved(
                kind, threads=1, engine=replace(engine, runner=mortal), checkpoint=journal
            )
        except Ended:
            assert mortal.jobs == 1
            continue
        mortal.after = 0
        return times + 1, result
    raise AssertionError


def killed() -> None:
    """End this process as if the machine had failed."""
    os.kill(os.getpid(), signal.SIGKILL)


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


def main(kind: str, name: str, after: int) -> None:
    """Solve and write, as far as it goes."""
    folder = Path(name)
    with connected(json.load(sys.stdin)) as runner:
        mortal = Mortal(runner, after, killed)
        engine = Cluster(mortal, folder / "shards", CUSTOMERS // 4)
        result = solved(kind, threads=1, engine=engine, checkpoint=folder / "journal")
        jobs = mortal.jobs
        if result.allocation is not None and not (folder / "parts" / MANIFEST).exists():
            result.allocation.write_on_workers(folder / "parts")
        found = fingerprint(result)
        mortal.end_if_due()
        print(found, jobs, mortal.jobs - jobs)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
