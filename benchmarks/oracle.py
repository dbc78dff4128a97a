"""Oracle: a campaign as one mixed-integer programme, straight from the user's tables, for HiGHS; and a checker.

Nothing here touches how couponry compiles, packs or solves a campaign. Only the words of the campaign format are
shared: CustomerRule and Limit are read as the plain records that they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.optimize
import scipy.sparse as sp
from numpy.typing import NDArray

from couponry import CustomerRule, Limit

TOLERANCE = 1e-9  # relative: what a float64 sum of a limit may be off
MONEY = ("issue_cost", "face_value", "margin")
ROLES = ("reward", "activation", "innovation")


@dataclass(frozen=True)
class Measure:
    """One limit for one group: the weight of every candidate (e), and of a ratio's denominator."""

    limit: Limit
    group: str | None
    weight: NDArray[np.float64]
    below: NDArray[np.float64] | None
    min: float | None
    max: float | None

    @property
    def key(self) -> tuple[str, str | None]:
        return self.limit.name, self.group


@dataclass(frozen=True)
class Groups:
    """One customer rule: for each group of candidates of one customer, which they are and how many may be given."""

    rule: CustomerRule
    members: list[NDArray[np.int64]]
    most: NDArray[np.int64]


@dataclass(frozen=True)
class Optimum:
    """What HiGHS found: status optimal, stopped, infeasible or unknown; the value of its choice by the user's
    numbers (None without one), its own bound on every choice, and the choice, bool (e)."""

    status: str
    value: float | None
    bound: float
    chosen: NDArray[np.bool_] | None


