"""A billion customers on ten nodes: every part of a solve is measured here, and put together as a table.

    python benchmarks/cases/cluster_billion.py --sizes 400000 800000 1600000
    python benchmarks/cases/cluster_billion.py --sizes 2000000 10000000 20000000 --folder DIR --spark

Measured, on one core where nothing else is said: a pass and fixing, by candidate; opening shards; the job floor of
two processes, and with `--spark` of a standalone Spark; adding up tables of a million cells; how many passes and jobs a
cold solve makes, what they send, how many customers it leaves free, and the processor seconds of the driver, between
jobs and for the repair of free customers, at each size. Extrapolated: the first parts by candidates and cores; free
customers by the power of customers that fits. So many are then left free in a solve of the last size, which says what
their repair takes.
"""

from __future__ import annotations

import argparse
import json
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import _paths  # noqa: F401
import numpy as np
from benchmarks.cases.cluster_speed import JAVA, two_workers, used_by_kind
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.answers import Tables
from benchmarks.support.hardware import describe

import couponry
from couponry.engines import Cluster, InProcessRunner
from couponry.engines.cluster.engine import MOST_SAMPLED, ClusterEngine
from couponry.engines.cluster.recipe import ShardRecipe
from couponry.engines.cluster.runner import Runner
from couponry.kernels import load
from couponry.result import Result
from couponry.results.cluster.shards import shards_of
from couponry.solver.options import SolverOptions
from couponry.solver.stages.free_customer_repair import FreeCustomerRepair

ROUNDS = 5
WARM, JOBS = 60, 40
"""Jobs before those whose floor is told, and those; Java has compiled most of what a job is by then."""

CELLS = 1 << 20

SENT_BYTES = 6
"""Bytes of a candidate that is sent: item, quantity, where in a step it lies."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[400_000, 800_000, 1_600_000])
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--spark", action="store_true")
    parser.add_argument("--customers", type=float, default=1e9)
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--cores", type=int, default=32, help="of a node")
    parser.add_argument(
        "--network", type=float, default=1.25e9, help="bytes a second of the driver"
    )
    parser.add_argument("--java", default=JAVA, help="options of Spark's Java")
    parser.add_argument("--folder", type=Path, help="for everything; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        solves = []
        for customers in arguments.sizes:
            size = Synthetic(customers, arguments.width)
            solves.append(solved(size, folder / f"{customers}"))
            if customers == arguments.sizes[-1]:
                many = free_at(solves, arguments.customers)[1]
                crowd = crowded(size, folder / f"{customers}", many / solves[-1]["free_customers"])
            shutil.rmtree(folder / f"{customers}")
        parts = solves[0].pop("parts")
        for solve in solves[1:]:
            solve.pop("parts")
        kinds = ("processes", "spark") if arguments.spark else ("processes",)
        floors, processor = {}, {}
        for kind in kinds:
            floors[kind], processor[kind] = floor(folder / kind, kind, arguments.java)
    tables = added_tables(arguments.nodes)
    print(
        json.dumps(
            {
                **describe(1),
                **parts,
                "floor": floors,
                "processor_seconds_of_floor": processor,
                "solves": solves,
                "as_many_free": crowd,
                **tables,
            },
            indent=1,
        )
    )
    print(put_together(parts, floors, solves, crowd, tables, arguments))


def least(ask: Callable[[], Any]) -> float:
    """Processor seconds of this thread's process that a call takes at least, of some."""
    found = []
    for _ in range(ROUNDS):
        before = time.process_time()
        ask()
        found.append(time.process_time() - before)
    return min(found)


class CountingRunner(InProcessRunner):
    """Counts the jobs that a cluster would have, by their question: how many, and bytes asked and answered."""

    processor_seconds = 0.0

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.questions: dict[str, list[int]] = {}

    @property
    def jobs(self) -> int:
        """Of all questions."""
        return sum(jobs for jobs, _, _ in self.questions.values())

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """See `Runner.run`."""
        before = time.process_time()
        answers = super().run(task, shares)
        self.processor_seconds += time.process_time() - before
        question = type(pickle.loads(pickle.loads(task)[1])).__name__
        counted = self.questions.setdefault(question, [0, 0, 0])
        for place, more in enumerate((1, len(task), sum(map(len, answers)))):
            counted[place] += more
        return answers


@contextmanager
def taken(of: type, name: str) -> Iterator[list[float]]:
    """Processor seconds of this process that calls of a method take, added up in a list of one."""
    total, method = [0.0], getattr(of, name)

    def timed(*arguments: Any) -> Any:
        before = time.process_time()
        try:
            return method(*arguments)
        finally:
            total[0] += time.process_time() - before

    setattr(of, name, timed)
    try:
        yield total
    finally:
        setattr(of, name, method)


