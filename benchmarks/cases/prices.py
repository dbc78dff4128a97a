"""Benchmark of prices: what moving a bound by a hundredth is worth, beside what the limit's price says.

    python benchmarks/cases/prices.py [--customers 1000000] [--limits 20] [--move 0.01] [--tolerance 0.05] [--threads N]

The mixed campaign is solved, and the bounds of the limits whose price times bound is largest, and of as many drawn
among all others that have a price, are moved up and down, the dual minimised again for each. Prints JSON: for how many
moves the change by unit is the price within the tolerance, for how many it lies between the prices at both ends of the
move, and every move. A bound that was out of reach once it was tightened shows as a range without end.
"""

from __future__ import annotations

import argparse
import json
import time

import _paths  # noqa: F401
import numpy as np
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe
from benchmarks.support.report import solved

from couponry.utils.threads import thread_count

OUT_OF_REACH = 100.0  # what a move is worth, by what its price says


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--limits", type=int, default=20)
    parser.add_argument("--move", type=float, default=0.01)
    parser.add_argument("--tolerance", type=float, default=0.05)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    threads = thread_count(arguments.threads)
    campaign = MIXED.campaign(Synthetic(arguments.customers, 32, seed=arguments.seed), threads)
    result = solved(campaign, gap=5e-4, threads=threads, seed=arguments.seed)
    assert result.limits is not None
    rows = [row for row in result.limits.to_pylist() if row["price"]]
    rows.sort(key=lambda row: -abs(row["price"] * (row["max"] if row["price"] > 0 else row["min"])))
    first, rest = rows[: arguments.limits // 2], rows[arguments.limits // 2 :]
    random = np.random.default_rng(arguments.seed)
    wanted = min(len(rest), arguments.limits - len(first))
    drawn = [rest[n] for n in sorted(random.choice(len(rest), wanted, replace=False).tolist())]
    names = [(row["name"], row["group"]) for row in (*first, *drawn)]
    started = time.perf_counter()
    found = result.price_ranges(
        names, move=arguments.move, tolerance=arguments.tolerance, threads=threads
    )
    seconds = time.perf_counter() - started
    moves = found.to_arrow().to_pylist()
    for move in moves:
        move["within_tolerance"] = abs(
            move["per_unit"] - move["price"]
        ) <= arguments.tolerance * abs(move["price"])
        move["in_range"] = move["lowest"] <= move["per_unit"] <= move["highest"]
        # prices that grow without end: no allocation keeps a bound so tight
        move["out_of_reach"] = abs(move["change"]) > OUT_OF_REACH * abs(move["predicted"])
    said = {
        "hardware": describe(threads),
        "customers": arguments.customers,
        "limits": len(names),
        "gap": result.gap,
        "seconds": round(seconds, 2),
        "moves": len(moves),
        "within_tolerance": sum(move["within_tolerance"] for move in moves),
        "in_range": sum(move["in_range"] for move in moves),
        "out_of_reach": sum(move["out_of_reach"] for move in moves),
        "either": sum(move["within_tolerance"] or move["in_range"] for move in moves),
        "each": moves,
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
