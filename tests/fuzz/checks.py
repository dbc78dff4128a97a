"""What a result claims of a small campaign, against the exhaustive search."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from tests.fuzz.exhaustive import ROUNDING, Allocations, missed_by
from tests.fuzz.infeasible_checks import check_infeasible
from tests.fuzz.reading import Measure, Reading
from tests.fuzz.small_campaign import SmallCampaign
from tests.fuzz.solving import is_held_by_time

from couponry.result import Result

LEAST_BOUND = 1e-300
"""What a gap is at least divided by: a gap to a bound of 0 is huge, and a number."""


COSTS_ROUNDING = Fraction(1, 1 << 38)
"""What bounds may be off where messages cost something, as a share of what all of them cost."""


class Checked:
    """One result beside everything that could have come of its campaign.

    Attributes
    ----------
    wrong : list of str
        What does not hold, in words.
    """

    def __init__(self, small: SmallCampaign, result: Result):
        self.small, self.result = small, result
        self.reading = Reading(small)
        self.measures = self.reading.measures()
        self.all = Allocations(self.reading)
        self.feasible = self.all.feasible(self.measures, "defaults rounded")
        self.best = self.all.best(self.measures, self.feasible)
        self.wrong: list[str] = []

    def check(self) -> list[str]:
        """Everything that is wrong."""
        result = self.result
        if result.status in ("optimal", "feasible"):
            rows = self._rows()
            if rows is not None:
                self._check_rules(rows)
                self._check_limits(rows)
                self._check_worth(rows)
        elif result.status == "infeasible":
            if self.best is not None:
                self.say(f"infeasible, but an allocation is worth {float(self.best[0])!r}")
            else:
                check_infeasible(result.infeasible, self.all, self.say)
        elif result.status == "unsolved":
            self._check_unsolved()
        else:
            self.say(f"status {result.status!r}")
        return self.wrong

    def say(self, problem: str) -> None:
        """Note what does not hold."""
        self.wrong.append(problem)

    def _check_unsolved(self) -> None:
        """Nothing is unsolved where something is feasible; in a short time, where giving nothing is."""
        nothing = all(0 in own for own in self.all.choices) and all(
            missed_by_sums(m, Fraction(0), Fraction(0)) <= 0
            for m in self.measures
            if m.mode == "hard"
        )
        if nothing:
            self.say("unsolved, though giving nothing is feasible")
        elif self.best is not None and not is_held_by_time(self.small.settings):
            self.say(f"unsolved, but an allocation is worth {float(self.best[0])!r}")
        if self.result.bound is not None and self.best is not None:
            self._check_bound()

    # ---- the allocation

    def _rows(self) -> set[int] | None:
        """The rows of the candidates given; None where they make no sense."""
        allocation = self.result.allocation
        if allocation is None:
            self.say(f"status {self.result.status}, but no allocation")
            return None
        table = allocation.to_arrow()
        at = {(row["customer"], row["offer"]): n for n, row in enumerate(self.reading.rows)}
        pairs = list(zip(table["customer"].to_pylist(), table["offer"].to_pylist(), strict=True))
        unit = {who: n for n, unit in enumerate(self.reading.units) for who in unit}
        if pairs != sorted(set(pairs), key=lambda pair: (unit.get(pair[0], -1), *pair)) or not set(
            pairs
        ) <= set(at):
            self.say(f"allocation: expected candidates in order, each once, got {pairs}")
            return None
        for name in ("value", "response", "cost"):
            if name in table.column_names:
                for pair, cell in zip(pairs, table[name].to_pylist(), strict=True):
                    true, size = self.reading.number(at[pair], name)
                    if abs(Fraction(cell) - true) > 4 * ROUNDING * size:
                        expected = f"expected {float(true)!r}, got {cell!r}"
                        self.say(f"allocation: {name} of {pair}: {expected}")
        self._expect("allocated", len(pairs))
        return {at[pair] for pair in pairs}

    def _expect(self, field: str, true: Any) -> None:
        """A field of the result that is known exactly."""
        claimed = getattr(self.result, field)
        if claimed != true:
            self.say(f"{field}: expected {true!r}, got {claimed!r}")

    def _check_rules(self, rows: set[int]) -> None:
        """Each unit has one of the choices that its rules leave, and shortfalls are counted."""
        below = without = 0
        for i, own in enumerate(self.reading.own):
            chosen = sum(1 << k for k, n in enumerate(own) if n in rows)
            if chosen not in self.all.choices[i]:
                offers = [self.reading.rows[n]["offer"] for n in own if n in rows]
                self.say(f"customers {self.reading.units[i]}: their rules do not allow {offers}")
            below += self.reading.is_below(i, chosen)
            without += any(self.reading.rows[n].get("mandatory") and n not in rows for n in own)
        self._expect("customers", len(self.reading.customers))
        self._expect("candidates", len(self.reading.rows))
        self._expect("customers_below_min", below)
        self._expect("customers_without_mandatory", without)

    def _check_limits(self, rows: set[int]) -> None:
        """Hard limits are kept, and the table of limits says what is."""
        assert self.result.limits is not None
        stated = {(row["name"], row["group"]): row for row in self.result.limits.to_pylist()}
        keys = {measure.key for measure in self.measures}
        if set(stated) != keys:
            self.say(f"limits: expected {sorted(map(str, keys))}, got {sorted(map(str, stated))}")
        worst = error = Fraction(0)
        for measure in self.measures:
            above, below, size = sums_over(measure, rows)
            slack = ROUNDING * (len(rows) + 4) * size
            if measure.mode == "hard":
                off = missed_by_sums(measure, above, below)
                if off > slack:
                    self.say(f"limit {measure.key}: misses its bounds by {float(off)!r}")
                worst = max(worst, missed_by(measure, above, below))
                error = max(error, slack / below if below else Fraction(0))
            if measure.key in stated:
                for problem in _row_problems(measure, stated[measure.key], above, below, slack):
                    self.say(f"limit {measure.key}: {problem}")
        claimed = self.result.max_violation
        if claimed is None or abs(Fraction(claimed) - worst) > error:
            self.say(f"max_violation: expected {float(worst)!r}, got {claimed!r}")

    # ---- the certificate

    def _slack(self, rows: set[int]) -> Fraction:
        """What rounding may hide of an allocation's worth."""
        size = sum((self.reading.value_sizes[n] for n in rows), self._spent(rows))
        for measure in self.measures:
            if measure.mode == "soft":
                _, below, weight = sums_over(measure, rows)
                size += Fraction(measure.limit.penalty or 0.0) * (weight / below if below else 0)
        return ROUNDING * (len(rows) + 4) * size + COSTS_ROUNDING * self._all_messages()

    def _all_messages(self) -> Fraction:
        """What all messages cost that units may have: what they do not have is taken off it."""
        costs = [float(cost) for rule in self.small.rules for cost in rule.cost or ()]
        if not costs:
            return Fraction(0)
        everything = sum((Fraction(cost) for cost in costs), Fraction(0)) * len(self.reading.units)
        everything += abs(Fraction(self.result.bound or 0.0))
        return everything + sum(self.reading.value_sizes, Fraction(0))

    def _spent(self, rows: set[int]) -> Fraction:
        """What messages cost."""
        return sum(
            (
                self.reading.spent(i, sum(1 << k for k, n in enumerate(own) if n in rows))
                for i, own in enumerate(self.reading.own)
            ),
            Fraction(0),
        )

    def _check_worth(self, rows: set[int]) -> None:
        """Objective, bound and gap."""
        result = self.result
        worth = sum((self.reading.value[n] for n in rows), -self._spent(rows))
        for measure in self.measures:
            if measure.mode == "soft":
                above, below, _ = sums_over(measure, rows)
                worth -= Fraction(measure.limit.penalty or 0.0) * missed_by(measure, above, below)
        slack = self._slack(rows)
        if result.objective is None or not math.isfinite(result.objective):
            self.say(f"objective {result.objective!r}")
            return
        error = Fraction(result.objective_error or 0.0)
        if not -slack <= worth - Fraction(result.objective) <= error + slack:
            self.say(f"objective: expected {float(worth)!r}, got {result.objective!r}")
        if result.bound is None:
            if result.status == "optimal":
                self.say("optimal without a bound")
            return
        if result.bound < result.objective:
            self.say(f"bound {result.bound!r} is below the objective {result.objective!r}")
        self._check_gap(slack)
        if self.best is None:
            return  # what is given keeps all limits but for rounding, which is more than anything exact does
        self._check_bound()
        if result.status == "optimal":
            short = self.best[0] - worth
            allowed = Fraction(self.small.settings.gap) * abs(Fraction(result.bound))
            if short > allowed + slack + self._slack(self._best_rows()):
                self.say(
                    f"optimal at gap {self.small.settings.gap:g}, but worth {float(worth)!r} "
                    f"and the best is worth {float(self.best[0])!r}"
                )

    def _best_rows(self) -> set[int]:
        """The rows of the best allocation."""
        assert self.best is not None
        chosen = self.all.at(self.best[1])
        return {
            n
            for own, bits in zip(self.reading.own, chosen, strict=True)
            for k, n in enumerate(own)
            if bits >> k & 1
        }

    def _check_bound(self) -> None:
        """No allocation is worth more than the bound, but for rounding."""
        assert self.best is not None
        bound = self.result.bound
        if bound is None or not math.isfinite(bound):
            self.say(f"bound {bound!r}")
        elif Fraction(bound) < self.best[0] - self._slack(self._best_rows()):
            self.say(f"bound {bound!r}, but an allocation is worth {float(self.best[0])!r}")

    def _check_gap(self, slack: Fraction) -> None:
        """The gap is what bound and objective make it, and where it is optimal within what was asked."""
        result = self.result
        assert result.bound is not None and result.objective is not None
        difference = result.bound - result.objective
        size = max(abs(result.bound), LEAST_BOUND)
        if result.gap is None or not math.isclose(
            result.gap, difference / size, rel_tol=1e-6, abs_tol=1e-12
        ):
            self.say(f"gap: expected {difference / size!r}, got {result.gap!r}")
        elif result.status == "optimal" and Fraction(difference) > slack + Fraction(
            self.small.settings.gap
        ) * abs(Fraction(result.bound)):
            self.say(f"optimal, but gap {result.gap!r}, asked {self.small.settings.gap!r}")