class Oracle:
    """A campaign's tables, rules and limits, over the candidates in the order of their table."""

    def __init__(
        self,
        offers: pa.Table,
        candidates: pa.Table,
        customers: pa.Table | None = None,
        *,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
    ):
        self.candidates = candidates
        self.offer_rows: list[dict[str, Any]] = offers.to_pylist()
        number = {row["offer"]: n for n, row in enumerate(self.offer_rows)}
        self.offer_id = candidates["offer"].to_pylist()
        self.offer = np.array([number[offer] for offer in self.offer_id])
        self.customer_id = candidates["customer"].to_pylist()
        self.customers = sorted(set(self.customer_id))
        place = {customer: n for n, customer in enumerate(self.customers)}
        self.customer = np.array([place[customer] for customer in self.customer_id])
        self.role: list[str | None] = (
            candidates["role"].to_pylist()
            if "role" in candidates.column_names
            else [None] * len(self.offer)
        )
        self.customer_rows: list[dict[str, Any]] = []
        if customers is not None:
            row_of = {row["customer"]: row for row in customers.to_pylist()}
            self.customer_rows = [row_of[customer] for customer in self.customers]
        self.rules = list(rules)
        self.limits = list(limits)
        self.value = self.amount(value)
        self.measures = [measure for limit in limits for measure in self.measures_of(limit)]

    # ---- reading the campaign

    def amount(self, name: str) -> NDArray[np.float64]:
        """A named column for every candidate (e), by the format's order: candidates, offers, defaults."""
        if name == "count":
            return np.ones(len(self.offer))
        if name in self.candidates.column_names:
            return np.array(self.candidates[name].to_pylist(), float)
        if name in self.offer_rows[0]:
            return np.array([row[name] for row in self.offer_rows], float)[self.offer]
        if name not in ("cost", "value"):
            raise KeyError(name)

        def part(column: str) -> NDArray[np.float64]:
            have = column in self.candidates.column_names or column in self.offer_rows[0]
            return self.amount(column) if have else np.zeros(len(self.offer))

        issue, face, margin = (part(column) for column in MONEY)
        response = part("response")
        return issue + response * face if name == "cost" else response * (margin - face) - issue

    def about(self, where: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Which candidates a `where` over offers and role is about (e)."""
        rest = {column: test for column, test in where.items() if column != "role"}
        mask = np.array([matches(row, rest) for row in self.offer_rows], bool)[self.offer]
        if "role" in where:
            mask &= np.array(
                [matches({"role": role}, {"role": where["role"]}) for role in self.role]
            )
        return mask

    def groups(self, by: str) -> dict[Any, NDArray[np.bool_]]:
        """The candidates of each distinct value of a column of offers, or of `role`."""
        if by == "role":
            # every role is a group, given to somebody or not
            return {role: np.array([r == role for r in self.role], bool) for role in ROLES}
        found: dict[Any, list[int]] = {}
        for n, row in enumerate(self.offer_rows):
            cell = row[by]
            for label in sorted(set(cell)) if isinstance(cell, list) else [cell]:
                if label is not None:
                    found.setdefault(label, []).append(n)
        return {label: np.isin(self.offer, rows) for label, rows in found.items()}

    def measures_of(self, limit: Limit) -> list[Measure]:
        """A limit's measures, one for each group that has bounds."""
        about = self.about(limit.where)
        if limit.customers:
            inside = np.array([matches(row, limit.customers) for row in self.customer_rows], bool)
            about &= inside[self.customer]
        if limit.by is None:
            groups: list[tuple[str | None, Any, float | None, float | None]]
            groups = [(None, about, limit.min, limit.max)]
        else:
            members = self.groups(limit.by)
            if limit.table is None:
                bounds = [
                    (label, limit.min, limit.max)
                    for label, mask in members.items()
                    if self.has_offers(limit, label, about & mask)
                ]
            else:
                rows = pa.table(limit.table).to_pylist()
                bounds = [(row[limit.by], row.get("min"), row.get("max")) for row in rows]
            nobody = np.zeros(len(self.offer), bool)
            groups = [
                (str(label), about & members.get(label, nobody), low, high)
                for label, low, high in bounds
            ]
        above, *below = limit.ratio or (limit.sum,)
        return [
            Measure(
                limit,
                name,
                np.where(mask, self.amount(above), 0.0),
                np.where(mask, self.amount(below[0]), 0.0) if below else None,
                low,
                high,
            )
            for name, mask, low, high in groups
        ]

    def has_offers(self, limit: Limit, label: Any, mask: NDArray[np.bool_]) -> bool:
        """Whether a group of `by` exists for a limit: an offer is in it and in the limit's `where`.

        An offer has a role only by its candidates.
        """
        if limit.by == "role" or "role" in limit.where:
            return bool(mask.any())
        inside = (row for row in self.offer_rows if matches(row, limit.where))
        cells = (row[str(limit.by)] for row in inside)
        return any(label in cell if isinstance(cell, list) else label == cell for cell in cells)

    def customer_bound(self, bound: int | str | None, default: int) -> NDArray[np.int64]:
        """A rule's min or max for every customer (n)."""
        if isinstance(bound, str):
            return np.array([row[bound] for row in self.customer_rows], np.int64)
        return np.full(len(self.customers), default if bound is None else int(bound), np.int64)

    def rule_groups(self, rules: Iterable[CustomerRule]) -> list[Groups]:
        """The groups of candidates that the rules' max are about."""
        result = []
        for rule in rules:
            if rule.max is None:
                continue
            about = self.about(rule.where)
            parts = (
                [about] if rule.by is None else [about & m for m in self.groups(rule.by).values()]
            )
            most = self.customer_bound(rule.max, 0)
            members: list[NDArray[np.int64]] = []
            for part in parts:
                rows = np.flatnonzero(part)
                rows = rows[np.argsort(self.customer[rows], kind="stable")]
                cuts = np.flatnonzero(np.diff(self.customer[rows])) + 1
                members += [rows_ for rows_ in np.split(rows, cuts) if len(rows_)]
            caps = np.array([most[self.customer[rows[0]]] for rows in members], np.int64)
            result.append(Groups(rule, members, caps))
        return result

    # ---- checking an allocation

    def objective(self, chosen: NDArray[np.bool_]) -> float:
        """Sum of the value column less the penalties of missed soft limits."""
        missed = sum(
            (measure.limit.penalty or 0.0) * self.missed(measure, chosen)
            for measure in self.measures
            if measure.limit.mode == "soft"
        )
        return math.fsum(self.value[chosen]) - missed

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

    def broken(self, chosen: NDArray[np.bool_], most: NDArray[np.int64]) -> list[str]:
        """Every customer rule and hard limit that a choice breaks, in words.

        most: the most coupons each customer can have, from `most_coupons`. Sums may be off by TOLERANCE of the
        larger of the bound and the sum of what was added up; counts by nothing.
        """
        wrong = []
        count = np.bincount(self.customer[chosen], minlength=len(self.customers))
        for rule in self.rules:
            least = np.minimum(self.customer_bound(rule.min, 0), most)
            if (count < least).any():
                n = int((count < least).argmax())
                wrong.append(
                    f"rule {rule.name}: {self.customers[n]!r} has {count[n]} of {least[n]}"
                )
        for groups in self.rule_groups(self.rules):
            for rows, cap in zip(groups.members, groups.most, strict=True):
                if chosen[rows].sum() > cap:
                    who = self.customer_id[rows[0]]
                    wrong.append(
                        f"rule {groups.rule.name}: {who!r} has {chosen[rows].sum()}, max {cap}"
                    )
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

    def most_coupons(self, rules: Sequence[CustomerRule] | None = None) -> NDArray[np.int64]:
        """The most coupons that each customer can have under the rules' max (n): what a min may ask of it."""
        rules = self.rules if rules is None else rules
        found = self.best(np.ones(len(self.offer)), rules, [], None, 60.0, 0.0)
        if found.status != "optimal" or found.chosen is None:
            raise RuntimeError("HiGHS could not count the coupons that customers can have")
        return np.bincount(self.customer[found.chosen], minlength=len(self.customers))

    def best_under_rules(
        self, weight: NDArray[np.float64], most: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """The choice of the largest sum of weights under the customer rules alone."""
        found = self.best(weight, self.rules, [], most, 60.0, 0.0)
        if found.chosen is None:
            raise RuntimeError("HiGHS found no choice under the customer rules alone")
        return found.chosen

    def solve(
        self, most: NDArray[np.int64], *, time_limit: float = 60.0, gap: float = 1e-6
    ) -> Optimum:
        """The best allocation under all rules and limits."""
        return self.best(self.value, self.rules, self.measures, most, time_limit, gap)

    def feasible(
        self,
        rules: Sequence[CustomerRule],
        measures: Sequence[Measure],
        *,
        time_limit: float = 60.0,
    ) -> bool:
        """Whether these rules and measures can hold together. Raises RuntimeError where HiGHS does not know.

        A min asks for what a customer can have under the rules given here.
        """
        most = self.most_coupons(rules)
        nothing = np.zeros(len(self.offer))
        found = self.best(nothing, rules, measures, most, time_limit, 0.0)
        if found.status in ("infeasible", "optimal"):
            return found.status == "optimal"
        raise RuntimeError("HiGHS did not decide in time")

    def best(
        self,
        value: NDArray[np.float64],
        rules: Sequence[CustomerRule],
        measures: Sequence[Measure],
        most: NDArray[np.int64] | None,
        time_limit: float,
        gap: float,
    ) -> Optimum:
        """The choice of the largest sum of values (e) under these rules and measures.

        most: as in `broken`; None: the rules' min is left out. gap: relative, at which HiGHS may stop.
        """
        rows = _Rows(len(self.offer))
        for groups in self.rule_groups(rules):
            for members, cap in zip(groups.members, groups.most, strict=True):
                if len(members) > cap:
                    rows.add(members, np.ones(len(members)), -math.inf, float(cap))
        if most is not None:
            least = np.zeros(len(self.customers), np.int64)
            for rule in rules:
                least = np.maximum(least, self.customer_bound(rule.min, 0))
            least = np.minimum(least, most)
            order = np.argsort(self.customer, kind="stable")
            cuts = np.cumsum(np.bincount(self.customer, minlength=len(self.customers)))[:-1]
            for members, asked in zip(np.split(order, cuts), least, strict=True):
                if asked > 0:
                    rows.add(members, np.ones(len(members)), float(asked), math.inf)
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
        matrix, lower, upper, penalties = rows.build()
        width = matrix.shape[1]
        extra = width - len(self.offer)
        solution = scipy.optimize.milp(
            np.concatenate([-value, penalties]),
            constraints=scipy.optimize.LinearConstraint(matrix, lower, upper)
            if len(lower)
            else None,
            bounds=scipy.optimize.Bounds(
                0.0, np.concatenate([np.ones(len(self.offer)), np.full(extra, np.inf)])
            ),
            integrality=np.concatenate([np.ones(len(self.offer)), np.zeros(extra)]),
            options={"time_limit": time_limit, "mip_rel_gap": gap},
        )
        status = {0: "optimal", 1: "stopped", 2: "infeasible"}.get(solution.status, "unknown")
        dual = solution.mip_dual_bound
        bound = -dual if dual is not None and np.isfinite(dual) else math.inf
        if solution.x is None:
            return Optimum(status, None, bound, None)
        chosen = solution.x[: len(self.offer)] > 0.5
        return Optimum(status, self.objective(chosen), bound, chosen)


class _Rows:
    """Rows of a programme as they are added; a row with a penalty may be missed."""

    def __init__(self, variables: int):
        self.variables = variables
        self.row: list[NDArray[np.int64]] = []
        self.column: list[NDArray[np.int64]] = []
        self.weight: list[NDArray[np.float64]] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.penalty: list[float] = []

    def add(
        self,
        members: NDArray[np.int64],
        weight: NDArray[np.float64],
        lower: float,
        upper: float,
        penalty: float | None = None,
        unit: float = 1.0,
    ) -> None:
        if (
            penalty is not None
        ):  # one more variable: by how much the row is missed, in the limit's own unit
            sign = unit if math.isinf(upper) else -unit
            members = np.append(members, self.variables + len(self.penalty))
            weight = np.append(weight, sign)
            self.penalty.append(penalty)
        self.row.append(np.full(len(members), len(self.lower)))
        self.column.append(members)
        self.weight.append(weight)
        self.lower.append(lower)
        self.upper.append(upper)

    def build(
        self,
    ) -> tuple[sp.csr_array, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Matrix, lower and upper bounds of the rows, and costs of the added variables."""
        shape = (len(self.lower), self.variables + len(self.penalty))
        if not self.lower:
            return sp.csr_array(shape), np.zeros(0), np.zeros(0), np.zeros(0)
        triplets = (
            np.concatenate(self.weight),
            (np.concatenate(self.row), np.concatenate(self.column)),
        )
        matrix = sp.csr_array(triplets, shape=shape)
        return matrix, np.array(self.lower), np.array(self.upper), np.array(self.penalty)


def matches(row: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether a row fulfils every condition of a `where`."""
    for column, test in where.items():
        cell = row[column]
        if cell is None:
            return False
        if isinstance(test, Mapping):
            if not test.get("min", -math.inf) <= cell <= test.get("max", math.inf):
                return False
            continue
        wanted = test if isinstance(test, (list, tuple)) else [test]
        cells = cell if isinstance(cell, list) else [cell]
        if not any(value in wanted for value in cells):
            return False
    return True
