"""Rules about sums, different values and requirements, read for the oracle straight from the user's tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.oracle_tables import OracleTables, matches
from tests.support.programme_rows import Rows

from couponry import CustomerRule

TOLERANCE = 1e-9  # relative: what a float64 sum may be off


@dataclass(frozen=True)
class Measured:
    """What some candidates of a unit or customer come to, where any is given: a sum of weights, or how many labels.

    held: what the history adds to a sum, or the labels that it has.
    """

    rule: str
    members: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    labels: list[Any]
    held: Any
    low: float
    high: float

    @property
    def of(self) -> int:
        """A candidate that it is about."""
        return int(self.members[0])

    def broken(self, chosen: NDArray[np.bool_]) -> bool:
        """Whether a choice is outside the bounds."""
        given = np.flatnonzero(chosen[self.members])
        if len(given) == 0:
            return False
        if self.weights is None:
            count = len({self.labels[n] for n in given} - {None} - self.held)
            return not self.low <= count <= self.high
        weights = self.weights[given]
        total = self.held + math.fsum(weights)
        size = TOLERANCE * (math.fsum(abs(weights)) + abs(self.held))
        return (
            not self.low - size - TOLERANCE * abs(self.low)
            <= total
            <= (self.high + size + TOLERANCE * abs(self.high))
        )


@dataclass(frozen=True)
class Required:
    """A candidate that is given only with one of some others of its unit or customer."""

    rule: str
    of: int
    others: list[int]

    def broken(self, chosen: NDArray[np.bool_]) -> bool:
        """Whether it is given without any."""
        return bool(chosen[self.of] and not chosen[self.others].any())


class OracleSums(OracleTables):
    """The rules of these kinds, and their rows of a mixed-integer programme."""

    def measured(self, rules: Iterable[CustomerRule]) -> list[Measured]:
        """What rules about sums and different values ask of each unit or customer."""
        found = []
        for rule in rules:
            if rule.sum is None and rule.distinct is None:
                continue
            low, high = self._bounds(rule)
            for label, mask, days in self.groups_of(rule):
                past = self._past(rule, label, days)
                for rows in self.of_each(mask, rule):
                    whose = int(self.holder(rule)[rows[0]])
                    if np.isfinite([low[whose], high[whose]]).any():
                        had = past.get(whose, [])
                        found.append(self._measured(rule, rows, had, low[whose], high[whose]))
        return found

    def _measured(
        self,
        rule: CustomerRule,
        rows: NDArray[np.int64],
        had: list[dict[str, Any]],
        low: float,
        high: float,
    ) -> Measured:
        if rule.sum is not None:
            held = math.fsum(1.0 if rule.sum == "count" else row[rule.sum] for row in had)
            weights = self.amount(rule.sum)[rows]
            return Measured(rule.name, rows, weights, [], held, low, high)
        name = str(rule.distinct)
        labels = [
            self.role[row] if name == "role" else self.offer_rows[self.offer[row]][name]
            for row in rows
        ]
        known = {row.get(name) for row in had} - {None}
        low = min(low - len(known), len(set(labels) - {None} - known))
        high = max(0.0, high - len(known))
        return Measured(rule.name, rows, None, labels, known, low, high)

    def _bounds(self, rule: CustomerRule) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Bounds of those whom a rule holds for, infinite for those whom it is not about."""

        def bound(of: Any, none: float) -> NDArray[np.float64]:
            found = [none if of is None else of] * len(self.customers)
            if isinstance(of, str):
                found = [row[of] for row in self.customer_rows]
            return np.where(self.inside(rule), self.of_holders(rule, found, float), none)

        return bound(rule.min, -math.inf), bound(rule.max, math.inf)

    def _past(
        self, rule: CustomerRule, label: Any, days: Sequence[int] | None
    ) -> dict[int, list[dict[str, Any]]]:
        """Rows of the history that count, by whom the rule holds for."""
        found: dict[int, list[dict[str, Any]]] = {}
        for whose, _, row in self.counting(rule):
            cell = None if rule.by is None else row.get(rule.by)
            inside = rule.by is None or label in (cell if isinstance(cell, list) else [cell])
            in_days = days is None or row.get("day") in days
            if inside and in_days and matches({"role": None, **row}, rule.where):
                found.setdefault(whose, []).append(row)
        return found

    def required(self, rules: Iterable[CustomerRule]) -> list[Required]:
        """What candidates require others, and have not had them."""
        return [need for rule in rules if rule.requires is not None for need in self._needs(rule)]

    def _needs(self, rule: CustomerRule) -> list[Required]:
        table = pa.table(rule.requires).to_pylist()
        day = {row["offer"]: row.get("day") for row in self.offer_rows}
        had: dict[int, list[tuple[Any, dict[str, Any]]]] = {}
        for whose, offer, row in self.counting(rule):
            had.setdefault(whose, []).append((offer, row))

        def in_time(mine: Any, theirs: Any, within: int | None) -> bool:
            if mine is None or theirs is None:
                return within is None
            return theirs <= mine and (within is None or mine - theirs <= within)

        found = []
        for rows in self.of_each(self.inside(rule)[self.holder(rule)], rule):
            past = had.get(int(self.holder(rule)[rows[0]]), [])
            offers = [self.offer_id[row] for row in rows]
            for row, offer in zip(rows.tolist(), offers, strict=True):
                for pair in table:
                    within = rule.within if pair.get("within") is None else pair["within"]
                    if pair["offer"] != offer:
                        continue
                    wanted, mine = pair["requires"], day[offer]
                    sent = "own day" if within is None else "day"
                    if any(o == wanted and in_time(mine, row.get(sent), within) for o, row in past):
                        continue
                    fits = in_time(mine, day[wanted], within)
                    others = [int(r) for r, o in zip(rows, offers, strict=True) if o == wanted]
                    found.append(Required(rule.name, row, others if fits else []))
        return found

    def broken_sums(self, rules: Iterable[CustomerRule], chosen: NDArray[np.bool_]) -> list[str]:
        """Which of these rules a choice breaks, in words."""
        rules = list(rules)
        return [
            f"rule {part.rule}: broken for {self.customer_id[part.of]!r}"
            for part in [*self.measured(rules), *self.required(rules)]
            if part.broken(chosen)
        ]

    def add_sums(self, rows: Rows, rules: Iterable[CustomerRule]) -> None:
        """Rows of these rules."""
        rules = list(rules)
        for need in self.required(rules):
            weight = np.array([-1.0, *np.ones(len(need.others))])
            rows.add(np.array([need.of, *need.others]), weight, 0.0, math.inf)
        for part in self.measured(rules):
            if part.weights is not None:
                low, high = part.low - part.held, part.high - part.held
                self._bind(rows, part, part.members, part.weights, low, high)
                continue
            columns = []
            for label in sorted(set(part.labels) - {None} - part.held, key=repr):
                of_label = [
                    m for m, own in zip(part.members, part.labels, strict=True) if own == label
                ]
                columns.append(touched := rows.variable())
                rows.add(np.array([touched]), np.ones(1), 0.0, 1.0)
                any_of = np.array([touched, *of_label])
                rows.add(any_of, np.array([-1.0, *np.ones(len(of_label))]), 0.0, math.inf)
                for m in of_label:
                    rows.add(np.array([touched, m]), np.array([1.0, -1.0]), 0.0, math.inf)
            if columns:
                ones = np.ones(len(columns))
                self._bind(rows, part, np.array(columns), ones, part.low, part.high)

    def _bind(
        self,
        rows: Rows,
        part: Measured,
        columns: NDArray[np.int64],
        weights: NDArray[np.float64],
        low: float,
        high: float,
    ) -> None:
        """Bounds of a sum, for each of the part's members by itself where nothing is not within them."""
        for sign, bound in ((1.0, low), (-1.0, -high)):
            if math.isinf(bound):
                continue
            if bound <= 0:
                rows.add(columns, sign * weights, bound, math.inf)
                continue
            for member in part.members:
                with_it = np.append(columns, member)
                rows.add(with_it, np.append(sign * weights, -bound), 0.0, math.inf)
