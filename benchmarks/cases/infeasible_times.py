"""What a proof of infeasibility and a way out cost, beside solving the same campaign with limits that can be kept.

    python benchmarks/cases/infeasible_times.py [--only brands,ratios] [--largest 30000]      JSON on standard output

Each family of campaigns is built twice: asked for a percent less than what can be kept (the sibling), and for a few
percent more. Both are solved on one thread; figures are processor seconds, in all and by stage, and passes over
everybody. What takes little time is repeated, and the least counts. With `--time-limit` the infeasible one has a limit,
too, and how far it went over it is said.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import _paths  # noqa: F401
from benchmarks.instances import infeasible_families as make
from benchmarks.support.hardware import describe

from couponry import Campaign, Limit, Result

LESS, MORE = 0.99, 1.03
"""Shares of what can just be kept that the sibling and the infeasible campaign ask for, about."""

MOST_SIBLINGS = 10.0
"""Solves of the sibling that an infeasible campaign may cost."""

MOST_SOLVES, ENOUGH_SECONDS = 5, 1.0
"""Solves of one campaign, at most, and seconds in all from which on it is not solved again."""


def families(largest: int) -> dict[str, Callable[[], make.Family]]:
    """What makes campaigns by what is asked for, as a share of what can just be kept; sizes follow the largest."""
    half, many, few = largest // 2, largest * 5 // 4, largest // 24
    usual = largest * 2 // 5
    ratio = Limit("return", by="brand", ratio=("value", "cost"), min=2.2)
    return {
        "brands": lambda: make.minimums(half),
        "budget": lambda: make.minimums(half, budget=Limit("budget", sum="cost", max=2.6 * half)),
        "ratios": lambda: make.minimums(half, ratio=ratio),
        "128 minimums": lambda: make.minimums(largest, 128),
        "one": lambda: make.one_sum(half),
        "tiny": lambda: make.minimums(800, budget=Limit("budget", sum="cost", max=3.0 * 800)),
        "one ratio": lambda: make.one_ratio(usual),
        "ratio by brand": lambda: make.ratios_by(usual, "brand"),
        "ratio by offer": lambda: make.ratios_by(usual, "offer"),
        "ratio by offer of few": lambda: make.ratios_by(few, "offer"),
        "windows": lambda: make.windows(usual, 1),
        "windows by brand": lambda: make.windows(usual, make.BRANDS),
        "two conflicts": lambda: make.two_conflicts(usual),
        "segment and offer": lambda: make.by_segment_and_offer(usual),
        "200 offers": lambda: make.by_offer(usual, 200),
        "200 offers of few": lambda: make.by_offer(few, 200),
        "budget by segment": lambda: make.budget(usual),
        "budget by segment of many": lambda: make.budget(many),
        "hard and soft": lambda: make.hard_and_soft(usual),
        "mandatory": lambda: make.mandatory(usual),
        "equalities": lambda: make.equalities(usual),
        "print runs": lambda: make.print_runs(usual),
        "print runs of many": lambda: make.print_runs(many),
    }


def solved(campaign: Campaign, time_limit: float | None = None) -> tuple[Result, float, float]:
    """The outcome, processor seconds and seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = campaign.solve(threads=1, time_limit=time_limit)
    return result, time.process_time() - cpu, time.perf_counter() - wall


def least(
    build: make.Family, ask: float, time_limit: float | None = None
) -> tuple[Result, float, float]:
    """The outcome, processor seconds and seconds, of the solve that took least; what is quick is repeated."""
    solves = [solved(build(ask), time_limit)]
    while len(solves) < MOST_SOLVES and sum(cost for _, cost, _ in solves) < ENOUGH_SECONDS:
        solves.append(solved(build(ask), time_limit))
    return min(solves, key=lambda solve: solve[1])


def compared(build: make.Family, time_limit: float | None) -> dict[str, Any]:
    """Both campaigns of a family."""
    sibling, cost, _ = least(build, LESS)
    result, more, wall = least(build, MORE, time_limit)
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
    solved(known["tiny"]()(LESS))  # what is read and built once
    found = {}
    for name in names:
        found[name] = compared(known[name](), options.time_limit)
        print(f"{name}: {found[name]['siblings']:.1f} siblings", file=sys.stderr, flush=True)
    print(json.dumps({"families": found, **describe(1)}, indent=1))
    is_proved = all(row["infeasible"]["status"] == "infeasible" for row in found.values())
    is_cheap = all(row["siblings"] <= MOST_SIBLINGS for row in found.values())
    return 0 if (is_proved and is_cheap) or options.time_limit is not None else 1


if __name__ == "__main__":
    sys.exit(main())
