"""A campaign read for the oracle: what its rules and limits are about, straight from the user's tables.

Nothing here touches how couponry compiles, packs or solves a campaign. Only the words of the campaign format are
shared: CustomerRule and Limit are read as the plain records that they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from couponry import CustomerRule, Limit

Values = tuple[Any, ...]
"""Of the columns of a limit's `by`."""

MONEY = ("issue_cost", "face_value", "margin")
ROLES = ("reward", "activation", "innovation")
# what infeasible campaigns call the candidates that must be given; here it stands among the rules
MANDATORY = CustomerRule("mandatory offers")


@dataclass(frozen=True)
class Measure:
    """One limit for one group: the weight of every candidate (e), and of what the sum is divided by.

    group: its name. values: of each column of `by`.
    """

    limit: Limit
    group: str | None
    values: tuple[Any, ...]
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
    """At least so many of some candidates of one unit, as far as it can have them."""

    rule: str
    unit: int
    members: NDArray[np.int64]
    least: int


class OracleTables:
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
        unit: str | None = None,
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
        self.all_customer_rows: list[dict[str, Any]] = []
        if customers is not None:
            self.all_customer_rows = customers.to_pylist()
            row_of = {row["customer"]: row for row in self.all_customer_rows}
            self.customer_rows = [row_of[customer] for customer in self.customers]
        # what rules hold for: units of customers, each alone without a column that says otherwise
        unit_of: dict[Any, Any] = {}
        if unit is not None and customers is not None:
            for row in customers.to_pylist():
                alone = ("alone", row["customer"])
                unit_of[row["customer"]] = alone if row[unit] is None else row[unit]
        own = [unit_of.get(customer, customer) for customer in self.customers]
        self.units: list[Any] = list(dict.fromkeys(own))
        unit_place = {value: n for n, value in enumerate(self.units)}
        self.unit_of_customer = np.array([unit_place[value] for value in own])
        self.unit = self.unit_of_customer[self.customer]
        self.mandatory = np.zeros(len(self.offer), bool)
        if "mandatory" in candidates.column_names:
            given = candidates["mandatory"].to_pylist()
            self.mandatory = np.array([bool(must) for must in given])
        # what each customer has had: its number and its unit's, the offer, None where none is named, and attributes
        self.had: list[tuple[tuple[int, int], Any, dict[str, Any]]] = []
        for row in [] if history is None else history.to_pylist():
            customer = place.get(row["customer"], -1)
            theirs = unit_place.get(unit_of.get(row["customer"], row["customer"]), -1)
            if theirs >= 0:
                known = self.offer_rows[number[row["offer"]]] if row.get("offer") in number else {}
                said = {name: cell for name, cell in row.items() if cell is not None}
                said["own day"] = said.get("day")
                self.had.append(((customer, theirs), row.get("offer"), {**known, **said}))
        self.rules = [*rules, *([MANDATORY] if self.mandatory.any() else [])]
        self.limits = list(limits)
        self.value = self.amount(value)
        self.measures = [measure for limit in limits for measure in self.measures_of(limit)]

    # ---- reading the campaign

    def amount(self, name: str) -> NDArray[np.float64]:
        """A named column for every candidate (e): of candidates, of offers, of customers, or a default."""
        if name == "count":
            return np.ones(len(self.offer))
        if name in self.candidates.column_names:
            return np.array(self.candidates[name].to_pylist(), float)
        if name in self.offer_rows[0]:
            return np.array([row[name] for row in self.offer_rows], float)[self.offer]
        if name not in ("cost", "value"):
            return np.array([row[name] for row in self.customer_rows], float)[self.customer]

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
        columns = limit.by_columns
        own = self.chosen(limit.where, limit.customers)
        if not columns:
            bounds: list[tuple[Values, float | None, float | None]] = [((), limit.min, limit.max)]
        elif limit.table is None:
            bounds = [(values, limit.min, limit.max) for values in self.combinations(limit)]
        else:
            rows = pa.table(limit.table).to_pylist()
            bounds = [
                (tuple(row[name] for name in columns), row.get("min"), row.get("max"))
                for row in rows
            ]
        above, *below = limit.ratio or (limit.sum,)
        found = []
        for values, low, high in bounds:
            mask = own & self.of_values(dict(zip(columns, values, strict=True)))
            divisor = np.where(mask, self.amount(below[0]), 0.0) if below else None
            if limit.share or limit.relative_to is not None:
                divisor = self.whole(limit, dict(zip(columns, values, strict=True)))
            weight = np.where(mask, self.amount(above), 0.0)
            name = ", ".join(map(str, values)) if columns else None
            found.append(Measure(limit, name, values, weight, divisor, low, high))
        return found

    def whole(self, limit: Limit, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """What the sum of a limit's group is divided by: the same over other coupons (e)."""
        said = limit.relative_to or {}
        by = said.get("by", ())
        same = {name: values[name] for name in ([by] if isinstance(by, str) else by)}
        where, customers = said.get("where", {}), said.get("customers", {})
        mask = self.chosen(where, customers) & self.of_values(same)
        factor = 1.0
        if limit.per_head:
            others = self.heads(customers, same)
            factor = self.heads(limit.customers, values) / others if others else 0.0
        return np.where(mask, factor * self.amount(limit.sum), 0.0)

    def heads(self, customers: Mapping[str, Any], values: Mapping[str, Any]) -> int:
        """How many of all customers fulfil conditions, and have these values as far as they are theirs."""
        theirs = {name: value for name, value in values.items() if self.is_of_customers(name)}
        return sum(
            matches(row, customers) and all(row[name] == theirs[name] for name in theirs)
            for row in self.all_customer_rows
        )

    def is_of_customers(self, name: str) -> bool:
        """Whether `by` means a column of customers: one of offers goes before it."""
        return name != "role" and name not in self.offer_rows[0]

    def chosen(self, where: Mapping[str, Any], customers: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Which candidates conditions on offers and on customers are about (e)."""
        about = self.about(where)
        if customers:
            inside = np.array([matches(row, customers) for row in self.customer_rows], bool)
            about &= inside[self.customer]
        return about

    def of_values(self, values: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Which candidates have these values of columns of `by` (e)."""
        mask = np.ones(len(self.offer), bool)
        for name, value in values.items():
            if self.is_of_customers(name):
                mask &= np.array([row[name] == value for row in self.customer_rows])[self.customer]
            else:
                mask &= self.groups(name).get(value, np.zeros(len(self.offer), bool))
        return mask

    def combinations(self, limit: Limit) -> list[Values]:
        """The groups of a limit without a table: values that offers have together, with those that customers have."""
        columns = limit.by_columns
        theirs = [name for name in columns if self.is_of_customers(name)]
        others = [name for name in columns if name not in theirs]
        of_customers = {
            tuple(row[name] for name in theirs)
            for row in self.all_customer_rows or [{}]
            if matches(row, limit.customers) and all(row[name] is not None for name in theirs)
        }
        labels = product(*(self.groups(name) for name in others))
        of_offers = [found for found in labels if self.has_offers(limit, others, found)]
        return [
            tuple(
                {**dict(zip(theirs, a, strict=True)), **dict(zip(others, b, strict=True))}[name]
                for name in columns
            )
            for a in sorted(of_customers)
            for b in of_offers
        ]

    def has_offers(self, limit: Limit, names: Sequence[str], values: Values) -> bool:
        """Whether some offer of a limit's `where` has these values.

        An offer has a role only by its candidates; one without candidates in a role makes a group exist all the same.
        """
        if "role" in names:
            own = self.about(limit.where)
            return bool((own & self.of_values(dict(zip(names, values, strict=True)))).any())
        where = {column: test for column, test in limit.where.items() if column != "role"}

        def has(row: dict[str, Any]) -> bool:
            cells = ((row[name], value) for name, value in zip(names, values, strict=True))
            return all(v in cell if isinstance(cell, list) else v == cell for cell, v in cells)

        return any(has(row) for row in self.offer_rows if matches(row, where))

    def holder(self, rule: CustomerRule) -> NDArray[np.int64]:
        """Whom a rule holds for: the unit of each candidate, or its customer where it holds for each (e)."""
        return self.unit if rule.each is None else self.customer

    def of_holders(self, rule: CustomerRule, values: Iterable[Any], kind: type) -> NDArray[Any]:
        """What is said of customers, for whom a rule holds for (n); a unit's customers must say the same."""
        found = np.array(list(values), kind)
        if rule.each is not None:
            return found
        of_unit = np.zeros(len(self.units), kind)
        of_unit[self.unit_of_customer] = found
        assert (of_unit[self.unit_of_customer] == found).all()
        return of_unit

    def customer_bound(
        self, rule: CustomerRule, bound: float | str, none: int
    ) -> NDArray[np.int64]:
        """A rule's min or max for everybody whom it holds for (n); `none` for those whom it is not about."""
        found = [bound] * len(self.customers)
        if isinstance(bound, str):
            found = [row[bound] for row in self.customer_rows]
        return np.where(self.inside(rule), self.of_holders(rule, found, int), none)

    def inside(self, rule: CustomerRule) -> NDArray[np.bool_]:
        """Which of those whom a rule may hold for it is about (n)."""
        found = [True] * len(self.customers)
        if rule.customers:
            found = [matches(row, rule.customers) for row in self.customer_rows]
        return self.of_holders(rule, found, bool)

    def counting(self, rule: CustomerRule) -> list[tuple[int, Any, dict[str, Any]]]:
        """The coupons of the history that count for a rule, whatever its `where`, by whom it holds for."""
        side = 1 if rule.each is None else 0
        return [(who[side], *rest) for who, *rest in self.counted(rule) if who[side] >= 0]

    def counted(self, rule: CustomerRule) -> list[tuple[tuple[int, int], Any, dict[str, Any]]]:
        """The same, by customer and unit."""
        says = rule.history
        if says is None:
            about_days = rule.window is not None or rule.by == "day" or "day" in rule.where
            says = about_days or rule.conflicts is not None or rule.requires is not None
        if isinstance(says, Mapping):
            return [had for had in self.had if matches({**dict.fromkeys(says), **had[2]}, says)]
        return self.had if says else []

    def held(self, rule: CustomerRule, label: Any, days: Sequence[int]) -> NDArray[np.int64]:
        """How many coupons whomever it holds for has had that a rule, or its group of a label, is about (n)."""
        count = np.zeros(max(len(self.customers), len(self.units)), np.int64)
        count = count[: len(self.units if rule.each is None else self.customers)]
        for customer, _, row in self.counting(rule):
            if not matches({"role": None, **row}, rule.where):
                continue
            if rule.window is not None and row.get("day") not in days:
                continue
            if rule.by is not None:
                cell = row.get(rule.by)
                if label not in (cell if isinstance(cell, list) else [cell]):
                    continue
            count[customer] += 1
        return count

    def parts(self, rule: CustomerRule) -> list[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
        """The candidates (e) of each group of a rule, and how many of it each customer has had (n)."""
        return [
            (mask, self.held(rule, label, [] if days is None else days))
            for label, mask, days in self.groups_of(rule)
        ]

    def groups_of(
        self, rule: CustomerRule
    ) -> list[tuple[Any, NDArray[np.bool_], Sequence[int] | None]]:
        """Each group of a rule: its value of `by`, its candidates (e), and its days where it has a window."""
        about = self.about(rule.where)
        groups = {None: about}
        if rule.by is not None:
            groups = {label: about & mask for label, mask in self.groups(rule.by).items()}
        if rule.window is None:
            return [(label, mask, None) for label, mask in groups.items()]
        day = np.array([row["day"] for row in self.offer_rows])[self.offer]
        windows = [
            range(first, first + rule.window)
            for first in range(int(day.min()) - rule.window + 1, int(day.max()) + 1)
        ]
        return [
            (label, mask & np.isin(day, days), days)
            for label, mask in groups.items()
            for days in windows
        ]

    def of_each(
        self, mask: NDArray[np.bool_], rule: CustomerRule = MANDATORY
    ) -> list[NDArray[np.int64]]:
        """The candidates of a mask, one by one of those whom a rule holds for, as far as they have any."""
        rows, holder = np.flatnonzero(mask), self.holder(rule)
        rows = rows[np.argsort(holder[rows], kind="stable")]
        cuts = np.flatnonzero(np.diff(holder[rows])) + 1
        return [theirs for theirs in np.split(rows, cuts) if len(theirs)]

    def rule_groups(self, rules: Iterable[CustomerRule]) -> list[Groups]:
        """The groups of candidates of which rules allow so many, pairs that conflict among them."""
        result = []
        for rule in rules:
            if rule.conflicts is not None:
                result.append(self.conflicting(rule))
                continue
            if (rule.max is None and rule.cost is None) or rule.is_measured:
                continue
            limit = len(rule.cost) if rule.cost is not None else rule.max
            most = self.customer_bound(rule, limit, len(self.offer))
            members: list[NDArray[np.int64]] = []
            caps: list[int] = []
            for mask, held in self.parts(rule):
                found = self.of_each(mask, rule)
                members += found
                left = np.maximum(0, most - held)
                caps += [int(left[self.holder(rule)[rows[0]]]) for rows in found]
            result.append(Groups(rule, members, np.array(caps, np.int64)))
        return result

    def message_steps(
        self, rules: Iterable[CustomerRule]
    ) -> list[tuple[NDArray[np.int64], int, float]]:
        """Costs of messages as steps: candidates of one unit, and what each beyond so many of them costs more."""
        found = []
        for rule in rules:
            if rule.cost is None:
                continue
            columns = [
                self.of_holders(rule, [row[cost] for row in self.customer_rows], float)
                if isinstance(cost, str)
                else np.full(len(self.units), cost)
                for cost in rule.cost
            ]
            inside = self.inside(rule)
            for mask, held in self.parts(rule):
                for rows in self.of_each(mask, rule):
                    unit = int(self.holder(rule)[rows[0]])
                    before = 0.0
                    for k, cost in enumerate(columns if inside[unit] else []):
                        if k < held[unit]:
                            continue
                        found.append((rows, k - int(held[unit]), float(cost[unit]) - before))
                        before = float(cost[unit])
        return found

    def conflicting(self, rule: CustomerRule) -> Groups:
        """A customer's candidates in conflict, two by two, and those in conflict with what it has had."""
        pairs = pa.table(rule.conflicts)
        against: set[tuple[Any, Any]] = set()
        for a, b in zip(pairs["offer_a"].to_pylist(), pairs["offer_b"].to_pylist(), strict=True):
            against |= {(a, b)} if rule.ordered else {(a, b), (b, a)}
        had: dict[int, set[tuple[Any, int | None]]] = {}
        for customer, offer, row in self.counting(rule):
            had.setdefault(customer, set()).add((offer, row.get("day")))
        day = dict(zip(self.offer_id, (self.offer_rows[n]["day"] for n in self.offer), strict=True))

        def apart(a: Any, sent: int | None, b: Any, later: int | None) -> bool:
            """Whether offers a and b are in conflict, in this order."""
            if (a, b) not in against:
                return False
            if rule.within is None and not rule.ordered:
                return True
            if sent is None or later is None or (rule.ordered and later < sent):
                return False
            return rule.within is None or abs(later - sent) <= rule.within

        inside, holder = self.inside(rule), self.holder(rule)
        members: list[NDArray[np.int64]] = []
        caps: list[int] = []
        for rows in self.of_each(inside[holder], rule):
            offers = [self.offer_id[row] for row in rows]
            theirs = had.get(int(holder[rows[0]]), set())
            for n, row in enumerate(rows):
                mine = offers[n], day[offers[n]]
                if any(apart(*mine, *past) or apart(*past, *mine) for past in theirs):
                    members.append(rows[n : n + 1])
                    caps.append(0)
                for m in range(n):
                    other = offers[m], day[offers[m]]
                    if apart(*mine, *other) or apart(*other, *mine):
                        members.append(np.array([rows[m], row]))
                        caps.append(1)
        return Groups(rule, members, np.array(caps, np.int64))

    def minimums(self, rules: Iterable[CustomerRule]) -> list[Minimum]:
        """What the rules ask of customers at least; those about all coupons once, with the largest."""
        result = []
        overall = np.zeros(len(self.units), np.int64)
        for rule in rules:
            if rule.min is None or rule.is_measured:
                continue
            least = self.customer_bound(rule, rule.min, 0)
            for mask, held in self.parts(rule):
                asked = np.maximum(0, least - held)
                if rule.by is None and not rule.where and rule.each is None:
                    overall = np.maximum(overall, asked)
                    continue
                for rows in self.of_each(mask, rule):
                    want = min(int(asked[self.holder(rule)[rows[0]]]), len(rows))
                    if want > 0:
                        result.append(Minimum(rule.name, int(self.unit[rows[0]]), rows, want))
        for rows in self.of_each(np.ones(len(self.offer), bool)):
            unit = int(self.unit[rows[0]])
            want = min(int(overall[unit]), len(rows))
            if want > 0:
                result.append(Minimum("coupons in all", unit, rows, want))
        return result


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
