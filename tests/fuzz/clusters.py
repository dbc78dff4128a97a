"""Clusters for long: every kind of campaign on clusters of each size, and whatever is killed.

python -m tests.fuzz.clusters [--engine spark|dask] [--only bits|kills|drivers|packing] [--first 1000] [--seeds 200]

bits      each kind on 1, 2 and 3 executors of Spark, or workers of Dask, each in 4, 16 and 64 shards: the bits of one
          machine
kills     Python workers and executors in turn, in every question, 24 times: the same bits, and the runs that were lost
packing   random campaigns of so many seeds, packed in shards: the arrays of one machine; without a cluster
drivers   a driver that is killed after each of its jobs, and resumed: the same bits, and no job of the solve twice

Minutes each. What does not hold ends it with an AssertionError.
"""

from __future__ import annotations

import argparse
import json
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
from tests.support.random_units import draw_units
from tests.support.spark_cluster import SparkCluster

from couponry.engines import Cluster
from couponry.results.cluster.parts import MANIFEST

EXECUTORS, SHARDS = (1, 2, 3), (4, 16, 64)
"""How many there are of each."""

KILLS = {
    "mixed": {"SamplesTask": 1, "EvaluateTask": 2, "ChooseTask": 2, "FixTask": 2, "WriteTask": 2},
    "soft": {"SamplesTask": 1, "EvaluateTask": 2, "FixTask": 2, "WriteTask": 1},
    "matching": {"EvaluateTask": 4, "FixTask": 2, "ChooseTask": 1, "BlocksTask": 1, "WriteTask": 1},
}
"""How often a run of each question is killed."""


DRIVERS = "soft", "segments"
"""Kinds whose driver is killed after each of its jobs."""


@cache
def expected(kind: str) -> str:
    """What a solve on this machine comes to."""
    return fingerprint(solved(kind, threads=1))


@contextmanager
def connected(cluster: SparkCluster | DaskCluster, executors: int) -> Iterator[Connected]:
    """Connect to a cluster, of which so many executors or workers are asked."""
    with (
        on_spark(cluster, executors)
        if isinstance(cluster, SparkCluster)
        else on_dask(cluster, executors) as found
    ):
        yield found


def bits(cluster: SparkCluster | DaskCluster, folder: Path) -> None:
    """Solve every kind on clusters of each size, in each number of shards."""
    for executors in EXECUTORS:
        with connected(cluster, executors) as found:
            least = 2 if isinstance(cluster, SparkCluster) else 1  # so has Spark's parallelism
            assert found.runner.tasks == max(least, executors)
            for kind, shards in product(KINDS, SHARDS):
                store = folder / f"{kind}-{shards}"
                customers = KINDS[kind]().compile().problem.customers
                each = -(-customers // shards)
                engine = Cluster(found.runner, store, each)
                assert fingerprint(solved(kind, threads=1, engine=engine)) == expected(kind)
                assert len(list(store.glob("*.arrays"))) == -(-customers // each)
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
    """Kill the driver after each of its jobs: nothing that was answered during the solve is asked again."""
    for kind in DRIVERS:
        place = folder / f"undisturbed-{kind}"
        status, (found, solving, beyond) = driven(cluster, kind, place)
        assert (status, found) == (0, expected(kind))
        for after in range(1, int(solving) + int(beyond) + 1):
            place = folder / f"driver-{kind}-{after}"
            assert driven(cluster, kind, place, after) == (-signal.SIGKILL, [])
            status, (found, rest, _) = driven(cluster, kind, place)
            assert (status, found) == (0, expected(kind))
            assert int(rest) == max(0, int(solving) - after)
            if kind != "infeasible":
                files = json.loads((place / "parts" / MANIFEST).read_text())["parts"]
                there = {path.name for path in (place / "parts").iterdir()}
                assert there == {MANIFEST, *(part["file"] for part in files)}
            print(
                f"{kind}: driver killed after {after} of {solving} + {beyond} jobs: {rest} left",
                flush=True,
            )


def packing(folder: Path, first: int, seeds: int) -> None:
    """Pack random campaigns, every other one of households, in shards: the arrays of one machine."""
    for seed in range(first, first + seeds):
        drawn = draw_units(seed) if seed % 2 else draw(seed)
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
        cluster = (
            SparkCluster(folder) if asked.engine == "spark" else DaskCluster(folder, max(EXECUTORS))
        )
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
