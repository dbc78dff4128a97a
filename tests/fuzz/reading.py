"""A small campaign read word by word, as docs/campaign_format.md says what the words mean.

Nothing here comes from couponry: rules and limits are read as the plain records that they are. Numbers become
fractions, of the values that float64 gave them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.fuzz.own_rules import Holder, Need, OwnRules, Total
from tests.fuzz.small_campaign import Row, SmallCampaign

from couponry import CustomerRule, Limit

MANDATORY = "mandatory offers"


@dataclass(frozen=True)
class Measure:
    """A limit for one group: weights of all candidates, of a ratio's second column too, and what is asked.

    sizes: of all candidates' weights, what they are made of without signs, which is what rounding goes by.
    """

    limit: Limit
    group: str | None
    weight: list[Fraction]
    sizes: list[Fraction]
    below: list[Fraction] | None
    min: float | None
    max: float | None

    @property
    def is_default(self) -> bool:
        """Whether its amounts follow from others."""
        return any(
            size != abs(weight) for size, weight in zip(self.sizes, self.weight, strict=True)
        )

    @property
    def mode(self) -> str:
        return self.limit.mode

    @property
    def key(self) -> tuple[str, str | None]:
        return self.limit.name, self.group

    @property
    def sum(self) -> str:
        return " / ".join(self.limit.ratio) if self.limit.ratio else self.limit.sum


class Reading:
    """The tables of a small campaign, candidate by candidate.

    Attributes
    ----------
    customers : list
        Ids of those who have candidates, ascending.
    units : list of list
        Customers who belong together, of those who have candidates.
    own : list of list of int
        Rows of each unit's candidates, by customer, offers ascending.
    """

    def __init__(self, small: SmallCampaign):
        self.small = small
        self.rows = small.candidates
        self.offers = {row["offer"]: row for row in small.offers}
        self.customers = sorted({row["customer"] for row in self.rows})
        self.about_whom = {row["customer"]: row for row in small.customers or ()}
        together: dict[Any, list[Any]] = {}
        for customer in self.customers:
            together.setdefault(self.home(customer), []).append(customer)
        self.units = [*together.values()]
        at = {home: n for n, home in enumerate(together)}
        self.own: list[list[int]] = [[] for _ in self.units]
        order = sorted(
            range(len(self.rows)), key=lambda n: (self.rows[n]["customer"], self.rows[n]["offer"])
        )
        for n in order:
            self.own[at[self.home(self.rows[n]["customer"])]].append(n)
        self.had: list[list[Row]] = [[] for _ in self.units]
        for row in small.history or ():
            if self.home(row["customer"]) in at:
                known = self.offers.get(row.get("offer"), {})
                stated = {name: cell for name, cell in row.items() if cell is not None}
                blank = {"offer": row.get("offer"), "role": None, "own day": row.get("day")}
                self.had[at[self.home(row["customer"])]].append({**known, **blank, **stated})
        self.has_mandatory = any(row.get("mandatory") for row in self.rows)
        self.value = self.amount(small.value)
        self.value_sizes = self.sizes(small.value)

    def home(self, customer: Any) -> Any:
        """What tells a customer's unit from others."""
        unit = self.small.unit
        named = None if unit is None else self.about_whom.get(customer, {}).get(unit)
        return ("alone", customer) if named is None else ("home", named)

    def holders(self, i: int, rule: CustomerRule) -> list[Holder]:
        """Whom of a unit a rule holds for, and is about."""
        own = self.own[i]
        if rule.each is None:
            found = [Holder(self.units[i][0], [*range(len(own))], self._counting(i, rule))]
        else:
            found = [
                Holder(
                    who,
                    [k for k, n in enumerate(own) if self.rows[n]["customer"] == who],
                    [row for row in self._counting(i, rule) if row["customer"] == who],
                )
                for who in self.units[i]
            ]
        whom = rule.customers
        return [one for one in found if not whom or fits(self.about_whom[one.who], whom)]

    def of(self, n: int) -> Row:
        """The attributes of a candidate: its offer's, and its role."""
        row = self.rows[n]
        return {**self.offers[row["offer"]], "role": row.get("role")}

    def number(self, n: int, name: str) -> tuple[Fraction, Fraction]:
        """A named number of a candidate: from candidates, else from offers, else the default.

        With it what it is made of without signs.
        """
        row = self.rows[n]
        offer = self.offers[row["offer"]]
        if name == "count":
            return Fraction(1), Fraction(1)
        for table in (row, offer):
            if name in table:
                number = Fraction(float(table[name]))
                return number, abs(number)

        def part(column: str) -> Fraction:
            return Fraction(float(row.get(column, offer.get(column, 0.0))))

        issue, face, response = part("issue_cost"), part("face_value"), part("response")
        if name == "cost":
            return issue + response * face, abs(issue) + abs(response * face)
        if name == "value" and ("response" in row or "response" in offer):
            margin = part("margin")
            size = abs(response) * (abs(margin) + abs(face)) + abs(issue)
            return response * (margin - face) - issue, size
        raise KeyError(name)

    def amount(self, name: str) -> list[Fraction]:
        """A named number of every candidate."""
        return [self.number(n, name)[0] for n in range(len(self.rows))]

    def sizes(self, name: str) -> list[Fraction]:
        """What a named number of every candidate is made of, without signs."""
        return [self.number(n, name)[1] for n in range(len(self.rows))]

    # ---- customer rules

    def rules_of(self, i: int, rules: Iterable[CustomerRule], mandatory: bool = True) -> OwnRules:
        """What some rules ask of one unit."""
        most: list[tuple[int, int]] = []
        least: list[tuple[int, int]] = []
        others: list[Total | Need] = []
        own = self.own[i]
        overall = 0
        for rule in rules:
            for one in self.holders(i, rule):
                if rule.conflicts is not None:
                    most += self._conflicts(i, one, rule, rule.conflicts)
                    continue
                if rule.requires is not None:
                    others += self._needs(i, one, rule, rule.requires)
                    continue
                if rule.sum is not None or rule.distinct is not None:
                    others += self._totals(i, one, rule)
                    continue
                high = len(rule.cost) if rule.cost is not None else self._bound(one, rule.max)
                low = self._bound(one, rule.min)
                for bits, had in self._parts(i, one, rule):
                    if high is not None:
                        most.append((bits, max(0, high - len(had))))
                    if low is None:
                        continue
                    if is_about_all(rule):
                        overall = max(overall, low - len(had))
                    else:
                        least.append((bits, max(0, low - len(had))))
        if overall > 0:
            least.append(((1 << len(own)) - 1, overall))
        must = sum(1 << k for k, n in enumerate(own) if self.rows[n].get("mandatory"))
        return OwnRules(most, least, must if mandatory else 0, others)

    def spent(self, i: int, bits: int) -> Fraction:
        """What the messages of one unit's choice cost."""
        total = Fraction(0)
        for rule in self.small.rules:
            for one in self.holders(i, rule) if rule.cost is not None else ():
                for members, had in self._parts(i, one, rule):
                    first, given = len(had), (bits & members).bit_count()
                    for cost in (rule.cost or ())[first : first + given]:
                        paid = self.about_whom[one.who][cost] if isinstance(cost, str) else cost
                        total += Fraction(float(paid))
        return total

    def _bound(self, one: Holder, bound: float | str | None) -> int | None:
        """A rule's bound for whom it holds for."""
        if isinstance(bound, str):
            return int(self.about_whom[one.who][bound])
        return None if bound is None else int(bound)

    def _parts(self, i: int, one: Holder, rule: CustomerRule) -> list[tuple[int, list[Row]]]:
        """A rule's groups among candidates, as bits, and what was had of each."""
        rows = {k: self.of(self.own[i][k]) for k in one.places}
        inside = {k: row for k, row in rows.items() if fits(row, rule.where)}
        had = [row for row in one.had if fits(row, rule.where)]
        labels = {label for row in inside.values() for label in groups_of(row, rule)}
        return [
            (
                sum(1 << k for k, row in inside.items() if label in groups_of(row, rule)),
                [row for row in had if label in groups_of(row, rule)],
            )
            for label in sorted(labels, key=str)
        ]

    def _totals(self, i: int, one: Holder, rule: CustomerRule) -> list[Total]:
        """What a rule about sums or different values asks."""
        found = []
        low, high = (
            None if bound is None else Fraction(float(bound)) for bound in (rule.min, rule.max)
        )
        for bits, had in self._parts(i, one, rule):
            places = [k for k in one.places if bits >> k & 1]
            if rule.sum is not None:
                name = rule.sum
                held = [Fraction(1) if name == "count" else Fraction(float(r[name])) for r in had]
                amount = {k: self.number(self.own[i][k], name)[0] for k in places}
                values = dict.fromkeys(places)
                found.append(Total(bits, amount, values, sum(held, Fraction(0)), low, high))
                continue
            name = str(rule.distinct)
            known = {row.get(name) for row in had} - {None}
            of_all = {k: self.of(self.own[i][k]).get(name) for k in places}
            values = {k: None if value in known else value for k, value in of_all.items()}
            possible = len({*values.values()} - {None})
            least = None if low is None else min(low - len(known), Fraction(possible))
            most = None if high is None else max(Fraction(0), high - len(known))
            found.append(Total(bits, None, values, Fraction(0), least, most))
        return found

    def _needs(
        self, i: int, one: Holder, rule: CustomerRule, table: Mapping[str, Sequence[Any]]
    ) -> list[Need]:
        """What candidates require, and was not had."""
        days = table.get("within", [None] * len(table["offer"]))

        def in_time(mine: Any, theirs: Any, within: int | None) -> bool:
            if mine is None or theirs is None:
                return within is None
            return theirs <= mine and (within is None or mine - theirs <= within)

        found = []
        for offer, wanted, own_days in zip(table["offer"], table["requires"], days, strict=True):
            within = rule.within if own_days is None else own_days
            mine = self.offers[offer].get("day")
            sent = "own day" if within is None else "day"  # of an offer it does not say when it was
            met = any(
                row["offer"] == wanted and in_time(mine, row.get(sent), within) for row in one.had
            )
            fit = in_time(mine, self.offers[wanted].get("day"), within)
            others = 0
            for k in one.places:
                if fit and self.rows[self.own[i][k]]["offer"] == wanted:
                    others |= 1 << k
            for k in one.places:
                if not met and self.rows[self.own[i][k]]["offer"] == offer:
                    found.append(Need(1 << k, others))
        return found

    def _counting(self, i: int, rule: CustomerRule) -> list[Row]:
        """What a unit has had that counts for a rule, whatever its `where`."""
        says = rule.history
        if says is None:
            dated = rule.window is not None or rule.by == "day" or "day" in rule.where
            says = dated or rule.conflicts is not None or rule.requires is not None
        if isinstance(says, Mapping):
            return [row for row in self.had[i] if fits(row, says)]
        return self.had[i] if says else []

    def _conflicts(
        self, i: int, one: Holder, rule: CustomerRule, table: Mapping[str, Sequence[Any]]
    ) -> list[tuple[int, int]]:
        """Pairs of candidates in conflict, and those in conflict with what was had."""
        places: dict[Any, list[int]] = {}
        for k in one.places:
            places.setdefault(self.rows[self.own[i][k]]["offer"], []).append(k)
        had = [(row["offer"], row.get("day")) for row in one.had]

        def apart(sent: Any, later: Any) -> bool:
            """Whether an offer_a and an offer_b of these days are in conflict."""
            if rule.within is None and not rule.ordered:
                return True
            if sent is None or later is None or (rule.ordered and later < sent):
                return False
            return rule.within is None or abs(later - sent) <= rule.within

        most: list[tuple[int, int]] = []
        day = {offer: self.offers[offer].get("day") for offer in self.offers}
        for a, b in zip(table["offer_a"], table["offer_b"], strict=True):
            some, others = places.get(a, []), places.get(b, [])
            if apart(day[a], day[b]):
                most += [(1 << k | 1 << m, 1) for k in some for m in others if k != m]
            if any(o == a and apart(when, day[b]) for o, when in had):
                most += [(1 << m, 0) for m in others]
            if any(o == b and apart(day[a], when) for o, when in had):
                most += [(1 << k, 0) for k in some]
        return most

    def is_below(self, i: int, chosen: int) -> bool:
        """Whether a unit has fewer coupons than some rule's `min`, history included."""
        for rule in self.small.rules:
            if rule.sum is not None or rule.distinct is not None:
                continue
            for one in self.holders(i, rule):
                low = self._bound(one, rule.min)
                if not low:
                    continue
                given = [self.of(self.own[i][k]) for k in one.places if chosen >> k & 1]
                mine = [row for row in [*given, *one.had] if fits(row, rule.where)]
                for label in [None] if rule.by is None else self.labels(rule):
                    count = sum(
                        rule.by is None or label in labels_of(row.get(rule.by)) for row in mine
                    )
                    if count < low:
                        return True
        return False

    def labels(self, part: CustomerRule | Limit) -> list[Any]:
        """The values that make groups of a rule or limit with `by`: those that the offers of `where` have.

        An offer has a role by its candidates. A limit's group of another column is one though it lacks candidates in
        a role: what was promised for it stays promised.
        """
        by = str(part.by)
        seen_by_role = isinstance(part, CustomerRule) and "role" in part.where
        if by == "role" or seen_by_role:
            rows = [self.of(n) for n in range(len(self.rows)) if fits(self.of(n), part.where)]
            return sorted({label for row in rows for label in labels_of(row[by])})
        where = {column: test for column, test in part.where.items() if column != "role"}
        inside = [row for row in self.small.offers if fits(row, where)]
        return sorted({label for row in inside for label in labels_of(row[by])})

    # ---- limits

    def measures(self) -> list[Measure]:
        """All limits, group by group."""
        return [measure for limit in self.small.limits for measure in self._measures_of(limit)]

    def _measures_of(self, limit: Limit) -> list[Measure]:
        whom = {
            customer
            for customer in self.customers
            if not limit.customers or fits(self.about_whom[customer], limit.customers)
        }
        about = [
            row["customer"] in whom and fits(self.of(n), limit.where)
            for n, row in enumerate(self.rows)
        ]
        if limit.by is None:
            groups: list[tuple[Any, Any, Any]] = [(None, limit.min, limit.max)]
        elif limit.table is not None:
            keys = limit.table[limit.by]
            nothing = [None] * len(keys)
            lows, highs = limit.table.get("min", nothing), limit.table.get("max", nothing)
            groups = list(zip(keys, lows, highs, strict=True))
        else:
            groups = [(label, limit.min, limit.max) for label in self.labels(limit)]
        names = limit.ratio or (limit.sum,)
        columns = [self.amount(name) for name in names]
        sizes = self.sizes(names[0])
        found = []
        for label, low, high in groups:
            inside = [
                about[n] and (limit.by is None or label in labels_of(self.of(n).get(limit.by)))
                for n in range(len(self.rows))
            ]
            weight, size, *below = (
                only(column, inside) for column in (columns[0], sizes, *columns[1:])
            )
            group = None if limit.by is None else str(label)
            found.append(
                Measure(limit, group, weight, size, below[0] if below else None, low, high)
            )
        return found


