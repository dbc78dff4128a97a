"""Benchmark of store inventories: what each store has of each offer, a limit for every pair of the two.

    python benchmarks/cases/store_inventories.py [--customers 1000000] [--stores 300] [--offers 2000] [--gap 0.001]
    python benchmarks/cases/store_inventories.py --store DIR     candidates go into a store as they are made

A store has 0.4 to 0.9 of what its customers would take without limits. Prints JSON: how much memory was estimated
before the start, what the solve took by stage and at the peak, its certificate, and the same of the mixed campaign
(`mixed_campaign.py`) over the same candidates, to the same gap, in the same run.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import mixed_campaign
import numpy as np
import pyarrow as pa
from benchmarks.instances.synthetic import Synthetic
from benchmarks.instances.synthetic_campaign import free_use
from numpy.typing import NDArray

import couponry
from couponry.data.sizes.memory_estimate import CampaignSize, estimate
from couponry.utils.memory import peak_memory
from couponry.utils.threads import thread_count

SLOTS = 10


def stores_of(customers: int, stores: int, seed: int) -> NDArray[np.int64]:
    """The store of each customer, whatever else they are."""
    return np.random.default_rng([seed, 21]).integers(0, stores, customers)


def inventories(used: NDArray[np.float64], seed: int) -> couponry.Limit:
    """Stocks below what is used of each offer in each store (stores, offers)."""
    stores, offers = used.shape
    share = np.random.default_rng([seed, 22]).uniform(0.4, 0.9, used.shape)
    table = pa.table(
        {
            "store": np.repeat(np.arange(stores), offers),
            "offer": np.tile(np.arange(offers), stores),
            "max": np.floor(used * share).ravel(),
        }
    )
    return couponry.Limit("stock", by=("store", "offer"), table=table)


def used_by_store(
    campaign: couponry.Campaign, store: NDArray[np.int64], shape: tuple[int, int], threads: int
) -> NDArray[np.float64]:
    """What everybody's best choice without limits uses, by store and offer (stores, offers)."""
    used = np.zeros(shape)
    allocation = campaign.solve(gap=0.01, threads=threads).allocation
    assert allocation is not None
    for batch in allocation.batches():
        np.add.at(used, (store[batch["customer"].to_numpy()], batch["offer"].to_numpy()), 1.0)
    return used


def solved(campaign: couponry.Campaign, gap: float, threads: int) -> dict[str, Any]:
    """What a solve took, and its certificate."""
    wall, processor = time.perf_counter(), time.process_time()
    result = campaign.solve(gap=gap, threads=threads)
    return {
        "limits": 0 if result.limits is None else len(result.limits),
        "status": result.status,
        "gap": result.gap,
        "max_violation": result.max_violation,
        "full_passes": result.full_passes,
        "seconds": time.perf_counter() - wall,
        "processor_seconds": time.process_time() - processor,
        "stages": dict(result.seconds),
        "peak_memory_bytes": peak_memory(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--stores", type=int, default=300)
    parser.add_argument("--offers", type=int, default=2_000)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--gap", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--store", type=Path, help="for the candidates, made without files")
    arguments = parser.parse_args()
    threads, seed = thread_count(arguments.threads), arguments.seed
    brands = min(640, arguments.offers)
    size = Synthetic(arguments.customers, arguments.width, arguments.offers, brands, seed)
    store = stores_of(arguments.customers, arguments.stores, seed)
    customers = pa.table({"customer": np.arange(arguments.customers), "store": store})
    campaign = couponry.Campaign(
        size.offers_table(),
        size.candidate_blocks(),
        customers,
        rules=[couponry.CustomerRule("slots", max=SLOTS)],
        name="store inventories",
        store=arguments.store,
    )
    limits = mixed_campaign.mixed_limits(
        free_use(campaign, threads, seed), np.random.default_rng([seed, 7])
    )
    mixed = solved(campaign.with_limits(limits), arguments.gap, threads)
    shape = (arguments.stores, arguments.offers)
    stock = inventories(used_by_store(campaign, store, shape, threads), seed)
    found = solved(campaign.with_limits([stock]), arguments.gap, threads)
    needed = estimate(
        CampaignSize(
            candidates=size.customers * size.width,
            customers=size.customers,
            offers=size.offers,
            columns=1,
            column_bytes=4,
            roles=False,
            text_ids=False,
            in_order=True,
            table_bytes=customers.nbytes,
            segments=arguments.stores,
        )
    )
    print(
        json.dumps(
            {
                **vars(arguments) | {"store": str(arguments.store), "threads": threads},
                "estimated_memory_bytes": needed.memory,
                "estimated_memory_with_store_bytes": needed.memory_with_store,
                "store_inventories": found,
                "mixed": mixed,
                "seconds_per_mixed": found["seconds"] / mixed["seconds"],
                "processor_seconds_per_mixed": found["processor_seconds"]
                / mixed["processor_seconds"],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
