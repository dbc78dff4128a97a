"""Campaigns that one rule makes infeasible: the proof, the smallest set, what is reachable, and the way out, by HiGHS.

A case draws tables, one rule or limit of a kind, and asks for a little more of some coupons than HiGHS can reach under
it, and no more than can be reached without it. So every set of what cannot hold together has the rule, and what is
reachable and the way out are known.

    python -m tests.fuzz.infeasible_rules --cases 200
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from tests.fuzz.cases import Outcome, main
from tests.support.oracle import Oracle
from tests.support.oracle_tables import Measure
from tests.support.programme import Stop

from couponry import Campaign, CustomerRule, Limit, PreviousPlan, Result

CUSTOMERS, OFFERS, CANDIDATES = 40, 12, 6
NEARLY = Stop(0.0, seconds=20.0)
WAY_OUT_GAP = 0.01
"""By which a way out may be above the least."""

NAME, ASKED = "member", "volume"


@dataclass(frozen=True)
class Case:
    """Tables and what makes the campaign infeasible: a rule or a limit of this name, beside others."""

    kind: str
    tables: tuple[pa.Table, pa.Table, pa.Table]
    rules: list[CustomerRule]
    limits: list[Limit] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    previous: tuple[pa.Table, float] | None = None

    def oracle(self, *limits: Limit, without: bool = False) -> Oracle:
        """For HiGHS, with or without the member."""
        offers, candidates, customers = self.tables
        others = [limit for limit in self.limits if not (without and limit.name == NAME)]
        rules = [rule for rule in self.rules if not (without and rule.name == NAME)]
        if self.previous is not None:
            table, keep = self.previous
            given = set(zip(*(table[n].to_pylist() for n in ("customer", "offer")), strict=True))
            pairs = zip(*(candidates[n].to_pylist() for n in ("customer", "offer")), strict=True)
            kept = [float(pair in given) for pair in pairs]
            candidates = candidates.append_column("previous", pa.array(kept))
            if not without:
                others.append(Limit("kept", sum="previous", min=float(np.ceil(keep * sum(kept)))))
        keys = {"rules": rules, "limits": [*others, *limits], **self.keys}
        return Oracle(offers, candidates, customers, **keys)

    def campaign(self, *limits: Limit) -> Campaign:
        """For couponry."""
        previous = (
            None if self.previous is None else PreviousPlan(self.previous[0], self.previous[1])
        )
        keys = {"rules": self.rules, "limits": [*self.limits, *limits], "previous": previous}
        return Campaign(*self.tables, **keys, **self.keys)


def tables(rng: np.random.Generator) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Offers of four brands on days, candidates with amounts, and customers of segments and households."""
    chosen = np.argsort(rng.random((CUSTOMERS, OFFERS)), axis=1)[:, :CANDIDATES]
    pairs, j = CUSTOMERS * CANDIDATES, np.arange(OFFERS)
    offers = {
        "offer": j,
        "product": [f"p{n // 2}" for n in j],
        "brand": ["ABCD"[n // 3] for n in j],
        "channel": ["mail" if n % 2 else "app" for n in j],
        "points": rng.integers(1, 5, OFFERS),
        "day": rng.integers(1, 15, OFFERS),
    }
    candidates = {
        "customer": np.repeat(np.arange(CUSTOMERS), CANDIDATES),
        "offer": chosen.ravel(),
        "value": rng.gamma(2.0, 1.0, pairs),
        "cost": np.round(rng.uniform(0.2, 1.5, pairs), 2),
    }
    customers = {
        "customer": np.arange(CUSTOMERS),
        "segment": rng.choice(["gold", "silver", "bronze"], CUSTOMERS),
        "household": rng.integers(0, CUSTOMERS // 2, CUSTOMERS),
        "store": rng.choice(["north", "south"], CUSTOMERS),
    }
    return pa.table(offers), pa.table(candidates), pa.table(customers)


def _pairs(rng: np.random.Generator, count: int) -> tuple[list[int], list[int]]:
    """Pairs of an offer and one before it."""
    ends = np.sort([rng.choice(OFFERS, 2, replace=False) for _ in range(count)], axis=1)
    low, high = np.unique(ends, axis=0).T
    return high.tolist(), low.tolist()


def _rule(rng: np.random.Generator, kind: str) -> dict[str, Any]:
    """The fields of a rule of a kind."""
    most = int(rng.integers(1, 4))
    later, earlier = _pairs(rng, 20)
    mail = {"channel": "mail"}
    return {
        "sum max": lambda: {"sum": "cost", "max": round(float(rng.uniform(0.5, 3.0)), 2)},
        "sum min": lambda: {"sum": "points", "min": float(rng.integers(6, 13))},
        "sum by": lambda: {"sum": "points", "max": float(rng.integers(2, 5)), "by": "channel"},
        "requires": lambda: {"requires": {"offer": later, "requires": earlier}},
        "requires within": lambda: {"requires": {"offer": later, "requires": earlier}, "within": 4},
        "distinct max": lambda: {"distinct": "product", "max": most},
        "distinct min": lambda: {"distinct": "brand", "min": 3},
        "window": lambda: {"window": int(rng.integers(2, 9)), "max": 1},
        "window by": lambda: {"window": int(rng.integers(4, 15)), "max": 1, "by": "channel"},
        "window where": lambda: {"window": 14, "max": 1, "where": mail},
        "conflicts within": lambda: {
            "conflicts": {"offer_a": later, "offer_b": earlier}, "within": int(rng.integers(2, 15)),
        },
        "some customers": lambda: {"max": most, "customers": {"segment": ["gold", "silver"]}},
        "messages": lambda: {"cost": [0.1] * most},
        "household": lambda: {"max": most + 2},
        "each of a household": lambda: {"max": most, "each": "customer"},
    }[kind]()  # fmt: skip


def _limit(rng: np.random.Generator, kind: str) -> dict[str, Any]:
    """The fields of a limit of a kind."""
    gold = {"customers": {"segment": "gold"}}
    others = {"customers": {"segment": ["silver", "bronze"]}}
    return {
        "share": lambda: {
            "share": True,
            "where": {"brand": "A"},
            "min": float(rng.uniform(0.3, 0.6)),
        },
        "share at most": lambda: {"share": True, "by": "brand", "max": 0.28},
        "relative": lambda: {**gold, "relative_to": others, "min": float(rng.uniform(0.6, 1.2))},
        "per head": lambda: {**gold, "relative_to": others, "per_head": True, "max": 0.4},
        "by store": lambda: {"by": "store", "max": int(rng.integers(20, 40))},
        "by store and offer": lambda: {"by": ["store", "offer"], "max": int(rng.integers(2, 6))},
    }[kind]()


RULES = (
    *(
        "sum max",
        "sum min",
        "sum by",
        "requires",
        "requires within",
        "distinct max",
        "distinct min",
    ),
    *("window", "window by", "window where", "conflicts within", "some customers", "messages"),
    *("household", "each of a household"),
)
LIMITS = ("share", "share at most", "relative", "per head", "by store", "by store and offer")
KINDS = (*RULES, *LIMITS, "kept")


def draw(number: int) -> Case:
    """The case of a number; kinds take turns."""
    rng, kind = np.random.default_rng([20261201, number]), KINDS[number % len(KINDS)]
    drawn = tables(rng)
    slots = CustomerRule("slots", max=int(rng.integers(3, 6)))
    if kind == "kept":
        last = rng.choice(drawn[1].num_rows, CUSTOMERS * 2, replace=False)
        previous = drawn[1].select(["customer", "offer"]).take(pa.array(np.sort(last)))
        return Case(kind, drawn, [slots], previous=(previous, float(rng.uniform(0.8, 1.0))))
    if kind in LIMITS:
        return Case(kind, drawn, [slots], [Limit(NAME, **_limit(rng, kind))])
    rules = [slots, CustomerRule(NAME, **_rule(rng, kind))]
    if kind in ("household", "each of a household"):
        each = replace(slots, each="customer")
        return Case(kind, drawn, [each, rules[1]], keys={"unit": "household"})
    history = None
    if kind.startswith("window") and rng.random() < 0.5:
        rows = pa.array(rng.choice(drawn[1].num_rows, 20, replace=False))
        history = drawn[1].select(["customer", "offer"]).take(rows)
        history = history.append_column("day", pa.array(rng.integers(-8, 10, 20)))
    return Case(kind, drawn, rules, keys={} if history is None else {"history": history})


def most(oracle: Oracle, wanted: Measure) -> float | None:
    """How much of something can be reached; None where HiGHS does not know."""
    measures = [measure for measure in oracle.measures if measure.limit.name != ASKED]
    found = oracle.best(wanted.weight, oracle.rules, measures, oracle.reach(), NEARLY)
    if found.status != "optimal" or found.chosen is None:
        return None
    return float(wanted.weight[found.chosen].sum())


def run_case(number: int) -> Outcome:
    """Ask for more than can be reached, and check everything that is said of it."""
    case = draw(number)
    rng = np.random.default_rng([20261202, number])
    wheres: list[dict[str, Any]] = [
        {},
        {"brand": ["B", "C", "D"]},
        {"channel": "mail"},
        {"day": {"min": 4}},
    ]
    for at in rng.permutation(len(wheres)).tolist():
        ask = Limit(ASKED, where=wheres[at], min=0.0)
        with_it, without = case.oracle(ask), case.oracle(ask, without=True)
        wanted = next(m for m in with_it.measures if m.limit.name == ASKED)
        reached, free = most(with_it, wanted), most(without, wanted)
        if reached is None or free is None:
            return Outcome((case.kind, "HiGHS does not know"))
        if reached < free:
            break
    else:
        return Outcome((case.kind, "nothing is in the way"))
    more = int(rng.integers(1, int(free - reached) + 1)) if rng.random() < 0.5 else 1
    ask = replace(ask, min=reached + more)
    result = case.campaign(ask).solve(threads=1)
    wrong = tuple(_wrong(case, ask, result, reached))
    content = result.infeasible or {}
    size = len(content.get("limits", [])) + len(content.get("customer_rules", []))
    return Outcome((case.kind, f"status {result.status}", f"{size} members"), wrong)


def _wrong(case: Case, ask: Limit, result: Result, reached: float) -> Iterator[str]:
    """What is wrong with what is said of the infeasible campaign."""
    content = result.infeasible
    if result.status != "infeasible" or content is None:
        yield f"{case.kind}: status {result.status}, objective {result.objective}"
        return
    oracle = case.oracle(ask)
    known = {(m.limit.name, m.group): m for m in oracle.measures}
    named = [known[entry["limit"], entry["group"]] for entry in content["limits"]]
    rules = [
        next(r for r in oracle.rules if r.name == e["customer_rule"])
        for e in content["customer_rules"]
    ]
    names = {m.limit.name for m in named} | {rule.name for rule in rules}
    member = "kept" if case.previous is not None else NAME
    if not {member, ASKED} <= names:
        yield f"{case.kind}: the set {sorted(names)} is without {member!r} or {ASKED!r}"
    yield from _set(oracle, named, rules, content, case.kind)
    for entry in content["limits"]:
        if entry["limit"] == ASKED and entry["reachable"] is not None:
            end = entry["reachable"]
            is_all = len(named) + len(rules) == len(oracle.measures) + len(oracle.rules)
            if not reached - 1e-6 <= end < ask.min or (is_all and end != reached):
                yield f"{case.kind}: {end} of {ASKED!r} is reachable, {reached} by HiGHS, {ask.min} asked"
    yield from _way_out(oracle, content, case.kind, 1.0 - reached / (ask.min or 1.0))


def _set(
    oracle: Oracle,
    named: list[Measure],
    rules: list[CustomerRule],
    content: dict[str, Any],
    kind: str,
) -> Iterator[str]:
    """Whether the set cannot hold together, and can without any of its members."""

    def can_hold(rules: list[CustomerRule], measures: list[Measure]) -> bool | None:
        try:
            return oracle.feasible(rules, measures, seconds=20.0)
        except RuntimeError:  # not in time
            return None

    if can_hold(rules, named):
        yield f"{kind}: the set can hold together"
    if not content["irreducible"]:
        yield f"{kind}: nobody saw whether fewer members would do"
        return
    for n, measure in enumerate(named):
        if can_hold(rules, named[:n] + named[n + 1 :]) is False:
            yield f"{kind}: limit {measure.key} is not needed"
    for n, rule in enumerate(rules):
        if can_hold(rules[:n] + rules[n + 1 :], named) is False:
            yield f"{kind}: rule {rule.name!r} is not needed"
        entry = next(e for e in content["customer_rules"] if e["customer_rule"] == rule.name)
        for side, end in entry.get("reachable", {}).items():
            if (
                rule.sum is None
                and can_hold(
                    [*rules[:n], replace(rule, **{side: int(end)}), *rules[n + 1 :]], named
                )
                is False
            ):
                yield f"{kind}: {side} {end} of rule {rule.name!r} does not do"


def _way_out(oracle: Oracle, content: dict[str, Any], kind: str, least: float) -> Iterator[str]:
    """Whether its changes do, and are small: `least`, that of one limit alone, is more than is needed."""
    if not content.get("way_out"):
        yield f"{kind}: no way out"
        return
    eased = {(m.limit.name, m.group): m for m in oracle.measures}
    for entry in content["way_out"]:
        side = "min" if "min" in entry else "max"
        key = entry["limit"], entry["group"]
        eased[key] = replace(eased[key], **{side: entry["would_do"]})
    reach = oracle.reach()
    found = oracle.best(np.zeros(len(oracle.offer)), oracle.rules, [*eased.values()], reach, NEARLY)
    if found.status == "infeasible":
        yield f"{kind}: the way out does not do: {content['way_out']}"
    if content["way_out_share"] > least * (1.0 + WAY_OUT_GAP) + 1e-9:
        yield f"{kind}: a way out of {content['way_out_share']}, {least} is enough"
    if content["way_out_share_at_least"] > content["way_out_share"] * (1.0 + 1e-9):
        yield f"{kind}: no less than {content['way_out_share_at_least']}, but {content['way_out_share']} is"


if __name__ == "__main__":
    sys.exit(main("tests.fuzz.infeasible_rules", __doc__.splitlines()[0]))