def sums_over(measure: Measure, rows: set[int]) -> tuple[Fraction, Fraction, Fraction]:
    """A limit's sum, its second sum (1 without one), and what they and its bounds come to without signs."""
    above = sum((measure.weight[n] for n in rows), Fraction(0))
    size = sum((measure.sizes[n] for n in rows), Fraction(0))
    asked = max(
        (abs(Fraction(b)) for b in (measure.min, measure.max) if b is not None), default=Fraction(0)
    )
    if measure.below is None:
        return above, Fraction(1), size + asked
    below = sum((measure.below[n] for n in rows), Fraction(0))
    return above, below, size + asked * below


def missed_by_sums(measure: Measure, above: Fraction, below: Fraction) -> Fraction:
    """How far a limit's row is outside its bounds: of a ratio, sum(first) against bound * sum(second)."""
    off = Fraction(0)
    if measure.below is None:
        return missed_by(measure, above)
    if measure.min is not None:
        off = max(off, Fraction(measure.min) * below - above)
    if measure.max is not None:
        off = max(off, above - Fraction(measure.max) * below)
    return off


def _row_problems(
    measure: Measure, row: dict[str, Any], above: Fraction, below: Fraction, slack: Fraction
) -> Iterator[str]:
    """What is wrong in a row of the table of limits."""
    for column in ("min", "max", "mode", "sum"):
        if row[column] != getattr(measure, column):
            yield f"{column}: expected {getattr(measure, column)!r}, got {row[column]!r}"
    achieved, price = row["achieved"], row["price"]
    if below == 0:
        if achieved is not None:
            yield f"achieved: expected nothing of a ratio to nothing, got {achieved!r}"
    elif achieved is None or abs(Fraction(achieved) - above / below) > slack / below:
        yield f"achieved: expected {float(above / below)!r}, got {achieved!r}"
    if price is None or not math.isfinite(price):
        yield f"price {price!r}"
        return
    if (measure.mode == "report" and price) or (measure.max is None and price > 0):
        yield f"price {price!r} without a max"
    if measure.min is None and price < 0:
        yield f"price {price!r} without a min"


def facts(small: SmallCampaign, results: Sequence[tuple[SmallCampaign, Result]]) -> list[str]:
    """What a case is counted under."""
    kinds = sorted(small.features)
    for n, (_, result) in enumerate(results):
        after = "" if n == 0 else " after a change"
        kinds.append(f"status: {result.status}{after}")
        kinds.append(f"method: {result.method}")
    return kinds
