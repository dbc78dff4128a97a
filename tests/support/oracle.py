"""Oracle: a campaign as one mixed-integer programme, straight from the user's tables, for HiGHS; and a checker.

Nothing here touches how couponry compiles, packs or solves a campaign. Only the words of the campaign format are
shared: CustomerRule and Limit are read as the plain records that they are.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
# What a coupon that a customer must miss costs, in all choices alike. Where these variables cost nothing, HiGHS 1.12
# has been seen to end with less than the best as the best, unless presolve was off.
SPARE = 1e-3
# what infeasible campaigns call the candidates that must be given; here it stands among the rules
MANDATORY = CustomerRule("mandatory offers")


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
class Minimum:
    """At least so many of some candidates of one customer, as far as it can have them."""

    rule: str
    customer: int
    members: NDArray[np.int64]
    least: int


@dataclass(frozen=True)
class Reach:
    """How far each customer can keep what is asked of it at least: mandatory candidates given, then coupons missing
    from all minimums together, int64 (n) each."""

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
        history: pa.Table | None = None,
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
        self.mandatory = np.zeros(len(self.offer), bool)
        if "mandatory" in candidates.column_names:
            given = candidates["mandatory"].to_pylist()
            self.mandatory = np.array([bool(must) for must in given])
        # what each customer has had: the offer, None where none is named, and its attributes
        self.had: list[tuple[int, Any, dict[str, Any]]] = []
        for row in [] if history is None else history.to_pylist():
            if row["customer"] in place:
                known = self.offer_rows[number[row["offer"]]] if row.get("offer") in number else {}
                own = {name: cell for name, cell in row.items() if cell is not None}
                self.had.append((place[row["customer"]], row.get("offer"), {**known, **own}))
        self.rules = [*rules, *([MANDATORY] if self.mandatory.any() else [])]
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

    def held(self, rule: CustomerRule, label: Any = None) -> NDArray[np.int64]:
        """How many coupons each customer has had that a rule, or its group of a label, is about (n)."""
        count = np.zeros(len(self.customers), np.int64)
        for customer, _, row in self.had:
            if not matches({"role": None, **row}, rule.where):
                continue
            if rule.by is not None:
                cell = row.get(rule.by)
                if label not in (cell if isinstance(cell, list) else [cell]):
                    continue
            count[customer] += 1
        return count

    def parts(self, rule: CustomerRule) -> list[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
        """The candidates (e) of each group of a rule, and how many of it each customer has had (n)."""
        about = self.about(rule.where)
        if rule.by is None:
            return [(about, self.held(rule))]
        groups = self.groups(rule.by).items()
        return [(about & mask, self.held(rule, label)) for label, mask in groups]

    def of_each(self, mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
        """The candidates of a mask, customer by customer, of those who have any."""
        rows = np.flatnonzero(mask)
        rows = rows[np.argsort(self.customer[rows], kind="stable")]
        cuts = np.flatnonzero(np.diff(self.customer[rows])) + 1
        return [theirs for theirs in np.split(rows, cuts) if len(theirs)]

    def rule_groups(self, rules: Iterable[CustomerRule]) -> list[Groups]:
        """The groups of candidates of which rules allow so many, pairs that conflict among them."""
        result = []
        for rule in rules:
            if rule.conflicts is not None:
                result.append(self.conflicting(rule))
                continue
            if rule.max is None:
                continue
            most = self.customer_bound(rule.max, 0)
            members: list[NDArray[np.int64]] = []
            caps: list[int] = []
            for mask, held in self.parts(rule):
                found = self.of_each(mask)
                members += found
                left = np.maximum(0, most - held)
                caps += [int(left[self.customer[rows[0]]]) for rows in found]
            result.append(Groups(rule, members, np.array(caps, np.int64)))
        return result

    def conflicting(self, rule: CustomerRule) -> Groups:
        """A customer's candidates in conflict, two by two, and those in conflict with what it has had."""
        pairs = pa.table(rule.conflicts)
        against: dict[Any, set[Any]] = {}
        for a, b in zip(pairs["offer_a"].to_pylist(), pairs["offer_b"].to_pylist(), strict=True):
            against.setdefault(a, set()).add(b)
            against.setdefault(b, set()).add(a)
        had: dict[int, set[Any]] = {}
        for customer, offer, _ in self.had:
            had.setdefault(customer, set()).add(offer)
        members: list[NDArray[np.int64]] = []
        caps: list[int] = []
        for rows in self.of_each(np.ones(len(self.offer), bool)):
            offers = [self.offer_id[row] for row in rows]
            theirs = had.get(int(self.customer[rows[0]]), set())
            for n, row in enumerate(rows):
                enemies = against.get(offers[n], set())
                if enemies & theirs:
                    members.append(rows[n : n + 1])
                    caps.append(0)
                for m in range(n):
                    if offers[m] in enemies:
                        members.append(np.array([rows[m], row]))
                        caps.append(1)
        return Groups(rule, members, np.array(caps, np.int64))

    def minimums(self, rules: Iterable[CustomerRule]) -> list[Minimum]:
        """What the rules ask of customers at least; those about all coupons once, with the largest."""
        result = []
        overall = np.zeros(len(self.customers), np.int64)
        for rule in rules:
            if rule.min is None:
                continue
            least = self.customer_bound(rule.min, 0)
            for mask, held in self.parts(rule):
                asked = np.maximum(0, least - held)
                if rule.by is None and not rule.where:
                    overall = np.maximum(overall, asked)
                    continue
                for rows in self.of_each(mask):
                    customer = int(self.customer[rows[0]])
                    want = min(int(asked[customer]), len(rows))
                    if want > 0:
                        result.append(Minimum(rule.name, customer, rows, want))
        for rows in self.of_each(np.ones(len(self.offer), bool)):
            customer = int(self.customer[rows[0]])
            want = min(int(overall[customer]), len(rows))
            if want > 0:
                result.append(Minimum("coupons in all", customer, rows, want))
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

    def broken(self, chosen: NDArray[np.bool_], reach: Reach) -> list[str]:
        """Every customer rule and hard limit that a choice breaks, in words.

        reach: what customers can keep of what is asked at least, from `reach`. Sums may be off by TOLERANCE of the
        larger of the bound and the sum of what was added up; counts by nothing.
        """
        wrong = []
        given = np.bincount(self.customer[chosen & self.mandatory], minlength=len(self.customers))
        if (given < reach.mandatory).any():
            n = int((given < reach.mandatory).argmax())
            wrong.append(f"mandatory offers: {self.customers[n]!r} lacks one that it could have")
        missing = np.zeros(len(self.customers), np.int64)
        names: dict[int, str] = {}
        for minimum in self.minimums(self.rules):
            short = max(0, minimum.least - int(chosen[minimum.members].sum()))
            missing[minimum.customer] += short
            if short:
                names.setdefault(minimum.customer, minimum.rule)
        if (missing > reach.missing).any():
            n = int((missing > reach.missing).argmax())
            wrong.append(
                f"rule {names[n]}: {self.customers[n]!r} misses {missing[n]} of its minimums, "
                f"could miss {reach.missing[n]}"
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

    def reach(self, rules: Sequence[CustomerRule] | None = None) -> Reach:
        """What each customer can keep, under what rules allow at most, of what they ask at least."""
        rules = self.rules if rules is None else rules
        nothing = np.zeros(len(self.customers), np.int64)
        must = self.mandatory & (MANDATORY in rules)
        minimums = self.minimums(rules)
        if not minimums and not must.any():
            return Reach(nothing, nothing)
        rows = _Rows(len(self.offer))
        self._add_most(rows, rules)
        for minimum in minimums:
            size = len(minimum.members)
            rows.add(minimum.members, np.ones(size), float(minimum.least), math.inf, 1.0)
        found = self._programme(rows, np.where(must, 1000.0, 0.0), 60.0, 0.0)
        if found.status != "optimal" or found.chosen is None:
            raise RuntimeError("HiGHS could not tell what customers can have")
        missing = nothing.copy()
        for minimum in minimums:
            held = int(found.chosen[minimum.members].sum())
            missing[minimum.customer] += max(0, minimum.least - held)
        given = np.bincount(self.customer[found.chosen & must], minlength=len(self.customers))
        return Reach(given, missing)

    def best_under_rules(self, weight: NDArray[np.float64], reach: Reach) -> NDArray[np.bool_]:
        """The choice of the largest sum of weights under the customer rules alone."""
        found = self.best(weight, self.rules, [], reach, 60.0, 0.0)
        if found.chosen is None:
            raise RuntimeError("HiGHS found no choice under the customer rules alone")
        return found.chosen

    def solve(self, reach: Reach, *, time_limit: float = 60.0, gap: float = 1e-6) -> Optimum:
        """The best allocation under all rules and limits."""
        return self.best(self.value, self.rules, self.measures, reach, time_limit, gap)

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
        nothing = np.zeros(len(self.offer))
        found = self.best(nothing, rules, measures, self.reach(rules), time_limit, 0.0)
        if found.status in ("infeasible", "optimal"):
            return found.status == "optimal"
        raise RuntimeError("HiGHS did not decide in time")

    def _add_most(self, rows: _Rows, rules: Sequence[CustomerRule]) -> None:
        """Rows for what the rules allow at most."""
        for groups in self.rule_groups(rules):
            for members, cap in zip(groups.members, groups.most, strict=True):
                if len(members) > cap:
                    rows.add(members, np.ones(len(members)), -math.inf, float(cap))

    def _add_least(self, rows: _Rows, rules: Sequence[CustomerRule], reach: Reach) -> None:
        """Rows for what the rules ask at least, of customers who can have it as of those who cannot."""
        shorts: dict[int, list[int]] = {}
        for minimum in self.minimums(rules):
            size, least = len(minimum.members), float(minimum.least)
            misses = reach.missing[minimum.customer] > 0
            rows.add(minimum.members, np.ones(size), least, math.inf, SPARE if misses else None)
            if misses:
                shorts.setdefault(minimum.customer, []).append(rows.width - 1)
        for customer, columns in shorts.items():
            most = float(reach.missing[customer])
            rows.add(np.array(columns), np.ones(len(columns)), -math.inf, most)
        if MANDATORY in rules:
            for members in self.of_each(self.mandatory):
                given = float(reach.mandatory[self.customer[members[0]]])
                rows.add(members, np.ones(len(members)), given, math.inf)

    def best(
        self,
        value: NDArray[np.float64],
        rules: Sequence[CustomerRule],
        measures: Sequence[Measure],
        reach: Reach,
        time_limit: float,
        gap: float,
    ) -> Optimum:
        """The choice of the largest sum of values (e) under these rules and measures.

        reach: as in `broken`. gap: relative, at which HiGHS may stop.
        """
        rows = _Rows(len(self.offer))
        self._add_most(rows, rules)
        self._add_least(rows, rules, reach)
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
        found = self._programme(rows, value, time_limit, gap)
        return replace(found, bound=found.bound + SPARE * float(reach.missing.sum()))

    def _programme(
        self, rows: _Rows, value: NDArray[np.float64], time_limit: float, gap: float
    ) -> Optimum:
        """The choice of the largest sum of values (e), less penalties, under some rows."""
        matrix, lower, upper, penalties = rows.build()
        width = matrix.shape[1]
        extra = width - len(self.offer)
        solution = _milp(
            np.concatenate([-value, penalties]),
            constraints=scipy.optimize.LinearConstraint(matrix, lower, upper)
            if len(lower)
            else None,
            bounds=scipy.optimize.Bounds(
                0.0, np.concatenate([np.ones(len(self.offer)), np.full(extra, np.inf)])
            ),
            integrality=np.concatenate([np.ones(len(self.offer)), np.zeros(extra)]),
            options={"time_limit": time_limit, "mip_rel_gap": gap, "threads": 1},
        )
        status = {0: "optimal", 1: "stopped", 2: "infeasible"}.get(solution.status, "unknown")
        dual = solution.mip_dual_bound
        bound = -dual if dual is not None and np.isfinite(dual) else math.inf
        if solution.x is None:
            return Optimum(status, None, bound, None)
        chosen = solution.x[: len(self.offer)] > 0.5
        return Optimum(status, self.objective(chosen), bound, chosen)


def _milp(*arguments: Any, **options: Any) -> Any:
    """HiGHS on one thread: SciPy hands options that it does not know on, with a warning that says so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unrecognized options detected", RuntimeWarning)
        return scipy.optimize.milp(*arguments, **options)


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

    @property
    def width(self) -> int:
        """Variables so far."""
        return self.variables + len(self.penalty)

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
