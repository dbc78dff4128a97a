"""A few cases of the exact-search fuzzer, and that it finds what is wrong with a result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.fuzz.cases import run_cases
from tests.fuzz.checks import Checked
from tests.fuzz.drawing import draw
from tests.fuzz.exact import run_case
from tests.fuzz.small_campaign import SmallCampaign
from tests.fuzz.solving import solve

from couponry import CustomerRule, Limit

CASES = range(12)


def test_cases_are_right() -> None:
    tally = run_cases("tests.fuzz.exact", CASES)
    assert tally.failures == {}


def test_a_case_is_what_its_number_says() -> None:
    assert draw(5) == draw(5)
    assert run_case(1) == run_case(1)


def campaign(**changes: Any) -> SmallCampaign:
    """Two customers, two offers, a budget that leaves the larger sum out."""
    offers = [{"offer": 1, "brand": "A"}, {"offer": 2, "brand": "B"}]
    candidates = [
        {"customer": who, "offer": what, "value": value, "cost": cost}
        for who, what, value, cost in (
            (1, 1, 3.0, 2.0),
            (1, 2, 2.0, 1.0),
            (2, 1, 3.0, 2.0),
            (2, 2, 2.0, 1.0),
        )
    ]
    rules = [CustomerRule("slots", max=1)]
    limits = [Limit("budget", sum="cost", max=3.0)]
    small = SmallCampaign(offers, candidates, None, None, rules, limits, "value")
    return replace(small, **changes)


def problems(small: SmallCampaign, **claims: Any) -> list[str]:
    """What is wrong with the result of a campaign once it claims something else."""
    result = solve(small)[0][1]
    for name, claim in claims.items():
        object.__setattr__(result, name, claim)
    return Checked(small, result).check()


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({}, None),
        ({"bound": 4.9}, "bound 4.9 is below the objective 5.0"),
        ({"objective": 5.1}, "objective: expected 5.0, got 5.1"),
        ({"gap": 0.1}, "got 0.1"),
        (
            {"status": "infeasible", "infeasible": None},
            "infeasible, but an allocation is worth 5.0",
        ),
        ({"status": "unsolved"}, "unsolved, though giving nothing is feasible"),
        ({"max_violation": 0.5}, "max_violation: expected 0.0, got 0.5"),
        ({"customers_below_min": 1}, "customers_below_min: expected 0, got 1"),
        ({"allocated": 3}, "allocated: expected 2, got 3"),
    ],
    ids=str,
)
def test_wrong_claims_are_found(claims: dict[str, Any], problem: str | None) -> None:
    found = problems(campaign(), **claims)
    assert any(problem in p for p in found) if problem else not found


def test_an_allocation_of_a_looser_campaign_is_found_wrong() -> None:
    """Another rule, another limit, a better allocation: each is seen."""
    result = solve(campaign())[0][1]
    tighter = campaign(limits=[Limit("budget", sum="cost", max=2.0)])
    assert any("misses its bounds by 1.0" in p for p in Checked(tighter, result).check())
    ruled = campaign(
        rules=[
            CustomerRule("slots", max=1),
            CustomerRule("B", max=0, by="brand", where={"brand": "A"}),
        ]
    )
    assert any("their rules do not allow [1]" in p for p in Checked(ruled, result).check())
    looser = campaign(limits=[Limit("budget", sum="cost", max=4.0)])
    found = Checked(looser, result).check()
    assert any(p.endswith(", but an allocation is worth 6.0") for p in found)
    assert any(p.startswith("optimal at gap") for p in found)


def test_a_set_that_is_no_conflict_is_found_wrong() -> None:
    asked = [Limit("many", min=2), Limit("few", max=1), Limit("budget", sum="cost", max=9.0)]
    small = campaign(limits=asked)
    right = solve(small)[0][1].infeasible
    assert right is not None
    assert not problems(small)
    entry = {"limit": "budget", "group": None, "sum": "cost", "max": 9.0}
    larger = {**right, "limits": [*right["limits"], entry]}
    assert any("is not needed" in p for p in problems(small, infeasible=larger))
    other = {**right, "limits": [entry]}
    assert any("can hold together" in p for p in problems(small, infeasible=other))
    nothing = {**right, "way_out": [], "way_out_share": 0.0}
    assert any("does not make it feasible" in p for p in problems(small, infeasible=nothing))
    worse = {**right["way_out"][0], "would_do": 0.0, "change": -2.0, "share": -1.0}
    wider = {**right, "way_out": [{**worse, "limit": "many", "min": 2}], "way_out_share": 1.0}
    assert any(
        "way out: shares of 1.0, 0.5 is enough" in p for p in problems(small, infeasible=wider)
    )
