"""Benchmark of threads: one pass and the whole solve of the mixed campaign by 1, 2, 4, ... threads.

    python benchmarks/cases/threads.py [--customers 1000000] [--most N | --threads N ...] [--rounds 3]

Prints JSON: hardware, versions, and for each number of threads the time of the solve, the median of as many rounds, in
which all numbers of threads take turns; and of bare reads of the packed bytes and passes, in turn, with the gain over
one thread. The solve is told in passes, too, and by stage: wall and processor seconds, the share of the time in which
one thread works alone, as processor seconds tell, the processor seconds of the calling thread outside of what is shared
out, the critical path, and what the system took for itself and how many pages it had to find. (Where others use the
machine only processor seconds mean anything.) The critical path is what the solve would take if each of its threads had
a core to itself, so that a few cores tell something of sixteen: processor seconds of the calling thread, and of pieces
of shared work, each taken by the first thread that is free. It leaves out how fast memory is with all cores at it, how
clocks fall, how long threads take to wake up, and waits for Python's lock; where threads take turns on a core they
disturb each other's caches, which makes it longer. Ends with an error unless all allocations have the same hash.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe
from benchmarks.support.report import digest, solve_seconds, solved, times_by_threads
from benchmarks.support.stages import StageTimes, timed_stages
from benchmarks.support.timing import Disturbance

from couponry import Campaign, Result
from couponry.utils.memory import peak_memory
from couponry.utils.threads import thread_count

PROCESSOR = "processor_seconds"


def counts(most: int) -> list[int]:
    """1, 2, 4, ... and the most."""
    return sorted({*(1 << n for n in range(most.bit_length())), most})


def middle(turns: Sequence[tuple[Result, StageTimes, dict[str, Any]]]) -> Any:
    """The solve that took the median time, with all times by its side."""
    in_order = sorted(turns, key=lambda turn: turn[2]["solve_seconds"])
    result, stages, said = in_order[len(turns) // 2]
    every = {name: [turn[2][name] for turn in turns] for name in ("solve_seconds", PROCESSOR)}
    return result, stages, {**said, "every_round": every}


def solve(
    campaign: Campaign, gap: float, threads: int
) -> tuple[Result, StageTimes, dict[str, Any]]:
    """The result of a solve, its stages, and what there is to say of it."""
    before = time.process_time()
    with timed_stages() as stages:
        result = solved(campaign, gap=gap, threads=threads)
    return (
        result,
        stages,
        {
            "threads": threads,
            "solve_seconds": solve_seconds(result),
            PROCESSOR: time.process_time() - before,
            "gap": result.gap,
            "full_passes": result.full_passes,
            "max_violation": result.max_violation,
            "allocation_sha256": digest(result.allocation),
        },
    )


def in_passes(run: dict[str, Any], stages: StageTimes, passes: dict[str, Any]) -> dict[str, Any]:
    """A solve and its stages in passes by as many threads."""
    one = passes["median"]["pass_seconds"]
    return {
        "solve_per_pass": run["solve_seconds"] / one,
        "critical_seconds": stages.critical_seconds,
        **passes,
        "stages": stages.table(run["threads"], one),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--most", type=int, help="threads; default: the cores there are")
    parser.add_argument("--threads", type=int, nargs="+", help="these numbers of threads instead")
    parser.add_argument("--rounds", type=int, default=1, help="of solves")
    parser.add_argument("--gap", type=float, default=5e-4)
    parser.add_argument("--folder", type=Path, help="of the campaign's Parquet files and store")
    arguments = parser.parse_args()
    numbers = arguments.threads or counts(thread_count(arguments.most))
    most = max(numbers)
    campaign = MIXED.campaign(Synthetic(arguments.customers), most, arguments.folder)
    campaign.compile()  # packed before any time is taken
    solved(campaign, gap=arguments.gap, threads=most)  # what is loaded late is loaded
    rounds = [[solve(campaign, arguments.gap, t) for t in numbers] for _ in range(arguments.rounds)]
    hashes = [said["allocation_sha256"] for turns in rounds for _, _, said in turns]
    if len(set(hashes)) > 1:
        raise SystemExit(f"allocations differ by the number of threads:\n{hashes}")
    runs = [middle(turns) for turns in zip(*rounds, strict=True)]
    disturbance = Disturbance()
    passes = times_by_threads(campaign, runs[0][0], numbers)
    said = {
        **describe(most),
        "benchmark": campaign.name,
        "others_had": disturbance.shares(),
        "peak_memory_bytes": peak_memory(),
        "runs": [
            {
                **run,
                "critical_speed_up": runs[0][2][PROCESSOR] / stages.critical_seconds,
                "solve_speed_up": runs[0][2]["solve_seconds"] / run["solve_seconds"],
                **in_passes(run, stages, passes[run["threads"]]),
            }
            for _, stages, run in runs
        ],
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
