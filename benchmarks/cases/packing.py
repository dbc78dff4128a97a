"""How fast candidates come into a store, and how much memory that takes: by customer, or in any order.

    python benchmarks/cases/packing.py --customers 150000
    python benchmarks/cases/packing.py --customers 150000 --shuffled --store DIR

Candidates are made while they are read, so that the first figure holds making them too.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pyarrow as pa
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe

from couponry import Campaign, CustomerRule, Limit
from couponry.utils.threads import thread_count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=150_000)
    parser.add_argument("--shuffled", action="store_true", help="customers in another order")
    parser.add_argument("--store", help="folder to build and keep; default: a temporary one")
    arguments = parser.parse_args()
    size, threads = Synthetic(arguments.customers), thread_count()
    making = timed(lambda: [len(batch) for batch in batches(size, arguments.shuffled, threads)])[1]
    before = peak()
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.store or f"{folder}/store"
        campaign, building = timed(
            lambda: Campaign(
                size.offers_table(),
                batches(size, arguments.shuffled, threads),
                rules=[CustomerRule("slots", max=10)],
                limits=[Limit("budget", sum="cost", max=0.5 * size.customers)],
                store=store,
            )
        )
        problem, packing = timed(lambda: campaign.compile().problem)
        figures = {
            **describe(threads),
            "candidates": problem.candidates,
            "order": "any" if arguments.shuffled else "by customer",
            "rows a second, made": round(problem.candidates / making),
            "rows a second, made and stored": round(problem.candidates / building),
            "rows a second, packed": round(problem.candidates / packing),
            "peak memory above the start, MiB": round((peak() - before) / 2**20),
            "disk, MiB": round(sum(f.stat().st_size for f in Path(store).iterdir()) / 2**20),
        }
    print(json.dumps(figures, indent=1))


def batches(size: Synthetic, shuffled: bool, threads: int) -> Iterator[pa.RecordBatch]:
    """The candidates, by customer, or with customers scattered all over by a multiplication."""
    stride = 1_000_003 if shuffled else 1
    for batch in size.batches(threads):
        customer = batch["customer"].to_numpy() * stride % size.customers
        yield batch.set_column(0, "customer", pa.array(customer))


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returns, and the seconds that it took."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def peak() -> int:
    """Bytes, on Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
