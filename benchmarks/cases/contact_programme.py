"""Benchmark of a contact programme: households and every kind of rule on top of the mixed campaign.

    python benchmarks/cases/contact_programme.py [--customers 1000000] [--width 32] [--offers 600] [--windows] [--all]

Candidates are the same throughout: offers on one of 28 days, of 150 brands. Half of them are capped, a fifth of the
brands promised something, and there is a budget, all set from what the best choices under each programme's own rules
use. Customers live in households, of 2.4 on average. Rules are slots alone, for each customer; slots of the household;
at most so many for each of it as well; and what each message of a household costs. With --windows all of that and never
more than two messages in any seven days, of single customers and of each in a household; with --all besides these at
most so much discount for each customer, and a fifth of the offers only after another one: each choice is searched for
then.

Prints JSON: for each of them the gap reached, and the processor time of a pass at the last prices as a multiple of one
under slots alone, alternated in one run on one thread.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.support.hardware import describe
from benchmarks.support.standard_output import for_figures_alone
from numpy.typing import NDArray

from couponry import Campaign, CustomerRule, Limit
from couponry.engines.local import LocalEngine
from couponry.kernels import load
from couponry.solver.dual.lagrangian import Lagrangian

MEMBERS, SLOTS, BRANDS, DAYS = 2.4, 10, 150, 28
HOUSEHOLD = CustomerRule("household", max=int(SLOTS * MEMBERS))
EACH = CustomerRule("each", max=SLOTS, each="customer")
WINDOW = CustomerRule("any seven days", max=2, window=7, each="customer")
COSTS = CustomerRule("messages", cost=[0.002 * k for k in range(int(SLOTS * MEMBERS))])
DISCOUNT = CustomerRule("discount", sum="cost", max=0.5, each="customer")
PROMISED = np.random.default_rng(9).permutation(BRANDS)[: BRANDS // 5]
"""Brands with a minimum."""


PROGRAMMES: dict[str, tuple[str | None, list[CustomerRule]]] = {
    "slots alone": (None, [CustomerRule("slots", max=SLOTS)]),
    "households": ("household", [HOUSEHOLD]),
    "households and each of them": ("household", [HOUSEHOLD, EACH]),
    "households and costs of messages": ("household", [COSTS]),
}
WITH_WINDOWS: dict[str, tuple[str | None, list[CustomerRule]]] = {
    "windows of single customers": (
        None,
        [CustomerRule("slots", max=SLOTS), replace(WINDOW, each=None)],
    ),
    "households, windows and costs of messages": ("household", [EACH, WINDOW, COSTS]),
}


def requirements(offers: pa.Table) -> CustomerRule:
    """A fifth of the offers, of brands that nothing is promised, are given only after another one, or with it."""
    rng = np.random.default_rng([20261129, 1])
    others = np.flatnonzero(~np.isin(offers["brand"].to_numpy(), PROMISED))
    some = rng.permutation(others[others > 0])[: offers.num_rows // 5]
    table = {"offer": some, "requires": (some * rng.random(len(some))).astype(np.int64)}
    return CustomerRule("only after", requires=pa.table(table), each="customer")


def programmes(
    offers: pa.Table, *, windows: bool, everything: bool
) -> dict[str, tuple[str | None, list[CustomerRule]]]:
    """Units and rules that are asked for, by name."""
    found = {**PROGRAMMES, **(WITH_WINDOWS if windows or everything else {})}
    if everything:
        found["all"] = "household", [EACH, WINDOW, COSTS, DISCOUNT, requirements(offers)]
    return found


def tables(
    customers: int, width: int, offers: int, seed: int = 0
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Offers, candidates by customer, and customers in households."""
    rng = np.random.default_rng([20261129, seed])
    step = rng.integers(1, max(2, offers // width), (customers, width))
    first = rng.integers(0, offers, customers)
    offer = np.sort((first[:, None] + np.cumsum(step, axis=1)) % offers, axis=1)
    response = rng.beta(1.5, 12.0, offer.size)
    worth = rng.uniform(0.2, 3.0, offers)
    told = {
        "offer": np.arange(offers),
        "brand": rng.integers(0, BRANDS, offers),
        "day": rng.integers(1, DAYS + 1, offers),
    }
    pairs = {
        "customer": np.repeat(np.arange(customers), width),
        "offer": offer.ravel(),
        "value": response * worth[offer.ravel()],
        "cost": response * 0.5,
    }
    home = rng.integers(0, max(1, int(customers / MEMBERS)), customers)
    return (
        pa.table(told),
        pa.table(pairs),
        pa.table({"customer": np.arange(customers), "household": home}),
    )


def limits(stated: Campaign, offers: pa.Table) -> list[Limit]:
    """Caps, minimums of brands and a budget, set from what the best choices under a programme's own rules use."""
    rng = np.random.default_rng(8)
    used = stated.solve(threads=1).by("offer").to_arrow()
    coupons = np.array(used["coupons"].to_pylist())[: offers.num_rows].astype(float)
    capped = rng.permutation(len(coupons)) < len(coupons) // 2
    cap = np.floor(coupons * rng.uniform(0.3, 0.9, len(coupons)))[capped]
    caps = pa.table({"offer": np.flatnonzero(capped), "max": cap})
    within = coupons.copy()
    within[capped] = cap
    by_brand = np.bincount(offers["brand"].to_numpy(), within, BRANDS)
    least = pa.table({"brand": PROMISED, "min": np.floor(0.9 * by_brand[PROMISED])})
    cost = float(np.sum(used["cost"].to_pylist()))
    return [
        Limit("caps", by="offer", table=caps),
        Limit("brand minimums", by="brand", table=least),
        Limit("budget", sum="cost", max=0.8 * cost),
    ]


def pass_times(results: dict[str, Any], rounds: int) -> dict[str, float]:
    """Processor seconds of a pass under each programme, the least of some rounds of all of them."""
    passes: dict[str, tuple[LocalEngine, NDArray[np.float32]]] = {}
    for name, result in results.items():
        problem = result.compiled.problem
        engine = LocalEngine(problem.shard, problem.rules, load(None), 1, 0)
        passes[name] = engine, Lagrangian(problem, engine).choice_table(result.prices)
    found = dict.fromkeys(results, np.inf)
    for _ in range(rounds):
        for name, (engine, table) in passes.items():
            started = time.process_time()
            engine.evaluate(table)
            found[name] = min(found[name], time.process_time() - started)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=32, help="candidates of a customer")
    parser.add_argument("--offers", type=int, default=600)
    parser.add_argument("--gap", type=float, default=1e-3)
    parser.add_argument("--windows", action="store_true", help="with rolling windows, too")
    parser.add_argument("--all", action="store_true", help="with sums and requirements, too")
    parser.add_argument("--rounds", type=int, default=3, help="passes of each that are timed")
    options = parser.parse_args()
    output = for_figures_alone()
    offers, candidates, customers = tables(options.customers, options.width, options.offers)
    results = {}
    stated_rules = programmes(offers, windows=options.windows, everything=options.all)
    for name, (unit, rules) in stated_rules.items():
        free = Campaign(offers, candidates, customers, rules=rules, unit=unit)
        agreed = limits(free, offers)
        stated = Campaign(offers, candidates, customers, rules=rules, limits=agreed, unit=unit)
        started = time.process_time()
        results[name] = stated.solve(threads=1, gap=options.gap)
        print(f"{name}: {time.process_time() - started:.1f} s of a processor", file=sys.stderr)
    seconds = pass_times(results, options.rounds)
    figures = {
        name: {
            "status": result.status,
            "gap": result.gap,
            "objective": result.objective,
            "message_costs": result.message_costs,
            "full_passes": result.full_passes,
            "cut_off": result.customers_cut_off,
            "pass_over_slots_alone": seconds[name] / seconds["slots alone"],
        }
        for name, result in results.items()
    }
    sizes = {"customers": options.customers, "candidates": candidates.num_rows}
    with output:
        print(json.dumps({**sizes, "programmes": figures, **describe(1)}, indent=1), file=output)


if __name__ == "__main__":
    main()
