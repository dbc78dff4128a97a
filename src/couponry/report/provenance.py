"""How a result came about: versions, seed, inputs, passes and what is certified."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pyarrow as pa

from ..results.exact_solution import digests_of
from ..results.solution import CampaignSolution
from ..solver.solve_state import relative_gap
from ..utils.clock import Step
from ..utils.version import __version__
from .chart import Chart, ChartRows, Number, Text, number, share_bars
from .numbers import NONE, PERCENT, amount, counted, percent_at_most
from .sections import Section

LIBRARIES = ("numpy", "scipy", "pyarrow")
"""Libraries whose versions a report names."""


SHOWN_STEPS = 12
"""Steps that the chart of convergence shows, the first and the last among them."""

TABLES = ("candidates", "offers", "customers", "history")
"""Tables that a result depends on."""

PAIRS = "pairs of customer and offer"
"""What the digest of the candidates' ids is called."""

AGREED = "what was agreed"
"""What rules, limits and the objective are called."""


def provenance_section(result: CampaignSolution) -> Section:
    """Say how a result came about.

    Parameters
    ----------
    result : CampaignSolution

    Returns
    -------
    Section
    """
    facts = [
        ("status", f"{result.status}: {result.message}"),
        *_certificate(result),
        ("passes over the candidates", f"{result.full_passes:.2f}"),
        ("evaluations of the dual", f"{result.nit:,}"),
        ("method", f"{result.method}, {result.engine} engine, {result.backend} backend"),
        ("seed", str(result.seed)),
        ("customers and candidates", f"{result.customers:,} and {result.candidates:,}"),
        ("solved by", f"couponry {result.version}, {result.threads} threads"),
        ("report by", ", ".join([f"couponry {__version__}", *map(_installed, LIBRARIES)])),
    ]
    facts += _digests(result)
    facts += [(finding.severity, finding.text) for finding in result.findings]
    charts = [_seconds(result)]
    if result.plan is not None and result.convergence.get("passes"):
        charts.insert(0, convergence_chart(result))
    return Section("provenance", "How it was made", charts=tuple(charts), facts=tuple(facts))


def convergence_chart(result: CampaignSolution) -> Chart:
    """Show how bound and objective became better.

    Parameters
    ----------
    result : CampaignSolution

    Returns
    -------
    Chart
        One row for each step, or for some of many; none where steps are not known.
    """
    steps = pa.table(
        {name: pa.array(result.convergence.get(name, []), pa.float64()) for name in Step._fields}
    )
    last = len(steps) - 1
    at = sorted(
        {round(last * k / (SHOWN_STEPS - 1)) for k in range(SHOWN_STEPS)} if last >= 0 else ()
    )
    left = len(steps) - len(at)
    return Chart(
        "Convergence",
        "The best allocation and the bound on all of them, after so many passes over the candidates.",
        steps,
        ChartRows(
            ("passes", "objective", "bound", "gap"),
            tuple(_step(**row) for row in steps.take(pa.array(at, pa.int64())).to_pylist()),
            more="" if not left else f"and {counted(left, 'step')} between them",
        ),
    )


def _step(passes: float, bound: float | None, objective: float | None) -> tuple[Any, ...]:
    gap = None if bound is None or objective is None else relative_gap(bound, objective)
    text = NONE if gap is None else percent_at_most(gap) if gap > 0 else f"0{PERCENT}"
    return Text(f"{passes:,.1f}"), number(objective), number(bound), Number(gap, text)


def _digests(result: CampaignSolution) -> list[tuple[str, str]]:
    """A digest of each table that the result depends on, and one of its rules, limits and objective."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for name, digest in digests_of(result.campaign).items():
        if name == PAIRS:
            table = "candidates"
        else:
            table = next((each for each in TABLES if name.endswith(f" {each}")), AGREED)
            table = AGREED if name.startswith(("limit ", "customer_rule ")) else table
        parts.setdefault(table, []).append((name, digest))
    return [
        (f"digest of {table}", hashlib.sha256(json.dumps(found).encode()).hexdigest()[:32])
        for table, found in parts.items()
    ]


def _certificate(result: CampaignSolution) -> list[tuple[str, str]]:
    """What is certified of an allocation."""
    if result.objective is None:
        return []
    objective, violation = amount(result.objective), amount(result.max_violation)
    if result.objective_error:
        objective += f", or up to {amount(result.objective_error)} more by rounding"
    facts = [("objective", objective), ("largest violation of a hard limit", violation)]
    if result.bound is not None and result.gap is not None:
        facts += [("bound", amount(result.bound)), ("gap", f"{result.gap:.3e}")]
    return facts


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} of an unknown version"


def _seconds(result: CampaignSolution) -> Chart:
    """What the stages took."""
    stages = list(result.seconds)
    seconds = [float(result.seconds[stage]) for stage in stages]
    bars = share_bars(seconds, "seconds")
    rows = zip(stages, seconds, bars, strict=True)
    return Chart(
        "Time",
        "",
        pa.table(
            {"stage": pa.array(stages, pa.string()), "seconds": pa.array(seconds, pa.float64())}
        ),
        ChartRows(
            ("stage", "", "seconds"),
            tuple((Text(stage), bar, number(round(took, 3))) for stage, took, bar in rows),
        ),
    )
