"""Benchmark of late customers: decided at a result's prices, many at once and one at a time.

    python benchmarks/cases/late_customers.py [--customers 1000000] [--late 1000000] [--threads N]

The mixed campaign is solved. Then as many other customers come, and limits have room for all, half as much again as
they had, or what the allocation has left. Prints JSON: how long it takes to read and pack the candidates of all; to
decide on them, as a multiple of a pass over the same candidates; what they are given, of what is worth most within what
there is (a dual bound); to decide on single ones from Python; and what prices take in a file. Times are processor
seconds: others may use the machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe
from benchmarks.support.report import solved
from benchmarks.support.timing import interleaved

from couponry import Limit, Prices
from couponry.analysis.late.decide_many import BulkDecision, Choice
from couponry.analysis.late.demand import LateMarket
from couponry.analysis.late.scarcity import raised_prices
from couponry.engines.local import LocalEngine
from couponry.utils.threads import thread_count

ASKED = 2_000
"""Customers who are asked about one at a time, each time."""


def late_candidates(customers: int, before: int, width: int, threads: int) -> pa.Table:
    """Candidates of more customers of the same kind, who were not in the solve."""
    return Synthetic(before + customers, width).candidates(threads).slice(before * width)


def with_room(limits: tuple[Limit, ...]) -> dict[str, Limit | dict[str, float]]:
    """Caps and a budget that nobody reaches."""
    caps = next(limit for limit in limits if limit.name == "caps")
    more = caps.table.set_column(1, "max", pa.array(np.full(len(caps.table), 1e9)))
    return {"caps": replace(caps, table=more), "budget": {"max": 1e12}}


def with_half_again(limits: tuple[Limit, ...]) -> dict[str, Limit | dict[str, float]]:
    """Caps and a budget half as large again."""
    caps, budget = (
        next(limit for limit in limits if limit.name == name) for name in ("caps", "budget")
    )
    most = np.floor(1.5 * caps.table["max"].to_numpy())
    more = caps.table.set_column(1, "max", pa.array(most))
    return {"caps": replace(caps, table=more), "budget": {"max": 1.5 * budget.max}}


def share_of_the_best(market: LateMarket, choice: Choice) -> float:
    """What coupons are worth beyond their prices, as a share of a bound on that, within what there is."""
    charges = market.charges
    raised = raised_prices(market)
    priced, bounded = market.priced(raised), np.isfinite(charges.up)
    asked = np.flatnonzero(market.demand(priced).flags)
    paid = (raised * market.room.left()[0] / charges.unit)[bounded].sum()
    bound = market.values(priced, asked).sum(dtype=float) + paid
    return float(market.values(market.priced(), choice.chosen).sum(dtype=float) / bound)


def many(prices: Prices, table: pa.Table, threads: int, repeats: int) -> dict[str, Any]:
    """Times of deciding on all at once."""
    before = time.process_time()
    batch = prices._batch(table, None, None, None, threads)
    read = time.process_time() - before
    before = time.process_time()
    packed = batch.packed(threads)
    pack = time.process_time() - before
    engine = LocalEngine(packed.shard, batch.rules, batch.terms.backend, threads, 0)
    rooms = [prices.room() for _ in range(2 + repeats)]

    def decide() -> Choice:
        return BulkDecision(LateMarket(batch, packed, prices._charges, rooms.pop(), threads)).run()

    market = LateMarket(batch, packed, prices._charges, prices.room(), threads)
    choice = decide()
    times = interleaved(
        {
            "pass": lambda: engine.evaluate(batch.tables[0]),
            "decide": decide,
        },
        repeats,
        clock=time.process_time,
    )
    taken = {name: float(np.median(seconds)) for name, seconds in times.items()}
    return {
        "read_seconds": read,
        "pack_seconds": pack,
        "pass_seconds": taken["pass"],
        "decide_seconds": taken["decide"],
        "decide_per_pass": taken["decide"] / taken["pass"],
        "coupons": len(choice.chosen),
        "share_of_the_best": share_of_the_best(market, choice),
        "refused": len(choice.refused(batch)[0]),
    }


def one_at_a_time(prices: Prices, table: pa.Table, width: int, repeats: int) -> dict[str, float]:
    """Times of deciding on single customers."""
    decide = prices.decider()
    rows = table.slice(0, ASKED * width)
    columns = {name: rows[name].to_numpy() for name in decide.columns}
    offers, customers = rows["offer"].to_numpy(), rows["customer"].to_numpy()
    asked = []
    for start in range(0, len(offers), width):
        part = slice(start, start + width)
        values = {name: column[part] for name, column in columns.items()}
        asked.append((int(customers[start]), offers[part].tolist(), values))
    times = []
    for _ in range(repeats):
        before = time.process_time()
        for request in asked:
            decide(*request)
        times.append((time.process_time() - before) / len(asked))
    return {"microseconds": 1e6 * float(np.median(times)), "least": 1e6 * min(times)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--late", type=int, help="default: as many")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    threads, width = thread_count(arguments.threads), arguments.width
    campaign = MIXED.campaign(Synthetic(arguments.customers, width), threads)
    result = solved(campaign, gap=5e-4, threads=threads)
    late = arguments.late or arguments.customers
    table = late_candidates(late, arguments.customers, width, threads)
    said: dict[str, Any] = {
        "hardware": describe(threads),
        "customers": arguments.customers,
        "late": late,
        "width": width,
    }
    for name, limits in {
        "ample room": with_room(campaign.limits),
        "half as much again": with_half_again(campaign.limits),
        "what is left": None,
    }.items():
        prices = Prices.of(result, limits)
        with tempfile.TemporaryDirectory() as folder:
            size = prices.save(Path(folder) / "prices").stat().st_size
        said[name] = {
            "file_bytes": size,
            "many": many(prices, table, threads, arguments.repeats),
            "one": one_at_a_time(prices, table, width, arguments.repeats),
        }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
