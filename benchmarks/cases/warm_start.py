"""Benchmark of warm starts: one limit changed by a twentieth, solved from an earlier result's prices and from none.

    python benchmarks/cases/warm_start.py [--customers 1000000] [--change 0.05] [--threads N]

The mixed campaign is solved. Then its budget is raised and lowered, and the cap that is worth most and the minimum that
costs most are eased (tightened, they may be out of reach of each other), and every changed campaign is solved twice.
Prints JSON: passes over the candidates, seconds and gap of both, and the ratio of the passes.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import _paths  # noqa: F401
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe
from benchmarks.support.report import solve_seconds, solved

from couponry.utils.threads import thread_count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--change", type=float, default=0.05)
    parser.add_argument("--gap", type=float, default=5e-4)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    threads = thread_count(arguments.threads)
    campaign = MIXED.campaign(Synthetic(arguments.customers, 32, seed=arguments.seed), threads)
    before = solved(campaign, gap=arguments.gap, threads=threads, seed=arguments.seed)
    assert before.limits is not None
    rows = before.limits.to_pylist()
    cap = max((row for row in rows if row["name"] == "caps"), key=lambda r: r["price"] * r["max"])
    least = min(
        (row for row in rows if row["name"] == "brand minimums"),
        key=lambda r: r["price"] * r["min"],
    )
    bounds: list[tuple[Any, str]] = [
        ("budget", "max"),
        (("caps", cap["group"]), "max"),
        (("brand minimums", least["group"]), "min"),
    ]
    changes = []
    for limit, side in bounds:
        for share in (arguments.change, -arguments.change):
            if limit != "budget" and (side == "min") == (share > 0):
                continue
            change = {limit: {side: f"{share:+%}".replace("%", " %")}}
            found = campaign.what_if(before, limits=change, gap=arguments.gap, threads=threads)
            warm = found.after
            assert warm.plan is not None
            changed = campaign.with_limits(warm.campaign.limits)
            cold = solved(changed, gap=arguments.gap, threads=threads, seed=arguments.seed)
            entry: dict[str, Any] = {"limit": str(limit), "change": share, "status": warm.status}
            for name, result in (("warm", warm), ("cold", cold)):
                entry[name] = {
                    "passes": round(result.full_passes, 2),
                    "seconds": round(solve_seconds(result), 3),
                    "gap": result.gap,
                    "objective": result.objective,
                }
            entry["passes_ratio"] = round(warm.full_passes / cold.full_passes, 3)
            changes.append(entry)
    said = {
        "hardware": describe(threads),
        "customers": arguments.customers,
        "asked": arguments.gap,
        "first": {"passes": round(before.full_passes, 2), "gap": before.gap},
        "worst_ratio": max(entry["passes_ratio"] for entry in changes),
        "changes": changes,
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