def is_about_all(rule: CustomerRule) -> bool:
    """Whether a rule with bounds is about all coupons of a unit."""
    return rule.by is None and not rule.where and rule.window is None and rule.each is None


def only(column: Sequence[Fraction], inside: Sequence[bool]) -> list[Fraction]:
    """A column where candidates are inside, and 0 elsewhere."""
    return [w if is_in else Fraction(0) for w, is_in in zip(column, inside, strict=True)]


def labels_of(cell: Any) -> list[Any]:
    """The groups that a cell belongs to."""
    return [one for one in (cell if isinstance(cell, list) else [cell]) if one is not None]


def groups_of(row: Row, rule: CustomerRule) -> list[Any]:
    """The groups of a rule that a coupon belongs to, of those that `where` is about."""
    labels = ["all"] if rule.by is None else labels_of(row.get(rule.by))
    if rule.window is None:
        return labels
    day = row.get("day")
    begins = [] if day is None else range(day - rule.window + 1, day + 1)
    return [(label, first) for label in labels for first in begins]


def fits(row: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether a row fulfils every condition."""
    for column, test in where.items():
        cells = labels_of(row.get(column))
        if isinstance(test, Mapping):
            low, high = test.get("min"), test.get("max")
            if not any((low is None or low <= c) and (high is None or c <= high) for c in cells):
                return False
        elif not any(c in (test if isinstance(test, list) else [test]) for c in cells):
            return False
    return True
