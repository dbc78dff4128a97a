"""Contact campaigns with policies that overlap and conflict: couponry and HiGHS on the same tables in the same run.

    python benchmarks/cases/contact_campaigns.py --seeds 8                    generated ones
    python benchmarks/cases/contact_campaigns.py --folders DIR --seeds 0      every campaign folder in DIR

The family is that of Bigler, Kammermann and Baumann (2023), "A matheuristic for a customer assignment problem in direct
marketing": 50 to 75 activities, each on a day, through a channel and for some products; one or two in ten customers
per kind of activity; at most three contacts a customer, and none within a lag of another through a related channel;
minimums and maximums on channels in windows of days, budgets, and expected sales. The same activity on another day is
worth the same, so that ties are everywhere.

Prints JSON: for each campaign and asked gap couponry's certified gap, its time, and every rule and limit recomputed
from the tables by the oracle beside the tests; and HiGHS's time on one thread to --highs-gap.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.support.hardware import describe
from benchmarks.support.standard_output import for_figures_alone
from tests.support.comparison import verify
from tests.support.oracle import Oracle
from tests.support.programme import Stop

from couponry import Campaign, CustomerRule, Limit

COSTS = {"call center": 8.0, "direct mail": 1.2, "email": 0.0, "text message": 0.03}
RELATED = ({"call center", "direct mail"}, {"email", "text message"})
GAPS = (5e-4, 1e-4)


def generated(seed: int) -> tuple[list[pa.Table], list[CustomerRule], list[Limit]]:
    """Offers and candidates, rules, and limits about what an allocation comes to that keeps the rules."""
    rng = np.random.default_rng([20240401, seed])
    people, count = (10_000, 50) if seed % 2 == 0 else (20_000, 75)
    offers: dict[str, list[Any]] = {name: [] for name in ("offer", "day", "channel", "issue_cost")}
    products: list[list[str]] = []
    customer, offer, value, response = [], [], [], []
    while len(products) < count:
        channel = str(rng.choice(list(COSTS)))
        targets = [str(rng.integers(1, 11))]
        if rng.random() < 0.4:
            targets.append(str(rng.integers(11, 13)))
        size = int(people * rng.uniform(0.02, 0.11 if people == 10_000 else 0.06))
        who = np.sort(rng.choice(people, size, replace=False))
        chance = np.minimum(1.0, rng.exponential(0.035, size))
        margin = rng.uniform(150.0, 700.0) * (people == 10_000 or 0.5)
        spread = rng.choice([0.0, 0.7])
        worth = chance * margin * rng.lognormal(0.0, spread, size) - COSTS[channel]
        for _ in range(min(int(rng.integers(1, 5)), count - len(products))):
            offers["offer"].append(len(products) + 1)
            offers["day"].append(int(rng.integers(1, 121)))
            offers["channel"].append(channel)
            offers["issue_cost"].append(COSTS[channel])
            customer.append(who)
            offer.append(np.full(size, len(products) + 1))
            value.append(worth)
            response.append(chance)
            products.append(targets)
    candidates = {
        "customer": np.concatenate(customer),
        "offer": np.concatenate(offer),
        "value": np.concatenate(value),
        "response": np.concatenate(response),
    }
    pairs = [
        (a + 1, b + 1)
        for b in range(count)
        for a in range(b)
        if any({offers["channel"][a], offers["channel"][b]} <= kin for kin in RELATED)
        and abs(offers["day"][a] - offers["day"][b]) < 80
    ]
    conflicts = pa.table({"offer_a": [a for a, _ in pairs], "offer_b": [b for _, b in pairs]})
    rules = [
        CustomerRule("contact policy", max=3),
        CustomerRule("conflicting contacts", conflicts=conflicts),
    ]
    tables = [pa.table({**offers, "target_products": products}), pa.table(candidates)]
    return tables, rules, drawn_limits(rng, tables, rules)


def drawn_limits(
    rng: np.random.Generator, tables: list[pa.Table], rules: list[CustomerRule]
) -> list[Limit]:
    """Limits that bind, and that some allocation keeps: the best one for values that were changed at random."""
    value = tables[1]["value"].to_numpy()
    taste = pa.array(value + rng.normal(0.0, 0.3 * value.std(), len(value)))
    changed = tables[1].set_column(tables[1].column_names.index("value"), "value", taste)
    windows = [(str(rng.choice(list(COSTS))), int(rng.choice([1, 30, 60, 90]))) for _ in range(4)]
    limits = [
        Limit(f"{n} assignment", where={"channel": [c], "day": {"min": d, "max": d + 29}})
        for n, (c, d) in enumerate(dict.fromkeys(windows))
    ]
    limits += [
        Limit("calls budget", sum="cost", where={"channel": ["call center"]}),
        Limit("budget", sum="cost", where={"channel": ["direct mail", "email", "text message"]}),
        Limit("minimum sales", sum="response", where={"target_products": ["11"]}),
        Limit("maximum sales", sum="response", where={"target_products": ["12"]}),
    ]
    planted = Campaign(
        tables[0], changed, rules=rules, limits=[_report(limit) for limit in limits]
    ).solve(threads=1, gap=1e-3)
    assert planted.limits is not None
    achieved = planted.limits["achieved"].to_pylist()
    bounded = []
    for limit, got in zip(limits, achieved, strict=True):
        if not got:
            continue
        least = limit.name == "minimum sales" or (limit.sum == "count" and rng.random() < 0.6)
        counts = limit.sum == "count"
        room = 0.0 if counts else 1e-4  # sums of fractions are not met to the last digit
        bound = got * (1.0 - room if least else 1.0 + room)
        bounded.append(_bounded(limit, least, bound))
    return bounded


def _report(limit: Limit) -> Limit:
    return Limit(limit.name, sum=limit.sum, where=limit.where, mode="report")


def _bounded(limit: Limit, least: bool, bound: float) -> Limit:
    side = {"min": bound} if least else {"max": bound}
    return Limit(limit.name, sum=limit.sum, where=limit.where, **side)


def read(folder: Path) -> tuple[list[pa.Table], list[CustomerRule], list[Limit]]:
    """A campaign folder as it stands, by nothing of couponry's."""
    spec = tomllib.loads((folder / "campaign.toml").read_text())
    tables = [pq.read_table(folder / spec["tables"][name]) for name in ("offers", "candidates")]
    rules = []
    for rule in spec.get("customer_rule", []):
        if "conflicts" in rule:
            rule["conflicts"] = pq.read_table(folder / rule["conflicts"])
        rules.append(CustomerRule(**rule))
    return tables, rules, [Limit(**limit) for limit in spec.get("limit", [])]


