"""What every benchmark of a whole solve reports: pass and solve beside bare reads, certificate, memory, hash."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from hardware import describe, median_seconds, read_once

import couponry
from couponry import kernels
from couponry.allocate.lagrangian import Lagrangian, as_float32
from couponry.engines.local import LocalEngine
from couponry.solving import peak_memory


def solved(
    campaign: couponry.Campaign, *, gap: float, threads: int, seed: int = 0
) -> couponry.Result:
    """The result of a solve; ends the programme where there is no allocation."""
    result = campaign.solve(gap=gap, threads=threads, seed=seed, progress=True)
    if result.coupons is None or result.limits is None:
        raise SystemExit(f"{result.status}: {result.message}")
    return result


def solve_seconds(result: couponry.Result) -> float:
    """The stages that decide: neither packing nor the result's tables."""
    return sum(s for stage, s in result.seconds.items() if stage not in ("pack", "result"))


def time_pass(campaign: couponry.Campaign, result: couponry.Result, threads: int) -> dict[str, Any]:
    """One pass at the final prices beside one bare read of the same packed bytes by the same threads.

    The prices of the limits must be those of the problem's rows: no ratios, and each limit enforced.
    """
    assert result.limits is not None
    problem = campaign.compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), threads, 0)
    lagrangian = Lagrangian(problem, engine)
    reduced = lagrangian.reduced(result.limits["price"].to_numpy())
    table = as_float32(lagrangian.price_table(reduced))
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


def report(
    campaign: couponry.Campaign,
    result: couponry.Result,
    threads: int,
    **more: Any,
) -> dict[str, Any]:
    """Everything about a solve, as JSON has it; `more` goes behind its times."""
    assert result.limits is not None
    timed = time_pass(campaign, result, threads)
    seconds = solve_seconds(result)
    return {
        **describe(threads),
        "benchmark": campaign.name,
        "limits": result.limits.num_rows,
        **timed,
        "solve_seconds": seconds,
        "solve_per_bare_read": seconds / timed["bare_read_seconds"],
        **more,
        **result.as_dict(),
        "peak_memory_bytes": peak_memory(),
        "allocation_sha256": digest(result.coupons),
    }


def digest(coupons: Any) -> str:
    """SHA-256 over the customers and offers of an allocation, in its order."""
    customers, offers = hashlib.sha256(), hashlib.sha256()
    for batch in coupons.batches():
        customers.update(batch["customer"].to_numpy().astype(np.int64))
        offers.update(batch["offer"].to_numpy().astype(np.int64))
    return hashlib.sha256(customers.digest() + offers.digest()).hexdigest()
