"""What the driver of a cluster needs: the most memory of this process, for campaigns of several sizes.

    python benchmarks/cases/cluster_driver.py --customers 500000 5000000 --width 8

Two worker processes make the rows, check, pack and solve them, and write the allocation; the driver is a process of its
own for each size, and asks for a breakdown and an explanation as well. A size of 20 million customers and 8 candidates
takes about 10 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
from benchmarks.instances.rows_on_workers import MadeRows, MakingRunner, agreed
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe

import couponry
from couponry.engines import Cluster


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, nargs="+", default=[500_000, 5_000_000])
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--shard-customers", type=int, default=1 << 18)
    parser.add_argument("--folder", type=Path, help="of the shards; default: a temporary one")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        (customers,) = arguments.customers
        size = Synthetic(customers, arguments.width)
        print(json.dumps(driven(size, arguments.folder, arguments.shard_customers)))
        return
    found = []
    for customers in arguments.customers:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            command = [sys.executable, __file__, "--one", "--customers", str(customers)]
            command += ["--width", str(arguments.width), "--folder", folder]
            command += ["--shard-customers", str(arguments.shard_customers)]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found.append(json.loads(said.stdout))
    most, least = (pick(one["peak_mib"]["all"] for one in found) for pick in (max, min))
    print(json.dumps({**describe(2), "sizes": found, "most_by_least": most / least}, indent=1))


def driven(size: Synthetic, folder: Path, shard_customers: int) -> dict[str, Any]:
    """Solve a campaign, and ask about it; the most memory of this process up to each stage."""
    peak, seconds = {}, {}
    started = time.perf_counter()

    def ended(stage: str) -> None:
        peak[stage] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        seconds[stage] = round(time.perf_counter() - started, 1)

    ended("import")
    parts = agreed(size)
    ended("limits of a small campaign")
    runner = MakingRunner(2)
    engine = Cluster(runner, folder / "shards", shard_customers)
    campaign = couponry.ClusterCampaign(engine, size.offers_table(), MadeRows(size), **parts)
    ended("rows")
    result = campaign.solve(threads=1)
    ended("solve")
    assert result.allocation is not None and result.plan is not None
    result.allocation.write_on_workers(folder / "coupons")
    ended("write")
    result.by("brand")
    ended("breakdown")
    result.explain(size.customers // 2)
    ended("all")
    runner.close()
    return {
        "customers": size.customers,
        "candidates": result.candidates,
        "status": result.status,
        "gap": result.gap,
        "free_customers": len(result.plan.free),
        "passes": result.full_passes,
        "peak_mib": peak,
        "seconds": seconds,
        "disk_mib": round(sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 2**20),
    }


if __name__ == "__main__":
    main()
