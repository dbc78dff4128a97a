"""Benchmark of threads: one pass and the whole solve of the mixed campaign by 1, 2, 4, ... threads.

    python benchmarks/cases/threads.py [--customers 1000000] [--most N]

Prints JSON: hardware, versions, and for each number of threads the time of the solve, and of bare reads of the packed
bytes and passes by all numbers of threads in turn, with the gain over one thread. Ends with an error unless all
allocations have the same hash.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe
from benchmarks.support.report import digest, solve_seconds, solved, times_by_threads
from benchmarks.support.timing import Disturbance

from couponry import Campaign, Result
from couponry.utils.memory import peak_memory
from couponry.utils.threads import thread_count


def counts(most: int) -> list[int]:
    """1, 2, 4, ... and the most."""
    return sorted({*(1 << n for n in range(most.bit_length())), most})


def solve(campaign: Campaign, gap: float, threads: int) -> tuple[Result, dict[str, Any]]:
    """The result of a solve, and what there is to say of it."""
    result = solved(campaign, gap=gap, threads=threads)
    return result, {
        "threads": threads,
        "solve_seconds": solve_seconds(result),
        "gap": result.gap,
        "full_passes": result.full_passes,
        "max_violation": result.max_violation,
        "allocation_sha256": digest(result.allocation),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--most", type=int, help="threads; default: the cores there are")
    parser.add_argument("--gap", type=float, default=5e-4)
    parser.add_argument("--folder", type=Path, help="of the campaign's Parquet files and store")
    arguments = parser.parse_args()
    most = thread_count(arguments.most)
    campaign = MIXED.campaign(Synthetic(arguments.customers), most, arguments.folder)
    campaign.compile()  # packed before any time is taken
    results, runs = zip(*(solve(campaign, arguments.gap, t) for t in counts(most)), strict=True)
    if len({run["allocation_sha256"] for run in runs}) > 1:
        raise SystemExit(f"allocations differ by the number of threads:\n{json.dumps(runs)}")
    disturbance = Disturbance()
    passes = times_by_threads(campaign, results[0], counts(most))
    said = {
        **describe(most),
        "benchmark": campaign.name,
        "others_had": disturbance.shares(),
        "peak_memory_bytes": peak_memory(),
        "runs": [
            {
                **run,
                "solve_speed_up": runs[0]["solve_seconds"] / run["solve_seconds"],
                **passes[run["threads"]],
            }
            for run in runs
        ],
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
