"""Changed campaigns beside the original, and sweeps: the same as solving them afresh, at less cost."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.instances.synthetic import Synthetic
from tests.support.campaigns import random_tables

from couponry import (
    Campaign,
    CustomerRule,
    InvalidInput,
    Limit,
    Result,
    read_result,
    write_campaign,
)
from couponry.model.changes import changed_number
from couponry.results.options import DEFAULT_GAP

GAP = 1e-4
BRANDS = pa.table({"brand": ["A", "B"], "min": [20.0, None], "max": [None, 60.0]})
LIMITS = [
    Limit("in all", max=100),
    Limit("weight", sum="weight", max=70.0),
    Limit("brands", by="brand", table=BRANDS),
    Limit("wish", where={"supplier": 1}, min=40, mode="soft", penalty=0.2),
]
RULES = [CustomerRule("slots", max=3, min=1), CustomerRule("one per product", by="product", max=1)]


def small(**arguments: Any) -> Campaign:
    data = random_tables(seed=8, customers=60, each=7)
    arguments = {"rules": RULES, "limits": LIMITS, **arguments}
    offers = arguments.pop("offers", data["offers"])
    return Campaign(offers, data["candidates"], data["customers"], **arguments)


def limit(name: str, **changes: Any) -> list[Limit]:
    return [replace(x, **changes) if x.name == name else x for x in LIMITS]


pytestmark = pytest.mark.xdist_group("what-if")  # what one worker has solved serves all


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return small()


@pytest.fixture(scope="module")
def result(campaign: Campaign) -> Result:
    return campaign.solve(gap=GAP, threads=1)


@pytest.fixture(scope="module")
def large() -> tuple[Campaign, Result]:
    """Large enough for samples, where most customers are fixed: 120,000 customers, caps and a budget."""
    size = Synthetic(120_000, 36, offers=200, brands=40, seed=1)
    campaign = Campaign(
        size.offers_table(), size.batches(2), rules=[CustomerRule("slots", max=10)], name="large"
    )
    free = campaign.solve(threads=2)
    assert free.allocation is not None and free.plan is not None
    used = free.plan.usage[0, 0]
    cost = float(sum(batch["cost"].to_numpy().sum() for batch in free.allocation.batches()))
    caps = pa.table({"offer": np.arange(0, 200, 2), "max": np.floor(used[::2] * 0.7)})
    limits = [Limit("caps", by="offer", table=caps), Limit("budget", sum="cost", max=0.85 * cost)]
    campaign = campaign.with_limits(limits)
    return campaign, campaign.solve(threads=2)


# ---- changes


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        *[(7, 7), (2.5, 2.5), (None, None), ("+5 %", 105.0), ("-20%", 80.0), ("* 1.5", 150.0)],
        *[("+200", 300.0), (" - 12.5 ", 87.5)],
    ],
)
def test_changed_numbers(change: Any, expected: Any) -> None:
    assert changed_number(change, 100.0, "x") == (
        None if expected is None else pytest.approx(expected)
    )


@pytest.mark.parametrize(
    "change", ["5 %", "more", "* ", "+%", "+", "+1.2.3", "200", True, float("nan"), [1]]
)
def test_changes_that_make_no_sense(change: Any) -> None:
    with pytest.raises(InvalidInput, match="x: expected a number"):
        changed_number(change, 100.0, "x")


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a bound": ({"limits": {"in all": {"max": 90}}}, {"limits": limit("in all", max=90)}),
    "a bound by a share": (
        {"limits": {"weight": {"max": "-10 %"}}},
        {"limits": limit("weight", max=63.0)},
    ),
    "a group's bound": (
        {"limits": {("brands", "A"): {"min": "+20 %"}}},
        {"limits": limit("brands", table=BRANDS.set_column(1, "min", pa.array([24.0, None])))},
    ),
    "all groups' bounds": (
        {"limits": {"brands": {"max": "* 0.5"}}},
        {"limits": limit("brands", table=BRANDS.set_column(2, "max", pa.array([None, 30.0])))},
    ),
    "no bound": ({"limits": {"in all": {"max": None, "min": 1}}}, {"limits": limit("in all", max=None, min=1)}),
    "a softer limit": (
        {"limits": {"wish": {"penalty": 1.0}}},
        {"limits": limit("wish", penalty=1.0)},
    ),
    "another limit": (
        {"limits": {"weight": Limit(sum="response", max=8.0)}},
        {"limits": limit("weight", sum="response", max=8.0)},
    ),
    "fewer and more limits": (
        {"drop_limits": ["weight"], "add_limits": [Limit("new", where={"brand": "C"}, max=10)]},
        {"limits": [x for x in LIMITS if x.name != "weight"] + [Limit("new", where={"brand": "C"}, max=10)]},
    ),
    "rules": (
        {"rules": {"slots": {"max": 2}}, "drop_rules": "one per product"},
        {"rules": [CustomerRule("slots", max=2, min=1)]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_if_is_solving_the_changed_campaign(
    campaign: Campaign, result: Result, name: str
) -> None:
    changes, arguments = CHANGES[name]
    found = campaign.what_if(result, gap=GAP, **changes)
    cold = small(**arguments).solve(gap=GAP, threads=1)
    assert found.before is result and found.after.status == cold.status == "optimal"
    assert found.after.objective is not None and cold.objective is not None
    assert found.after.objective == pytest.approx(cold.objective, rel=2 * GAP)
    assert found.after.bound is not None and found.after.bound >= cold.objective
    names = [(row["name"], row["group"], row["min"], row["max"]) for row in cold.limits.to_pylist()]
    after = found.after.limits.to_pylist()
    assert [(r["name"], r["group"], r["min"], r["max"]) for r in after] == names
    assert campaign.limits == tuple(LIMITS) and campaign.rules == tuple(RULES)  # as it was


def test_questions_go_as_far_as_the_result_did(campaign: Campaign, tmp_path: Path) -> None:
    """Unless another gap is asked for: as far as a result that was read again did, too."""
    rough = campaign.solve(gap=0.02)
    write_campaign(campaign, tmp_path / "campaign")
    rough.save(tmp_path / "result")
    again = read_result(tmp_path / "result", campaign=tmp_path / "campaign")
    changed = campaign.changed(limits={"weight": {"max": "+10 %"}})
    for result in (rough, again):
        found = result.what_if(limits={"weight": {"max": "+10 %"}}).after
        assert found.asked_gap == result.asked_gap == 0.02
        assert found.nit == changed.solve(gap=0.02, start=rough).nit
    closer = campaign.what_if(rough, limits={"weight": {"max": "+10 %"}}, gap=1e-4).after
    assert closer.asked_gap == 1e-4 and closer.gap <= 1e-4 < rough.gap
    assert campaign.what_if(drop_limits=["weight"]).before.asked_gap == DEFAULT_GAP


def test_offers_change(campaign: Campaign) -> None:
    """Value follows from response and the offers' money columns here."""
    data = random_tables(seed=8, customers=60, each=7)
    pairs = data["candidates"].drop_columns(["value"])
    campaign = Campaign(data["offers"], pairs, rules=RULES, limits=LIMITS[:1])
    offer = data["offers"]["offer"][2].as_py()
    row = data["offers"].to_pylist()[2]
    by_name = campaign.what_if(offers={offer: {"margin": "+50 %", "face_value": 0.1}}, gap=GAP)
    new = {"offer": [offer], "margin": [row["margin"] * 1.5], "face_value": [0.1]}
    by_table = campaign.what_if(by_name.before, offers=new, gap=GAP)
    rows = data["offers"].to_pylist()
    rows[2].update(margin=row["margin"] * 1.5, face_value=0.1)
    changed = pa.Table.from_pylist(rows, data["offers"].schema)
    cold = Campaign(changed, pairs, rules=RULES, limits=LIMITS[:1]).solve(gap=GAP)
    assert by_name.after.objective == by_table.after.objective
    assert by_name.after.objective == pytest.approx(cold.objective, rel=2 * GAP)
    before, after = (x.campaign.offers for x in (by_name.before, by_name.after))  # type: ignore[union-attr]
    assert before.equals(campaign.offers) and not after.equals(before)


