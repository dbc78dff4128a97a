"""Ways out of small infeasible campaigns with limits on ratios, beside the smallest that HiGHS finds in their measure.

    python benchmarks/cases/infeasible_ratios.py --campaigns 300        JSON on standard output

What HiGHS is asked, `benchmarks/support/smallest_changes.py` says. It has so many processor seconds for each; where it
ends with an exception of its own it gave nothing, which is counted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.support.hardware import describe
from benchmarks.support.processes import in_order
from benchmarks.support.smallest_changes import JudgedChanges, judge_changes, report_changes
from benchmarks.support.standard_output import for_figures_alone
from tests.support.oracle import Oracle

from couponry import Campaign, CustomerRule, Limit

BRANDS, OFFERS, WIDTH = 3, 12, 4
SMALL = 300
"""Candidates up to which figures stand for themselves."""


def draw(seed: int) -> tuple[Campaign, Oracle]:
    """A return that is asked for beside promises and budgets, more than a few dozen customers can give."""
    rng = np.random.default_rng([8, seed])
    customers = int(rng.integers(4, 20) if rng.random() < 0.85 else rng.integers(76, 90))
    size = customers * WIDTH
    offer = np.argsort(rng.random((customers, OFFERS)), axis=1)[:, :WIDTH].ravel()
    value, cost = rng.gamma(2.0, 1.0, size), rng.uniform(0.2, 1.5, size)
    slots = int(rng.integers(1, 3))
    is_of_all = rng.random() < 0.5
    least = float(np.round(rng.uniform(3.0, 9.0), 2))
    where = {} if is_of_all else {"brand": [0, 1]}
    limits = [Limit("return", ratio=("value", "cost"), where=where, min=least)]
    if rng.random() < 0.25:
        most = float(np.round(rng.uniform(0.2, 0.5), 2))
        limits.append(Limit("cost each", ratio=("cost", "count"), where={"brand": 2}, max=most))
    limits.append(Limit("volume", min=int(rng.uniform(0.7, 1.0) * slots * customers)))
    if rng.random() < 0.5:
        promise = int(rng.uniform(0.2, 0.5) * slots * customers)
        limits.append(Limit("promise", where={"brand": 0}, min=promise))
    if rng.random() < 0.5:
        budget = float(np.round(rng.uniform(0.3, 0.8) * slots * customers, 1))
        limits.append(Limit("budget", sum="cost", max=budget))
    offers = pa.table({"offer": np.arange(OFFERS), "brand": np.arange(OFFERS) % BRANDS})
    columns = {"customer": np.repeat(np.arange(customers), WIDTH), "offer": offer}
    candidates = pa.table({**columns, "value": value, "cost": cost})
    rules = [CustomerRule("slots", max=slots)]
    campaign = Campaign(offers, candidates, rules=rules, limits=limits)
    return campaign, Oracle(offers, candidates, rules=rules, limits=limits)


@dataclass(frozen=True)
class Judged:
    """One infeasible campaign."""

    seed: int
    candidates: int
    changes: JudgedChanges


def judge(seconds: float, seed: int) -> Judged | None:
    """Couponry's way out beside HiGHS's; None where the campaign is not infeasible."""
    campaign, oracle = draw(seed)
    result = campaign.solve(threads=1)
    if result.infeasible is None:
        return None
    changes = judge_changes(oracle, result.infeasible, seconds)
    if changes is None:
        raise ValueError(f"seed {seed} has bounds that HiGHS cannot be asked about")
    return Judged(seed, result.candidates, changes)


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """The figures of a run."""
    small = [one.changes for one in judged if one.candidates <= SMALL]
    large = [one.changes for one in judged if one.candidates > SMALL]
    far = sorted(judged, key=lambda one: -one.changes.times[0])[:10]
    return {
        f"up_to_{SMALL}_candidates": report_changes(small),
        "more": report_changes(large),
        "wrong": {one.seed: one.changes.wrong for one in judged if one.changes.wrong},
        "farthest": {one.seed: [one.candidates, *one.changes.times] for one in far},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where couponry's bound on all ways out is above one that HiGHS has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--campaigns", type=int, default=300, help="infeasible ones")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="processor time of HiGHS for each"
    )
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(arguments)
    judged: list[Judged] = []
    seeds = range(options.first, options.first + 4 * options.campaigns)
    output = for_figures_alone()
    for one in in_order(partial(judge, options.seconds), seeds, options.processes):
        if one is not None:
            judged.append(one)
        if len(judged) == options.campaigns:
            break
    figures = report(judged)
    with output:
        print(
            json.dumps({"settings": vars(options), **figures, **describe(1)}, indent=1), file=output
        )
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
