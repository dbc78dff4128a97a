"""A campaign does not change: what is asked of it is another campaign, the same as one stated afresh."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from tests.support.campaigns import random_tables

from couponry import Allocation, Campaign, CustomerRule, InvalidInput, Limit, Result

GAP = 1e-6
TABLES = random_tables(seed=5, customers=60, each=7)
PAIRS = TABLES["candidates"].drop_columns(
    ["value"]
)  # value follows from response and the offers' money
FIRST, SECOND = TABLES["offers"]["offer"][0].as_py(), TABLES["offers"]["offer"][3].as_py()
RULES = [CustomerRule("slots", max=3), CustomerRule("one per product", by="product", max=1)]
LIMITS = [Limit("in all", max=100), Limit("weight", sum="weight", max=70.0)]


def stated(offers: pa.Table | None = None, rules: Any = RULES, limits: Any = LIMITS) -> Campaign:
    """The campaign, stated afresh."""
    return Campaign(
        TABLES["offers"] if offers is None else offers,
        PAIRS,
        TABLES["customers"],
        rules=rules,
        limits=limits,
        name="fresh",
    )


def with_offers(**changes: dict[str, float]) -> pa.Table:
    """The offers table with some numbers of the first and the second offer changed."""
    rows = TABLES["offers"].to_pylist()
    for row in rows:
        row.update(changes["first"] if row["offer"] == FIRST else {})
        row.update(changes["second"] if row["offer"] == SECOND else {})
    return pa.Table.from_pylist(rows, TABLES["offers"].schema)


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return stated()


@pytest.fixture(scope="module")
def result(campaign: Campaign) -> Result:
    return campaign.solve(gap=GAP, threads=1)


# ---- nothing can be assigned


ATTRIBUTES = ("offers", "candidates", "customers", "history", "rules", "limits", "value", "name", "seconds", "data",
              "colour", "_data")  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_assignment_is_refused_and_says_what_to_do(campaign: Campaign, name: str) -> None:
    for change in (
        lambda: setattr(campaign, name, None),
        lambda: delattr(campaign, name),
    ):
        with pytest.raises(AttributeError, match=rf"Campaign.{name}: .*campaign.changed\(\.\.\.\)"):
            change()


def test_rules_and_limits_cannot_be_appended_to(campaign: Campaign) -> None:
    assert isinstance(campaign.rules, tuple) and isinstance(campaign.limits, tuple)
    for parts in (campaign.rules, campaign.limits):
        assert not hasattr(parts, "append")
    with pytest.raises(AttributeError):
        campaign.limits[0].max = 1  # type: ignore[misc]


def test_the_lists_that_were_handed_over_are_not_held() -> None:
    rules, limits = list(RULES), list(LIMITS)
    campaign = stated(rules=rules, limits=limits)
    rules.clear()
    limits.append(Limit("later", max=1))
    assert campaign.rules == tuple(RULES) and campaign.limits == tuple(LIMITS)


def test_copies_are_the_same_campaign(campaign: Campaign, result: Result) -> None:
    for other in (copy.copy(campaign), copy.deepcopy(campaign)):
        assert type(other) is Campaign and other.limits == campaign.limits
        assert other.solve(gap=GAP, threads=1).objective == result.objective
    assert copy.copy(campaign).candidates is campaign.candidates


# ---- chains of changes


def test_offers_changed_twice(campaign: Campaign, result: Result) -> None:
    once = campaign.changed(offers={FIRST: {"margin": 5.0}})
    twice = once.changed(offers={FIRST: {"margin": "* 0.5"}, SECOND: {"face_value": 0.3}})
    fresh = stated(with_offers(first={"margin": 2.5}, second={"face_value": 0.3}))
    assert twice.offers.equals(fresh.offers)
    assert twice.solve(gap=GAP, threads=1).objective == fresh.solve(gap=GAP, threads=1).objective
    assert campaign.offers.to_pylist() == TABLES["offers"].to_pylist()  # as it was
    assert campaign.solve(gap=GAP, threads=1).objective == result.objective


def test_a_chain_of_what_ifs_is_a_fresh_campaign(campaign: Campaign, result: Result) -> None:
    """Limits, then offers, then rules, then limits again, each asked of the campaign before."""
    steps: list[dict[str, Any]] = [
        {"limits": {"in all": {"max": "-10 %"}}},
        {"offers": {FIRST: {"margin": 4.0}}},
        {"rules": {"slots": {"max": 2}}, "drop_rules": ["one per product"]},
        {"limits": {"in all": {"max": "-10 %"}}, "add_limits": [Limit("A", where={"brand": "A"}, max=20)]},
        {"offers": {SECOND: {"margin": 3.0}}},
    ]  # fmt: skip
    now, before = campaign, result
    for step in steps:
        comparison = now.what_if(before, gap=GAP, **step)
        assert comparison.before is before and comparison.campaign is not now
        changed = now.changed(**step)
        assert comparison.campaign.limits == changed.limits
        assert comparison.campaign.rules == changed.rules
        assert comparison.campaign.offers.equals(changed.offers)
        now, before = comparison.campaign, comparison.after
    fresh = stated(
        with_offers(first={"margin": 4.0}, second={"margin": 3.0}),
        rules=[CustomerRule("slots", max=2)],
        limits=[
            Limit("in all", max=81.0),
            Limit("weight", sum="weight", max=70.0),
            Limit("A", where={"brand": "A"}, max=20),
        ],
    )
    assert now.limits == fresh.limits and now.rules == fresh.rules
    assert now.offers.equals(fresh.offers) and now.candidates is campaign.candidates
    cold = fresh.solve(gap=GAP, threads=1)
    assert before.status == cold.status == "optimal"
    assert before.objective == pytest.approx(cold.objective, rel=2 * GAP)
    assert now.solve(gap=GAP, threads=1).objective == cold.objective


def test_the_changed_campaign_answers_for_itself(campaign: Campaign, result: Result) -> None:
    comparison = campaign.what_if(result, limits={"in all": {"max": 80}}, gap=GAP)
    other = comparison.campaign
    assert isinstance(other, Campaign) and isinstance(comparison.after, Result)
    assert other.limits[0].max == 80 and campaign.limits[0].max == 100
    back = other.what_if(comparison.after, limits={"in all": {"max": 100}}, gap=GAP)
    assert back.after.objective == pytest.approx(result.objective, rel=2 * GAP)
    assert other.frontier("in all", [80], result=comparison.after, gap=GAP).to_arrow().num_rows == 1


@pytest.mark.parametrize(
    "change",
    [
        {"limits": {"in all": {"max": 80}}},
        {"offers": {FIRST: {"margin": 4.0}}},
        {"rules": {"slots": {"max": 2}}},
    ],
    ids=["limits", "offers", "rules"],
)
def test_a_result_of_a_changed_campaign_is_refused_in_a_sentence(
    campaign: Campaign, result: Result, change: dict[str, Any]
) -> None:
    comparison = campaign.what_if(result, gap=GAP, **change)
    words = "got one of a campaign with other offers, limits or rules; ask that campaign, such as `comparison.campaign`"
    with pytest.raises(InvalidInput, match=words):
        campaign.what_if(comparison.after, limits={"in all": {"max": 90}})
    with pytest.raises(InvalidInput, match=words):
        campaign.frontier("in all", [90], result=comparison.after)


def test_what_is_wrong_with_a_sweep_is_said_before_a_solve(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Campaign, "solve", lambda *_, **__: pytest.fail("solved"))
    for bounds in ([], ["a"], [None]):
        with pytest.raises(InvalidInput, match="frontier: "):
            campaign.frontier("in all", bounds)


# ---- seconds


def test_preparation_is_counted_once(campaign: Campaign) -> None:
    """Candidates were made once: a campaign that is changed afterwards took no time to be made."""
    made = Campaign.from_data(replace(campaign.data, seconds={"history": 5.0, "fit": 2.0}))
    result = made.solve(threads=1)
    assert result.seconds["history"] == 5.0 and result.seconds["fit"] == 2.0
    assert made.solve(threads=1).seconds["history"] == 5.0  # not twice as much
    for change in ({"limits": {"in all": {"max": 90}}}, {"offers": {FIRST: {"margin": 4.0}}},
                   {"rules": {"slots": {"max": 2}}}):  # fmt: skip
        comparison = made.what_if(result, **change)  # type: ignore[arg-type]
        assert comparison.before.seconds["history"] == 5.0
        assert not {"history", "fit"} & set(comparison.after.seconds)
        assert not comparison.campaign.seconds
    assert made.seconds == {"history": 5.0, "fit": 2.0}


# ---- old names


def test_coupons_is_an_old_name_of_the_allocation(result: Result) -> None:
    assert isinstance(result.allocation, Allocation)
    with pytest.warns(
        DeprecationWarning, match=r"Result\.coupons is now called Result\.allocation"
    ):
        assert result.coupons is result.allocation


def test_the_allocation_can_still_be_used_as_a_table(result: Result) -> None:
    allocation = result.allocation
    assert allocation is not None
    table = allocation.to_arrow()
    with pytest.warns(DeprecationWarning, match=r"to_arrow\(\)\.num_rows"):
        assert allocation.num_rows == table.num_rows == len(allocation)
    with pytest.warns(DeprecationWarning, match=r"to_arrow\(\)\.slice"):
        assert allocation.slice(0, 3).equals(table.slice(0, 3))
    with pytest.warns(DeprecationWarning, match=r"to_arrow\(\)\['offer'\]"):
        assert allocation["offer"].equals(table["offer"])
    with pytest.raises(AttributeError, match="Allocation has no attribute 'colour'"):
        _ = allocation.colour


def test_the_allocation_is_whatever_takes_arrow(result: Result) -> None:
    import polars

    allocation = result.allocation
    assert allocation is not None
    table = allocation.to_arrow()
    assert pa.table(allocation).equals(table)
    assert pa.Table.from_batches(allocation.batches(), allocation.schema).equals(table)
    assert allocation.to_pandas().equals(table.to_pandas())
    assert allocation.to_polars().equals(polars.from_arrow(table))
    assert polars.DataFrame(allocation).equals(allocation.to_polars())