def measured(
    name: str,
    parts: tuple[list[pa.Table], list[CustomerRule], list[Limit]],
    highs_seconds: float,
    highs_gap: float,
) -> dict[str, Any]:
    """One campaign by both."""
    tables, rules, limits = parts
    campaign = Campaign(*tables, rules=rules, limits=limits)
    oracle = Oracle(*tables, rules=rules, limits=limits)
    reach = oracle.reach()
    figures: dict[str, Any] = {"campaign": name, "candidates": len(oracle.offer)}
    found: dict[float, dict[str, Any]] = {}
    for gap in GAPS:
        started = time.perf_counter()
        result = campaign.solve(threads=1, gap=gap)
        seconds = time.perf_counter() - started
        ours = {"status": result.status, "gap": result.gap, "seconds": seconds}
        if result.infeasible is not None:
            ours |= {"infeasible": result.message}
        else:
            ours |= {"objective": result.objective, "wrong": verify(oracle, reach, result)[1]}
        found[gap] = ours
    started = time.perf_counter()
    theirs = oracle.solve(reach, Stop(highs_gap, seconds=highs_seconds))
    seconds = time.perf_counter() - started
    figures["highs"] = {
        "status": theirs.status,
        "objective": theirs.value,
        "bound": theirs.bound,
        "seconds": seconds,
    }
    for gap, ours in found.items():
        figures[f"gap {gap:g}"] = {**ours, "highs_seconds_per_second": seconds / ours["seconds"]}
    return figures


def campaigns(
    options: argparse.Namespace,
) -> Iterator[tuple[str, tuple[list[pa.Table], list[CustomerRule], list[Limit]]]]:
    if options.folders is not None:
        for folder in sorted(options.folders.iterdir()):
            if (folder / "campaign.toml").exists():
                yield folder.name, read(folder)
    for seed in range(options.first, options.first + options.seeds):
        yield f"generated {seed}", generated(seed)


def main() -> int:
    """Exit status 0 where all allocations hold, each within the gap that was asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--folders", type=Path, help="where campaign folders lie")
    parser.add_argument("--seeds", type=int, default=8, help="how many generated campaigns")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--highs-seconds", type=float, default=120.0, help="HiGHS's time limit")
    parser.add_argument("--highs-gap", type=float, default=1e-4, help="HiGHS's mip_rel_gap")
    options = parser.parse_args()
    output = for_figures_alone()
    all_figures = []
    for name, parts in campaigns(options):
        figures = measured(name, parts, options.highs_seconds, options.highs_gap)
        print(json.dumps(figures), file=sys.stderr, flush=True)
        all_figures.append(figures)
    with output:
        print(json.dumps({"campaigns": all_figures, **describe(1)}, indent=1), file=output)
    ours = [(gap, f[f"gap {gap:g}"]) for f in all_figures for gap in GAPS]
    kept = all("infeasible" in o or (not o["wrong"] and o["gap"] <= gap) for gap, o in ours)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