def test_tables_of_what_moved(campaign: Campaign, result: Result) -> None:
    found = campaign.what_if(result, limits={"in all": {"max": 80}}, gap=GAP)
    sides = []
    for side in (found.before, found.after):
        assert side.allocation is not None
        sides.append(
            {
                (r["customer"], r["offer"]): r["value"]
                for r in side.allocation.to_arrow().to_pylist()
            }
        )
    was, now = (set(side) for side in sides)
    assert found.moved is not None
    assert found.moved.come == len(now - was) and found.moved.gone == len(was - now)
    assert found.moved.customers == len({customer for customer, _ in was ^ now})
    table = found.by("brand")
    brand = {r["offer"]: r["brand"] for r in campaign.offers.to_pylist()}
    for row in table.to_pylist():
        for name, side in zip(("before", "after"), sides, strict=True):
            values = [v for (_, offer), v in side.items() if brand[offer] == row["brand"]]
            assert row[f"coupons_{name}"] == len(values)
            assert row[f"value_{name}"] == pytest.approx(sum(values))
    assert found.by()["offer"].to_pylist() == campaign.offers["offer"].to_pylist()
    row = found.limits.to_pylist()[0]
    assert (row["max_before"], row["max_after"]) == (100, 80)
    assert row["achieved_after"] == len(now) and row["achieved_before"] == len(was)
    low, high = found.gain_range  # type: ignore[misc]
    assert found.gain is not None and low <= found.gain <= high
    assert "customers get other coupons" in found.summary() and "<table>" in found._repr_html_()


