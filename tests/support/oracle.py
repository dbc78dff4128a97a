"""Oracle: a campaign as one mixed-integer programme for HiGHS, and a checker of allocations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tests.support.oracle_sums import OracleSums
from tests.support.oracle_tables import MANDATORY, Measure
from tests.support.programme import EXACT, Programme, Stop
from tests.support.programme_rows import Rows

from couponry import CustomerRule

TOLERANCE = 1e-9  # relative: what a float64 sum of a limit may be off
# What a coupon that a customer must miss costs, in all choices alike. Where these variables cost nothing, HiGHS 1.12
# has been seen to end with less than the best as the best, unless presolve was off.
SPARE = 1e-3


@dataclass(frozen=True)
class Reach:
    """How far each customer can keep what is asked of it at least: mandatory candidates given, then coupons missing
    from all minimums together, of each unit, int64 (n) each."""

    mandatory: NDArray[np.int64]
    missing: NDArray[np.int64]


@dataclass(frozen=True)
class Optimum:
    """What HiGHS found: status optimal, stopped, infeasible or unknown; the value of its choice by the user's
    numbers (None without one), its own bound on every choice, and the choice, bool (e)."""

    status: str
    value: float | None
    bound: float
    chosen: NDArray[np.bool_] | None


class Oracle(OracleSums):
    """Solves a campaign by HiGHS and checks allocations; over the candidates in the order of their table."""

    def objective(self, chosen: NDArray[np.bool_]) -> float:
        """Sum of the value column less the penalties of missed soft limits."""
        missed = sum(
            (measure.limit.penalty or 0.0) * self.missed(measure, chosen)
            for measure in self.measures
            if measure.limit.mode == "soft"
        )
        spent = math.fsum(
            step * max(0, int(chosen[rows].sum()) - count)
            for rows, count, step in self.message_steps(self.rules)
        )
        return math.fsum(self.value[chosen]) - missed - spent

    def activity(self, measure: Measure, chosen: NDArray[np.bool_]) -> float:
        """What a measure comes to; NaN for a ratio to nothing."""
        total = math.fsum(measure.weight[chosen])
        if measure.below is None:
            return total
        below = math.fsum(measure.below[chosen])
        return total / below if below else math.nan

    def missed(self, measure: Measure, chosen: NDArray[np.bool_]) -> float:
        """How far a measure is outside its bounds."""
        got = self.activity(measure, chosen)
        low = -math.inf if measure.min is None else measure.min - got
        high = -math.inf if measure.max is None else got - measure.max
        return max(0.0, low, high)

    def broken(self, chosen: NDArray[np.bool_], reach: Reach) -> list[str]:
        """Every customer rule and hard limit that a choice breaks, in words.

        reach: what customers can keep of what is asked at least, from `reach`. Sums may be off by TOLERANCE of the
        larger of the bound and the sum of what was added up; counts by nothing.
        """
        wrong = []
        given = np.bincount(self.unit[chosen & self.mandatory], minlength=len(self.units))
        if (given < reach.mandatory).any():
            n = int((given < reach.mandatory).argmax())
            wrong.append(f"mandatory offers: {self.units[n]!r} lacks one that it could have")
        missing = np.zeros(len(self.units), np.int64)
        names: dict[int, str] = {}
        for minimum in self.minimums(self.rules):
            short = max(0, minimum.least - int(chosen[minimum.members].sum()))
            missing[minimum.unit] += short
            if short:
                names.setdefault(minimum.unit, minimum.rule)
        if (missing > reach.missing).any():
            n = int((missing > reach.missing).argmax())
            wrong.append(
                f"rule {names[n]}: {self.units[n]!r} misses {missing[n]} of its minimums, "
                f"could miss {reach.missing[n]}"
            )
        for groups in self.rule_groups(self.rules):
            for rows, cap in zip(groups.members, groups.most, strict=True):
                if chosen[rows].sum() > cap:
                    who = self.customer_id[rows[0]]
                    wrong.append(
                        f"rule {groups.rule.name}: {who!r} has {chosen[rows].sum()}, max {cap}"
                    )
        wrong += self.broken_sums(self.rules, chosen)
        for measure in self.measures:
            if measure.limit.mode != "hard":
                continue
            size = math.fsum(np.abs(measure.weight[chosen]))
            got, unit = math.fsum(measure.weight[chosen]), 1.0
            if measure.below is not None:
                unit = math.fsum(measure.below[chosen])
            for bound, sign in ((measure.min, 1.0), (measure.max, -1.0)):
                if bound is None:
                    continue
                miss = sign * (bound * unit - got)
                if miss > TOLERANCE * max(abs(bound * unit), size):
                    wrong.append(f"limit {measure.key}: {got / (unit or 1.0)} against {bound}")
        return wrong

    # ---- solving

    def reach(self, rules: Sequence[CustomerRule] | None = None) -> Reach:
        """What each customer can keep, under what rules allow at most, of what they ask at least."""
        rules = self.rules if rules is None else rules
        nothing = np.zeros(len(self.units), np.int64)
        must = self.mandatory & (MANDATORY in rules)
        minimums = self.minimums(rules)
        if not minimums and not must.any():
            return Reach(nothing, nothing)
        rows = Rows(len(self.offer))
        self._add_most(rows, rules)
        for minimum in minimums:
            size = len(minimum.members)
            rows.add(minimum.members, np.ones(size), float(minimum.least), math.inf, 1.0)
        found = self._programme(rows, np.where(must, 1000.0, 0.0), EXACT)
        if found.status != "optimal" or found.chosen is None:
            raise RuntimeError("HiGHS could not tell what customers can have")
        missing = nothing.copy()
        for minimum in minimums:
            held = int(found.chosen[minimum.members].sum())
            missing[minimum.unit] += max(0, minimum.least - held)
        given = np.bincount(self.unit[found.chosen & must], minlength=len(self.units))
        return Reach(given, missing)

    def best_under_rules(self, weight: NDArray[np.float64], reach: Reach) -> NDArray[np.bool_]:
        """The choice of the largest sum of weights under the customer rules alone."""
        found = self.best(weight, self.rules, [], reach, EXACT)
        if found.chosen is None:
            raise RuntimeError("HiGHS found no choice under the customer rules alone")
        return found.chosen

    def solve(self, reach: Reach, stop: Stop | None = None) -> Optimum:
        """The best allocation under all rules and limits."""
        return self.best(self.value, self.rules, self.measures, reach, stop or Stop())

    def feasible(
        self,
        rules: Sequence[CustomerRule],
        measures: Sequence[Measure],
        seconds: float | None = None,
    ) -> bool:
        """Whether these rules and measures can hold together. Raises RuntimeError where HiGHS does not know.

        A min asks for what a customer can have under the rules given here.
        """
        nothing = np.zeros(len(self.offer))
        found = self.best(nothing, rules, measures, self.reach(rules), Stop(0.0, seconds=seconds))
        if found.status in ("infeasible", "optimal"):
            return found.status == "optimal"
        raise RuntimeError("HiGHS did not decide in time")

    def _add_most(self, rows: Rows, rules: Sequence[CustomerRule]) -> None:
        """Rows for what the rules allow at most."""
        for groups in self.rule_groups(rules):
            for members, cap in zip(groups.members, groups.most, strict=True):
                if len(members) > cap:
                    rows.add(members, np.ones(len(members)), -math.inf, float(cap))
        self.add_sums(rows, rules)

    def _add_least(self, rows: Rows, rules: Sequence[CustomerRule], reach: Reach) -> None:
        """Rows for what the rules ask at least, of customers who can have it as of those who cannot."""
        shorts: dict[int, list[int]] = {}
        for minimum in self.minimums(rules):
            size, least = len(minimum.members), float(minimum.least)
            misses = reach.missing[minimum.unit] > 0
            rows.add(minimum.members, np.ones(size), least, math.inf, SPARE if misses else None)
            if misses:
                shorts.setdefault(minimum.unit, []).append(rows.width - 1)
        for unit, columns in shorts.items():
            most = float(reach.missing[unit])
            rows.add(np.array(columns), np.ones(len(columns)), -math.inf, most)
        if MANDATORY in rules:
            for members in self.of_each(self.mandatory):
                given = float(reach.mandatory[self.unit[members[0]]])
                rows.add(members, np.ones(len(members)), given, math.inf)

    def best(
        self,
        value: NDArray[np.float64],
        rules: Sequence[CustomerRule],
        measures: Sequence[Measure],
        reach: Reach,
        stop: Stop,
    ) -> Optimum:
        """The choice of the largest sum of values (e) under these rules and measures.

        reach: as in `broken`.
        """
        rows = Rows(len(self.offer))
        self._add_most(rows, rules)
        self._add_least(rows, rules, reach)
        for members, count, step in self.message_steps(rules):
            if step > 0:
                rows.add(members, np.ones(len(members)), -math.inf, float(count), step)
        for measure in measures:
            if measure.limit.mode == "report":
                continue
            penalty = measure.limit.penalty if measure.limit.mode == "soft" else None
            for bound, is_min in ((measure.min, True), (measure.max, False)):
                if bound is None:
                    continue
                weight, side = measure.weight, float(bound)
                if measure.below is not None:
                    weight, side = weight - bound * measure.below, 0.0
                whole = not (weight % 1).any()
                # HiGHS keeps a row to 1e-6 in its own unit: larger units where the sums are small and not whole
                size = max(abs(side), float(np.abs(weight).max(initial=0.0)))
                unit = 1.0 if whole or not size else max(1.0, 1000.0 / size)
                members = np.flatnonzero(weight)
                low, high = (side, math.inf) if is_min else (-math.inf, side)
                rows.add(members, weight[members] * unit, low * unit, high * unit, penalty, unit)
        found = self._programme(rows, value, stop)
        return replace(found, bound=found.bound + SPARE * float(reach.missing.sum()))

    def _programme(self, rows: Rows, value: NDArray[np.float64], stop: Stop) -> Optimum:
        """The choice of the largest sum of values (e), less penalties, under some rows."""
        matrix, lower, upper, penalties = rows.build()
        cost = np.concatenate([-value, penalties])
        found = Programme(cost, len(self.offer), matrix, lower, upper).solve(stop)
        if found.values is None:
            return Optimum(found.status, None, -found.least, None)
        chosen = found.values[: len(self.offer)] > 0.5
        return Optimum(found.status, self.objective(chosen), -found.least, chosen)
