"""Benchmark of the mixed campaign: 2,000 offers of 640 brands, with caps, minimums and a budget.

    python benchmarks/mixed_campaign.py [--customers 1000000] [--threads N] [--gap 0.0005]
    python benchmarks/mixed_campaign.py --customers 100000000 --folder DIR [--write]

Half of the offers are capped at 0.3 to 0.9 of their use without limits, a fifth of the brands are promised 1.0 to
1.15 of theirs (less where the caps leave less), and the budget is 0.8 of the cost without limits; 10 slots a
customer. With --folder the campaign is a folder of Parquet files there (made if it is not there yet), packed into a
store beside them that is memory-mapped; --write also writes the result there. Prints JSON: hardware, versions, the
time of one pass over the packed candidates as a multiple of reading the same bytes once with the same threads, the
solve by stage, its certificate, peak memory and a hash of the allocation.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hardware import describe, median_seconds, read_once
from numpy.typing import NDArray
from synthetic import Synthetic

import couponry
from couponry import kernels
from couponry.allocate.lagrangian import Lagrangian, as_float32
from couponry.allocate.scales import Scales
from couponry.engines.local import LocalEngine
from couponry.engines.threads import thread_count
from couponry.solving import peak_memory

SLOTS = couponry.CustomerRule("slots", max=10)
FILE_BLOCKS = 32  # of customers, in one Parquet file


def in_memory(size: Synthetic, threads: int) -> couponry.Campaign:
    """The campaign in memory."""
    campaign = couponry.Campaign(
        size.offers_table(),
        size.batches(threads),
        rules=[SLOTS],
        name=f"mixed, {size.customers:,} customers",
    )
    return campaign.with_limits(mixed_limits(campaign, threads, size.seed))


def in_folder(size: Synthetic, folder: Path, threads: int) -> couponry.Campaign:
    """The campaign from a folder of Parquet files, made if it is not there, and from the store in it."""
    candidates = folder / "candidates"
    if not (folder / "offers.parquet").exists():  # written last
        candidates.mkdir(parents=True, exist_ok=True)
        batches = size.batches(threads)
        for part, batch in enumerate(batches):
            file = candidates / f"part-{part:05}.parquet"
            with pq.ParquetWriter(file, batch.schema, use_dictionary=["offer"]) as writer:
                for one in (batch, *itertools.islice(batches, FILE_BLOCKS - 1)):
                    writer.write_batch(one)
        pq.write_table(size.offers_table(), folder / "offers.parquet")
    campaign = couponry.Campaign(
        folder / "offers.parquet",
        candidates,
        rules=[SLOTS],
        name=f"mixed, {size.customers:,} customers",
        store=folder / "store",
    )
    return campaign.with_limits(mixed_limits(campaign, threads, size.seed))


def mixed_limits(campaign: couponry.Campaign, threads: int, seed: int) -> list[couponry.Limit]:
    """Caps, brand minimums and a budget, set from what everybody's best choice uses."""
    random = np.random.default_rng([seed, 7])
    problem = campaign.compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), threads, seed)
    free = Lagrangian(problem, engine).evaluate(np.zeros(0)).usage[:, 0, :]
    used = free[0]
    available = Scales.of(problem, engine).everything[0, 0]
    offers = campaign.offers
    brand = offers["brand"].to_numpy()

    capped = random.permutation(len(used)) < len(used) // 2
    cap = np.where(capped, np.floor(used * random.uniform(0.3, 0.9, len(used))), np.inf)
    brands = int(brand.max()) + 1
    by_brand = np.bincount(brand, weights=used, minlength=brands)
    # caps leave a brand its capped offers' caps and its other offers' candidates; nobody has more than
    # a third of the slots' worth of candidates, so a good part of the latter can really be given
    within_caps = np.minimum(cap, np.maximum(used, 0.5 * available))
    reachable = np.floor(np.bincount(brand, weights=within_caps, minlength=brands))
    promised = random.permutation(brands) < brands // 5
    asked = np.floor(by_brand * random.uniform(1.0, 1.15, brands))
    least = np.minimum(asked, reachable)
    cost = used @ offers["issue_cost"].to_numpy() + free[1] @ offers["face_value"].to_numpy()
    caps = pa.table({"offer": np.flatnonzero(capped), "max": cap[capped]})
    minimums = pa.table({"brand": np.flatnonzero(promised), "min": least[promised]})
    return [
        couponry.Limit("caps", by="offer", table=caps),
        couponry.Limit("brand minimums", by="brand", table=minimums),
        couponry.Limit("budget", sum="cost", max=0.8 * float(cost)),
    ]


def time_pass(
    campaign: couponry.Campaign, prices: NDArray[np.float64], threads: int
) -> dict[str, Any]:
    """One pass at the final prices beside one bare read of the same packed bytes by the same threads."""
    problem = campaign.compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), threads, 0)
    lagrangian = Lagrangian(problem, engine)
    table = as_float32(lagrangian.price_table(lagrangian.reduced(prices)))
    packed = [problem.shard.item, *problem.shard.quantity]
    size = sum(array.nbytes for array in packed)
    repeats = 9 if size < 1 << 30 else 3
    read = median_seconds(lambda: read_once(packed, threads), repeats)
    one = median_seconds(lambda: engine.evaluate(table), repeats)
    return {
        "packed_bytes": size,
        "bare_read_seconds": read,
        "pass_seconds": one,
        "pass_per_bare_read": one / read,
        "pass_ns_per_candidate": 1e9 * one / problem.candidates,
    }


def digest(coupons: Any) -> str:
    """SHA-256 over the customers and offers of an allocation, in its order."""
    customers, offers = hashlib.sha256(), hashlib.sha256()
    for batch in coupons.batches():
        customers.update(batch["customer"].to_numpy().astype(np.int64))
        offers.update(batch["offer"].to_numpy().astype(np.int64))
    return hashlib.sha256(customers.digest() + offers.digest()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--gap", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="of the campaign's Parquet files and store")
    parser.add_argument("--write", action="store_true", help="write the result into the folder")
    parser.add_argument("--make-only", action="store_true", help="make the files and stop")
    arguments = parser.parse_args()
    threads = thread_count(arguments.threads)
    size = Synthetic(arguments.customers, arguments.width, seed=arguments.seed)

    started = time.perf_counter()
    folder = arguments.folder
    campaign = in_folder(size, folder, threads) if folder else in_memory(size, threads)
    built = time.perf_counter() - started
    print(f"built in {built:.1f} s", file=sys.stderr)
    if arguments.make_only:
        return
    result = campaign.solve(gap=arguments.gap, threads=threads, seed=arguments.seed, progress=True)
    if result.coupons is None or result.limits is None:
        raise SystemExit(f"{result.status}: {result.message}")
    solve_seconds = sum(s for stage, s in result.seconds.items() if stage not in ("pack", "result"))
    timed = time_pass(campaign, result.limits["price"].to_numpy(), threads)
    started = time.perf_counter()
    if arguments.write and folder:
        result.write(folder / "result", overwrite=True)
        wrote = time.perf_counter() - started
    else:
        wrote = None
    report = {
        **describe(threads),
        "benchmark": campaign.name,
        "limits": result.limits.num_rows,
        **timed,
        "build_seconds": built,
        "solve_seconds": solve_seconds,
        "solve_per_bare_read": solve_seconds / timed["bare_read_seconds"],
        "write_seconds": wrote,
        **result.as_dict(),
        "peak_memory_bytes": peak_memory(),
        "allocation_sha256": digest(result.coupons),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
