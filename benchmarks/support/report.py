"""What every benchmark of a whole solve reports: pass and solve beside bare reads, certificate, memory, hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from benchmarks.support.disk import disk_times
from benchmarks.support.hardware import describe, read_once
from benchmarks.support.timing import Disturbance, compared, interleaved
from numpy.typing import NDArray

import couponry
from couponry import kernels
from couponry.engines.local import LocalEngine
from couponry.engines.streamed import StreamedEngine
from couponry.solver.dual.lagrangian import Lagrangian, as_float32
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.utils.memory import peak_memory


def solved(
    campaign: couponry.Campaign,
    *,
    gap: float,
    threads: int,
    seed: int = 0,
    page_cache: float | None = None,
) -> couponry.Result:
    """The result of a solve; ends the programme where there is no allocation.

    page_cache: bytes of a store's packed candidates that the system may keep in memory.
    """
    sizes = replace(DEFAULT_OPTIONS.sizes, page_cache_bytes=page_cache)
    options = replace(DEFAULT_OPTIONS, sizes=sizes)
    result = campaign.solve(
        gap=gap, threads=threads, seed=seed, progress=True, solver_options=options
    )
    if result.allocation is None or result.limits is None:
        raise SystemExit(f"{result.status}: {result.message}")
    return result


def solve_seconds(result: couponry.Result) -> float:
    """The stages that decide: neither packing nor the result's tables."""
    return sum(s for stage, s in result.seconds.items() if stage not in ("pack", "result"))


def times_by_threads(
    campaign: couponry.Campaign, result: couponry.Result, counts: list[int]
) -> dict[int, dict[str, Any]]:
    """Passes at the final prices beside bare reads of the same packed bytes, by each number of threads in turn.

    The prices of the limits must be those of the problem's rows: no ratios, and each limit enforced.
    """
    problem = campaign.compile().problem
    packed = [problem.shard.item, *problem.shard.quantity]
    engines = {t: LocalEngine(problem.shard, problem.rules, kernels.load(), t, 0) for t in counts}
    table = final_table(campaign, result, engines[counts[0]])
    works: dict[tuple[str, int], Callable[[], Any]] = {}
    for threads, engine in engines.items():
        works["read", threads] = partial(read_once, packed, threads)
        works["pass", threads] = partial(engine.evaluate, table)
    seconds = interleaved(works)
    size = sum(array.nbytes for array in packed)
    alone = seconds.get(("pass", 1))
    return {
        threads: {
            "packed_bytes": size,
            **compared(
                seconds["read", threads], seconds["pass", threads], problem.candidates, alone
            ),
        }
        for threads in counts
    }


def final_table(
    campaign: couponry.Campaign, result: couponry.Result, engine: LocalEngine
) -> NDArray[np.float32]:
    """The price table of a result's prices."""
    assert result.limits is not None
    lagrangian = Lagrangian(campaign.compile().problem, engine)
    reduced = lagrangian.reduced(result.limits["price"].to_numpy())
    return as_float32(lagrangian.price_table(reduced))


def report(
    campaign: couponry.Campaign,
    result: couponry.Result,
    threads: int,
    *,
    hashed: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """Everything about a solve, as JSON has it; `more` goes behind its times. hashed: the allocation, row by row."""
    assert result.limits is not None and result.allocation is not None
    disturbance = Disturbance()
    engine = result.plan.engine
    if isinstance(engine, StreamedEngine):
        timed = disk_times(engine, final_table(campaign, result, engine))
    else:
        timed = times_by_threads(campaign, result, [threads])[threads]
    seconds = solve_seconds(result)
    return {
        **describe(threads),
        "benchmark": campaign.name,
        "limits": result.limits.num_rows,
        **timed,
        "solve_seconds": seconds,
        "others_had": disturbance.shares(),
        "solve_per_bare_read": seconds / timed["median"]["bare_read_seconds"],
        "solve_per_pass": seconds / timed["median"]["pass_seconds"],
        **more,
        **result.as_dict(),
        "peak_memory_bytes": peak_memory(),
        "allocation_sha256": digest(result.allocation) if hashed else None,
    }


def digest(coupons: Any) -> str:
    """SHA-256 over the customers and offers of an allocation, in its order."""
    customers, offers = hashlib.sha256(), hashlib.sha256()
    for batch in coupons.batches():
        customers.update(batch["customer"].to_numpy().astype(np.int64))
        offers.update(batch["offer"].to_numpy().astype(np.int64))
    return hashlib.sha256(customers.digest() + offers.digest()).hexdigest()
