"""Describes an infeasible campaign to its user: the conflict, what is achievable, and a feasibility relaxation."""

from __future__ import annotations

import contextlib
import decimal
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...kernels import Backend
from ...model.compiled_campaign import CompiledCampaign
from ...model.compiling.compile_limits import CompiledLimits
from ...model.compiling.limit_measures import Measure
from ...solver.dual.lagrangian import Lagrangian
from ...solver.dual.scaling import Scales
from ...solver.infeasibility.elastic_problem import RelaxationRequest
from ...solver.infeasibility.infeasible_set import ConflictingBound, InfeasibleSet
from ...solver.infeasibility.reachable_ratios import RatioRanges
from ...solver.infeasibility.work import Work
from ...solver.options import DEFAULT_OPTIONS, SolverOptions
from ...solver.relaxation import BoundChange, Relaxation, relax
from ...utils.arrays.blocks import blocks
from ...utils.clock import Clock
from ...utils.errors import OutOfTime
from .reachable_rules import RuleRanges, asked_of

CHANGES_IN_MESSAGE = 5
"""Changes of bounds that a message names; it counts the others."""

LIMITS_IN_MESSAGE = 20
"""Limits of a conflict that it names."""

DIGITS = 10
"""Of a bound that would do, as the message has them."""

LARGEST_WHOLE = 2.0**53
"""Bounds from here on are given as they are."""

SHARE = "share of "
"""What is summed of a limit that is a share begins so."""

NEXT_TO_NOTHING = 1e-9
"""Share of a typical coupon's weight up to which a bound counts as one of 0: its own share would say nothing."""

RATIO_ROUNDING = 1e-9
"""Share of a ratio that a relaxed bound stays away from it, so that it holds in any order of summation."""


