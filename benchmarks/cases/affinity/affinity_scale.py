"""From the purchases of any number of customers to packed candidates, block by block, within a budget of memory.

    python benchmarks/cases/affinity/affinity_scale.py --customers 1000000
    python benchmarks/cases/affinity/affinity_scale.py --customers 50000000 --store DIR

Histories are made while they are scored: a block of synthetic shoppers at a time, its purchases generated and
aggregated. What that takes is reported beside what all of it takes, in seconds of processors: these do not depend on
what else the machine does. Offers are chosen by the models of one command, `PersonalModel` and `DiscoveryModel`;
`--plain` does without.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pyarrow as pa
from benchmarks.instances.synthetic_purchases import Shoppers
from benchmarks.support.hardware import describe

import couponry
from couponry.affinity import (
    Assortment,
    CandidateModel,
    Catalogue,
    PersonalModel,
    PurchaseHistory,
)
from couponry.affinity.pipeline_model import quick_discovery
from couponry.utils.memory import peak_memory
from couponry.utils.parallel import parallel_map
from couponry.utils.threads import thread_count

QUOTA = {"reward": 8, "activation": 12, "innovation": 12}
HALF_LIFE, WINDOW = 16.0, 4  # weeks
HALF_LIVES = (1.0, 4.0, HALF_LIFE, 64.0)
FITTED_ON = 2  # blocks of customers


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--memory-limit", default="10GiB")
    parser.add_argument("--plain", action="store_true", help="neighbours and repeat rates alone")
    parser.add_argument(
        "--store", type=Path, help="folder to build and keep; default: a temporary one"
    )
    arguments = parser.parse_args()
    threads = thread_count()
    size = Shoppers(arguments.customers, scattered=False)
    started = time.perf_counter()
    model = fitted(size, arguments.plain)
    fit = time.perf_counter() - started
    making = Making(size, threads)
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.store or Path(folder) / "store"
        started, processed = time.perf_counter(), time.process_time()
        campaign = couponry.Campaign(
            size.offers_table(),
            model.candidates(making.histories, memory_limit=arguments.memory_limit),
            rules=[couponry.CustomerRule("slots", max=8)],
            store=store,
        )
        made = time.perf_counter() - started
        started = time.perf_counter()
        problem = campaign.compile().problem
        packed, processed = time.perf_counter() - started, time.process_time() - processed
        files = [f for f in store.rglob("*") if f.is_file()]
        disk = sum(f.stat().st_size for f in files)
    print(
        json.dumps(
            {
                **describe(threads),
                "customers": size.customers,
                "with_purchases": problem.customers,
                "pairs": making.pairs,
                "candidates": problem.candidates,
                "fit_seconds": fit,
                "histories_to_stored_candidates_seconds": made,
                "packing_seconds": packed,
                "microseconds_per_customer": 1e6 * (made + packed) / size.customers,
                "processor_seconds": processed,
                "of_them_making_histories": making.seconds,
                "processor_microseconds_per_customer": 1e6 * processed / size.customers,
                "store_bytes": disk,
                "memory_limit": arguments.memory_limit,
                "peak_memory_gib": round(peak_memory() / 2**30, 2),
            },
            indent=1,
        )
    )


class Making:
    """Makes the histories of blocks of shoppers ahead of whoever scores them."""

    def __init__(self, size: Shoppers, threads: int):
        self._size, self._threads = size, threads
        self._lock = threading.Lock()
        self.seconds, self.pairs = 0.0, 0

    def histories(self) -> Iterator[PurchaseHistory]:
        self.seconds, self.pairs = 0.0, 0  # asked for again: from the beginning
        for history in parallel_map(self._block, range(self._size.blocks), self._threads):
            self.pairs += len(history)
            yield history

    def _block(self, number: int) -> PurchaseHistory:
        started = time.thread_time()
        history = self._size.history(number, HALF_LIVES)
        with self._lock:
            self.seconds += time.thread_time() - started
        return history


def fitted(size: Shoppers, plain: bool) -> CandidateModel:
    """A model of the first customers' last weeks, neighbours and popularity of all of their weeks."""
    rows = pa.concat_tables([size.block(number) for number in range(min(FITTED_ON, size.blocks))])
    before = pa.array(rows["week"].to_numpy() < size.weeks - WINDOW)
    after = pa.array(rows["week"].to_numpy() >= size.weeks - WINDOW)
    then = PurchaseHistory.from_transactions(rows.filter(before), half_lives=HALF_LIVES)
    later = rows.filter(after)
    window = PurchaseHistory.from_transactions(later, half_lives=HALF_LIVES)
    assortment = Assortment(size.offers_table(), size.covers_table(), size.products_table(), "type")
    groups = Catalogue(size.products_table(), ["type"], item="product")
    models: dict[str, Any] = {}
    if not plain:
        models = {"personal": PersonalModel(groups), "discovery": quick_discovery(groups)}
    model = CandidateModel(assortment, QUOTA, half_life=HALF_LIFE, **models)
    return model.fit([(then, window)], then.update(later))


if __name__ == "__main__":
    main()
