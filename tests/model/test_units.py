"""Households as the unit of customer rules."""

from __future__ import annotations

import functools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.programme import Stop
from tests.support.random_units import UnitCampaign, draw_units

import couponry
from couponry import Campaign, CustomerRule, InvalidInput, Limit
from couponry.analysis.compare import compare, compare_saved
from couponry.analysis.explain_files import explain_written

SEEDS = (24, 25, 26, 27, 35, 38, 1003, 1008, 1010)
"""Random campaigns of every kind that HiGHS decides on quickly, and whose customers' searches come to their end."""

NODES = 20


@functools.cache
def drawn(seed: int) -> UnitCampaign:
    return draw_units(seed)


def offers(count: int = 12) -> dict[str, Any]:
    return {"offer": np.arange(count), "product": np.arange(count) // 3}


def people(seed: int = 0, count: int = 200, households: int = 80) -> tuple[dict[str, Any], ...]:
    """Candidates and customers in households; some households have another id than their customers' order says."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(count), 8)
    offer = np.concatenate([rng.permutation(12)[:8] for _ in range(count)])
    candidates = {"customer": customer, "offer": offer, "value": rng.random(len(offer))}
    household = rng.integers(0, households, count)
    household = np.where(
        np.bincount(household)[household] > 12, count + np.arange(count), household
    )
    segment = rng.choice(["gold", "silver"], count)
    return candidates, {"customer": np.arange(count), "household": household, "segment": segment}


RULES = [
    CustomerRule("household", max=4),
    CustomerRule("person", max=3, each="customer"),
    CustomerRule("product", by="product", max=1),
]
LIMITS = [Limit("all", max=250), Limit("each", by="offer", max=30)]


def households(**changes: Any) -> Campaign:
    candidates, customers = people()
    parts: dict[str, Any] = {"rules": RULES, "limits": LIMITS, "unit": "household", **changes}
    return Campaign(offers(), candidates, customers, **parts)


def rekeyed() -> Campaign:
    """The same campaign with households for customers, and an offer for each person in it."""
    candidates, customers = people()
    household = customers["household"]
    member = np.zeros(len(household), int)
    for one in np.unique(household):
        inside = np.flatnonzero(household == one)
        member[inside] = np.arange(len(inside))
    most = member.max() + 1
    number = np.arange(12 * most)
    told_apart = {
        "offer": number,
        "base": number // most,
        "member": number % most,
        "product": number // most // 3,
    }
    of = candidates["customer"]
    pairs = {
        "customer": household[of],
        "offer": candidates["offer"] * most + member[of],
        "value": candidates["value"],
    }
    rules = [RULES[0], CustomerRule("person", by="member", max=3), RULES[2]]
    limits = [LIMITS[0], Limit("each", by="base", max=30)]
    return Campaign(told_apart, pairs, rules=rules, limits=limits)


def test_rules_hold_for_the_household_and_for_each_of_it() -> None:
    coupons = households().solve(threads=1).allocation.to_arrow()
    product = pa.array(coupons["offer"].to_numpy() // 3)
    table = coupons.append_column("product", product)

    def most(*keys: str) -> int:
        counted = table.group_by(list(keys)).aggregate([([], "count_all")])
        return int(max(counted["count_all"].to_pylist()))

    assert (most("household"), most("customer"), most("household", "product")) == (4, 3, 1)


def test_equal_to_households_keyed_by_hand() -> None:
    one, other = households().solve(threads=1), rekeyed().solve(threads=1)
    assert one.objective == pytest.approx(other.objective, rel=5e-4)
    assert one.bound >= other.objective - 1e-9
    assert other.bound >= one.objective - 1e-9


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_empty_text_is_no_household(kind: pa.DataType, tmp_path: Path) -> None:
    """A file of CSV has no null among text: whoever has an empty cell belongs to nobody."""
    home = pa.array(["A", "", "", "A"]).cast(kind)
    campaign = Campaign(
        {"offer": [1]},
        {"customer": [1, 2, 3, 4], "offer": [1] * 4, "value": [4.0, 3.0, 2.0, 1.0]},
        pa.table({"customer": [1, 2, 3, 4], "household": home}),
        rules=[CustomerRule("one", max=1)],
        unit="household",
    )
    result = campaign.solve(threads=1)
    assert result.allocation is not None
    rows = result.allocation.to_arrow().to_pylist()
    assert [row["customer"] for row in rows] == [1, 2, 3]
    couponry.write_campaign(campaign, tmp_path / "campaign")
    report = couponry.verify_result(tmp_path / "campaign", result.save(tmp_path / "out"))
    assert report.problems == []


def test_units_of_one_are_customers_to_the_bit() -> None:
    candidates, customers = people()
    alone = {"customer": customers["customer"], "household": customers["customer"]}
    rules = [RULES[0], RULES[2]]
    one = Campaign(offers(), candidates, rules=rules, limits=LIMITS).solve(threads=1)
    other = Campaign(
        offers(), candidates, alone, rules=rules, limits=LIMITS, unit="household"
    ).solve(threads=1)
    coupons = other.allocation.to_arrow().drop_columns(["household"])
    assert coupons.equals(one.allocation.to_arrow())
    assert (one.objective, one.bound) == (other.objective, other.bound)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")
def test_beside_highs(seed: int) -> None:
    units = drawn(seed)
    oracle = units.oracle()
    reach = oracle.reach()
    result = units.campaign().solve(threads=1)
    assert result.customers_cut_off == 0
    coupons = result.allocation.to_arrow()
    row_of = {
        pair: n for n, pair in enumerate(zip(oracle.customer_id, oracle.offer_id, strict=True))
    }
    chosen = np.zeros(len(oracle.offer), bool)
    pairs = zip(coupons["customer"].to_pylist(), coupons["offer"].to_pylist(), strict=True)
    chosen[[row_of[pair] for pair in pairs]] = True
    assert oracle.broken(chosen, reach) == []
    best = oracle.solve(reach, Stop(1e-5, NODES))
    assert best.value is not None
    assert oracle.objective(chosen) == pytest.approx(result.objective, rel=1e-9)
    assert result.objective >= best.value - 3e-3 * abs(best.value)
    assert result.bound >= max(best.value, result.objective) - 1e-9 * abs(best.value)


def test_seeds_cover_rules_of_units_and_of_each() -> None:
    seen = set().union(*(drawn(seed).features for seed in SEEDS))
    kinds = ("bounds", "bounds by customer", "conflicts")
    assert {f"{kind} of {whom}" for kind in kinds for whom in ("each", "units")} <= seen
    assert {"segments of households", "segments within households"} <= seen


@pytest.mark.parametrize("seed", [27, 1008])
def test_verify_agrees(seed: int, tmp_path: Path) -> None:
    campaign = drawn(seed).campaign()
    couponry.write_campaign(campaign, tmp_path / "campaign")
    campaign.solve(threads=1).save(tmp_path / "result")
    assert couponry.verify_result(tmp_path / "campaign", tmp_path / "result").problems == []


TIGHTER = {
    "household": CustomerRule("fewer", max=2),
    "each": CustomerRule("fewer", max=1, each="customer"),
    "a product": CustomerRule("fewer", by="product", max=0, where={"product": 1}),
    "conflicts": CustomerRule(
        "fewer", conflicts={"offer_a": [a for a in range(12) for _ in range(12)], "offer_b": [*range(12)] * 12}
    ),
    "conflicts of each": CustomerRule(
        "fewer",
        each="customer",
        conflicts={
            "offer_a": [a for a in range(12) for _ in range(a)],
            "offer_b": [b for a in range(12) for b in range(a)],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TIGHTER)
def test_verify_refuses_results_of_looser_rules(name: str, tmp_path: Path) -> None:
    tighter = households(rules=[*RULES, TIGHTER[name]])
    couponry.write_campaign(tighter, tmp_path / "campaign")
    households().solve(threads=1).save(tmp_path / "result")
    path = tmp_path / "result" / "allocation.parquet"
    problems = couponry.verify_allocation(tmp_path / "campaign", path).problems
    assert len(problems) == 1
    assert problems[0].startswith("customer_rule 'fewer': ")


def test_verify_looks_at_the_column_of_units(tmp_path: Path) -> None:
    couponry.write_campaign(households(), tmp_path / "campaign")
    households().solve(threads=1).save(tmp_path / "result")
    path = tmp_path / "result" / "allocation.parquet"
    coupons = pa.parquet.read_table(path)
    other = pa.array(coupons["household"].to_numpy() + 1)
    pa.parquet.write_table(coupons.set_column(1, "household", other), path)
    report = couponry.verify_result(tmp_path / "campaign", tmp_path / "result")
    assert [problem.split(" in ")[0] for problem in report.problems] == [
        "allocation: column 'household' is wrong"
    ]


def test_history_of_members_counts_for_the_household() -> None:
    few = {"customer": [1, 1, 2, 2], "offer": [0, 1, 0, 1], "value": [4.0, 3.0, 2.0, 1.0]}
    home = {"customer": [1, 2, 3], "household": ["a", "a", "a"]}
    # the third has no candidates: what it has had counts for the household, and for nobody by itself
    past = {"customer": [3, 1], "offer": [5, 0]}

    def given(*rules: CustomerRule) -> list[tuple[int, int]]:
        campaign = Campaign(offers(6), few, home, past, rules=rules, unit="household")
        coupons = campaign.solve(threads=1).allocation.to_arrow()
        return list(zip(coupons["customer"].to_pylist(), coupons["offer"].to_pylist(), strict=True))

    assert given(CustomerRule("all", max=4, history=True)) == [(1, 0), (1, 1)]
    own = CustomerRule("own", max=2, each="customer", history=True)
    assert given(own) == [(1, 0), (2, 0), (2, 1)]
    both = {"offer_a": [0], "offer_b": [0]}
    assert given(CustomerRule("again", conflicts=both)) == [(1, 1), (2, 1)]
    again = CustomerRule("again", conflicts=both, each="customer")
    assert given(again) == [(1, 1), (2, 0), (2, 1)]


def test_segments_within_households() -> None:
    limits = [Limit("gold", customers={"segment": "gold"}, max=40), LIMITS[0]]
    result = households(limits=limits).solve(threads=1)
    _, customers = people()
    gold = {
        c for c, s in zip(customers["customer"], customers["segment"], strict=True) if s == "gold"
    }
    given = [c for c in result.allocation.to_arrow()["customer"].to_pylist() if c in gold]
    assert result.limits["achieved"].to_pylist() == [len(given), result.allocated]
    assert len(given) == 40


def test_from_folder_store_and_pickle(tmp_path: Path) -> None:
    campaign = households()
    couponry.write_campaign(campaign, tmp_path / "campaign")
    wanted = campaign.solve(threads=1).allocation.to_arrow()
    read = couponry.read_campaign(tmp_path / "campaign", store=tmp_path / "store")
    assert read.data.unit == "household"
    for one in (read, pickle.loads(pickle.dumps(read)), pickle.loads(pickle.dumps(campaign))):
        assert one.solve(threads=2).allocation.to_arrow().equals(wanted)


def test_questions_name_customers_and_households(tmp_path: Path) -> None:
    result = households().solve(threads=1)
    explained = result.explain(101)
    home = people()[1]["household"]
    assert explained.unit == f"household {home[101]}"
    inside = set(np.flatnonzero(home == home[101]).tolist())
    assert {decision.customer for decision in explained.decisions} == inside
    couponry.write_campaign(households(), tmp_path / "campaign")
    result.save(tmp_path / "result")
    written = explain_written(tmp_path / "campaign", tmp_path / "result", 101)
    assert [d.given for d in written.decisions] == [d.given for d in explained.decisions]
    totals = result.per_customer().to_arrow()
    assert totals.column_names == ["customer", "household", "coupons", "value"]
    assert sum(totals["coupons"].to_pylist()) == result.allocated
    looser = households(rules=RULES[:1]).solve(threads=1)
    looser.save(tmp_path / "looser")
    saved = [couponry.read_result(tmp_path / name) for name in ("result", "looser")]
    moved = compare_saved(*saved).moved
    assert moved == compare(result, looser, None).moved
    assert moved.customers > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "home"}, "unit 'home': table customers has no column 'home'"),
        ({"unit": 3}, "unit: expected the name of a column of customers, got 3"),
        ({"unit": "value"}, "unit: expected a column such as 'household', got 'value'"),
        ({"unit": "segment"}, "unit 'segment': expected at most 16 customers with candidates in one"),
        ({"unit": None}, "customer_rule 'person': each: expected a campaign with a unit"),
        ({"rules": [CustomerRule("x", max=1, each="household")]}, "customer_rule 'x': each: expected 'customer'"),
        (
            {"rules": [CustomerRule("x", max="household"), CustomerRule("y", max=1, customers={"segment": "gold"})]},
            "customer_rule 'y': expected one answer to its customers for all customers of household",
        ),
    ],
)  # fmt: skip
def test_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        households(**changes).compile()
    assert str(error.value).startswith(message)


def test_late_customers_say_who_they_live_with() -> None:
    result = households().solve(threads=1)
    with pytest.raises(InvalidInput, match=r"customers: .* column 'household' among it, got none"):
        result.decide({"customer": [999], "offer": [1], "value": [1.0]})


def test_no_bound_is_below_the_best_where_searches_are_cut_off() -> None:
    """What a search that was cut off says a customer misses is no proof that nothing misses less."""
    units = draw_units(40)
    oracle = units.oracle()
    best = oracle.solve(oracle.reach(), Stop(1e-5, NODES))
    result = units.campaign().solve(threads=2)
    assert best.value is not None and result.bound is not None and result.objective is not None
    assert result.bound >= best.value * (1 - 1e-9)
    assert result.objective >= best.value * (1 - 3e-3)


def test_nobody_belongs_to_anybody(tmp_path: Path) -> None:
    tables = people(count=20)
    alone = tables[1] | {"household": pa.nulls(20)}
    rules = [CustomerRule("slots", max=1)]
    campaign = Campaign(offers(), tables[0], alone, rules=rules, unit="household")
    couponry.write_campaign(campaign, tmp_path / "campaign")
    campaign.solve().write(tmp_path / "result")
    assert couponry.verify_result(tmp_path / "campaign", tmp_path / "result").problems == []


@pytest.mark.parametrize("cut_off", [0, 1])
def test_customers_whose_search_was_cut_off_may_miss_more_than_they_must(
    cut_off: int, tmp_path: Path
) -> None:
    home = {"customer": [1, 2, 3], "household": ["a", "a", None]}
    candidates = {"customer": [1, 2, 3], "offer": [0, 1, 2], "value": [1.0, 2.0, 3.0]}
    rules = [CustomerRule("some", min=2), CustomerRule("first", where={"product": 0}, min=1)]
    campaign = Campaign(offers(), candidates, home, rules=rules, unit="household")
    couponry.write_campaign(campaign, tmp_path / "campaign")
    result = campaign.solve()
    assert "1 unit of 'household' below a minimum of the rules" in result.summary()
    result.save(tmp_path / "result")
    path = tmp_path / "result" / "allocation.parquet"
    pa.parquet.write_table(pa.parquet.read_table(path).slice(0, 2), path)
    said = tmp_path / "result" / "result.json"
    said.write_text(json.dumps(json.loads(said.read_text()) | {"customers_cut_off": cut_off}))
    report = couponry.verify_result(tmp_path / "campaign", tmp_path / "result")
    assert any("than they must" in problem for problem in report.problems) == (cut_off == 0)