def describe_infeasibility(
    compiled: CompiledCampaign,
    certificate: InfeasibleSet,
    prices: NDArray[np.float64],
    engine: Engine,
    backend: Backend,
    seed: int,
    clock: Clock,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> dict[str, Any]:
    """Return the content of infeasible.json.

    Parameters
    ----------
    compiled : CompiledCampaign
    certificate : InfeasibleSet
        The proof that nothing is feasible.
    prices : ndarray of float64, shape (n_rows,)
        Prices of the solve; the search for a relaxation starts from them where the proof has none.
    engine : Engine
    backend : Backend
        Of the solve.
    seed : int
    clock : Clock
    options : SolverOptions

    Returns
    -------
    dict
        Without the feasibility relaxation (`way_out`) if a time limit ended the search for one.
    """
    with clock.stage("infeasibility"):
        of_row = compiled.limits.measure_of_row
        ratios = RatioRanges(
            compiled.problem,
            compiled.limits.numerator[of_row],
            compiled.limits.denominator[of_row],
            certificate,
            engine,
            clock,
            options,
        )
        limits = [_conflict(compiled.limits, bound, ratios) for bound in certificate.bounds]
        ranges = RuleRanges(compiled, certificate, engine, backend, clock, options)
        rules = {rule.name: rule for rule in reversed(compiled.campaign.rules)}
        asked = [asked_of(rules.get(name), name, ranges) for name in certificate.rules]
    content: dict[str, Any] = {
        "message": _conflict_message(limits, certificate),
        "limits": limits,
        "customer_rules": asked,
        "irreducible": certificate.is_irreducible,
    }
    with clock.stage("way out"), contextlib.suppress(OutOfTime):
        start = prices if certificate.prices is None else certificate.prices
        _add_way_out(content, compiled, start, engine, seed, clock, options, certificate.work)
    return content


def _add_way_out(
    content: dict[str, Any],
    compiled: CompiledCampaign,
    prices: NDArray[np.float64],
    engine: Engine,
    seed: int,
    clock: Clock,
    options: SolverOptions,
    work: Work | None,
) -> None:
    """Add the feasibility relaxation, if there is time to find one; the arguments are `describe_infeasibility`'s."""
    clock.check()
    scales = Scales.measure(compiled.problem, engine)
    asked, units = _asked(compiled), _units(compiled, engine, scales)
    measure = compiled.limits.measure_of_row
    request = RelaxationRequest(
        compiled.problem,
        engine,
        scales,
        asked,
        units,
        compiled.limits.is_ratio[measure],
        compiled.limits.denominator[measure],
        prices,
        work,
    )
    relaxation = relax(request, seed, clock, options)
    if relaxation is None:
        return
    changes = [_change(compiled, change, relaxation, units) for change in relaxation.changes]
    changes.sort(key=lambda entry: -abs(entry["share"]))
    content["way_out"] = changes
    total = sum(abs(entry["share"]) for entry in changes)
    content["way_out_share"] = total
    content["way_out_share_at_least"] = min(relaxation.at_least, total)
    content["message"] += _relaxation_message(changes)


def _measure(limits: CompiledLimits, row: int) -> tuple[Measure, bool]:
    """A row's limit, and whether that is a ratio."""
    number = int(limits.measure_of_row[row])
    return limits.measures[number], bool(limits.is_ratio[number])


def _conflict(
    limits: CompiledLimits, conflict: ConflictingBound, ratios: RatioRanges
) -> dict[str, Any]:
    """A limit of the conflict: what it asks, and the end of its achievable range."""
    measure, is_ratio = _measure(limits, conflict.row)
    bound = "min" if conflict.is_min else "max"
    entry: dict[str, Any] = {"limit": measure.name, "group": measure.group, "sum": measure.sum}
    entry[bound] = getattr(measure, bound)
    is_asked = is_ratio and entry[bound] is not None
    entry["reachable"] = (
        ratios.reachable(conflict, entry[bound]) if is_asked else conflict.achievable
    )
    return entry


def _asked(compiled: CompiledCampaign) -> NDArray[np.float64]:
    """Each row's lower and upper bound as the user gave it, shape (n_rows, 2); the row of a ratio asks for 0."""
    limits, problem = compiled.limits, compiled.problem
    of_row, measures = limits.measure_of_row, limits.measures
    given = np.stack([measures.low, measures.high], axis=1)[of_row]
    given = np.where(np.isnan(given), [-np.inf, np.inf], given)
    packed = np.stack([problem.lower, problem.upper], axis=1)
    return np.where(limits.is_ratio[of_row][:, None], packed, given)


def _units(compiled: CompiledCampaign, engine: Engine, scales: Scales) -> NDArray[np.float64]:
    """What a change of each row's lower and upper bound is measured by, shape (n_rows, 2): the bound itself.

    A bound of 0, or next to it, is measured by a typical coupon's weight in it; that of a ratio by what the ratio comes
    to for everybody's choice without prices.
    """
    limits, problem = compiled.limits, compiled.problem
    typical = 1.0 / scales.per_coupon
    if limits.is_ratio[limits.measure_of_row].any():
        free = Lagrangian(problem, engine).evaluate(np.zeros(len(problem.lower))).usage
        ratios = np.abs(np.nan_to_num(limits.achieved(free)))
        is_ratio = limits.is_ratio[limits.measure_of_row]
        typical[is_ratio] = np.where(ratios > 0, ratios, 1.0)[limits.measure_of_row[is_ratio]]
    bounds = np.stack([limits.measures.low, limits.measures.high], axis=1)
    sizes = np.abs(np.nan_to_num(bounds, nan=0.0))[limits.measure_of_row]
    return np.where(sizes > NEXT_TO_NOTHING * typical[:, None], sizes, typical[:, None])


def _change(
    compiled: CompiledCampaign,
    change: BoundChange,
    relaxation: Relaxation,
    units: NDArray[np.float64],
) -> dict[str, Any]:
    """A relaxed bound: what it asks, what would do, and the difference, also as a share of the bound."""
    limits = compiled.limits
    measure, is_ratio = _measure(limits, change.row)
    would_do, is_min = change.would_do, change.is_min
    if is_ratio:
        # rows of a ratio are one-sided: which one of its bounds it is, the row says
        number = int(limits.measure_of_row[change.row])
        would_do = float(limits.achieved(relaxation.usage)[number])
        would_do -= (1.0 if is_min else -1.0) * RATIO_ROUNDING * abs(would_do)
    is_whole = bool(compiled.problem.integer[change.row]) or _is_whole(compiled, measure.sum)
    would_do = readable_bound(would_do, is_min, is_whole and not is_ratio)
    if is_ratio and measure.sum.startswith(SHARE):
        would_do = min(would_do, 1.0)  # which every share keeps, and beyond which none is asked for
    bound = "min" if is_min else "max"
    asked = getattr(measure, bound)
    difference = would_do - asked
    entry = {"limit": measure.name, "group": measure.group, "sum": measure.sum, bound: asked}
    entry.update(would_do=would_do, change=difference)
    entry["share"] = difference / float(units[change.row, 0 if is_min else 1])
    return entry


def readable_bound(would_do: float, is_min: bool, is_whole: bool) -> float:
    """Round a bound so that it can be read and typed, and still does.

    Parameters
    ----------
    would_do : float
        A bound that would do.
    is_min : bool
    is_whole : bool
        Whether what is summed are whole numbers, so that their sum is the next one that keeps the bound.

    Returns
    -------
    float
        Of whole numbers such a one; else with `DIGITS` digits, away from what is asked.

    Examples
    --------
    >>> readable_bound(798.9999992, True, True)
    799.0
    >>> readable_bound(1234.56789012345, True, False)
    1234.56789
    """
    if not math.isfinite(would_do) or abs(would_do) >= LARGEST_WHOLE:
        return would_do
    if is_whole:
        return float(math.ceil(would_do) if is_min else math.floor(would_do))
    digits = decimal.Context(DIGITS, decimal.ROUND_FLOOR if is_min else decimal.ROUND_CEILING)
    return float(digits.create_decimal_from_float(would_do))


def _is_whole(compiled: CompiledCampaign, name: str) -> bool:
    """Whether this is a column of candidates that has whole numbers alone, as that of an earlier plan."""
    column = compiled.campaign.candidates.columns.get(name)
    return column is not None and all(
        bool((column[rows] % 1 == 0).all()) for rows in blocks(len(column))
    )


def _label(entry: dict[str, Any]) -> str:
    """Limit and group."""
    return f"limit {entry['limit']!r}" + ("" if entry["group"] is None else f" [{entry['group']}]")


def _side(entry: dict[str, Any]) -> str:
    """Which bound an entry is about."""
    return "min" if "min" in entry else "max"


def _conflict_message(limits: list[dict[str, Any]], certificate: InfeasibleSet) -> str:
    """What cannot hold together, in words."""
    asks, rules = [], certificate.rules
    for entry in limits[:LIMITS_IN_MESSAGE]:
        side, achievable = _side(entry), " (what is reachable was not found)"
        if entry.get("reachable") is not None:
            most = "at most" if side == "min" else "at least"
            achievable = f" ({most} {entry['reachable']:,.6g} is reachable)"
        asks.append(f"{_label(entry)} asks {side} {entry[side]:,.10g}{achievable}")
    if len(limits) > len(asks):
        asks.append(f"and {len(limits) - len(asks):,} more limits")
    under = f", under customer rules {', '.join(map(repr, rules))}" if rules else ""
    fewer = "" if certificate.is_irreducible else " (fewer might do: the search for them was ended)"
    return f"cannot hold{' together' if len(asks) > 1 else ''}: {'; '.join(asks)}{under}{fewer}"


def _relaxation_message(changes: list[dict[str, Any]]) -> str:
    """The largest changes of a feasibility relaxation, in words."""
    named = [
        f"{_label(entry)} {_side(entry)} {entry['would_do']:,.10g} instead of {entry[_side(entry)]:,.10g}"
        for entry in changes[:CHANGES_IN_MESSAGE]
    ]
    left = len(changes) - CHANGES_IN_MESSAGE
    more = f" and {left} more" if left > 0 else ""
    return f"; the smallest changes that would do: {'; '.join(named)}{more}" if named else ""
