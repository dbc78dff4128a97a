"""`CampaignData` cannot be changed; chains of changes give the campaign that would be stated afresh, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import FrozenInstanceError, fields
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.support.campaigns import random_tables

from couponry import Campaign, CustomerRule, InvalidInput, Limit, verify_result, write_campaign
from couponry.model.campaign_data import CampaignData
from couponry.model.changes import changed, changed_number
from couponry.results.options import SolveOptions
from couponry.results.solution import CampaignSolution
from couponry.results.solve import solve

TABLES = random_tables(seed=3, customers=80, each=7)
FIRST, SECOND = TABLES["offers"]["offer"][0].as_py(), TABLES["offers"]["offer"][5].as_py()
PAIRS = TABLES["candidates"].drop_columns(
    ["value"]
)  # value follows from response and the offers' money
RULES = (
    CustomerRule("slots", max=3),
    CustomerRule("one per product", by="product", max=1),
    CustomerRule("something by mail", where={"channel": "mail"}, min=1),
)
BRANDS = pa.table({"brand": ["A", "B"], "min": [20.0, None], "max": [None, 60.0]})
LIMITS = (
    Limit("in all", max=150),
    Limit("weight", sum="weight", max=90.0),
    Limit("brands", by="brand", table=BRANDS),
)


def made(
    offers: pa.Table = TABLES["offers"],
    rules: Sequence[CustomerRule] = RULES,
    limits: Sequence[Limit] = LIMITS,
) -> CampaignData:
    """The campaign, stated afresh."""
    return CampaignData.make(offers, PAIRS, TABLES["customers"], rules=rules, limits=limits)


def solved(campaign: CampaignData) -> CampaignSolution:
    return solve(campaign, SolveOptions(gap=1e-6, threads=1))


def assert_same_solution(campaign: CampaignData, fresh: CampaignData) -> None:
    found, expected = solved(campaign), solved(fresh)
    assert found.status == expected.status == "optimal"
    assert found.objective == expected.objective and found.bound == expected.bound
    assert found.prices.tobytes() == expected.prices.tobytes()
    assert found.limits is not None and found.limits.equals(expected.limits)
    allocations = [
        Campaign.from_data(c).solve(gap=1e-6, threads=1).allocation for c in (campaign, fresh)
    ]
    assert allocations[0] is not None and allocations[1] is not None
    assert allocations[0].to_arrow().equals(allocations[1].to_arrow())


@pytest.fixture(scope="module")
def campaign() -> CampaignData:
    return made()


# ---- nothing of it changes


@pytest.mark.parametrize("name", [field.name for field in fields(CampaignData)])
def test_fields_cannot_be_assigned_or_deleted(campaign: CampaignData, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(campaign, name, None)
    with pytest.raises(FrozenInstanceError):
        delattr(campaign, name)


def test_candidates_are_read_only(campaign: CampaignData) -> None:
    candidates = campaign.candidates
    for array in (candidates.indptr, candidates.offer, *candidates.columns.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_lists_that_were_handed_over_are_not_held() -> None:
    rules, limits = list(RULES), list(LIMITS)
    campaign = made(rules=rules, limits=limits)
    rules.clear()
    limits.append(Limit("later", max=1))
    assert campaign.rules == RULES and campaign.limits == LIMITS


def test_a_change_leaves_the_campaign_as_it_was(campaign: CampaignData) -> None:
    offers = campaign.offers.to_pylist()
    for change in CHANGES.values():
        assert changed(campaign, **change) is not campaign
    assert campaign.offers.to_pylist() == offers
    assert campaign.rules == RULES and campaign.limits == LIMITS


def test_changes_share_the_candidates(campaign: CampaignData) -> None:
    for change in CHANGES.values():
        other = changed(campaign, **change)
        assert other.candidates is campaign.candidates and other.customers is campaign.customers
        assert not other.is_same_as(campaign) and campaign.is_same_as(campaign)


def test_no_change_is_the_same_campaign(campaign: CampaignData) -> None:
    again = changed(campaign, limits={}, rules={})
    assert again.is_same_as(campaign)
    assert not made().is_same_as(campaign)  # its candidates are others, though they are equal


# ---- chains of changes


CHANGES: Mapping[str, dict[str, Any]] = {
    "offers": {"offers": {FIRST: {"margin": "* 1.5"}, SECOND: {"face_value": 0.1, "brand": "A"}}},
    "limits": {
        "limits": {"in all": {"max": "-10 %"}, ("brands", "A"): {"min": 25}},
        "drop_limits": ["weight"],
        "add_limits": [Limit("mail", where={"channel": "mail"}, max=100)],
    },
    "rules": {
        "rules": {"slots": {"max": 2}},
        "drop_rules": ["one per product"],
        "add_rules": [CustomerRule("days", where={"day": {"max": 12}}, max=1)],
    },
}


def final_offers() -> pa.Table:
    rows = TABLES["offers"].to_pylist()
    for row in rows:
        if row["offer"] == FIRST:
            row["margin"] = row["margin"] * 1.5
        if row["offer"] == SECOND:
            row.update(face_value=0.1, brand="A")
    return pa.Table.from_pylist(rows, TABLES["offers"].schema)


def fresh() -> CampaignData:
    """What the three changes come to, stated afresh."""
    brands = pa.table({"brand": ["A", "B"], "min": [25.0, None], "max": [None, 60.0]})
    return made(
        final_offers(),
        rules=[
            CustomerRule("slots", max=2),
            CustomerRule("something by mail", where={"channel": "mail"}, min=1),
            CustomerRule("days", where={"day": {"max": 12}}, max=1),
        ],
        limits=[
            Limit("in all", max=135.0),
            Limit("brands", by="brand", table=brands),
            Limit("mail", where={"channel": "mail"}, max=100),
        ],
    )


@pytest.mark.parametrize("order", list(permutations(CHANGES)), ids="-".join)
def test_a_chain_in_any_order_is_a_campaign_stated_afresh(
    campaign: CampaignData, order: tuple[str, ...]
) -> None:
    now = campaign
    for name in order:
        now = changed(now, **CHANGES[name])
    expected = fresh()
    assert now.offers.equals(expected.offers) and now.rules == expected.rules
    assert now.with_limits(now.limits[:1]).limits == expected.limits[:1]
    assert_same_solution(now, expected)


def test_all_at_once_is_one_after_the_other(campaign: CampaignData) -> None:
    together = changed(campaign, **{k: v for change in CHANGES.values() for k, v in change.items()})
    assert_same_solution(together, fresh())


def test_there_and_back_is_the_campaign_itself(campaign: CampaignData) -> None:
    there = changed(campaign, limits={"in all": {"max": 90}}, rules={"slots": {"max": 1}})
    assert solved(there).objective != solved(campaign).objective
    back = changed(there, limits={"in all": {"max": 150}}, rules={"slots": {"max": 3}})
    assert back.is_same_as(campaign)
    assert_same_solution(back, campaign)


# ---- what is wrong is said, with the nearest name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limits": {"in al": {"max": 1}}}, "no limit 'in al'; did you mean 'in all'?"),
        ({"drop_limits": ["wait"]}, "drop_limits: there is no 'wait'; did you mean 'weight'?"),
        ({"drop_limits": "height of folly"}, "drop_limits: there is no 'height of folly'"),
        ({"rules": {"slot": {"max": 1}}}, "no rule 'slot'; did you mean 'slots'?"),
        ({"rules": {"slots": {"mx": 1}}}, "fields of one, got {'mx': 1}; did you mean 'max'?"),
        ({"limits": {("brands", "Z"): {"max": 1}}}, "no group 'Z'"),
        ({"offers": {-1: {"margin": 1}}}, "there is no offer -1"),
        ({"offers": {FIRST: {"margins": 1}}}, "'margins' to change; did you mean 'margin'?"),
        ({"offers": {FIRST: {"margin": "+x %"}}}, "expected a number, None or a change"),
        ({"add_limits": [Limit("x", sum="wait", max=1)]}, "has not read a column 'wait'"),
    ],
)
def test_bad_changes(campaign: CampaignData, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        changed(campaign, **change)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "now", "then"),
    [(5, None, 5), (2.5, 1.0, 2.5), (None, 3.0, None), ("+5 %", 100.0, 105.0), ("-20%", 10.0, 8.0), ("* 1.5", 4, 6.0)],
)  # fmt: skip
def test_numbers_change_by_what_the_text_says(change: Any, now: Any, then: Any) -> None:
    found = changed_number(change, now, "x")
    assert found == then if then is None else found == pytest.approx(then)


@pytest.mark.parametrize("kind", ["reader", "frame"])
def test_tables_of_rules_and_limits_are_read_once(kind: str) -> None:
    conflicts = pa.table({"offer_a": ["a"], "offer_b": ["b"]})
    bounds = pa.table({"offer": ["c"], "max": [0.0]})
    if kind == "reader":
        given: list[Any] = [conflicts.to_reader(), bounds.to_reader()]
    else:
        given = [conflicts.to_pandas(), bounds.to_pandas()]
    rules = [CustomerRule("apart", conflicts=given[0])]
    limits = [Limit("none of it", by="offer", table=given[1])]
    offers = {"offer": ["a", "b", "c"]}
    candidates = {"customer": [1, 1, 1], "offer": ["a", "b", "c"], "value": [1.0, 2.0, 4.0]}
    campaign = Campaign(offers, candidates, rules=rules, limits=limits)
    if kind == "frame":  # what becomes of it later is not what the campaign was made of
        given[0].loc[0, "offer_b"] = "c"
        given[1]["max"] = 9.0
    for _ in range(2):
        assert campaign.solve().allocation.to_arrow()["offer"].to_pylist() == ["b"]


def test_bounds_that_float64_does_not_hold(tmp_path: Path) -> None:
    large = 2**53 + 1
    limits = [Limit("wish", min=large, mode="soft", penalty=1.0), Limit("in all", max=10**25)]
    candidates = {"customer": [1, 1], "offer": ["a", "b"], "value": [1.0, 2.0]}
    campaign = Campaign({"offer": ["a", "b"]}, candidates, limits=limits)
    result = campaign.solve()
    assert result.limits.select(["min", "max"]).to_pylist() == [
        {"min": 2.0**53, "max": None},
        {"min": None, "max": 1e25},
    ]
    folder = write_campaign(campaign, tmp_path / "campaign")
    assert verify_result(folder, result.write(tmp_path / "out")).ok
    bounds = [Limit("by offer", by="offer", table={"offer": ["a"], "max": [5.0]})]
    more = campaign.with_limits(bounds).changed(limits={("by offer", "a"): {"max": large}})
    assert more.solve().limits["max"].to_pylist() == [2.0**53]


def test_names_that_are_no_text_do_not_name_their_part() -> None:
    for part, called in ((CustomerRule, "customer_rule 2"), (Limit, "limit 2")):
        with pytest.raises(InvalidInput, match=f"^{called}: name: expected text"):
            part.parse({"name": {"a: b": 1}, "max": 1}, 2)
