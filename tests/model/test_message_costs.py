"""Costs of the k-th message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.oracle import Oracle
from tests.support.programme import Stop

import couponry
from couponry import Campaign, CustomerRule, InvalidInput, Limit
from couponry.analysis.explain_files import explain_written

OFFERS = pa.table(
    {
        "offer": np.arange(12),
        "product": np.arange(12) // 3,
        "day": np.arange(12),
        "channel": ["mail" if j % 2 else "email" for j in range(12)],
    }
)
FLAT, COLUMNS = [0, 0.05, 0.1, 0.3], ["first", "second", "third", "fourth"]
MAILS = {"channel": "mail"}
SLOTS, PRODUCT = CustomerRule("slots", max=3), CustomerRule("product", by="product", max=1)

CASES: dict[str, list[CustomerRule]] = {
    "of all": [CustomerRule("messages", cost=FLAT), SLOTS],
    "of all, by columns": [CustomerRule("messages", cost=COLUMNS), SLOTS, PRODUCT],
    "of all, with history": [CustomerRule("messages", cost=FLAT, history=True), SLOTS],
    "of some customers": [CustomerRule("messages", cost=FLAT, customers={"segment": "gold"})],
    "of some offers": [CustomerRule("messages", cost=FLAT, where=MAILS), SLOTS, PRODUCT],
    "two rules": [
        CustomerRule("messages", cost=COLUMNS, history=True),
        CustomerRule("mails", cost=[0.0, 0.2], where=MAILS),
    ],
    "with a min": [CustomerRule("messages", cost=[0.2, 0.5, 0.9]), CustomerRule("some", min=2)],
    "with conflicts": [
        CustomerRule("messages", cost=FLAT),
        CustomerRule("apart", conflicts={"offer_a": [0, 1, 2], "offer_b": [3, 4, 5]}),
    ],
}
pytestmark = pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")

LIMITS = [Limit("all", max=260), Limit("budget", sum="cost", max=120.0)]


def parts(rules: list[CustomerRule], unit: str | None = None, seed: int = 3) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    count, width = 120, 6
    customer = np.repeat(np.arange(count), width)
    offer = np.concatenate([rng.permutation(12)[:width] for _ in range(count)])
    value, cost = rng.random((2, len(offer)))
    candidates = {"customer": customer, "offer": offer, "value": value, "cost": cost}
    home = rng.integers(0, 60, count)
    first = {h: c for c, h in reversed(list(enumerate(home.tolist())))}
    steps = np.sort(rng.random((count, 4)) / 2, axis=1)[[first[h] for h in home.tolist()]]
    customers = {
        "customer": np.arange(count),
        "household": home,
        "segment": ["gold" if h % 2 else "silver" for h in home.tolist()],
        **{name: steps[:, k] for k, name in enumerate(COLUMNS)},
    }
    history = {"customer": rng.integers(0, count, 30), "offer": rng.integers(0, 12, 30)}
    tables = OFFERS, pa.table(candidates), pa.table(customers)
    keys = {"rules": rules, "limits": LIMITS, "history": pa.table(history), "unit": unit}
    return tables, keys


def campaign(name: str, unit: str | None = None) -> Campaign:
    tables, keys = parts(CASES[name], unit)
    return Campaign(*tables, **keys)


@pytest.mark.parametrize("unit", [None, "household"])
@pytest.mark.parametrize("name", CASES)
def test_beside_highs_and_verified(name: str, unit: str | None, tmp_path: Path) -> None:
    tables, keys = parts(CASES[name], unit)
    stated = Campaign(*tables, **keys)
    result = stated.solve(threads=1)
    oracle = Oracle(*tables, **keys)
    reach = oracle.reach()
    coupons = result.allocation.to_arrow()
    pairs = zip(coupons["customer"].to_pylist(), coupons["offer"].to_pylist(), strict=True)
    given = set(pairs)
    known = zip(oracle.customer_id, oracle.offer_id, strict=True)
    chosen = np.array([pair in given for pair in known])
    assert oracle.broken(chosen, reach) == []
    assert oracle.objective(chosen) == pytest.approx(result.objective, rel=1e-9)
    assert len(coupons) == result.allocated
    best = oracle.solve(reach, Stop(1e-5, 20))
    assert best.value is not None
    assert result.objective >= best.value - 3e-3 * abs(best.value)
    assert result.bound >= max(best.value, result.objective) - 1e-9
    assert result.message_costs > 0
    couponry.write_campaign(stated, tmp_path / "campaign")
    result.save(tmp_path / "result")
    report = couponry.verify_result(tmp_path / "campaign", tmp_path / "result")
    assert report.problems == []
    assert report.message_costs == pytest.approx(result.message_costs)


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_backends_agree_to_the_bit(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba")
    one = campaign("of all, by columns").solve(threads=2)
    other = campaign("of all, by columns").solve(threads=1, backend=backend)
    assert other.allocation.to_arrow().equals(one.allocation.to_arrow())
    assert (other.objective, other.bound) == (one.objective, one.bound)


def test_best_messages_until_one_is_worth_less_than_it_costs() -> None:
    candidates = {"customer": [1] * 4, "offer": [0, 1, 2, 3], "value": [1.0, 0.8, 0.6, 0.4]}
    rule = CustomerRule("messages", cost=[0.0, 0.5, 0.7, 0.9])
    result = Campaign(OFFERS, candidates, rules=[rule]).solve()
    assert result.allocation.to_arrow()["offer"].to_pylist() == [0, 1]
    assert (result.objective, result.message_costs) == (pytest.approx(1.3), 0.5)
    assert result.bound == pytest.approx(1.3, rel=1e-5)
    assert "messages     cost 0.500000" in result.summary()


def test_no_more_messages_than_costs() -> None:
    candidates = {"customer": [1] * 4, "offer": [0, 1, 2, 3], "value": [1.0, 0.8, 0.6, 0.4]}
    free = Campaign(OFFERS, candidates, rules=[CustomerRule("messages", cost=[0, 0, 0])]).solve()
    capped = Campaign(OFFERS, candidates, rules=[CustomerRule("slots", max=3)]).solve()
    assert free.allocation.to_arrow().equals(capped.allocation.to_arrow())
    assert free.objective == pytest.approx(capped.objective)


def test_questions() -> None:
    result = campaign("of all").solve(threads=1)
    looser = campaign("of some customers").solve(threads=1)
    explained = result.explain(7)
    assert len(explained.decisions) == 6
    given = [d.offer for d in explained.given]
    coupons = result.allocation.to_arrow()
    mine = [
        o
        for c, o in zip(coupons["customer"].to_pylist(), coupons["offer"].to_pylist(), strict=True)
        if c == 7
    ]
    assert sorted(given) == mine
    assert explained.value == pytest.approx(
        sum(d.value for d in explained.given) - sum(FLAT[: len(mine)])
    )
    totals = result.per_customer().to_arrow()
    assert sum(totals["coupons"].to_pylist()) == result.allocated
    assert sum(result.by("channel").to_arrow()["coupons"].to_pylist()) == result.allocated
    assert looser.allocated == len(looser.allocation.to_arrow())


def test_explained_from_files(tmp_path: Path) -> None:
    result = campaign("of all").solve(threads=1)
    couponry.write_campaign(campaign("of all"), tmp_path / "campaign")
    result.save(tmp_path / "result")
    written = explain_written(tmp_path / "campaign", tmp_path / "result", 7)
    known = result.explain(7)
    assert [(d.offer, d.given, d.best) for d in written.decisions] == [
        (d.offer, d.given, d.best) for d in known.decisions
    ]
    read = couponry.read_result(tmp_path / "result", campaign=tmp_path / "campaign")
    assert read.message_costs == result.message_costs
    assert read.allocation.to_arrow().equals(result.allocation.to_arrow())


def test_too_many_messages_are_proved_impossible() -> None:
    tables, keys = parts([CustomerRule("messages", cost=[0.1, 0.2])])
    keys["limits"] = [Limit("volume", min=241)]
    result = Campaign(*tables, **keys).solve(threads=1)
    assert result.infeasible is not None
    assert [rule["customer_rule"] for rule in result.infeasible["customer_rules"]] == ["messages"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"cost": [0.2, 0.1]}, "cost 2: 0.1 is below 0.2, that of the one before: messages that grow cheaper"),
        ({"cost": [-1]}, "cost 1: expected a number from 0 to"),
        ({"cost": [0.1, "second"]}, "cost 2: expected a number from 0 to 1e+30, as the others"),
        ({"cost": []}, "cost: expected a list of numbers or of columns of customers, got []"),
        ({"cost": [0.1], "max": 2}, "cost: expected a rule of its own, got max beside it"),
        ({"cost": [0.1] * 65}, "cost: expected at most 64 costs, got 65"),
        ({"cost": ["second", "first"]}, "expected at least"),
        ({"cost": ["second", "sixth"]}, "cost: table customers has no column 'sixth'"),
    ],
)  # fmt: skip
def test_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        tables, others = parts([CustomerRule("messages", **keys)])
        Campaign(*tables, **others).compile()
    assert message in str(error.value)


def test_where_it_is_not_done() -> None:
    ratio = Limit("return", ratio=("value", "cost"), min=3.0, mode="soft", penalty=1.0)
    with pytest.raises(InvalidInput, match="no soft ratio beside"):
        campaign("of all").with_limits([ratio]).solve()
