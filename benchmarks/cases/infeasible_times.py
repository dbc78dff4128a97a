"""What a proof of infeasibility and a way out cost, beside solving the same campaign with limits that can be kept.

    python benchmarks/cases/infeasible_times.py [--only brands,ratios] [--largest 30000]      JSON on standard output

Each family of campaigns is built twice: asked for a percent less than what can be kept (the sibling), and for a few
percent more. Both are solved on one thread; figures are processor seconds, in all and by stage, and passes over
everybody. With `--time-limit` the infeasible one has a limit, too, and how far it went over it is said.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.support.hardware import describe

from couponry import Campaign, CustomerRule, Limit, Result

WIDTH, SLOTS = 8, 3
LESS, MORE = 0.99, 1.03
"""Shares of what can just be kept that the sibling and the infeasible campaign ask for, about."""

MOST_SIBLINGS = 10.0
"""Solves of the sibling that an infeasible campaign may cost."""


def tables(customers: int, brands: int, offers: int) -> tuple[pa.Table, pa.Table]:
    """Offers of some brands, and WIDTH candidates of each customer."""
    random = np.random.default_rng([customers, brands])
    offer = np.argsort(random.random((customers, offers)), axis=1)[:, :WIDTH].ravel()
    size = customers * WIDTH
    candidates = pa.table(
        {
            "customer": np.repeat(np.arange(customers), WIDTH),
            "offer": offer,
            "value": random.gamma(2.0, 1.0, size),
            "cost": random.uniform(0.5, 1.5, size),
        }
    )
    return pa.table({"offer": np.arange(offers), "brand": np.arange(offers) % brands}), candidates


def minimums(customers: int, brands: int, ask: float) -> Limit:
    """As many coupons of each brand as there are slots for, about: what is asked in all decides."""
    least = np.full(brands, np.floor(ask * customers * SLOTS / brands))
    return Limit("brands", by="brand", table=pa.table({"brand": np.arange(brands), "min": least}))


def of_brands(customers: int, brands: int, more: Callable[[float], list[Limit]]) -> Any:
    """A family of minimums by brand that together ask for all slots, beside other limits."""
    data = tables(customers, brands, max(40, 2 * brands))

    def build(ask: float) -> Campaign:
        limits = [minimums(customers, brands, ask), *more(ask)]
        return Campaign(*data, rules=[CustomerRule("slots", max=SLOTS)], limits=limits)

    return build


def families(largest: int) -> dict[str, Callable[[float], Campaign]]:
    """Campaigns by what is asked for, as a share of what can just be kept."""
    most = largest

    def alone(ask: float) -> Campaign:
        data = tables(most // 2, 16, 40)
        reach = float(np.sort(data[1]["cost"].to_numpy().reshape(-1, WIDTH))[:, -SLOTS:].sum())
        limits = [Limit("cost", sum="cost", min=ask * reach)]
        return Campaign(*data, rules=[CustomerRule("slots", max=SLOTS)], limits=limits)

    return {
        "brands": of_brands(most // 2, 16, lambda ask: []),
        "budget": of_brands(
            most // 2, 16, lambda ask: [Limit("budget", sum="cost", max=2.6 * (most // 2))]
        ),
        "ratios": of_brands(
            most // 2, 16, lambda ask: [Limit("return", by="brand", ratio=("value", "cost"), min=2.2)]
        ),
        "128 minimums": of_brands(most, 128, lambda ask: []),
        "one": alone,
        "tiny": of_brands(800, 16, lambda ask: [Limit("budget", sum="cost", max=3.0 * 800)]),
    }  # fmt: skip


def solved(campaign: Campaign, time_limit: float | None = None) -> tuple[Result, float, float]:
    """The outcome, processor seconds and seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = campaign.solve(threads=1, time_limit=time_limit)
    return result, time.process_time() - cpu, time.perf_counter() - wall


def compared(build: Callable[[float], Campaign], time_limit: float | None) -> dict[str, Any]:
    """Both campaigns of a family."""
    sibling, cost, _ = solved(build(LESS))
    result, more, wall = solved(build(MORE), time_limit)
    conflict = result.infeasible or {}
    return {
        "candidates": result.candidates,
        "sibling": {"status": sibling.status, "seconds": cost, "passes": sibling.full_passes},
        "infeasible": {
            "status": result.status,
            "seconds": more,
            "passes": result.full_passes,
            "stages": {stage: round(spent, 3) for stage, spent in result.seconds.items()},
            "over_the_limit": None if time_limit is None else wall / time_limit - 1.0,
        },
        "siblings": more / cost,
        "members": len(conflict.get("limits", [])),
        "irreducible": conflict.get("irreducible"),
        "way_out_share": conflict.get("way_out_share"),
        "way_out_share_at_least": conflict.get("way_out_share_at_least"),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where an infeasible campaign was not proved, or cost more than it may."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", help="families, with commas between; default: all")
    parser.add_argument("--largest", type=int, default=30_000, help="customers at most")
    parser.add_argument("--time-limit", type=float, help="seconds of the infeasible ones")
    options = parser.parse_args(arguments)
    known = families(options.largest)
    names = list(known) if options.only is None else options.only.split(",")
    solved(known["tiny"](LESS))  # what is read and built once
    found = {}
    for name in names:
        found[name] = compared(known[name], options.time_limit)
        print(f"{name}: {found[name]['siblings']:.1f} siblings", file=sys.stderr, flush=True)
    print(json.dumps({"families": found, **describe(1)}, indent=1))
    is_proved = all(row["infeasible"]["status"] == "infeasible" for row in found.values())
    is_cheap = all(row["siblings"] <= MOST_SIBLINGS for row in found.values())
    return 0 if (is_proved and is_cheap) or options.time_limit is not None else 1


if __name__ == "__main__":
    sys.exit(main())
