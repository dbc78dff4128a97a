"""Ways out of small infeasible campaigns with limits on ratios, beside the smallest that HiGHS finds in their measure.

    python benchmarks/cases/infeasible_ratios.py --campaigns 300        JSON on standard output

A change of a ratio is no linear cost. For a ratio that would do it is none of HiGHS's business: "A is at least r times
B" is linear in who gets what. So the ratios that would do are halved into boxes: in a box no way out costs less than
the ratios at its near ends and all else under the ratios at its far ends. HiGHS bounds both, until the best way out
that is known, couponry's or its own, and the least bound are a thousandth apart.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
import scipy
from benchmarks.support.hardware import describe
from benchmarks.support.processes import in_order
from numpy.typing import NDArray

from couponry import Campaign, CustomerRule, Limit

BRANDS, OFFERS, WIDTH = 3, 12, 4
CLOSE = 1e-3
"""Relative distance at which HiGHS's way out and its bound count as the same; couponry asks the same of itself."""

SMALL = 300
"""Candidates up to which couponry goes on until its own bound is as close."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Ask:
    """A minimum of a limit: of the weights' sum, or of its ratio to another sum. A maximum has sign -1."""

    weight: NDArray[np.float64]
    bound: float
    sign: float
    below: NDArray[np.float64] | None = None

    def share(self, chosen: Flags) -> float:
        """How far a choice is off, as a share of the bound."""
        above = float(self.weight[chosen].sum())
        below = 1.0 if self.below is None else float(self.below[chosen].sum())
        missed = self.sign * (self.bound * below - above)
        return max(0.0, missed) / (below * abs(self.bound)) if missed > 1e-9 else 0.0


@dataclass(frozen=True)
class Drawn:
    """A campaign, and what it asks in HiGHS's terms."""

    campaign: Campaign
    asks: list[Ask]
    customers: int
    slots: int


def draw(seed: int) -> Drawn:
    """A return that is asked for beside promises and budgets, more than a few dozen customers can give."""
    rng = np.random.default_rng([8, seed])
    customers = int(rng.integers(4, 20) if rng.random() < 0.85 else rng.integers(76, 90))
    size = customers * WIDTH
    offer = np.argsort(rng.random((customers, OFFERS)), axis=1)[:, :WIDTH].ravel()
    brand = offer % BRANDS
    value, cost = rng.gamma(2.0, 1.0, size), rng.uniform(0.2, 1.5, size)
    slots = int(rng.integers(1, 3))
    everything, one = np.ones(size, bool), np.ones(size)
    limits: list[Limit] = []
    asks: list[Ask] = []
    if rng.random() < 0.5:
        least = float(np.round(rng.uniform(3.0, 9.0), 2))
        limits.append(Limit("return", ratio=("value", "cost"), min=least))
        asks.append(Ask(value, least, 1.0, cost))
    else:
        least = float(np.round(rng.uniform(3.0, 9.0), 2))
        limits.append(Limit("return", ratio=("value", "cost"), where={"brand": [0, 1]}, min=least))
        about = np.isin(brand, [0, 1])
        asks.append(Ask(value * about, least, 1.0, cost * about))
    if rng.random() < 0.25:
        most = float(np.round(rng.uniform(0.2, 0.5), 2))
        limits.append(Limit("cost each", ratio=("cost", "count"), where={"brand": 2}, max=most))
        asks.append(Ask(cost * (brand == 2), most, -1.0, one * (brand == 2)))
    volume = int(rng.uniform(0.7, 1.0) * slots * customers)
    limits.append(Limit("volume", min=volume))
    asks.append(Ask(one, float(volume), 1.0))
    if rng.random() < 0.5:
        promise = int(rng.uniform(0.2, 0.5) * slots * customers)
        limits.append(Limit("promise", where={"brand": 0}, min=promise))
        asks.append(Ask(one * (brand == 0), float(promise), 1.0))
    if rng.random() < 0.5:
        budget = float(np.round(rng.uniform(0.3, 0.8) * slots * customers, 1))
        limits.append(Limit("budget", sum="cost", max=budget))
        asks.append(Ask(cost * everything, budget, -1.0))
    offers = pa.table({"offer": np.arange(OFFERS), "brand": np.arange(OFFERS) % BRANDS})
    columns = {"customer": np.repeat(np.arange(customers), WIDTH), "offer": offer}
    candidates = pa.table({**columns, "value": value, "cost": cost})
    rules = [CustomerRule("slots", max=slots)]
    return Drawn(Campaign(offers, candidates, rules=rules, limits=limits), asks, customers, slots)


