"""Benchmark of threads: one pass and the whole solve of the mixed campaign by 1, 2, 4, ... threads.

    python benchmarks/threads.py [--customers 1000000] [--most N]

Prints JSON: hardware, versions, and for each number of threads the times of a bare read of the packed bytes, of a pass
and of the solve, each with its gain over one thread. Ends with an error unless all allocations have the same hash.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from hardware import describe
from mixed_campaign import MIXED
from report import digest, solve_seconds, solved, time_pass
from synthetic import Synthetic

from couponry import Campaign
from couponry.engines.threads import thread_count
from couponry.solving import peak_memory

TIMES = ("bare_read_seconds", "pass_seconds", "solve_seconds")


def counts(most: int) -> list[int]:
    """1, 2, 4, ... and the most."""
    return sorted({*(1 << n for n in range(most.bit_length())), most})


def measured(campaign: Campaign, gap: float, threads: int) -> dict[str, Any]:
    """The times of one number of threads, and the allocation's hash."""
    result = solved(campaign, gap=gap, threads=threads)
    return {
        "threads": threads,
        **time_pass(campaign, result, threads),
        "solve_seconds": solve_seconds(result),
        "gap": result.gap,
        "full_passes": result.full_passes,
        "max_violation": result.max_violation,
        "allocation_sha256": digest(result.coupons),
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
    runs = [measured(campaign, arguments.gap, threads) for threads in counts(most)]
    if len({run["allocation_sha256"] for run in runs}) > 1:
        raise SystemExit(f"allocations differ by the number of threads:\n{json.dumps(runs)}")
    one = runs[0]
    gains = [
        {f"{name.removesuffix('_seconds')}_speed_up": one[name] / run[name] for name in TIMES}
        for run in runs
    ]
    said = {
        **describe(most),
        "benchmark": campaign.name,
        "peak_memory_bytes": peak_memory(),
        "runs": [{**run, **gain} for run, gain in zip(runs, gains, strict=True)],
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
