"""Clusters for long: every kind of campaign on clusters of each size, and whatever is killed.

python -m tests.fuzz.clusters [--engine spark|dask] [--only bits|kills|drivers|packing] [--first 1000] [--seeds 200]

bits      each kind on 1, 2 and 3 executors of Spark, in 4, 16 and 64 shards, two kinds in every pairing of these: the
          bits of one machine
kills     Python workers and executors in turn, in every question, 24 times: the same bits, and the runs that were lost
packing   random campaigns of so many seeds, packed in shards: the arrays of one machine; without a cluster
drivers   a driver that is killed after each of its jobs, and resumed: the same bits, and fewer jobs each time

Minutes each. What does not hold ends it with an AssertionError.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from pathlib import Path

import pyarrow.dataset as ds
from tests.support.cluster_campaigns import CUSTOMERS, KINDS, fingerprint, solved
from tests.support.clusters import Connected, Unlucky, driven, on_dask, on_spark
from tests.support.dask_cluster import DaskCluster
from tests.support.packed_elsewhere import assert_same, packed
from tests.support.random_campaigns import draw
from tests.support.spark_cluster import SparkCluster

from couponry.engines import Cluster

SIZES = {1: 4, 2: 16, 3: 64}
"""Shards that each kind is tried with on so many executors."""

EVERYWHERE = "mixed", "segments"
"""Kinds that are tried with each number of shards on each number of executors."""

KILLS = {
    "mixed": {"SamplesTask": 1, "EvaluateTask": 2, "ChooseTask": 2, "FixTask": 2, "WriteTask": 2},
    "soft": {"SamplesTask": 1, "EvaluateTask": 2, "FixTask": 2, "WriteTask": 1},
    "matching": {"EvaluateTask": 4, "FixTask": 2, "ChooseTask": 1, "BlocksTask": 1, "WriteTask": 1},
}
"""How often a run of each question is killed."""


@cache
def expected(kind: str) -> str:
    """What a solve on this machine comes to."""
    return fingerprint(solved(kind, threads=1))


@contextmanager
def connected(cluster: SparkCluster | DaskCluster, executors: int) -> Iterator[Connected]:
    """Connect to a cluster; a Dask has as many workers as it has."""
    with (
        on_spark(cluster, executors)
        if isinstance(cluster, SparkCluster)
        else on_dask(cluster) as found
    ):
        yield found


def bits(cluster: SparkCluster | DaskCluster, folder: Path) -> None:
    """Solve every kind on clusters of each size."""
    for executors, usual in SIZES.items():
        with connected(cluster, executors) as found:
            for kind, shards in product(KINDS, SIZES.values()):
                if kind not in EVERYWHERE and shards != usual:
                    continue
                store = folder / f"{kind}-{executors}-{shards}"
                engine = Cluster(found.runner, store, -(-CUSTOMERS // shards))
                assert fingerprint(solved(kind, threads=1, engine=engine)) == expected(kind)
                print(
                    f"{kind}: the same bits on {executors} executors, {shards} shards", flush=True
                )


def kills(cluster: SparkCluster | DaskCluster, folder: Path) -> None:
    """Kill runs of every question, of which some have written files."""
    with connected(cluster, 3) as found:
        for kind, wanted in KILLS.items():
            before, marks = found.lost(), folder / f"kills-{kind}"
            marks.mkdir()
            runner = Unlucky(found.runner, marks, wanted)
            engine = Cluster(runner, marks / "shards", CUSTOMERS // 16)
            result = solved(kind, threads=1, engine=engine)
            assert result.allocation is not None
            for copy in range(wanted["WriteTask"]):
                files = result.allocation.write_on_workers(marks / f"parts-{copy}")
                assert len(list((marks / f"parts-{copy}").iterdir())) == len(files) + 1
                assert ds.dataset(files).to_table().equals(result.allocation.to_arrow())
            assert fingerprint(result) == expected(kind)
            lost = found.lost() - before
            assert runner.killed == sum(wanted.values()) <= lost
            print(f"{kind}: {runner.killed} killed, {lost} runs lost, the same bits", flush=True)


def drivers(cluster: SparkCluster | DaskCluster, folder: Path) -> None:
    """Kill the driver after each of its jobs."""
    kind = "soft"
    status, (found, jobs) = driven(cluster, kind, folder / "undisturbed")
    assert (status, found) == (0, expected(kind))
    for after in range(1, int(jobs) + 1):
        place = folder / f"driver-{after}"
        assert driven(cluster, kind, place, after) == (-signal.SIGKILL, [])
        status, (found, rest) = driven(cluster, kind, place)
        assert (status, found) == (0, expected(kind)) and int(rest) <= int(jobs)
        print(f"driver killed after {after} of {jobs} jobs: {rest} were left", flush=True)


def packing(folder: Path, first: int, seeds: int) -> None:
    """Pack random campaigns in shards, with witnesses of the others: the arrays of one machine."""
    for seed in range(first, first + seeds):
        drawn = draw(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem, found = packed(drawn, folder / f"packing-{seed}", 2 + seed % 6)
            assert_same(problem, drawn.campaign().compile().problem)
        print(f"seed {seed}: the same arrays, {len(found.known.witnesses)} witnesses", flush=True)


def main() -> None:
    """Try it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["spark", "dask"], default="spark")
    parser.add_argument("--only", choices=["bits", "kills", "drivers", "packing"])
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.only in (None, "packing"):
            packing(folder, asked.first, asked.seeds)
        if asked.only == "packing":
            return
        cluster = SparkCluster(folder) if asked.engine == "spark" else DaskCluster(folder)
        try:
            if asked.only in (None, "bits"):
                bits(cluster, folder)
            if asked.only in (None, "kills"):
                kills(cluster, folder)
            if asked.only in (None, "drivers"):
                drivers(cluster, folder)
        finally:
            cluster.close()


if __name__ == "__main__":
    main()
