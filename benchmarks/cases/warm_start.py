"""Benchmark of warm starts: changed campaigns, solved from an earlier result's prices and from none.

    python benchmarks/cases/warm_start.py [--customers 1000000] [--change 0.05] [--threads N] [--week] [--rounds N]

The mixed campaign is solved. Then its budget is raised and lowered, and the cap that is worth most and the minimum that
costs most are eased (tightened, they may be out of reach of each other); --week: also a week later, with noise of 10 %
on response, 2 % of the customers gone, 3 % new and bounds moved by 2 to 3 %. Every changed campaign is solved twice,
in turns as often as --rounds says, of which the least time counts.
Prints JSON: passes over the candidates, seconds, processor seconds of all threads and gap of both, and their ratios;
with --week also what a frontier of five budgets takes, in solves.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import _paths  # noqa: F401
import numpy as np
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.changed_week import changed_week
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe
from benchmarks.support.report import solve_seconds, solved

import couponry
from couponry.utils.threads import thread_count

FACTORS = (0.9, 0.95, 1.0, 1.05, 1.1)


def solve_twice(
    campaign: couponry.Campaign, before: couponry.Result, rounds: int, **options: Any
) -> dict[str, Any]:
    """What a solve takes from the prices of `before` and from none, at least."""
    campaign.compile()
    entry: dict[str, Any] = {}
    for name, start in (("warm", before), ("cold", None)) * rounds:
        started = time.process_time()
        result = campaign.solve(start=start, **options)
        if result.objective is None:
            raise SystemExit(f"{result.status}: {result.message}")
        took = time.process_time() - started
        last = entry.get(name, {"seconds": np.inf, "processor_seconds": np.inf})
        entry[name] = {
            "passes": round(result.full_passes, 2),
            "seconds": min(round(solve_seconds(result), 3), last["seconds"]),
            "processor_seconds": min(round(took, 3), last["processor_seconds"]),
            "gap": result.gap,
            "objective": result.objective,
        }
    for what in ("passes", "seconds", "processor_seconds"):
        entry[f"{what}_ratio"] = round(entry["warm"][what] / max(entry["cold"][what], 1e-3), 3)
    return entry


def eased_and_tightened(
    campaign: couponry.Campaign, before: couponry.Result, change: float
) -> list[tuple[dict[str, Any], couponry.Campaign]]:
    """The campaign with one bound changed, and what is changed in it."""
    assert before.limits is not None
    rows = before.limits.to_pylist()
    cap = max((row for row in rows if row["name"] == "caps"), key=lambda r: r["price"] * r["max"])
    least = min(
        (row for row in rows if row["name"] == "brand minimums"),
        key=lambda r: r["price"] * r["min"],
    )
    changes: list[tuple[Any, str, float]] = [
        ("budget", "max", change),
        ("budget", "max", -change),
        (("caps", cap["group"]), "max", change),
        (("brand minimums", least["group"]), "min", -change),
    ]
    return [
        (
            {"limit": str(limit), "change": share},
            campaign.what_if(
                before, limits={limit: {side: f"{share:+%}".replace("%", " %")}}, gap=1.0
            ).campaign,
        )
        for limit, side, share in changes
    ]


def weeks_later(
    campaign: couponry.Campaign, size: Synthetic, seed: int
) -> list[tuple[dict[str, Any], couponry.Campaign]]:
    """The campaign a week later, with more budget and with less, and what is changed in it."""
    return [
        ({"limit": "a week later", "change": move}, changed_week(campaign, size, move, seed))
        for move in (0.025, -0.025)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--change", type=float, default=0.05)
    parser.add_argument("--gap", type=float, default=5e-4)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--week", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    threads = thread_count(arguments.threads)
    options = {"gap": arguments.gap, "threads": threads, "seed": arguments.seed}
    size = Synthetic(arguments.customers, 32, seed=arguments.seed)
    campaign = MIXED.campaign(size, threads)
    solved(campaign, **options)  # the first solve of a process loads what it needs
    started = time.process_time()
    before = solved(campaign, **options)
    first = time.process_time() - started
    campaigns = eased_and_tightened(campaign, before, arguments.change)
    if arguments.week:
        campaigns += weeks_later(campaign, size, arguments.seed)
    changes = [
        said | solve_twice(changed, before, arguments.rounds, **options)
        for said, changed in campaigns
    ]
    report: dict[str, Any] = {
        "hardware": describe(threads),
        "customers": arguments.customers,
        "asked": arguments.gap,
        "first": {"passes": round(before.full_passes, 2), "gap": before.gap},
        "worst_ratio": max(entry["processor_seconds_ratio"] for entry in changes),
        "changes": changes,
    }
    if arguments.week:
        started = time.process_time()
        frontier = campaign.frontier(
            "budget", factors=FACTORS, result=before, gap=arguments.gap, threads=threads
        )
        report["frontier"] = {
            "solves": round((time.process_time() - started) / first, 2),
            "passes": [round(passes, 2) for passes in frontier.to_arrow()["passes"].to_pylist()],
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
