"""An infeasible campaign in the user's terms: what cannot hold together, what is reachable, and the way out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..model.compile_limits import CompiledLimits, Measure
from ..model.compiled_campaign import CompiledCampaign
from ..solver.conflict import Certificate
from ..solver.dual.lagrangian import Lagrangian
from ..solver.options import DEFAULT_OPTIONS, SolverOptions
from ..solver.relaxation import Change, WayOut, way_out
from ..utils.clock import Clock

NAMED = 5  # changes, in a sentence
ROUNDING = 1e-9  # share of a ratio that is kept from it, so that it holds however sums are rounded


def told(
    compiled: CompiledCampaign,
    certificate: Certificate,
    prices: NDArray[np.float64],
    engine: Engine,
    seed: int,
    clock: Clock,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> dict[str, Any]:
    """The content of infeasible.json, without its way out where a time limit does not suffice for one.

    prices: (L), at which the dual proves it, where they do.
    """
    limits = [_conflict(compiled.limits, conflict) for conflict in certificate.conflicts]
    content: dict[str, Any] = {
        "message": _sentence(limits, certificate.rules),
        "limits": limits,
        "customer_rules": [{"customer_rule": name} for name in certificate.rules],
    }
    problem = compiled.problem
    with clock.stage("way out"):
        units = _units(compiled, engine)
        found = way_out(problem, engine, units, prices, seed, clock, options)
    if found is not None:
        out = [_change(compiled.limits, change, found) for change in found.changes]
        out.sort(key=lambda entry: -abs(entry["share"]))
        content["way_out"] = out
        content["way_out_share"] = found.total
        content["way_out_share_at_least"] = found.at_least
        content["message"] += _advice(out)
    return content


def _measure(limits: CompiledLimits, row: int) -> tuple[Measure, bool]:
    """A row's limit, and whether that is a ratio."""
    number = int(limits.measure_of_row[row])
    return limits.measures[number], bool(limits.is_ratio[number])


def _conflict(limits: CompiledLimits, conflict: Any) -> dict[str, Any]:
    """What a limit of the conflict asks, and what is reachable."""
    measure, is_ratio = _measure(limits, conflict.row)
    bound = "min" if conflict.is_min else "max"
    entry = {"limit": measure.name, "group": measure.group, "sum": measure.sum}
    entry[bound] = getattr(measure, bound)
    if not is_ratio:  # a ratio's reach is not a linear question
        entry["reachable"] = conflict.reachable
    return entry


def _units(compiled: CompiledCampaign, engine: Engine) -> NDArray[np.float64]:
    """What a change of each row's lower and upper bound is measured by (L, 2): the bound itself.

    The row of a ratio asks for 0. A change of the ratio by all of itself changes its first sum by the bound times the
    second sum, which is taken from everybody's choice without prices.
    """
    limits, problem = compiled.limits, compiled.problem
    bounds = np.stack([problem.lower, problem.upper], axis=1)
    units = np.where(np.isfinite(bounds), np.abs(bounds), 0.0)
    if limits.is_ratio[limits.measure_of_row].any():
        free = Lagrangian(problem, engine).evaluate(np.zeros(len(problem.lower))).usage
        below = limits.denominator @ free.ravel()
        for row, number in enumerate(limits.measure_of_row.tolist()):
            if limits.is_ratio[number]:
                measure = limits.measures[number]
                for side, bound in enumerate((measure.min, measure.max)):
                    units[row, side] = (abs(bound or 0.0) or 1.0) * below[number]
    return units


def _change(limits: CompiledLimits, change: Change, found: WayOut) -> dict[str, Any]:
    """A bound that gives way: what it asks, what would do, and the difference, also as a share of the bound."""
    measure, is_ratio = _measure(limits, change.row)
    would_do, is_min = change.would_do, change.is_min
    if is_ratio:
        # rows of a ratio are one-sided: which one of its bounds it is, the row says
        number = int(limits.measure_of_row[change.row])
        would_do = float(limits.achieved(found.usage)[number])
        would_do -= (1.0 if is_min else -1.0) * ROUNDING * abs(would_do)
    bound = "min" if is_min else "max"
    asked = getattr(measure, bound)
    difference = would_do - asked
    entry = {"limit": measure.name, "group": measure.group, "sum": measure.sum, bound: asked}
    entry.update(would_do=would_do, change=difference)
    entry["share"] = difference / abs(asked) if asked else math.copysign(1.0, difference)
    return entry


def _label(entry: dict[str, Any]) -> str:
    return f"limit {entry['limit']!r}" + ("" if entry["group"] is None else f" [{entry['group']}]")


def _bound(entry: dict[str, Any]) -> str:
    return "min" if "min" in entry else "max"


def _sentence(limits: list[dict[str, Any]], rules: list[str]) -> str:
    asks = []
    for entry in limits:
        bound, reach = _bound(entry), ""
        if entry.get("reachable") is not None:
            reach = f" ({'at most' if bound == 'min' else 'at least'} {entry['reachable']:,.6g} is reachable)"
        asks.append(f"{_label(entry)} asks {bound} {entry[bound]:,.10g}{reach}")
    under = f", under customer rules {', '.join(map(repr, rules))}" if rules else ""
    return f"cannot hold{' together' if len(asks) > 1 else ''}: {'; '.join(asks)}{under}"


def _advice(out: list[dict[str, Any]]) -> str:
    """The largest changes of a way out, in words."""
    named = [
        f"{_label(entry)} {_bound(entry)} {entry['would_do']:,.10g} instead of {entry[_bound(entry)]:,.10g}"
        for entry in out[:NAMED]
    ]
    more = f" and {len(out) - NAMED} more" if len(out) > NAMED else ""
    return f"; the smallest changes that would do: {'; '.join(named)}{more}" if named else ""