def test_what_if_without_an_allocation(campaign: Campaign, result: Result) -> None:
    found = campaign.what_if(result, limits={"in all": {"max": None, "min": 400}})
    assert found.after.status == "infeasible" and found.moved is None and found.gain is None
    assert found.limits["achieved_after"].null_count == found.limits.num_rows
    assert found.limits["min_after"][0].as_py() == 400
    with pytest.raises(InvalidInput, match="expected two allocations"):
        found.by()
    assert "infeasible" in found.summary()
    back = found.campaign.what_if(found.after, limits={"in all": {"min": 1}}, gap=GAP)
    assert back.after.status == "optimal"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limits": {"nothing": {"max": 1}}}, "there is no limit 'nothing'"),
        ({"limits": {"in all": {"most": 1}}}, "expected a Limit or fields of one"),
        ({"limits": {"in all": {"min": "+5 %"}}}, "there is none that"),
        ({"limits": {("brands", "Z"): {"max": 1}}}, "has no group 'Z'"),
        ({"limits": {("in all", "A"): {"max": 1}}}, "has no table of bounds"),
        ({"drop_limits": ["nothing"]}, "there is no 'nothing'"),
        ({"offers": {-5: {"margin": 1.0}}}, "there is no offer -5"),
        ({"offers": {50: {"colour": 1.0}}}, "has no column 'colour'"),
        ({"offers": {50: {"margin": "cheap"}}}, "expected a number"),
        ({"rules": {"nothing": {"max": 1}}}, "there is no rule 'nothing'"),
        ({"add_limits": [Limit("x", sum="colour", max=1)]}, "has not read a column 'colour'"),
    ],
)
def test_changes_of_what_is_not_there(
    campaign: Campaign, result: Result, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        campaign.what_if(result, **changes)


def test_a_result_of_another_campaign_is_refused(result: Result) -> None:
    with pytest.raises(InvalidInput, match="expected one of this campaign"):
        small().what_if(result, limits={"in all": {"max": 90}})


def test_candidates_are_packed_once(large: tuple[Campaign, Result]) -> None:
    campaign, result = large
    found = campaign.what_if(result, limits={"budget": {"max": "-5 %"}})
    shards = [side.compiled.problem.shard for side in (found.before, found.after)]  # type: ignore[union-attr]
    assert shards[0].quantity is shards[1].quantity and shards[0].item is shards[1].item
    cold = found.campaign.solve(threads=2)
    assert found.after.status == cold.status == "optimal"
    assert found.after.objective == pytest.approx(cold.objective, rel=1e-3)
    assert found.after.full_passes <= 0.6 * cold.full_passes
    assert (
        found.after.plan is not None
    )  # what few passes leave takes time, too: a move for each thousandth coupon
    assert found.after.plan.moves <= 1e-3 * found.after.allocated
    assert found.moved is not None and found.moved.customers > 1000
    allocations = [side.allocation for side in (found.before, found.after)]
    keys = [
        t["customer"].to_numpy() * 1000 + t["offer"].to_numpy()
        for t in (a.to_arrow() for a in allocations if a is not None)
    ]
    different = np.setxor1d(keys[0], keys[1])
    assert found.moved.come + found.moved.gone == len(different)
    assert found.moved.customers == len(np.unique(different // 1000))


def test_warm_starts_do_not_depend_on_threads(large: tuple[Campaign, Result]) -> None:
    campaign, result = large
    runs = [
        campaign.what_if(result, limits={"budget": {"max": "+5 %"}}, threads=threads).after
        for threads in (1, 2)
    ]
    assert runs[0].objective == runs[1].objective and runs[0].bound == runs[1].bound
    assert runs[0].allocation is not None and runs[0].allocation.to_arrow().equals(
        runs[1].allocation.to_arrow()
    )


# ---- frontiers


def test_frontier_is_what_each_bound_alone_gives(campaign: Campaign, result: Result) -> None:
    bounds = [60, 80, 100, 120, 150]
    found = campaign.frontier("in all", bounds, result=result, gap=GAP)
    rows = found.to_arrow().to_pylist()
    assert [row["bound"] for row in rows] == bounds
    for row in rows:
        cold = small(limits=limit("in all", max=row["bound"])).solve(gap=GAP, threads=1)
        assert row["status"] == "optimal" and row["objective"] == pytest.approx(
            cold.objective, rel=2 * GAP
        )
        assert row["objective"] <= row["objective_bound"] and row["achieved"] <= row["bound"]
    # rising, and by less and less for each unit: what is certified must not contradict it
    for one, two in itertools.pairwise(rows):
        assert two["objective_bound"] >= one["objective"]
    for one, two, three in zip(rows, rows[1:], rows[2:], strict=False):
        share = (two["bound"] - one["bound"]) / (three["bound"] - one["bound"])
        between = (1 - share) * one["objective"] + share * three["objective"]
        assert two["objective_bound"] >= between - 1e-9


def test_frontier_by_factors_of_a_group_and_a_side(campaign: Campaign, result: Result) -> None:
    found = campaign.frontier("brands", factors=[0.5, 1.0, 1.2], group="A", result=result, gap=GAP)
    assert found.side == "min" and found.to_arrow()["bound"].to_pylist() == [10, 20, 24]
    objective = found.to_arrow()["objective"].to_pylist()
    assert objective[0] >= objective[2] * (1 - 2 * GAP)
    both = small(limits=limit("in all", min=10))
    with pytest.raises(InvalidInput, match="has min and max"):
        both.frontier("in all", [50])
    assert (
        both.frontier("in all", [70], side="max", gap=GAP).to_arrow()["achieved"][0].as_py() <= 70
    )


def test_infeasible_bounds_are_rows(campaign: Campaign, result: Result) -> None:
    found = campaign.frontier("brands", [20, 300, 400], group="A", result=result, gap=GAP)
    rows = found.to_arrow().to_pylist()
    assert [row["status"] for row in rows] == ["optimal", "infeasible", "infeasible"]
    assert rows[1]["objective"] is None and rows[2]["passes"] == 0.0
    assert "infeasible" in found.summary() and "infeasible" in found._repr_html_()


def test_one_bound_of_many_groups_has_no_frontier() -> None:
    """What to do is said at once, not after the group was named."""
    each = small(limits=[Limit("each", by="brand", max=30)])
    with pytest.raises(InvalidInput, match="one bound for all of its groups: expected a limit w"):
        each.frontier("each", [20], group="A")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"limit": "nothing", "bounds": [1]}, "there is no limit 'nothing'"),
        ({"limit": "brands", "bounds": [1]}, "has the groups A, B"),
        (
            {"limit": "brands", "bounds": [1]},
            r"on the command line in brackets, 'brands\[A\].max=…'",
        ),
        ({"limit": "in all"}, "expected bounds or factors"),
        ({"limit": "in all", "bounds": [1], "factors": [1]}, "expected bounds or factors"),
        ({"limit": "in all", "bounds": []}, "expected at least one bound"),
        ({"limit": "in all", "bounds": ["a"]}, "expected a finite number"),
        ({"limit": "in all", "bounds": [1], "side": "min"}, "no such bound"),
        ({"limit": "in all", "bounds": [1], "side": "up"}, "expected 'min' or 'max'"),
    ],
)
def test_bad_sweeps(
    campaign: Campaign, result: Result, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        campaign.frontier(**arguments, result=result)


def test_a_sweep_costs_little_more_than_a_solve(large: tuple[Campaign, Result]) -> None:
    campaign, result = large
    found = campaign.frontier("budget", factors=[0.9, 0.95, 1.0, 1.05], result=result)
    table = found.to_arrow()
    assert set(table["status"].to_pylist()) == {"optimal"}
    passes = dict(zip(table["bound"].to_pylist(), table["passes"].to_pylist(), strict=True))
    assert sum(passes.values()) <= 2 * result.full_passes
    assert sorted(passes.values())[0] == 0.0 < sorted(passes.values())[1]  # the bound as it is
    objective = table["objective"].to_pylist()
    assert objective == sorted(objective)


class Axes:
    """What a plot asks of Matplotlib."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, Any]] = []
        self.calls: list[str] = []

    def plot(self, x: Any, y: Any, **_: Any) -> None:
        self.lines.append((x, y))

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self.calls.append(name)


def test_plot(campaign: Campaign, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    found = campaign.frontier("in all", [90, 100], result=result, gap=GAP)
    axes = Axes()
    assert found.plot(axes) is axes
    assert axes.lines[0] == ([90, 100], found.to_arrow()["objective"].to_pylist())
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "couponry\[plot\]"'):
        found.plot()
