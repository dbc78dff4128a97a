"""A warm solve over shards by two one-core workers, beside a solve on one machine with two threads.

    python benchmarks/cases/cluster_speed.py --customers 1000000
    python benchmarks/cases/cluster_speed.py --customers 10000000 --engine spark --folder DIR

The mixed campaign is solved in turns, the shards having been written before. The ratio is of the medians: of wall-clock
time, for an idle machine, and of processor seconds, which others on the machine do not change much. Workers are
processes, or executors of a standalone Spark that this command starts (it needs Java and PySpark), with the options of
Java that docs/clusters.md advises; `--java=` goes without them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe

from couponry.engines import Cluster, ProcessPoolRunner, Spark
from couponry.result import Result

KINDS = {
    "SparkSubmit": "driver's Java",
    "CoarseGrainedExecutorBackend": "executors' Java",
    "pyspark.daemon": "executors' Python",
}
"""What processes of Spark are for, by what their command has in it."""

JAVA = "-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.1"
"""What docs/clusters.md advises."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=int, default=3, help="solves before the first that is timed")
    parser.add_argument("--engine", choices=["processes", "spark"], default="processes")
    parser.add_argument("--java", default=JAVA, help="options of Spark's Java")
    parser.add_argument("--shard-customers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="for everything; default: a temporary one")
    parser.add_argument("--kept", type=Path, help="for candidates and shards, which are used again")
    arguments = parser.parse_args()
    size = Synthetic(arguments.customers, arguments.width)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder, kept = Path(name), arguments.kept or Path(name)
        campaign = MIXED.campaign(size, 2, store=kept / "store")
        sizes = kept / "shards", arguments.shard_customers, arguments.java
        with two_workers(arguments.engine, folder, *sizes) as engine:
            for _ in range(
                arguments.warm
            ):  # shards are written, and workers, and their Java, are warm
                first = campaign.solve(threads=2, engine=engine)
            ways: dict[str, Any] = {"local": None, "cluster": engine}
            found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
            for _ in range(arguments.rounds):
                for way, asked in ways.items():
                    before = time.perf_counter(), used()
                    result = campaign.solve(threads=2, engine=asked)
                    found[way].append((time.perf_counter() - before[0], used() - before[1]))
                    assert same(result, first)
    medians = {
        way: [statistics.median(column) for column in zip(*rounds, strict=True)]
        for way, rounds in found.items()
    }
    report = {
        **describe(2),
        "customers": size.customers,
        "candidates": size.customers * size.width,
        "engine": arguments.engine,
        **({"java": arguments.java} if arguments.engine == "spark" else {}),
        "seconds": {way: round(median[0], 2) for way, median in medians.items()},
        "processor_seconds": {way: round(median[1], 2) for way, median in medians.items()},
        "ratio_of_seconds": round(medians["cluster"][0] / medians["local"][0], 3),
        "ratio_of_processor_seconds": round(medians["cluster"][1] / medians["local"][1], 3),
        "passes": first.full_passes,
        "gap": first.gap,
    }
    print(json.dumps(report, indent=1))


def same(one: Result, other: Result) -> bool:
    """Whether two results are of the same allocation, as far as its totals tell."""
    return (one.objective, one.bound, one.allocated) == (
        other.objective,
        other.bound,
        other.allocated,
    )


def used() -> float:
    """Processor seconds of this process and everything below it that is alive, and of what has ended."""
    return sum(used_by_kind().values())


def used_by_kind() -> dict[str, float]:
    """The same by what a process is for."""
    found, ticks = (
        dict.fromkeys(["driver", *KINDS.values(), "others"], 0.0),
        os.sysconf("SC_CLK_TCK"),
    )
    for pid in family(os.getpid()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        kinds = [kind for name, kind in KINDS.items() if name in command]
        kind = "driver" if pid == os.getpid() else (kinds or ["others"])[0]
        found[kind] += sum(map(int, fields[11:15])) / ticks
    return found


def family(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


@contextmanager
def two_workers(
    kind: str, folder: Path, shards: Path, shard_customers: int, java: str = JAVA
) -> Iterator[Cluster]:
    """Two one-core workers; folder: for what Spark writes."""
    if kind == "processes":
        runner = ProcessPoolRunner(2)
        yield Cluster(runner, shards, shard_customers)
        runner.close()
        return
    from tests.support.spark_cluster import SparkCluster

    (folder / "spark").mkdir()
    cluster = SparkCluster(folder / "spark", measured=True, java=java)
    try:
        with cluster.session(2) as session:
            yield Spark(session, shards, shard_customers)
    finally:
        cluster.close()


if __name__ == "__main__":
    main()
