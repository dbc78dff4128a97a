"""Customers' columns and the master programme over them, against every choice that there is and against HiGHS."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.comparison import verify
from tests.support.compiled import compiled
from tests.support.oracle import Oracle
from tests.support.programme import Stop

from couponry import Campaign, CustomerRule, Limit
from couponry.engines.cells import chosen_positions
from couponry.solver.exact.columns import list_columns
from couponry.solver.options import ColumnOptions

PLENTY = ColumnOptions(per_customer=1_000)
RULES = [
    CustomerRule("slots", max=3, min=1),
    CustomerRule("first weeks", where={"day": {"max": 9}}, max=1),
    CustomerRule("later weeks", where={"day": {"min": 6}}, max=2),
    CustomerRule(
        "never together", conflicts=pa.table({"offer_a": [0, 3, 7], "offer_b": [5, 8, 1]})
    ),
]


def tables(customers: int, seed: int) -> list[pa.Table]:
    """Twelve offers on days of which two are worth the same to everybody, seven candidates a customer."""
    rng = np.random.default_rng(seed)
    offers = pa.table(
        {"offer": np.arange(12), "day": np.arange(12) + 1, "kind": np.arange(12) // 2}
    )
    offer = np.sort(np.argsort(rng.random((customers, 12)), axis=1)[:, :7], axis=1).ravel()
    customer = np.repeat(np.arange(customers), 7)
    worth = rng.gamma(2.0, 1.0, (customers, 6))[customer, offer // 2] - 0.7
    cost = rng.uniform(0.5, 1.5, (customers, 6))[customer, offer // 2]
    return [
        offers,
        pa.table({"customer": customer, "offer": offer, "value": worth, "cost": cost}),
    ]


def limits(oracle: Oracle, tightness: float) -> list[Limit]:
    """Limits that bind, from what is best without any."""
    free = oracle.solve(oracle.reach())
    assert free.chosen is not None
    spent = float(oracle.amount("cost")[free.chosen].sum())
    early = int((free.chosen & oracle.about({"day": {"max": 4}})).sum())
    return [
        Limit("budget", sum="cost", max=tightness * spent),
        Limit("early", where={"day": {"max": 4}}, min=early + 5),
    ]


@pytest.mark.parametrize("rules", [RULES, RULES[:1], []], ids=["overlapping", "nested", "none"])
@pytest.mark.parametrize("within", [0.3, 1e9])
def test_columns_are_all_choices_of_little_regret(rules: list[CustomerRule], within: float) -> None:
    offers, candidates = tables(12, 1)
    campaign = Campaign(
        offers, candidates, rules=rules, limits=[Limit("budget", sum="cost", max=9)]
    )
    problem, _, repair = compiled(campaign)
    reduced = problem.objective
    chosen, _ = repair.exact_choice(np.zeros(problem.candidates, np.uint8), reduced)
    columns = list_columns(problem, reduced, chosen, within, PLENTY)
    assert columns.unlisted_regret >= within
    oracle = Oracle(offers, candidates, rules=rules)
    reach = oracle.reach()
    for i in range(12):
        mine = slice(7 * i, 7 * i + 7)
        alone = np.zeros(len(oracle.offer), bool)
        fits: dict[tuple[float, ...], float] = {}
        for picks in itertools.product([False, True], repeat=7):
            everybody = chosen.astype(bool)
            everybody[mine] = picks
            if oracle.broken(everybody, reach):
                continue
            alone[mine] = picks
            worth = float(oracle.value[alone].sum())
            key = (round(worth, 9), round(float(oracle.amount("cost")[alone].sum()), 9))
            fits[key] = worth
        best = max(fits.values())
        wanted = sorted(key for key, worth in fits.items() if best - worth <= within)
        theirs = np.flatnonzero(columns.customer == i)
        listed = zip(columns.worth[theirs], columns.weight[theirs].toarray()[:, 0], strict=True)
        assert sorted((round(w, 9), round(c, 9)) for w, c in listed) == wanted
        assert columns.regret[theirs] == pytest.approx(best - columns.worth[theirs], abs=1e-9)
    rows, _ = columns.candidates.nonzero()
    assert np.array_equal(
        np.bincount(rows, minlength=len(columns.worth)), columns.candidates.sum(axis=1)
    )


def test_columns_where_mandatory_offers_and_a_minimum_are_missed_together() -> None:
    """Either of two mandatory offers, and no second coupon, though two are asked for: both are as good by the rules."""
    offers = {"offer": [0, 1, 2, 3], "kind": [1, 1, 1, 0]}
    candidates = pa.table(
        {
            "customer": [0] * 4,
            "offer": [0, 1, 2, 3],
            "value": [5.0, 4.0, 9.0, -100.0],
            "mandatory": [True, True, False, False],
        }
    )
    rules = [
        CustomerRule("two", min=2),
        CustomerRule("one of a kind", where={"kind": 1}, max=1),
        CustomerRule("never", where={"kind": 0}, max=0),
    ]
    campaign = Campaign(offers, candidates, rules=rules, limits=[Limit("all", max=9)])
    problem, engine, _ = compiled(campaign)
    chosen, _ = engine.choose(problem.objective.astype(np.float32))
    columns = list_columns(problem, problem.objective, chosen, 50.0, PLENTY)
    assert columns.candidates.toarray().tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]
    assert columns.regret.tolist() == [0.0, 1.0]


def test_crowded_columns_say_what_they_leave_out() -> None:
    offers, candidates = tables(12, 2)
    campaign = Campaign(
        offers, candidates, rules=RULES, limits=[Limit("budget", sum="cost", max=9)]
    )
    problem, _, repair = compiled(campaign)
    nobody = np.zeros(problem.candidates, np.uint8)
    chosen, _ = repair.exact_choice(nobody, problem.objective)
    every = list_columns(problem, problem.objective, chosen, 1e9, PLENTY)
    few = list_columns(problem, problem.objective, chosen, 1e9, ColumnOptions(per_customer=3))
    assert len(few.customer) < len(every.customer)
    listed = set(zip(few.customer.tolist(), few.key.tolist(), strict=True))
    theirs = zip(every.customer.tolist(), every.key.tolist(), strict=True)
    left_out = np.array([pair not in listed for pair in theirs])
    assert few.unlisted_regret <= every.regret[left_out].min() + 1e-9
    best = [chosen_positions(chosen[7 * i : 7 * i + 7]).tolist() for i in range(12)]
    for i in range(12):
        first = few.candidates[[int((few.customer == i).argmax())]]
        assert (np.sort(first.indices) - 7 * i).tolist() == best[i] or few.regret.min() == 0.0
    nearest = every.of_least_regret(10)
    assert len(nearest.customer) == 12 + 10 and set(nearest.customer) == set(range(12))


@pytest.mark.parametrize("seed", range(3))
def test_ties_do_not_keep_the_gap_open(seed: int) -> None:
    """Many coupons are worth the same on two days: certified to 1e-5 all the same, and by HiGHS's word."""
    given = tables(400, 10 + seed)
    bounds = limits(Oracle(*given, rules=RULES), 0.8)
    parts: dict[str, Any] = {"rules": RULES, "limits": bounds}
    oracle = Oracle(*given, **parts)
    reach = oracle.reach()
    results = [Campaign(*given, **parts).solve(threads=threads, gap=1e-5) for threads in (1, 2)]
    result = results[0]
    assert result.status == "optimal" and verify(oracle, reach, result)[1] == []
    assert result.objective is not None and result.bound is not None
    assert results[1].objective == result.objective and results[1].bound == result.bound
    best = oracle.solve(reach, Stop(1e-5))
    assert best.value is not None
    assert result.objective >= best.value * (1 - 2e-5)
    assert best.value <= result.bound + 1e-9 * abs(result.bound)


def test_relaxation_where_rules_overlap() -> None:
    """The least change is found, and proved to be that, where thousands of coupons tie."""
    given = tables(3_000, 4)
    oracle = Oracle(*given, rules=RULES)
    early = {"day": {"max": 4}}
    most = int(oracle.best_under_rules(oracle.about(early) * 1.0, oracle.reach())[
        oracle.about(early)
    ].sum())  # fmt: skip
    bounds = [
        Limit("early", where=early, min=most + 40),
        Limit("budget", sum="cost", max=1e5),
        Limit("late", sum="cost", where={"day": {"min": 9}}, max=700.0),
    ]
    result = Campaign(*given, rules=RULES, limits=bounds).solve(threads=1)
    assert result.status == "infeasible" and result.infeasible is not None
    (entry,) = result.infeasible["limits"]
    assert (entry["limit"], entry["reachable"]) == ("early", most)
    (change,) = result.infeasible["way_out"]
    assert (change["limit"], change["would_do"]) == ("early", most)
    share = 40 / (most + 40)
    assert result.infeasible["way_out_share"] == pytest.approx(share)
    assert result.infeasible["way_out_share_at_least"] == pytest.approx(share, rel=1e-3)
