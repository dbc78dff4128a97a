"""Random campaigns in which something cannot hold, and whether couponry proves it and names a smallest set.

    python benchmarks/cases/infeasible_campaigns.py --seeds 100        JSON on standard output

A random campaign that is feasible by construction gets limits that contradict rules or each other, built in one of six
ways. HiGHS, on the user's own tables, says whether the named set cannot hold together, and whether the rest can once
any one member is dropped; what it does not decide in its time is counted as such.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.support.hardware import describe
from benchmarks.support.processes import in_order
from numpy.typing import NDArray
from tests.support.oracle import Oracle, Stop
from tests.support.oracle_tables import MANDATORY
from tests.support.random_campaigns import RandomCampaign, draw

from couponry import Limit

BREAK = "built to break"


@dataclass(frozen=True)
class Judged:
    """One campaign: how it was built, what couponry said, and what HiGHS says to that.

    wrong: what does not hold, in words. undecided: questions that HiGHS did not answer in its time. named: members.
    """

    seed: int
    kind: str
    status: str
    named: int
    seconds: float
    wrong: list[str] = field(default_factory=list)
    undecided: int = 0


class _Break:
    """Limits that cannot be kept in one campaign; each way returns None where the campaign has no use for it."""

    def __init__(self, drawn: RandomCampaign):
        self.drawn = drawn
        self.rng = np.random.default_rng([20240301, drawn.seed])
        self.bare = drawn.oracle(limits=[])
        self.reach = self.bare.reach()
        self.channel = str(self.rng.choice(["mail", "email", "app", "till"]))

    def most(self, weight: NDArray[np.float64]) -> float:
        """The largest sum of weights that the customer rules allow."""
        return float(weight[self.bare.best_under_rules(weight, self.reach)].sum())

    def promise(self) -> list[Limit] | None:
        """More of a channel than the rules allow."""
        where = {"channel": [self.channel]}
        most = self.most(self.bare.about(where).astype(float))
        return [Limit(BREAK, where=where, min=most + int(self.rng.integers(1, 6)))]

    def two(self) -> list[Limit] | None:
        """A promise above a print run of more offers."""
        where = {"channel": [self.channel], "day": {"max": 20}}
        most = int(self.most(self.bare.about(where).astype(float)))
        if most < 4:
            return None
        return [
            Limit(BREAK, where=where, min=most // 2 + 1),
            Limit(f"{BREAK} 2", where={"channel": [self.channel]}, max=most // 2),
        ]

    def total(self) -> list[Limit] | None:
        """Promises by brand, each of which holds, above a total."""
        rows = self.bare.groups("brand")
        least = {brand: int((mask & self.drawn.planted).sum()) for brand, mask in rows.items()}
        least = {brand: count for brand, count in least.items() if count > 0}
        if not least:
            return None
        table = pa.table({"brand": list(least), "min": [float(m) for m in least.values()]})
        return [
            Limit(BREAK, by="brand", table=table),
            Limit(f"{BREAK} 2", max=sum(least.values()) - 1),
        ]

    def budget(self) -> list[Limit] | None:
        """A budget below what a promise costs at least."""
        if "response" not in self.bare.candidates.column_names:
            return None
        effort = self.bare.amount("effort")
        where = {"channel": [self.channel]}
        promise = Limit(BREAK, where=where, min=int(self.most(self.bare.about(where) * 1.0)) // 2)
        measures = self.bare.measures_of(promise)
        found = self.bare.best(-effort, self.bare.rules, measures, self.reach, Stop(1e-4))
        if found.chosen is None or not promise.min:
            return None
        return [promise, Limit(f"{BREAK} 2", sum="effort", max=-0.97 * found.bound)]

    def mandatory(self) -> list[Limit] | None:
        """Fewer coupons than must be given."""
        must = int(self.reach.mandatory.sum())
        return [Limit(BREAK, max=must - 1)] if must else None

    def few(self) -> list[Limit] | None:
        """Fewer coupons than the rules ask for."""
        fewest = int(-self.most(-np.ones(len(self.bare.offer))))
        return [Limit(BREAK, max=fewest - 1)] if fewest else None

    def limits(self) -> tuple[str, list[Limit]]:
        ways: list[Callable[[], list[Limit] | None]] = [
            self.promise, self.two, self.total, self.budget, self.mandatory, self.few,
        ]  # fmt: skip
        first = self.drawn.seed % len(ways)
        for way in (*ways[first:], *ways[:first]):
            limits = way()
            if limits is not None:
                place = int(self.rng.integers(0, len(self.drawn.limits) + 1))
                mine = self.drawn.limits
                return way.__name__, [*mine[:place], *limits, *mine[place:]]
        raise RuntimeError("no way to break this campaign")


def judge(options: argparse.Namespace, seed: int) -> Judged:
    """Draw, break, solve and check one campaign."""
    drawn = draw(seed, options.largest)
    kind, limits = _Break(drawn).limits()
    started = time.perf_counter()
    try:
        result = drawn.campaign(limits=limits).solve(threads=1, time_limit=options.time_limit)
    except Exception as error:  # one crash must not hide what the other seeds show
        wrong = [f"{type(error).__name__}: {error}"]
        return Judged(seed, kind, "crashed", 0, time.perf_counter() - started, wrong)
    seconds = time.perf_counter() - started
    if result.infeasible is None:
        wrong = [f"not proved: {result.status}, {result.message}"]
        return Judged(seed, kind, result.status, 0, seconds, wrong)
    oracle = drawn.oracle(limits=limits)
    wrong, undecided = smallest(oracle, result.infeasible, options.highs_seconds)
    named = len(result.infeasible["limits"]) + len(result.infeasible["customer_rules"])
    return Judged(seed, kind, result.status, named, seconds, wrong, undecided)


def smallest(oracle: Oracle, infeasible: dict[str, Any], seconds: float) -> tuple[list[str], int]:
    """What is wrong with a named set, and how many questions about it HiGHS left open."""
    rule = {rule.name: rule for rule in (*oracle.rules, MANDATORY)}
    measure = {measure.key: measure for measure in oracle.measures}
    rules = [rule[entry["customer_rule"]] for entry in infeasible["customer_rules"]]
    measures = [measure[entry["limit"], entry["group"]] for entry in infeasible["limits"]]
    wrong, undecided = [], 0
    members: list[Any] = [None, *rules, *measures]
    for left_out in members:
        these = [rule for rule in rules if rule is not left_out]
        those = [measure for measure in measures if measure is not left_out]
        try:
            holds = oracle.feasible(these, those, seconds)
        except RuntimeError:
            undecided += 1
            continue
        if holds and left_out is None:
            wrong.append("the named set can hold together")
        if not holds and left_out is not None:
            name = getattr(left_out, "name", None) or left_out.key
            wrong.append(f"not needed: {name}")
    return wrong, undecided


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """The figures of a run."""
    return {
        "seeds": len(judged),
        "proved": sum(j.status == "infeasible" for j in judged),
        "smallest": sum(j.status == "infeasible" and not j.wrong for j in judged),
        "undecided_by_highs": sum(j.undecided for j in judged),
        "failures": {j.seed: [j.kind, *j.wrong[:5]] for j in judged if j.wrong},
        "kinds": Counter(j.kind for j in judged),
        "members": {"mean": float(np.mean([j.named for j in judged])), "most": max(j.named for j in judged)},
        "seconds": {
            "median": float(np.median([j.seconds for j in judged])),
            "worst": max(j.seconds for j in judged),
        },
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where every campaign was proved, and every named set is a smallest one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100, help="how many campaigns")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--largest", type=int, default=2000, help="customers at most")
    parser.add_argument("--time-limit", type=float, help="seconds that couponry has for each")
    parser.add_argument(
        "--highs-seconds", type=float, default=20.0, help="that HiGHS has for each question"
    )
    parser.add_argument("--processes", type=int, default=1, help="that campaigns are shared out to")
    options = parser.parse_args(arguments)
    # HiGHS prints a line of its own at times, past Python: standard output is for the figures only
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    judged = []
    seeds = range(options.first, options.first + options.seeds)
    for now in in_order(partial(judge, options), seeds, options.processes):
        judged.append(now)
        print(
            f"seed {now.seed} {now.kind}: {now.status}, {now.named} members, {now.seconds:.2f} s, "
            f"{now.undecided} undecided by HiGHS {'; '.join(now.wrong[:3])}",
            file=sys.stderr,
            flush=True,
        )
    figures = report(judged)
    with output:
        print(
            json.dumps({"settings": vars(options), **figures, **describe(1)}, indent=1), file=output
        )
    return 1 if figures["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