def solved(size: Synthetic, folder: Path) -> dict[str, Any]:
    """Solve a campaign, cold; and measure what one shard of it takes."""
    campaign = MIXED.campaign(size, 2, store=folder / "store")
    before = time.process_time()
    result = campaign.solve(threads=2)
    assert result.plan is not None
    whole = time.process_time() - before
    stages = {name: round(seconds, 3) for name, seconds in result.seconds.items()}
    found = {
        "customers": size.customers,
        "gap": result.gap,
        "passes": result.full_passes,
        "evaluations": result.nit,
        "free_customers": len(result.plan.free),
        "seconds_of_stages": stages,
        "processor_seconds": round(whole, 2),
    }
    compiled, backend = campaign.compile(), load()
    runner = CountingRunner(2)
    cluster = Cluster(runner, folder / "shards", size.customers)
    store = shards_of(compiled, cluster, backend, 2)
    again, driver = driven(campaign, cluster, SolverOptions())
    assert again.objective == result.objective
    found |= driver | {"jobs": runner.jobs, "questions": runner.questions}
    engine = ShardRecipe(store, backend.name, 0).engine(0, 1)
    price, candidates = result.plan.price, engine.candidates
    threshold = np.full((1, 2, *price.shape[1:]), 1e-3, np.float32)
    fine = compiled.problem.fine
    found["parts"] = {
        "candidates": candidates,
        "cells": int(price.size),
        "pass_ns_per_candidate": 1e9 * least(lambda: engine.evaluate(price)) / candidates,
        "fix_ns_per_candidate": 1e9
        * least(lambda: engine.fix(price, threshold, fine))
        / candidates,
        "open_shard_ms": 1e3 * least(lambda: ShardRecipe(store, backend.name, 0).engine(0, 1)),
        "shard_bytes_per_candidate": sum(f.stat().st_size for f in (folder / "shards").iterdir())
        / candidates,
    }
    return found


def driven(
    campaign: couponry.Campaign, cluster: Cluster, options: SolverOptions
) -> tuple[Result, dict[str, Any]]:
    """Solve on a cluster; the result, and what its driver does but for what it asks of workers."""
    runner = cluster.runner
    assert isinstance(runner, CountingRunner)
    runner.processor_seconds, before = 0.0, time.process_time()
    with taken(FreeCustomerRepair, "run") as repairing, taken(ClusterEngine, "fix") as fixing:
        result = campaign.solve(threads=2, engine=cluster, solver_options=options)
    whole = time.process_time() - before
    assert result.plan is not None
    repair = repairing[0] - fixing[0]
    return result, {
        "free_customers": len(result.plan.free),
        "free_candidates": len(result.plan.free_choice),
        "moves": result.plan.moves,
        "processor_seconds_of_repair": round(repair, 3),
        "processor_seconds_between_jobs": round(whole - runner.processor_seconds - repair, 3),
    }


def crowded(size: Synthetic, folder: Path, times: float) -> dict[str, Any]:
    """Solve a campaign that is there with so many times as many customers left free."""
    campaign = MIXED.campaign(size, 2, store=folder / "store")
    plain = SolverOptions().free_customers
    names = ("candidates_per_coupon", "spare_candidates", "spare_candidates_per_million")
    more = {name: times * getattr(plain, name) for name in names}
    options = SolverOptions(free_customers=replace(plain, **more))
    cluster = Cluster(CountingRunner(2), folder / "shards", size.customers)
    return driven(campaign, cluster, options)[1]


def floor(folder: Path, kind: str, java: str) -> tuple[float, dict[str, float]]:
    """Seconds of a job that asks two workers next to nothing, warm, and processor seconds of all who are part of it."""
    folder.mkdir()
    with two_workers(kind, folder, folder / "shards", 1, java) as cluster:
        runner: Runner = cluster.runner
        for _ in range(WARM):
            runner.sum(Tables(1), range(64))
        found, started = [], used_by_kind()
        for _ in range(JOBS):
            before = time.perf_counter()
            runner.sum(Tables(1), range(64))
            found.append(time.perf_counter() - before)
        used = {who: (now - started[who]) / JOBS for who, now in used_by_kind().items()}
    return float(np.median(found)), used


def added_tables(nodes: int) -> dict[str, Any]:
    """What sending a price table, and adding up the usage tables of all nodes, takes the driver, by cell."""
    answers = [pickle.dumps(Tables(CELLS)((node,), 1), 5) for node in range(nodes)]
    adding = least(lambda: np.add.reduce([pickle.loads(one)[0] for one in answers]))
    return {
        "table_bytes_per_cell": 8,
        "price_bytes_per_cell": 4,
        "adding_ns_per_cell": 1e9 * adding / CELLS,
    }


