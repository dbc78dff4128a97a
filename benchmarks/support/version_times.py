"""Times one version of couponry, whichever this Python finds: passes and whole solves, and a digest of the answers.

Run by `benchmarks/cases/versions.py`, once for each version and round. Only what versions have in common is used:
public names, and `LocalEngine.evaluate`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.instances.synthetic import Synthetic

import couponry
from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine

SLOTS = 10
FEWER = 20  # times as many customers in the mixed campaign as in the one with contact rules


def mixed(customers: int, threads: int) -> Campaign:
    """Caps on every second offer, minimums for some brands, and a budget."""
    size = Synthetic(customers)
    share = SLOTS * customers / size.offers  # coupons of an offer, on average
    capped, promised = np.arange(0, size.offers, 2), np.arange(0, size.brands, 5)
    caps = pa.table({"offer": capped, "max": np.full(len(capped), np.floor(0.5 * share))})
    least = np.full(len(promised), np.floor(0.5 * share))
    return Campaign(
        size.offers_table(),
        size.batches(threads),
        rules=[CustomerRule("slots", max=SLOTS)],
        limits=[
            Limit("caps", by="offer", table=caps),
            Limit("brand minimums", by="brand", table=pa.table({"brand": promised, "min": least})),
            Limit("budget", sum="cost", max=0.5 * SLOTS * customers * 0.3),
        ],
    )


def contacts(customers: int, threads: int) -> Campaign:
    """Windows of days that overlap, and pairs of offers that conflict; a cap on every offer."""
    size = Synthetic(customers, offers=500, brands=160)
    random = np.random.default_rng(1)
    offers = size.offers_table().append_column("day", pa.array(random.integers(1, 29, size.offers)))
    pair = np.unique(np.sort(random.integers(0, size.offers, (1_250, 2)), axis=1), axis=0)
    pair = pair[pair[:, 0] < pair[:, 1]]
    windows = [
        CustomerRule(f"from day {day}", where={"day": {"min": day, "max": day + 13}}, max=3)
        for day in (1, 8, 15)
    ]
    apart = pa.table({"offer_a": pair[:, 0], "offer_b": pair[:, 1]})
    return Campaign(
        offers,
        size.batches(threads),
        rules=[
            CustomerRule("slots", max=SLOTS),
            *windows,
            CustomerRule("apart", conflicts=apart),
        ],
        limits=[Limit("caps", by="offer", max=8 * customers // size.offers)],
    )


def timed(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Median seconds of so many runs after a first one, and what the last one came to."""
    found, seconds = work(), []
    for _ in range(times):
        started = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)), found


def a_pass(campaign: Campaign, threads: int, backend: str) -> Callable[[], Any]:
    """One pass over everybody, at prices that are drawn."""
    problem = campaign.compile(kernels.load(backend)).problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(backend), threads, 0)
    quantities = len(problem.shard.quantity)
    shape = (1 + quantities, *problem.objective.shape[1:])
    table = np.random.default_rng(2).uniform(0.0, 0.01, shape).astype(np.float32)
    table[0] -= 0.5  # as much as a good candidate is worth
    return lambda: engine.evaluate(table)


def main() -> None:
    """Print seconds and digests of each piece of work as JSON; arguments: customers, threads, passes, backend."""
    customers, threads, passes = map(int, sys.argv[1:4])
    backend = sys.argv[4]
    seconds: dict[str, float] = {}
    digest: dict[str, str] = {}
    campaigns = {
        "mixed": mixed(customers, threads),
        "contact rules": contacts(customers // FEWER, threads),
    }
    for name, campaign in campaigns.items():
        seconds[f"{name}: a pass"], usage = timed(a_pass(campaign, threads, backend), passes)
        digest[f"{name}: a pass"] = hashlib.sha256(
            np.ascontiguousarray(usage).tobytes()
        ).hexdigest()
        started = time.perf_counter()
        result = campaign.solve(threads=threads, backend=backend)
        seconds[f"{name}: a solve"] = time.perf_counter() - started
        digest[f"{name}: a solve"] = f"{result.status} {result.objective} {result.bound}"
    print(json.dumps({"found": couponry.__file__, "seconds": seconds, "digest": digest}))


if __name__ == "__main__":
    main()