class Boxes:
    """The smallest way out by HiGHS: boxes of ratios that would do, halved until bound and way out are close."""

    def __init__(self, drawn: Drawn, seconds: float, claimed: float):
        self._drawn, self._end = drawn, time.monotonic() + seconds
        self._ratios = [ask for ask in drawn.asks if ask.below is not None]
        self._sums = [ask for ask in drawn.asks if ask.below is None]
        self.found, self.best, self.least = np.inf, claimed, 0.0

    def search(self) -> bool:
        """Whether bound and way out came close in time."""
        ends = [np.array([self._far(ask), ask.bound]) for ask in self._ratios]
        heap: list[Any] = [(self._bound(ends), 0, ends)]
        number = 0
        while heap:
            self.least = min(heap[0][0], self.best)
            if self.least >= self.best * (1.0 - CLOSE) - 1e-12:
                return True
            if time.monotonic() > self._end:
                return False
            _, _, box = heapq.heappop(heap)
            widths = [
                abs(np.diff(e)[0]) / abs(a.bound) for e, a in zip(box, self._ratios, strict=True)
            ]
            k = int(np.argmax(widths))
            middle = float(box[k].mean())
            for part in ([box[k][0], middle], [middle, box[k][1]]):
                half = [*box[:k], np.array(part), *box[k + 1 :]]
                bound = self._bound(half)
                number += 1
                if bound < self.best * (1.0 - CLOSE):
                    heapq.heappush(heap, (bound, number, half))
        self.least = self.best * (1.0 - CLOSE)
        return True

    def _far(self, ask: Ask) -> float:
        """A ratio that any choice keeps."""
        if ask.sign > 0:
            return 0.0
        below = np.ones(len(ask.weight)) if ask.below is None else ask.below
        of = np.divide(ask.weight, below, out=np.zeros(len(below)), where=below > 0)
        return max(ask.bound, float(of.max()))

    def _bound(self, box: Sequence[NDArray[np.float64]]) -> float:
        """The least that a way out costs whose ratios are within a box; its best choice is tried."""
        near = sum(
            abs(a.bound - ends[1]) / abs(a.bound) for a, ends in zip(self._ratios, box, strict=True)
        )
        size, extra = len(self._drawn.asks[0].weight), len(self._sums)
        rows, low = [], []
        for ask, ends in zip(self._ratios, box, strict=True):
            below = np.zeros(size) if ask.below is None else ask.below
            rows.append(np.append(ask.sign * (ask.weight - ends[0] * below), np.zeros(extra)))
            low.append(0.0)
        for k, ask in enumerate(self._sums):
            row = np.append(ask.sign * ask.weight, np.zeros(extra))
            row[size + k] = abs(ask.bound)
            rows.append(row)
            low.append(ask.sign * ask.bound)
        slots = scipy.sparse.kron(scipy.sparse.eye(self._drawn.customers), np.ones((1, WIDTH)))
        slots = scipy.sparse.hstack([slots, scipy.sparse.csr_array((self._drawn.customers, extra))])
        found = scipy.optimize.milp(
            np.append(np.zeros(size), np.ones(extra)),
            constraints=[
                scipy.optimize.LinearConstraint(np.array(rows), np.array(low), np.inf),
                scipy.optimize.LinearConstraint(slots, -np.inf, self._drawn.slots),
            ],
            bounds=scipy.optimize.Bounds(0.0, np.append(np.ones(size), np.full(extra, np.inf))),
            integrality=np.append(np.ones(size), np.zeros(extra)),
            options={
                "mip_rel_gap": CLOSE / 2,
                "time_limit": min(2.0, max(0.1, self._end - time.monotonic())),
            },
        )
        if found.x is not None:
            chosen = found.x[:size] > 0.5
            self.found = min(self.found, sum(ask.share(chosen) for ask in self._drawn.asks))
            self.best = min(self.best, self.found)
        if found.status == 2:
            return np.inf
        dual = found.mip_dual_bound
        return near + max(0.0, 0.0 if dual is None else float(dual) - 1e-7)


