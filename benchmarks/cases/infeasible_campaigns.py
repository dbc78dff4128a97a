"""Random campaigns in which something cannot hold: whether couponry proves it, names a smallest set and the way out.

    python benchmarks/cases/infeasible_campaigns.py --seeds 100        JSON on standard output

A random campaign that is feasible by construction gets limits that contradict rules or each other, built in one of six
ways. HiGHS, on the user's own tables, says whether the named set cannot hold together, and whether the rest can once
any one member is dropped; what it does not decide in its time is counted as such. It also looks for smaller changes of
bounds than the way out's, in the shares that are shown; campaigns with bounds of 0 are left out of that.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import _paths  # noqa: F401
import numpy as np
from benchmarks.support.hardware import describe
from benchmarks.support.processes import in_order
from benchmarks.support.smallest_changes import JudgedChanges, judge_changes, report_changes
from benchmarks.support.standard_output import for_figures_alone
from tests.support.contradictions import Contradiction
from tests.support.oracle import Oracle
from tests.support.oracle_tables import MANDATORY
from tests.support.random_campaigns import draw


@dataclass(frozen=True)
class Judged:
    """One campaign: how it was built, what couponry said, and what HiGHS says to that.

    wrong: what does not hold, in words. undecided: questions that HiGHS did not answer in its time. named: members.
    changes: the way out; None where HiGHS was not asked about it.
    """

    seed: int
    kind: str
    status: str
    named: int
    seconds: float
    wrong: list[str] = field(default_factory=list)
    undecided: int = 0
    candidates: int = 0
    changes: JudgedChanges | None = None


def judge(options: argparse.Namespace, seed: int) -> Judged:
    """Draw, break, solve and check one campaign."""
    drawn = draw(seed, options.largest)
    kind, limits = Contradiction(drawn).limits()
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
    wrong, undecided = [], 0
    if options.only != "changes":
        wrong, undecided = smallest(oracle, result.infeasible, options.highs_seconds)
    found = None
    if options.only != "sets":
        found = judge_changes(oracle, result.infeasible, options.highs_seconds)
        wrong += [] if found is None else found.wrong
    named = len(result.infeasible["limits"]) + len(result.infeasible["customer_rules"])
    return Judged(
        seed, kind, result.status, named, seconds, wrong, undecided, result.candidates, found
    )


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
        except Exception:  # not in time, or with an exception of HiGHS's own
            undecided += 1
            continue
        if holds and left_out is None:
            wrong.append("the named set can hold together")
        if not holds and left_out is not None:
            name = getattr(left_out, "name", None) or left_out.key
            wrong.append(f"not needed: {name}")
    return wrong, undecided


def report(judged: Sequence[Judged], are_sets_judged: bool) -> dict[str, Any]:
    """The figures of a run."""
    smallest = sum(j.status == "infeasible" and not j.wrong for j in judged)
    return {
        "seeds": len(judged),
        "proved": sum(j.status == "infeasible" for j in judged),
        "smallest": smallest if are_sets_judged else None,
        "undecided_by_highs": sum(j.undecided for j in judged),
        "failures": {j.seed: [j.kind, *j.wrong[:5]] for j in judged if j.wrong},
        "kinds": Counter(j.kind for j in judged),
        "ways_out": report_changes([j.changes for j in judged if j.changes is not None]),
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
        "--highs-seconds",
        type=float,
        default=20.0,
        help="that HiGHS has for each question, and for all about a way out",
    )
    parser.add_argument("--only", choices=["sets", "changes"], help="what HiGHS is asked about")
    parser.add_argument("--processes", type=int, default=1, help="that campaigns are shared out to")
    options = parser.parse_args(arguments)
    output = for_figures_alone()
    judged = []
    seeds = range(options.first, options.first + options.seeds)
    for now in in_order(partial(judge, options), seeds, options.processes):
        judged.append(now)
        print(
            f"seed {now.seed} {now.kind}: {now.status}, {now.named} members, {now.seconds:.2f} s, "
            f"{now.undecided} undecided by HiGHS, "
            f"changes {now.changes and now.changes.times} {'; '.join(now.wrong[:3])}",
            file=sys.stderr,
            flush=True,
        )
    figures = report(judged, options.only != "changes")
    with output:
        print(
            json.dumps({"settings": vars(options), **figures, **describe(1)}, indent=1), file=output
        )
    return 1 if figures["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
