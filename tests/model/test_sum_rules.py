"""Customer rules about sums, different values and requirements: what they allow, and what they count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import couponry
from couponry import CustomerRule, Limit
from couponry.verify import verify_result

OFFERS = {
    "offer": [1, 2, 3, 4, 5],
    "day": [1, 3, 5, 9, 12],
    "category": ["tea", "tea", "jam", None, "rice"],
    "weight": [2.0, 1.0, 1.0, -3.0, 0.5],
    "points": [2, 1, 1, 1, 1],
}
CANDIDATES = {
    "customer": [1] * 5 + [2] * 5,
    "offer": [1, 2, 3, 4, 5] * 2,
    "value": [5.0, 4.0, 3.0, 2.0, 1.0] * 2,
    "cost": [0.5, 0.1, 0.1, 0.5, 0.1, 0.5, 0.1, 0.1, 0.5, 0.2],
}
CUSTOMERS = {"customer": [1, 2], "purse": [0.65, 0.2], "segment": ["gold", "silver"]}
HISTORY = {"customer": [1, 1], "offer": [4, 1], "day": [-1, None]}
NEEDS = {"offer": [3, 1], "requires": [2, 4]}


def campaign(*rules: CustomerRule, history: Any = None, **parts: Any) -> couponry.Campaign:
    return couponry.Campaign(OFFERS, CANDIDATES, CUSTOMERS, history, rules=list(rules), **parts)


def given(*rules: CustomerRule, history: Any = None, **parts: Any) -> list[list[int]]:
    """What customers 1 and 2 get."""
    result = campaign(*rules, history=history, **parts).solve()
    rows = result.allocation.to_arrow().to_pylist()
    return [[row["offer"] for row in rows if row["customer"] == one] for one in (1, 2)]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"sum": "cost", "max": 0.6}, [[1, 2], [1, 2]]),
        ({"sum": "cost", "max": 0.3}, [[2, 3, 5], [2, 3]]),  # 0.1 + 0.1 + 0.1 is no more than 0.3
        ({"sum": "cost", "max": "purse"}, [[1, 2], [2, 3]]),
        ({"sum": "cost", "max": 0.3, "where": {"day": {"min": 5}}}, [[1, 2, 3, 5], [1, 2, 3, 5]]),
        ({"sum": "cost", "max": 0.3, "customers": {"segment": "gold"}}, [[2, 3, 5], [1, 2, 3, 4, 5]]),
        ({"sum": "cost", "max": 0.5, "by": "category"}, [[1, 3, 4, 5], [1, 3, 4, 5]]),
        ({"sum": "cost", "max": 0.5, "window": 5}, [[2, 3, 5], [2, 3, 5]]),
        ({"sum": "weight", "max": -1.0}, [[2, 3, 4], [2, 3, 4]]),
        ({"sum": "weight", "min": 4.75}, [[], []]),
        ({"sum": "weight", "min": 4.25}, [[1, 2, 3, 5], [1, 2, 3, 5]]),
        ({"sum": "weight", "min": 1.5, "where": {"offer": [2, 5]}}, [[1, 2, 3, 4, 5]] * 2),
        ({"sum": "weight", "min": 1.75, "where": {"offer": [2, 5]}}, [[1, 3, 4]] * 2),
        ({"sum": "weight", "min": 0.0, "max": 0.25}, [[1, 2, 4], [1, 2, 4]]),
        ({"sum": "cost", "max": 0.25, "resolution": 0.2}, [[2], [2]]),  # each counts as 0.2
        ({"sum": "count", "max": 2}, [[1, 2], [1, 2]]),
        ({"distinct": "category", "max": 1}, [[1, 2, 4], [1, 2, 4]]),
        ({"distinct": "category", "max": 0}, [[4], [4]]),
        ({"distinct": "category", "min": 9}, [[1, 2, 3, 4, 5]] * 2),  # as many as there are
    ],
)  # fmt: skip
def test_bounds_of_sums_and_different_values(keys: dict[str, Any], expected: Any) -> None:
    assert given(CustomerRule("R", **keys)) == expected


def test_at_least_so_many_different_values_within_the_slots() -> None:
    wide = CustomerRule("wide", distinct="category", min=3)
    assert given(CustomerRule("slots", max=3), wide) == [[1, 3, 5]] * 2
    assert given(CustomerRule("slots", max=2), wide) == [[], []]
    assert given(CustomerRule("slots", max=2, min=1), wide) == [[], []]  # kept before any min


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"sum": "weight", "max": 1.0, "history": True}, [[1, 2, 3, 4, 5], [1, 2, 3, 4]]),
        ({"sum": "points", "max": 2, "window": 7}, [[4, 5], [1, 4, 5]]),
        ({"sum": "points", "max": 2, "window": 7, "history": False}, [[1, 4, 5], [1, 4, 5]]),
        ({"distinct": "category", "max": 1, "history": True}, [[1, 2, 4], [1, 2, 4]]),
        ({"distinct": "category", "min": 4, "history": True}, [[1, 2, 3, 4, 5]] * 2),
    ],
)
def test_the_history_in_sums_and_different_values(keys: dict[str, Any], expected: Any) -> None:
    assert given(CustomerRule("R", **keys), history=HISTORY) == expected


@pytest.mark.parametrize(
    ("keys", "history", "expected"),
    [
        ({}, None, [[2, 3], [2, 3]]),
        ({}, HISTORY, [[1, 2], [2, 3]]),
        ({"history": False}, HISTORY, [[2, 3], [2, 3]]),
        ({"within": 1}, None, [[2, 4], [2, 4]]),
        ({"within": 2}, HISTORY, [[1, 2], [2, 3]]),
        ({"within": 1}, HISTORY, [[2, 4], [2, 4]]),
        ({"customers": {"segment": "gold"}}, None, [[2, 3], [1, 2]]),
    ],
)
def test_requirements(keys: dict[str, Any], history: Any, expected: Any) -> None:
    rule = CustomerRule("R", requires=NEEDS, **keys)
    assert given(CustomerRule("slots", max=2), rule, history=history) == expected


def test_requirements_within_days_of_their_own() -> None:
    needs = {**NEEDS, "within": [1, None]}
    assert given(CustomerRule("slots", max=2), CustomerRule("R", requires=needs)) == [[2, 4]] * 2
    rule = CustomerRule("R", requires=needs, within=2)
    slots = CustomerRule("slots", max=2)
    assert given(slots, rule, history=HISTORY) == [[1, 2], [2, 4]]


def test_without_days_what_comes_together_is_in_time() -> None:
    offers = {name: column for name, column in OFFERS.items() if name != "day"}
    rules = [CustomerRule("slots", max=2), CustomerRule("R", requires=NEEDS)]
    candidates = {**CANDIDATES, "value": [5.0, 4.0, 2.5, 2.0, 1.0] * 2}
    result = couponry.Campaign(offers, candidates, rules=rules).solve()
    assert result.allocation.to_arrow()["offer"].to_pylist() == [1, 4, 1, 4]


def test_explain_names_the_rule() -> None:
    rules = [CustomerRule("purse", sum="cost", max=0.6), CustomerRule("R", requires=NEEDS)]
    result = campaign(*rules).solve()
    decisions = {decision.offer: decision for decision in result.explain(1).decisions}
    assert "R" in decisions[1].decided_by
    assert "purse" in decisions[4].decided_by


def test_files_say_the_same(tmp_path: Path) -> None:
    rules = [
        CustomerRule("purse", sum="cost", max="purse", resolution=0.01),
        CustomerRule("R", requires={**NEEDS, "within": [None, 3]}),
        CustomerRule("wide", distinct="category", min=2, customers={"segment": "gold"}),
    ]
    made = campaign(*rules, history=HISTORY, limits=[Limit("all", max=3)])
    folder = couponry.write_campaign(made, tmp_path / "campaign")
    again = couponry.read_campaign(folder)
    assert [rule.sum for rule in again.rules] == ["cost", None, None]
    found = again.solve()
    assert found.allocation.to_arrow().equals(made.solve().allocation.to_arrow())
    assert verify_result(folder, found.write(tmp_path / "result")).problems == []


def test_changed_rules_may_sum_what_was_read_alone() -> None:
    made = campaign(CustomerRule("purse", sum="cost", max=1.0))
    assert made.changed(rules={"purse": {"max": 0.3}}).solve().objective == 8.0 + 7.0
    with pytest.raises(couponry.InvalidInput, match="has not read a column 'size'"):
        made.changed(rules={"purse": {"sum": "size"}})


@pytest.mark.parametrize(
    "keys", [{"sum": "count", "max": "limit"}, {"distinct": "offer", "max": 1}]
)
def test_bounds_of_a_unit_are_those_of_all_its_customers(keys: dict[str, Any]) -> None:
    people = {"customer": [1, 2], "home": ["h", "h"], "limit": [1.0, 2.0]}
    two = {"customer": [1, 2], "offer": [1, 1], "value": [3.0, 2.0]}

    def given(**more: Any) -> list[int]:
        rule = CustomerRule("R", **keys, **more)
        made = couponry.Campaign({"offer": [1]}, two, people, rules=[rule], unit="home")
        return made.solve().allocation.to_arrow()["customer"].to_pylist()

    assert given(each="customer") == [1, 2]
    if keys["max"] == "limit":
        with pytest.raises(couponry.InvalidInput, match="'R': expected one max 'limit' for all"):
            given()
    else:
        assert given() == [1, 2]  # one offer, whoever gets it
