"""The summary says what was not kept, and who got coupons."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from couponry import Campaign, CustomerRule, Limit, Result
from couponry.results import allocation as allocations

CUSTOMERS = 1200
OFFERS = {"offer": ["tea", "jam"], "brand": ["A", "B"]}
CANDIDATES = {
    "customer": np.repeat(np.arange(CUSTOMERS), 2)[:-1],
    "offer": (["tea", "jam"] * CUSTOMERS)[:-1],
    "value": np.random.default_rng(1).uniform(1.0, 2.0, 2 * CUSTOMERS - 1),
}
WISH = Limit("wish", where={"brand": "A"}, min=700, mode="soft", penalty=0.001)
LIMITS = [
    Limit("in all", max=1000),
    WISH,
    Limit("share", by="brand", max=100, mode="soft", penalty=0.01),
]


CUSTOMER_TABLE = {"customer": np.arange(CUSTOMERS), "least": [0] * (CUSTOMERS - 10) + [1] * 10}
RULES = [CustomerRule("jam for some", where={"brand": "B"}, min="least")]


def solved() -> Result:
    """The last customer is to have jam, and is no candidate for any."""
    campaign = Campaign(OFFERS, CANDIDATES, CUSTOMER_TABLE, rules=RULES, limits=LIMITS)
    return campaign.solve(gap=0.01)


@pytest.fixture(scope="module")
def result() -> Result:
    return solved()


def test_customers_are_those_who_got_a_coupon(result: Result) -> None:
    got = set(result.allocation.to_arrow()["customer"].to_pylist())
    assert len(got) < CUSTOMERS and result.customers_with_coupons == len(got)
    said = f"1,000 coupons to {len(got):,} customers of 1,200; {CUSTOMERS - len(got):,} got none"
    assert dict(result.facts())["allocated"] == said
    assert said in result._repr_html_() and said in result.summary()
    everybody = Campaign(OFFERS, CANDIDATES).solve()
    assert dict(everybody.facts())["allocated"] == "2,399 coupons to 1,200 customers"


def test_what_is_not_kept_is_said(result: Result) -> None:
    texts = [text for name, text in result.facts() if name == "not kept"]
    rows = {(row["name"], row["group"]): row["achieved"] for row in result.limits.to_pylist()}
    assert "1 customer below a minimum of the rules" in texts
    tea, jam = rows["share", "A"], rows["share", "B"]
    assert f"soft limit 'share' [A]: {tea:,.0f} is {tea - 100:,.0f} above its max of 100" in texts
    assert f"soft limit 'share' [B]: {jam:,.0f} is {jam - 100:,.0f} above its max of 100" in texts
    missed = f"soft limit 'wish': {tea:,.0f} is {700 - tea:,.0f} below its min of 700"
    assert (missed in texts) == (tea < 700)
    kept = Campaign(OFFERS, CANDIDATES, limits=[Limit("in all", max=1000)]).solve()
    assert "not kept" not in kept.summary()


def test_many_soft_limits_are_counted() -> None:
    groups = [f"g{n}" for n in range(9)]
    offers = {"offer": list(range(9)), "brand": groups}
    candidates = {"customer": [1] * 9, "offer": list(range(9)), "value": [1.0] * 9}
    limits = [Limit("wish", by="brand", min=5, mode="soft", penalty=0.1)]
    with pytest.warns(UserWarning, match="cannot be reached"):
        result = Campaign(offers, candidates, limits=limits).solve()
    texts = [text for name, text in result.facts() if name == "not kept"]
    assert len(texts) == 6 and texts[-1] == "and 4 more soft limits"


@pytest.mark.parametrize("rows", ["whole", "in parts"])
def test_result_json_counts_them(
    result: Result, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rows == "in parts":
        monkeypatch.setattr(allocations, "PART_ROWS", 400)
        monkeypatch.setattr("couponry.result.PART_ROWS", 400)
    written = solved().write(tmp_path / "out")
    content = json.loads((written / "result.json").read_text())
    assert content["customers_with_coupons"] == result.customers_with_coupons


def test_nobody_got_anything() -> None:
    infeasible = Campaign(OFFERS, CANDIDATES, limits=[Limit("x", min=5, max=6), Limit("y", max=4)])
    result = infeasible.solve()
    assert result.status == "infeasible" and result.customers_with_coupons == 0
    nothing = Campaign(OFFERS, CANDIDATES, limits=[Limit("x", max=0)]).solve()
    assert "0 coupons to 0 customers of 1,200; 1,200 got none" in nothing.summary()


def test_printing_says_the_summary(result: Result) -> None:
    """Of results, and of what they are asked."""
    for told in (result, result.explain(5), result.price_ranges(limits=["in all"])):
        assert str(told) == told.summary()
    campaign = Campaign(OFFERS, CANDIDATES, name="tea")
    assert str(campaign) == campaign.summary() and repr(campaign).startswith("<Campaign 'tea'")
