"""What ratios and shares of an infeasible set can come to, against every allocation."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from couponry import Campaign, CustomerRule, Limit, verify_result, write_campaign
from couponry.solver.infeasibility.reachable_ratios import RatioRanges
from couponry.utils.errors import OutOfTime

CUSTOMERS, OFFERS = 4, 3
RNG = np.random.default_rng(3)
VALUE, COST = ((RNG.random(CUSTOMERS * OFFERS) + 0.1).round(2) for _ in range(2))
TWO = CustomerRule("slots", min=2, max=2)


def campaign(limit: Limit) -> Campaign:
    candidates = {
        "customer": np.repeat(np.arange(CUSTOMERS), OFFERS),
        "offer": np.tile(np.arange(OFFERS), CUSTOMERS),
        "value": VALUE,
        "cost": COST,
    }
    return Campaign({"offer": np.arange(OFFERS)}, candidates, rules=[TWO], limits=[limit])


def every_ratio() -> list[float]:
    """Value by cost of every allocation in which everybody has two."""
    pairs = list(combinations(range(OFFERS), 2))
    chosen = (
        [OFFERS * i + j for i, pair in enumerate(each) for j in pair]
        for each in product(pairs, repeat=CUSTOMERS)
    )
    return [float(VALUE[rows].sum() / COST[rows].sum()) for rows in chosen]


CASES = {
    "at least": (Limit("return", ratio=("value", "cost"), min=50.0), max(every_ratio()), 0),
    "at most": (Limit("return", ratio=("value", "cost"), max=0.01), min(every_ratio()), 0),
    "a share": (Limit("part", where={"offer": 0}, share=True, min=0.9), 0.5, 1),
}  # and the most that everybody can have under the limit: without coupons no ratio is broken, one each is offer 0


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_best_of_all_allocations(name: str, tmp_path: Path) -> None:
    limit, best, slots = CASES[name]
    result = campaign(limit).solve(threads=1)
    assert result.infeasible is not None
    (entry,) = result.infeasible["limits"]
    assert entry["reachable"] == pytest.approx(best, rel=1e-12)
    (rule,) = result.infeasible["customer_rules"]
    assert rule == {"customer_rule": "slots", "min": 2, "max": 2, "reachable": {"min": slots}}
    folder = write_campaign(campaign(limit), tmp_path / "campaign")
    assert verify_result(folder, result.write(tmp_path / "out")).ok


@pytest.mark.parametrize("name", CASES)
def test_where_no_allocation_is_known_nothing_is_beyond_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, best, _ = CASES[name]
    monkeypatch.setattr(RatioRanges, "_attained", lambda *_: None)
    found = campaign(limit).solve(threads=1).infeasible
    assert found is not None
    (entry,) = found["limits"]
    assert entry["reachable"] == pytest.approx(best, rel=2e-5)
    assert entry["reachable"] >= best if "min" in entry else entry["reachable"] <= best


@pytest.mark.parametrize(("tried", "is_known"), [(0, False), (1, False), (6, True)])
def test_a_clock_that_ends_the_search_leaves_what_was_found(
    tried: int, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing nearer than what is asked was found, that is said, not what is asked."""
    limit, best, _ = CASES["at least"]
    room, left = RatioRanges._room, iter(range(tried))

    def until_out_of_time(*arguments: Any) -> float | None:
        if next(left, None) is None:
            raise OutOfTime
        return room(*arguments)

    monkeypatch.setattr(RatioRanges, "_attained", lambda *_: None)
    monkeypatch.setattr(RatioRanges, "_room", until_out_of_time)
    found = campaign(limit).solve(threads=1).infeasible
    assert found is not None
    (entry,) = found["limits"]
    if is_known:
        assert best <= entry["reachable"] < limit.min
    else:
        assert entry["reachable"] is None
        assert "limit 'return' asks min 50 (what is reachable was not found)" in found["message"]


@pytest.mark.parametrize("resolution", [None, 0.25])
def test_of_a_sum_it_is_a_multiple_of_the_resolution(resolution: float | None) -> None:
    """Two of an offer each, worth 1.25, and no third: a least sum of 2.5 can be kept, one of 2.75 cannot."""
    worth = CustomerRule("worth", sum="worth", min=2.75, resolution=resolution)
    campaign = Campaign(
        {"offer": [0, 1], "worth": [1.25, 1.25]},
        {"customer": [0, 0], "offer": [0, 1], "value": [1.0, 1.0]},
        rules=[worth],
        limits=[Limit("some", min=1)],
    )
    found = campaign.solve(threads=1).infeasible
    assert found is not None
    (entry,) = found["customer_rules"]
    least = entry["reachable"]["min"]
    assert least == 2.5 if resolution else 2.5 <= least <= 2.5 + 0.0275
