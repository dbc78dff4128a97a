"""Random campaigns that are feasible by construction, solved by couponry and by HiGHS, and compared.

    python benchmarks/cases/random_campaigns.py --seeds 200              JSON on standard output
    python benchmarks/cases/random_campaigns.py --seeds 200 --method both   also without the exact core

Every campaign starts from an allocation that keeps random customer rules; the hard limits' bounds are then set around
what it achieves, some of them tight. Times are of one thread each.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import _paths  # noqa: F401
from benchmarks.support.hardware import describe
from benchmarks.support.processes import in_order
from benchmarks.support.standard_output import for_figures_alone
from tests.support.comparison import Comparison, compare, measure_by_highs
from tests.support.programme import Stop
from tests.support.random_campaigns import draw

from couponry.solver.options import DEFAULT_OPTIONS, CoreOptions, SolverOptions


def report(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The figures of a run."""
    kept = [c for c in comparisons if not c.wrong]
    shortfalls = {c.seed: c.shortfall for c in kept if c.shortfall is not None}
    above = {c.seed: c.above for c in kept if c.above is not None}
    worst = sorted(shortfalls, key=lambda seed: -shortfalls[seed])[:10]
    return {
        "seeds": len(comparisons),
        "feasible": len(kept),
        "failures": {c.seed: c.wrong[:5] for c in comparisons if c.wrong},
        "statuses": Counter(c.status for c in comparisons),
        "methods": Counter(c.method for c in comparisons),
        "worst_shortfall_percent": max(shortfalls.values(), default=None),
        "mean_shortfall_percent": sum(max(0.0, s) for s in shortfalls.values())
        / max(1, len(shortfalls)),
        "worst_shortfalls": {seed: round(shortfalls[seed], 5) for seed in worst},
        "worst_shortfall_to_highs_bound_percent": max(
            (c.behind_bound for c in kept if c.behind_bound is not None), default=None
        ),
        "least_bound_above_optimum_percent": min(above.values(), default=None),
        "bounds_below_optimum": {seed: a for seed, a in above.items() if a < -1e-7},
        "highs_proved": sum(c.highs.status == "optimal" for c in comparisons),
        "seconds": {
            "couponry": round(sum(c.seconds for c in comparisons), 2),
            "couponry_worst": round(max(c.seconds for c in comparisons), 2),
            "highs": round(sum(c.highs_seconds for c in comparisons), 2),
            "highs_worst": round(max(c.highs_seconds for c in comparisons), 2),
        },
    }


WITHOUT_CORE = SolverOptions(core=CoreOptions(candidates=0))


def measured(options: argparse.Namespace, seed: int) -> tuple[set[str], dict[str, Comparison]]:
    """What a seed's campaign has in it, and how it compares with each method that was asked for."""
    drawn = draw(seed, options.largest)
    by = measure_by_highs(drawn, Stop(options.highs_gap, seconds=options.highs_seconds))
    found = {}
    for method in methods_of(options):
        by_method = DEFAULT_OPTIONS if method == "default" else WITHOUT_CORE
        found[method] = compare(drawn, by, time_limit=options.time_limit, options=by_method)
    return drawn.features, found


def methods_of(options: argparse.Namespace) -> list[str]:
    return ["default", "dual"] if options.method == "both" else [options.method]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where every campaign's allocation holds and no bound is below what is possible."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="how many campaigns")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--method", choices=["default", "dual", "both"], default="default")
    parser.add_argument("--largest", type=int, default=2000, help="customers at most")
    parser.add_argument("--time-limit", type=float, help="seconds that couponry has for each")
    parser.add_argument("--highs-seconds", type=float, default=5.0, help="that HiGHS has for each")
    parser.add_argument("--highs-gap", type=float, default=1e-5, help="relative gap HiGHS stops at")
    parser.add_argument("--processes", type=int, default=1, help="that campaigns are shared out to")
    options = parser.parse_args(arguments)
    output = for_figures_alone()
    comparisons: dict[str, list[Comparison]] = {method: [] for method in methods_of(options)}
    features = Counter[str]()
    seeds = range(options.first, options.first + options.seeds)
    for found, by_method in in_order(partial(measured, options), seeds, options.processes):
        features.update(found)
        for method, now in by_method.items():
            comparisons[method].append(now)
            shown = " ".join(
                f"{name} {value:+.5f}%"
                for name, value in (("shortfall", now.shortfall), ("bound above", now.above))
                if value is not None
            )
            print(
                f"seed {now.seed} {method}: {now.status} {now.method} {now.customers}x{now.candidates} "
                f"{shown} {now.seconds:.2f} s, HiGHS {now.highs.status} {now.highs_seconds:.2f} s "
                f"{'; '.join(now.wrong[:3])}",
                file=sys.stderr,
                flush=True,
            )
    reports = {method: report(found) for method, found in comparisons.items()}
    settings = {
        name: getattr(options, name)
        for name in ("first", "largest", "time_limit", "highs_seconds", "highs_gap", "processes")
    }
    figures = {"settings": settings, **reports, "features": features, **describe(1)}
    with output:
        print(json.dumps(figures, indent=1), file=output)
    failed = [r for r in reports.values() if r["failures"] or r["bounds_below_optimum"]]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