def judge(seconds: float, seed: int) -> dict[str, Any] | None:
    """Couponry's way out beside HiGHS's; None where the campaign is not infeasible."""
    drawn = draw(seed)
    result = drawn.campaign.solve(threads=1)
    if result.infeasible is None:
        return None
    share = result.infeasible.get("way_out_share", float("inf"))
    at_least = result.infeasible.get("way_out_share_at_least", 0.0)
    boxes = Boxes(drawn, seconds, share)
    decided = boxes.search()
    wrong = []
    if at_least > boxes.best * (1.0 + 1e-6) + 1e-9:
        wrong.append("at_least is above a way out that there is")
    return {
        "seed": seed,
        "candidates": result.candidates,
        "decided": decided,
        "share": share,
        "at_least": at_least,
        "highs": [boxes.least, boxes.best],
        "ratio": share / max(boxes.best, 1e-12),
        "least": share / max(boxes.least, 1e-12),
        "wrong": wrong,
    }


def report(judged: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures of some campaigns."""
    if not judged:
        return {"campaigns": 0}
    ratio = np.array([one["ratio"] for one in judged])
    least = np.array([one["least"] for one in judged])
    told = np.array([one["at_least"] / max(one["highs"][1], 1e-12) for one in judged])
    return {
        "campaigns": len(judged),
        "highs_undecided": sum(not one["decided"] for one in judged),
        "smallest_by_highs": int((least <= 1.0 + 3 * CLOSE).sum()),
        "smaller_known": int((ratio > 1.0 + 2 * CLOSE).sum()),
        "smaller_by_a_percent_known": int((ratio > 1.01).sum()),
        "share_by_best": {"90%": float(np.quantile(ratio, 0.9)), "most": float(ratio.max())},
        "at_least_by_best": {"median": float(np.median(told)), "least": float(told.min())},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where couponry's bound on all ways out is above one that HiGHS has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--campaigns", type=int, default=300, help="infeasible ones")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=10.0, help="of HiGHS for each, at most")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(arguments)
    # HiGHS prints a line of its own at times, past Python: standard output is for the figures only
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    judged: list[dict[str, Any]] = []
    seeds = range(options.first, options.first + 4 * options.campaigns)
    for one in in_order(partial(judge, options.seconds), seeds, options.processes):
        if one is not None:
            judged.append(one)
        if len(judged) == options.campaigns:
            break
    wrong = {one["seed"]: one["wrong"] for one in judged if one["wrong"]}
    far = sorted(judged, key=lambda one: -one["ratio"])[:10]
    small = [one for one in judged if one["candidates"] <= SMALL]
    large = [one for one in judged if one["candidates"] > SMALL]
    figures = {
        f"up_to_{SMALL}_candidates": report(small),
        "more": report(large),
        "wrong": wrong,
        "farthest": {one["seed"]: [one["candidates"], one["share"], one["at_least"], *one["highs"]] for one in far},
    }  # fmt: skip
    with output:
        print(
            json.dumps({"settings": vars(options), **figures, **describe(1)}, indent=1), file=output
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
