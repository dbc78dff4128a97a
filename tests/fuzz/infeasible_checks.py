"""What a result claims of a campaign in which nothing is feasible: the set that conflicts, and the way out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.fuzz.exhaustive import Allocations, Strictness
from tests.fuzz.reading import MANDATORY, Measure, Reading
from tests.fuzz.solving import is_held_by_time

MOST_ALLOCATIONS = 100_000
"""Fewer rules leave more allocations: a set with more of them is not looked through."""

ROUNDING = 1e-9
"""Relative, of shares and reachable ends, which are summed in float64 and widened by as much."""

WAY_OUT_GAP = 2e-3
"""How far the sum of shares may be above the least: twice what the solver asks of itself."""

Say = Callable[[str], None]
Asked = tuple[Measure, str]
"""A limit and the side of it that is meant: "min", "max", or "both"."""


def check_infeasible(content: dict[str, Any] | None, every: Allocations, say: Say) -> None:
    """Check infeasible.json's content against every allocation.

    Parameters
    ----------
    content : dict or None
    every : Allocations
        Under all customer rules.
    say : callable
        Is told what does not hold.
    """
    if content is None:
        say("infeasible, but nothing says why")
        return
    reading = every.reading
    measures = {measure.key: measure for measure in reading.measures() if measure.mode == "hard"}
    asked = list(_asked(content["limits"], measures, say))
    names = [entry["customer_rule"] for entry in content["customer_rules"]]
    known = {rule.name for rule in reading.small.rules}
    if not set(names) <= known | ({MANDATORY} if reading.has_mandatory else set()):
        say(f"infeasible set: no such rules: {names}")
        return
    if len(asked) != len(content["limits"]):
        return
    _check_set(reading, asked, names, content["irreducible"], say)
    _check_reachable(content["limits"], asked, every, say)
    if "way_out" in content:
        _check_way_out(content, measures, every, say)
    elif not is_held_by_time(reading.small.settings) and has_way_out(measures, every):
        say("infeasible without a way out")


def has_way_out(measures: dict[Any, Measure], every: Allocations) -> bool:
    """Whether other bounds would do: they would not for a ratio that every allocation has to nothing."""
    return bool(np.isfinite(_least_shares(list(measures.values()), every)).any())


def _asked(
    entries: Sequence[dict[str, Any]], measures: dict[Any, Measure], say: Say
) -> Iterator[Asked]:
    """The limits that entries name, and which side of them."""
    for entry in entries:
        measure = measures.get((entry["limit"], entry["group"]))
        side = "min" if entry.get("min") is not None else "max"
        if measure is None or getattr(measure, side) != entry.get(side):
            say(f"infeasible set: no hard limit asks for {entry}")
            continue
        yield measure, side if measure.below is not None else "both"


def _check_set(
    reading: Reading, asked: Sequence[Asked], names: Sequence[str], irreducible: bool, say: Say
) -> None:
    """The set cannot hold together, and could without any one of its members where it says so: always, given time."""

    def can_hold(
        limits: Sequence[Asked], rules: Sequence[str], strictness: Strictness
    ) -> bool | None:
        kept = [rule for rule in reading.small.rules if rule.name in rules]
        some = Allocations(reading, kept, MANDATORY in rules)
        if len(some) > MOST_ALLOCATIONS:
            return None
        held = np.ones(len(some), bool)
        for measure, side in limits:
            held &= some.holds(measure, side, strictness)
        return bool(held.any())

    together = [(m.key, side) for m, side in asked]
    if can_hold(asked, names, "defaults rounded"):
        say(f"infeasible set: {together} under {names} can hold together")
        return
    if reading.small.settings.stages != "default":
        return  # proofs of campaigns that are not tiny are not found for every conflict
    if not irreducible:
        if not is_held_by_time(reading.small.settings):
            say(f"infeasible set: {together} under {names}: nobody saw whether fewer would do")
        return
    for n, (measure, _) in enumerate(asked):
        if can_hold([*asked[:n], *asked[n + 1 :]], names, "but for rounding") is False:
            say(f"infeasible set: {together} under {names}: limit {measure.key} is not needed")
    for name in names:
        if (
            can_hold(asked, [other for other in names if other != name], "but for rounding")
            is False
        ):
            say(f"infeasible set: {together} under {names}: rule {name!r} is not needed")


def _check_reachable(
    entries: Sequence[dict[str, Any]], asked: Sequence[Asked], every: Allocations, say: Say
) -> None:
    """What is said to be reachable is no less than what is, while the others hold, and outside the bound."""
    for n, entry in enumerate(entries):
        reachable, (measure, _) = entry.get("reachable"), asked[n]
        if reachable is None:
            continue
        side = "min" if entry.get("min") is not None else "max"
        held = every.holds(measure, "max" if side == "min" else "min")
        for other, which in [*asked[:n], *asked[n + 1 :]]:
            held &= every.holds(other, which)
        sign = 1 if side == "min" else -1
        if sign * (reachable - getattr(measure, side)) >= 0:
            say(f"limit {measure.key}: {reachable!r} is reachable, and that is what it asks")
        if not held.any():
            continue
        total, scale = every.sums(measure.weight)
        if measure.below is not None:
            _check_ratio(measure, float(reachable), every, held, sign, say)
            continue
        ends = (sign * total[held]).max()
        true = Fraction(int(ends) * sign, scale)
        size = sum(measure.sizes, Fraction(0))
        if sign * (Fraction(reachable) - true) < -Fraction(ROUNDING) * size:
            say(f"limit {measure.key}: {reachable!r} reachable is said, {float(true)!r} is")


def _check_ratio(
    measure: Measure,
    reachable: float,
    every: Allocations,
    held: NDArray[np.bool_],
    sign: int,
    say: Say,
) -> None:
    """The same of a ratio, over all allocations in which it is one."""
    above, scale = every.sums(measure.weight)
    below, below_scale = every.sums(measure.below or ())
    some = held & (below > 0)
    if not some.any():
        return
    ratio = (
        above[some].astype(float) / float(scale) / (below[some].astype(float) / float(below_scale))
    )
    true = sign * float((sign * ratio).max())
    if sign * (reachable - true) < -ROUNDING * max(abs(true), abs(reachable)):
        say(f"limit {measure.key}: {reachable!r} reachable is said, {true!r} is")


def _check_way_out(
    content: dict[str, Any], measures: dict[Any, Measure], every: Allocations, say: Say
) -> None:
    """Its changes make the campaign feasible, are counted right, and are as small as they can be."""
    eased = dict(measures)
    total = 0.0
    for entry in content["way_out"]:
        key = entry["limit"], entry["group"]
        side = "min" if entry.get("min") is not None else "max"
        measure = measures.get(key)
        if measure is None or getattr(measure, side) != entry[side]:
            say(f"way out: no hard limit asks for {entry}")
            return
        if not all(math.isfinite(entry[name]) for name in ("would_do", "change", "share")):
            say(f"way out: {entry}")
            return
        change = entry["would_do"] - entry[side]
        if not math.isclose(
            entry["change"], change, rel_tol=1e-6, abs_tol=abs(entry[side]) * 1e-12
        ):
            say(f"way out: {entry}: a change of {change!r}")
        share = change / abs(entry[side]) if entry[side] else entry["share"]
        if not math.isclose(entry["share"], share, rel_tol=1e-6, abs_tol=1e-12):
            say(f"way out: {entry}: a share of {share!r}")
        total += abs(entry["share"])
        eased[key] = replace(eased[key], **{side: entry["would_do"]})
    if not every.feasible(list(eased.values()), "but for rounding").any():
        say(f"way out: {content['way_out']} does not make it feasible")
    if any(b == 0.0 for m in measures.values() for b in (m.min, m.max)):
        return  # changes of a bound of 0 are measured in a unit that is not asked for here
    claimed, least = content["way_out_share"], content["way_out_share_at_least"]
    widened = 2.0 * ROUNDING * len(content["way_out"])
    if not math.isclose(claimed, total, rel_tol=1e-6, abs_tol=widened):
        say(f"way out: the shares come to {total!r}, way_out_share is {claimed!r}")
    true = float(_least_shares(list(measures.values()), every).min())
    if least > true * (1.0 + ROUNDING) + ROUNDING:
        say(f"way out: no less than {least!r} is said, {true!r} is enough")
    settings = every.reading.small.settings
    patient = settings.stages == "default" and not is_held_by_time(settings)
    if patient and total > true * (1.0 + WAY_OUT_GAP) + widened:
        say(f"way out: shares of {total!r}, {true!r} is enough")


def _least_shares(measures: Sequence[Measure], every: Allocations) -> NDArray[np.float64]:
    """The least sum of shares that each allocation asks for."""
    shares = np.zeros(len(every))
    for measure in measures:
        above, scale = every.sums(measure.weight)
        got = above.astype(float) / float(scale)
        if measure.below is not None:
            below, scale = every.sums(measure.below)
            divisor = below.astype(float) / float(scale)
            with np.errstate(divide="ignore", invalid="ignore"):
                # over nothing no bound does where the row does not hold as it is
                got = np.where(divisor > 0, got / divisor, np.sign(got) * np.inf)
            got = np.where(np.isnan(got), measure.min if measure.max is None else measure.max, got)
        for bound, sign in ((measure.min, 1.0), (measure.max, -1.0)):
            if bound is not None:
                held = every.holds(measure, "min" if sign > 0 else "max")
                off = np.maximum(0.0, sign * (bound - got)) / (abs(bound) or 1.0)
                shares += np.where(held, 0.0, off)
    return shares
