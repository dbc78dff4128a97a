"""Benchmark of minimums that all bind: 200 suppliers' promises at once, for everybody and in chunks.

    python benchmarks/cases/supplier_minimums.py [--customers 300000] [--chunk 1000] [--gap 0.001] [--threads N]

Each of 200 brands is promised 2 to 15 % more coupons than it gets under the budget alone. The campaign is solved as
one, and then as the trade does it: customers are dealt into chunks, the budget and every minimum are divided evenly
among these, and each is solved by couponry as well, its minimums soft at a penalty far above what a coupon is worth,
so that what can be kept is kept. Prints JSON: certificate, how many minimums bind and how many are missed, recounted
from the coupons, for both; and how much less the chunks are worth.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.instances.synthetic import Synthetic
from benchmarks.instances.synthetic_campaign import free_use
from benchmarks.support.hardware import describe
from benchmarks.support.report import solve_seconds, solved
from numpy.typing import NDArray

import couponry
from couponry.utils.threads import thread_count

BRANDS, SLOTS, BUDGET = 200, 16, 0.6
PENALTY = 5.0  # about ten times what a coupon is worth


def counted(coupons: pa.Table, offers: pa.Table) -> tuple[float, float, NDArray[np.int64]]:
    """Value, cost and coupons of each brand of an allocation, from the tables as given."""
    row = coupons["offer"].to_numpy()
    response = coupons["response"].to_numpy().astype(float)
    margin, face, issue = (
        offers[name].to_numpy()[row] for name in ("margin", "face_value", "issue_cost")
    )
    value = float((response * (margin - face) - issue).sum())
    cost = float((response * face + issue).sum())
    return value, cost, np.bincount(offers["brand"].to_numpy()[row], minlength=BRANDS)


def limits(least: NDArray[np.int64], budget: float, *, soft: bool) -> list[couponry.Limit]:
    table = pa.table({"brand": np.arange(BRANDS), "min": least})
    minimums = couponry.Limit("supplier minimums", by="brand", table=table)
    if soft:
        minimums = couponry.Limit(
            "supplier minimums", by="brand", table=table, mode="soft", penalty=PENALTY
        )
    return [minimums, couponry.Limit("budget", sum="cost", max=budget)]


def given(result: couponry.Result, candidates: pa.Table) -> pa.Table:
    """The coupons of an allocation with what the candidates say of them."""
    assert result.allocation is not None
    coupons = pa.Table.from_batches(result.allocation.batches()).select(["customer", "offer"])
    kinds = pa.schema([candidates.schema.field(name) for name in ("customer", "offer")])
    return coupons.cast(kinds).join(candidates, ["customer", "offer"])


def chunked(
    candidates: pa.Table, offers: pa.Table, least: NDArray[np.int64], budget: float, arguments: Any
) -> dict[str, Any]:
    """The same campaign in chunks of customers, limits evenly divided; what does not divide goes to some of them."""
    random = np.random.default_rng([arguments.seed, 9])
    chunks = -(-arguments.customers // arguments.chunk)
    chunk_of = random.permutation(arguments.customers) * chunks // arguments.customers
    order = np.argsort(chunk_of[candidates["customer"].to_numpy()], kind="stable")
    ends = np.searchsorted(
        chunk_of[candidates["customer"].to_numpy()][order], np.arange(chunks + 1)
    )
    rules = [couponry.CustomerRule("slots", max=SLOTS)]

    def solve(c: int) -> tuple[float, float, NDArray[np.int64], float]:
        part = candidates.take(order[ends[c] : ends[c + 1]])
        share = least * (c + 1) // chunks - least * c // chunks
        campaign = couponry.Campaign(
            offers, part, rules=rules, limits=limits(share, budget / chunks, soft=True)
        )
        result = campaign.solve(gap=arguments.gap, threads=1, seed=arguments.seed)
        if result.allocation is None:
            raise SystemExit(f"chunk {c}: {result.status}: {result.message}")
        value, cost, coupons = counted(given(result, part), offers)
        print(f"chunk {c}: gap {result.gap:.2e}", file=sys.stderr)
        return value, cost, np.concatenate([coupons, np.maximum(0, share - coupons)]), result.gap

    started = time.perf_counter()
    with ThreadPoolExecutor(thread_count(arguments.threads)) as pool:
        found = list(pool.map(solve, range(chunks)))
    coupons = sum(part[2] for part in found)
    by_chunk = np.array([part[2][BRANDS:] for part in found])
    return {
        "chunks": chunks,
        "value": sum(part[0] for part in found),
        "cost_of_budget": sum(part[1] for part in found) / budget,
        "largest_gap": max(part[3] for part in found),
        "minimums_missed": int((coupons[:BRANDS] < least).sum()),
        "coupons_missing": int(np.maximum(0, least - coupons[:BRANDS]).sum()),
        "chunks_that_miss_some": int((by_chunk.sum(axis=1) > 0).sum()),
        "shares_missed": int((by_chunk > 0).sum()),
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=300_000)
    parser.add_argument("--chunk", type=int, default=1_000, help="customers")
    parser.add_argument("--gap", type=float, default=1e-3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    threads = thread_count(arguments.threads)
    size = Synthetic(arguments.customers, 32, brands=BRANDS, seed=arguments.seed)
    offers, candidates = size.offers_table(), size.candidates(threads)
    campaign = couponry.Campaign(
        offers, candidates, rules=[couponry.CustomerRule("slots", max=SLOTS)]
    )
    budget = BUDGET * free_use(campaign, threads, arguments.seed).cost
    alone = campaign.with_limits([couponry.Limit("budget", sum="cost", max=budget)])
    under_budget = solved(alone, gap=arguments.gap, threads=threads, seed=arguments.seed)
    _, _, before = counted(given(under_budget, candidates), offers)
    random = np.random.default_rng([arguments.seed, 7])
    least = np.ceil(before * random.uniform(1.02, 1.15, BRANDS)).astype(np.int64)
    whole = solved(
        campaign.with_limits(limits(least, budget, soft=False)),
        gap=arguments.gap, threads=threads, seed=arguments.seed,
    )  # fmt: skip
    assert whole.limits is not None
    value, cost, coupons = counted(given(whole, candidates), offers)
    rows = [row for row in whole.limits.to_pylist() if row["name"] == "supplier minimums"]
    said = {
        **describe(threads),
        "benchmark": "supplier minimums",
        "customers": arguments.customers,
        "minimums": BRANDS,
        "gap_asked": arguments.gap,
        "whole": {
            "gap": whole.gap,
            "value": value,
            "objective": whole.objective,
            "bound": whole.bound,
            "cost_of_budget": cost / budget,
            "minimums_with_a_price": sum(row["price"] != 0 for row in rows),
            "minimums_missed": int((coupons < least).sum()),
            "largest_surplus": float(((coupons - least) / np.maximum(1, least)).max()),
            "passes": whole.full_passes,
            "seconds": solve_seconds(whole),
        },
        "without_minimums": under_budget.objective,
    }
    said["chunked"] = chunked(candidates, offers, least, budget, arguments)
    said["chunked_value_below"] = 1 - said["chunked"]["value"] / value
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
