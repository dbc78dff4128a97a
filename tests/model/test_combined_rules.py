"""Sums, different values and requirements of households, and beside costs of messages."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz.drawing import draw
from tests.fuzz.exact import run_case

import couponry
from couponry import Campaign, CustomerRule, Limit

OFFERS = {
    "offer": [1, 2, 3, 4],
    "day": [1, 3, 5, 9],
    "category": ["tea", "tea", "jam", "rice"],
    "points": [2, 1, 1, 3],
}
CANDIDATES = {
    "customer": [1, 1, 1, 2, 2, 2, 3, 3],
    "offer": [1, 2, 3, 2, 3, 4, 1, 4],
    "value": [5.0, 4.0, 3.0, 6.0, 2.0, 1.0, 2.5, 2.0],
    "cost": [0.5, 0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.125],
}
HOMES = {"customer": [1, 2, 3], "home": ["h", "h", None], "purse": [0.75, 0.25, 9.0]}


def given(
    *rules: CustomerRule, history: Any = None, unit: str | None = "home"
) -> list[tuple[int, int]]:
    """Who gets what; `verify` agrees."""
    parts: dict[str, Any] = {"rules": [*rules], "unit": unit}
    campaign = Campaign(OFFERS, CANDIDATES, HOMES, history, **parts)
    coupons = campaign.solve().allocation.to_arrow()
    return list(zip(coupons["customer"].to_pylist(), coupons["offer"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"sum": "points", "max": 4}, [(1, 1), (1, 2), (2, 2), (3, 1)]),
        ({"sum": "points", "max": 3, "each": "customer"},
         [(1, 1), (1, 2), (2, 2), (2, 3), (3, 1)]),
        ({"sum": "cost", "max": "purse", "each": "customer"}, [(1, 1), (1, 2), (2, 3), (3, 1), (3, 4)]),
        ({"sum": "cost", "max": 1.0}, [(1, 2), (1, 3), (2, 2), (3, 1), (3, 4)]),
        ({"sum": "points", "min": 9}, [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (2, 4)]),
        ({"sum": "points", "min": 5, "each": "customer"},
         [(2, 2), (2, 3), (2, 4), (3, 1), (3, 4)]),
        ({"distinct": "category", "max": 1}, [(1, 1), (1, 2), (2, 2), (3, 1)]),
        ({"distinct": "category", "max": 1, "each": "customer"}, [(1, 1), (1, 2), (2, 2), (3, 1)]),
        ({"distinct": "category", "min": 3, "where": {"points": [1, 3]}, "each": "customer"},
         [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (2, 4), (3, 1), (3, 4)]),
    ],
)  # fmt: skip
def test_sums_and_different_values_of_households_and_of_each(
    keys: dict[str, Any], expected: list[tuple[int, int]]
) -> None:
    assert given(CustomerRule("R", **keys)) == expected


NEEDS = {"offer": [4, 3], "requires": [1, 2]}
"""Rice only after tea, and jam only after the other tea."""


def test_what_is_required_may_be_another_customers_of_the_household() -> None:
    slots = CustomerRule("slots", max=2, each="customer")
    together = given(CustomerRule("after", requires=NEEDS), slots)
    assert together == [(1, 1), (1, 2), (2, 2), (2, 3), (3, 1), (3, 4)]
    one = CustomerRule("one", max=1, each="customer", where={"offer": [1, 3, 4]})
    few = CustomerRule("few", max=0, each="customer", where={"offer": 2})
    # the second gets rice since the first has tea; jam needs what nobody has
    assert given(CustomerRule("after", requires=NEEDS), one, few) == [(1, 1), (2, 4), (3, 1)]
    each = CustomerRule("after", requires=NEEDS, each="customer")
    assert given(each, one, few) == [(1, 1), (3, 1)]


def test_the_history_of_another_member_counts_for_the_household() -> None:
    past = {"customer": [2, 3], "offer": [1, 2]}
    none = CustomerRule("no tea", max=0, where={"category": "tea"})
    after = {"requires": NEEDS}
    assert given(CustomerRule("after", **after), none, history=past) == [(2, 4)]
    each = CustomerRule("after", **after, each="customer")
    assert given(each, none, history={"customer": [1], "offer": [1]}) == []
    assert given(each, none, history=past) == [(2, 4)]


def test_a_history_without_days_of_its_own_is_earlier() -> None:
    late = {"offer": [1], "requires": [4]}
    rules = [
        CustomerRule("after", requires=late),
        CustomerRule("only", max=0, where={"day": {"min": 2}}),
    ]
    had = {"customer": [1], "offer": [4]}
    assert given(*rules, history=had, unit=None) == [(1, 1)]
    assert given(*rules, history={**had, "day": [2]}, unit=None) == []
    assert given(*rules, history={**had, "day": [0]}, unit=None) == [(1, 1)]


def test_windows_within_others_count_different_values_of_their_own() -> None:
    """A history with too many already forgives what it has had, in windows that it is in alone."""
    rule = CustomerRule("none", distinct="category", max=0, window=3, where={"offer": [1]})
    had = {"customer": [1], "offer": [1], "day": [2]}
    assert (1, 1) not in given(rule, history=had, unit=None)


@pytest.mark.parametrize("unit", [None, "home"])
def test_costs_of_messages_beside_sums_and_requirements(unit: str | None) -> None:
    rules = [
        CustomerRule("messages", cost=[0.0, 1.0, 2.0, 5.5]),
        CustomerRule("purse", sum="cost", max=0.75, each=unit and "customer"),
        CustomerRule("after", requires=NEEDS),
        CustomerRule("wide", distinct="category", min=2, where={"points": [1, 3]}),
    ]
    campaign = Campaign(OFFERS, CANDIDATES, HOMES, rules=rules, unit=unit)
    result = campaign.solve()
    pairs = result.allocation.to_arrow().select(["customer", "offer"]).to_pylist()
    found = [(pair["customer"], pair["offer"]) for pair in pairs]
    expected = {
        None: ([(1, 2), (1, 3), (2, 2), (2, 3), (3, 1), (3, 4)], 3.0),
        "home": ([(1, 1), (1, 3), (2, 2), (3, 1), (3, 4)], 4.0),
    }[unit]
    assert (found, result.message_costs) == expected
    assert result.bound == pytest.approx(result.objective, rel=1e-5)


def test_impossible_sums_of_households_are_proved(tmp_path: Path) -> None:
    rules = [
        CustomerRule("purse", sum="cost", max=0.5, each="customer"),
        CustomerRule("messages", cost=[0.1, 0.2, 0.3]),
    ]
    limits = [Limit("volume", min=5)]
    campaign = Campaign(OFFERS, CANDIDATES, HOMES, rules=rules, limits=limits, unit="home")
    result = campaign.solve()
    assert result.infeasible is not None
    names = {rule["customer_rule"] for rule in result.infeasible["customer_rules"]}
    assert names == {"purse", "messages"}
    folder = couponry.write_campaign(campaign, tmp_path / "campaign")
    assert couponry.verify_result(folder, result.write(tmp_path / "result")).problems == []


KINDS = ("households", "rule: each", "rule: sum", "rule: distinct", "rule: requires", "rule: costs")


def test_drawn_campaigns_against_every_allocation_that_there_is() -> None:
    """Those of the first ones that have the most of these rules together."""

    def kinds(number: int) -> int:
        features = draw(number).features
        return sum(any(f.startswith(kind) for f in features) for kind in KINDS)

    numbers = sorted(range(200), key=kinds, reverse=True)[:10]
    assert kinds(numbers[-1]) >= 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert {number: run_case(number).wrong for number in numbers} == dict.fromkeys(numbers, ())