def power(x: list[float], y: list[float]) -> float:
    """The power of x that y goes with; 1 where that cannot be told, and 0 where y falls."""
    if len(x) < 2 or min(y) <= 0:
        return 1.0
    return max(0.0, float(np.polyfit(np.log(x), np.log(y), 1)[0]))


class Part(NamedTuple):
    """A row of the table."""

    what: str
    measured: str
    times: float
    seconds_each: float

    def __str__(self) -> str:
        seconds = self.times * self.seconds_each
        return f"| {self.what} | {self.measured} | {self.times:,.0f} | {seconds:,.1f} |"


def put_together(
    parts: dict[str, Any],
    floors: dict[str, float],
    solves: list[dict[str, Any]],
    crowd: dict[str, Any],
    tables: dict[str, Any],
    asked: argparse.Namespace,
) -> str:
    """The table of a billion."""
    candidates, last = asked.customers * asked.width, solves[-1]
    each = 1e-9 * candidates / (asked.nodes * asked.cores)  # seconds of a nanosecond for each
    jobs = last["jobs"]
    floor_of, seconds = max(floors, key=lambda kind: floors[kind]), max(floors.values())
    of_pass, of_fix = (parts[f"{what}_ns_per_candidate"] for what in ("pass", "fix"))
    rows = [
        Part(
            "passes over everybody", f"{of_pass:.2f} ns a candidate", last["passes"], each * of_pass
        ),
        Part("fixing", f"{of_fix:.2f} ns a candidate", 1, each * of_fix),
        Part("job floor", f"{1e3 * seconds:.1f} ms on {floor_of}", jobs, seconds),
        *(_of_tables(cells, jobs, tables, asked) for cells in (parts["cells"], 1e6)),
        *_of_driver(solves, crowd, asked),
    ]
    disk = parts["shard_bytes_per_candidate"] * candidates / asked.nodes / 1e9
    head = f"{asked.customers:,.0f} customers x {asked.width}, {asked.nodes} nodes of {asked.cores}"
    lines = ["", f"| {head} | measured | times | seconds |", "| --- | --- | --- | --- |"]
    lines += map(str, rows)
    lines += ["", f"Shards take {disk:,.0f} GB of each node, in its page cache where they fit."]
    return "\n".join(lines)


def _of_tables(cells: float, jobs: int, tables: dict[str, Any], asked: argparse.Namespace) -> Part:
    """Prices sent to each node, usage sent back and added up."""
    per_cell = tables["table_bytes_per_cell"] + tables["price_bytes_per_cell"]
    sent = asked.nodes * cells * per_cell
    seconds = sent / asked.network + 1e-9 * tables["adding_ns_per_cell"] * cells
    return Part(f"tables of {cells:,.0f} cells", f"{sent / 1e6:,.1f} MB a job", jobs, seconds)


def free_at(solves: list[dict[str, Any]], customers: float) -> tuple[str, float]:
    """How free customers grow, in words, and how many so many customers have."""
    some = [
        one for one in solves if one["free_customers"] < one["customers"]
    ]  # others are repaired whole
    sizes = [float(one["customers"]) for one in some]
    free = [float(one["free_customers"]) for one in some]
    growth = power(sizes, free)
    many = free[-1] * (customers / sizes[-1]) ** growth
    return f"{free[-1]:,.0f} at {sizes[-1]:,.0f}; power {growth:.2f}: {many:,.0f}", many


def _of_driver(
    solves: list[dict[str, Any]], crowd: dict[str, Any], asked: argparse.Namespace
) -> Iterator[Part]:
    """What comes to the driver, and what is done there."""
    sample = MOST_SAMPLED * SENT_BYTES
    yield Part("largest sample that is sent", f"{sample / 1e9:.2f} GB", 1, sample / asked.network)
    said, many = free_at(solves, asked.customers)
    yield Part("free customers", said, 1, many * asked.width * SENT_BYTES / asked.network)
    repair, there = crowd["processor_seconds_of_repair"], crowd["free_customers"]
    said = f"{repair:.2f} processor seconds of {there:,.0f} free, {crowd['moves']:,} moves"
    yield Part("repair and filling", said, 1, repair * many / there)
    between = max(one["processor_seconds_between_jobs"] for one in solves)
    yield Part("the driver between jobs", f"{between:.2f} s, at most", 1, between)


if __name__ == "__main__":
    main()
