"""Feasibility relaxation: its changes of bounds will do, and HiGHS finds none that are smaller."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.cases import infeasible_ratios
from tests.support.contradictions import Contradiction
from tests.support.oracle import Oracle
from tests.support.oracle_tables import Measure
from tests.support.programme import Stop
from tests.support.random_campaigns import draw
from tests.system.test_oracle import IMPOSSIBLE, LOOSE, PRODUCT, SLOTS, infeasible, tables

from couponry import Campaign, CustomerRule, Limit, Result
from couponry.cli import run as command
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.verify import verify_result

pytestmark = pytest.mark.xdist_group("relaxation")  # what one worker has solved serves all

CASES = [*IMPOSSIBLE, "two conflicts", "three limits", *(f"random {seed}" for seed in range(3))]


def random_limits(seed: int) -> list[Limit]:
    """Promises and print runs by brand, a budget and a volume for some, far from what 300 customers can have."""
    rng = np.random.default_rng(seed)
    least = rng.integers(150, 400, 4).astype(float)
    most = np.where(rng.random(4) < 0.5, np.floor(least * rng.uniform(1.0, 1.2, 4)), 900.0)
    bounds = pa.table({"brand": list("ABCD"), "min": least, "max": most})
    return [
        Limit("brands", by="brand", table=bounds),
        Limit("budget", sum="cost", max=float(rng.uniform(300, 700))),
        Limit("mail", where={"channel": "mail"}, min=int(rng.integers(200, 500))),
        Limit("gold", customers={"segment": "gold"}, max=int(rng.integers(100, 250))),
    ]


def case(name: str) -> tuple[Result, Oracle]:
    if name in IMPOSSIBLE:
        return infeasible(name)
    if name == "two conflicts":
        limits = [
            Limit("promise", where={"brand": "A"}, min=101),
            Limit("print run", where={"brand": "A"}, max=100),
            Limit("volume", min=950),
        ]
    elif name == "three limits":
        limits = [
            Limit("mail", where={"channel": "mail"}, min=500, max=520),
            Limit("app", where={"channel": "app"}, min=500, max=520),
            Limit("points", sum="points", min=4000, max=4000),
        ]
    else:
        limits = random_limits(int(name.split()[1]))
    limits = [*LOOSE[:2], *limits, *LOOSE[2:]]
    rules = [SLOTS, PRODUCT]
    result = Campaign(*tables(), rules=rules, limits=limits).solve(threads=1)
    return result, Oracle(*tables(), rules=rules, limits=limits)


@pytest.fixture(scope="module", params=CASES)
def relaxed(request: pytest.FixtureRequest) -> tuple[Result, Oracle]:
    result, oracle = case(request.param)
    assert result.status == "infeasible" and result.infeasible is not None
    return result, oracle


def hard(oracle: Oracle) -> list[Measure]:
    return [measure for measure in oracle.measures if measure.limit.mode == "hard"]


def changed(oracle: Oracle, entries: Sequence[dict[str, Any]]) -> list[Measure]:
    """The hard measures with the bounds that would do."""
    new = {(entry["limit"], entry["group"]): entry for entry in entries}
    measures = []
    for measure in hard(oracle):
        entry = new.get(measure.key)
        if entry is not None:
            bound = "min" if "min" in entry else "max"
            assert getattr(measure, bound) == entry[bound]
            measure = replace(measure, **{bound: entry["would_do"]})
        measures.append(measure)
    return measures


def test_the_changes_will_do(relaxed: tuple[Result, Oracle]) -> None:
    result, oracle = relaxed
    assert result.infeasible is not None
    out = result.infeasible["way_out"]
    assert out and oracle.feasible(oracle.rules, changed(oracle, out))
    for entry in out:
        bound = "min" if "min" in entry else "max"
        assert entry["change"] == entry["would_do"] - entry[bound]
        assert (entry["change"] < 0) == (bound == "min")
        assert entry["share"] == pytest.approx(entry["change"] / abs(entry[bound]))


def test_no_smaller_changes_will_do(relaxed: tuple[Result, Oracle]) -> None:
    result, oracle = relaxed
    assert result.infeasible is not None
    total, least = (result.infeasible[key] for key in ("way_out_share", "way_out_share_at_least"))
    shares = sum(abs(entry["share"]) for entry in result.infeasible["way_out"])
    soft = [
        replace(
            measure,
            limit=replace(measure.limit, mode="soft", penalty=1 / abs(getattr(measure, bound))),
            **{"max" if bound == "min" else "min": None},
        )
        for measure in hard(oracle)
        if measure.below is None
        for bound in ("min", "max")
        if getattr(measure, bound) is not None
    ]
    nothing = np.zeros(len(oracle.offer))
    found = oracle.best(nothing, oracle.rules, soft, oracle.reach(), Stop(1e-4))
    cheapest = -found.bound
    assert least <= total
    assert shares == pytest.approx(total, rel=1e-6)
    if any(measure.below is not None and measure.min == 1000.0 for measure in hard(oracle)):
        return  # a ratio's change is no linear cost: the exact-search fuzzer has it
    assert least <= cheapest * (1 + 1e-3) + 1e-9
    assert total >= cheapest * (1 - 1e-3) - 1e-9
    assert total <= cheapest * 1.01 + 1e-9


def test_solving_with_the_changed_bounds(relaxed: tuple[Result, Oracle]) -> None:
    """What is written can be taken over as it is."""
    result, oracle = relaxed
    assert result.infeasible is not None
    new = {(e["limit"], e["group"]): e for e in result.infeasible["way_out"]}
    limits = []
    for limit in oracle.limits:
        entry = new.get((limit.name, None))
        if entry is not None:
            bound = "min" if "min" in entry else "max"
            limit = replace(limit, **{bound: entry["would_do"]})
        elif limit.table is not None:
            rows = pa.table(limit.table).to_pylist()
            for row in rows:
                theirs = new.get((limit.name, row[limit.by]), {})
                for bound in {"min", "max"} & set(theirs):
                    row[bound] = theirs["would_do"]
            limit = replace(limit, table=pa.Table.from_pylist(rows))
        elif any(name == limit.name for name, _ in new):
            pytest.skip("a limit by groups without a table has one bound for all")
        limits.append(limit)
    again = Campaign(*tables(), rules=oracle.rules, limits=limits).solve(threads=1)
    assert again.status in ("optimal", "feasible") and again.max_violation == 0


def test_only_what_must_give_way_is_named() -> None:
    result, _ = case("two conflicts")
    assert result.infeasible is not None
    out = result.infeasible["way_out"]
    assert {entry["limit"] for entry in out} in ({"promise", "volume"}, {"print run", "volume"})
    assert next(e for e in out if e["limit"] == "volume")["would_do"] <= 900
    assert f"limit 'volume' min {900:,} instead of 950" in result.message


def test_it_is_the_same_by_any_number_of_threads() -> None:
    limits = [Limit("volume", min=315), Limit("budget", sum="cost", max=103.0)]
    found = [
        Campaign(*tables(100), rules=[SLOTS], limits=limits).solve(threads=threads).infeasible
        for threads in (1, 2)
    ]
    assert found[0] == found[1] and found[0] is not None and found[0]["way_out"]


def test_many_customers() -> None:
    """Beyond what HiGHS is asked for: the dual method and repair find it, and the bound says how good it is."""
    customers = 3_000
    rng = np.random.default_rng(3)
    offers = pa.table({"offer": np.arange(20), "brand": [f"b{j % 5}" for j in range(20)]})
    pairs = {
        "customer": np.repeat(np.arange(customers), 8),
        "offer": np.argsort(rng.random((customers, 20)), axis=1)[:, :8].ravel(),
        "value": rng.gamma(2.0, 1.0, 8 * customers),
        "cost": rng.uniform(0.5, 1.5, 8 * customers),
    }
    limits = [
        Limit("brands", by="brand", min=975),
        Limit("budget", sum="cost", max=1_990.0),
    ]
    campaign = Campaign(offers, pairs, rules=[CustomerRule("slots", max=3)], limits=limits)
    result = campaign.solve(threads=2)
    assert result.status == "infeasible" and result.infeasible is not None
    (entry,) = result.infeasible["way_out"]
    assert entry["limit"] == "budget"
    # the cheapest coupons that keep the promises
    dearer = campaign.with_limits([limits[0], replace(limits[1], max=entry["would_do"])])
    assert dearer.solve(threads=2).status in ("optimal", "feasible")
    total, least = (result.infeasible[key] for key in ("way_out_share", "way_out_share_at_least"))
    assert least <= total <= 1.02 * least


def test_files_and_command(
    folder: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = folder(limit=[{"name": "few", "max": 50}, {"name": "many", "min": 60}])
    assert command(["solve", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 3
    said = capfd.readouterr()
    assert "the smallest changes that would do: limit " in said.err + said.out
    written = json.loads((tmp_path / "out" / "infeasible.json").read_text())
    (entry,) = written["way_out"]
    assert entry["limit"] == "many" and entry["min"] == 60 and entry["would_do"] == 50
    assert entry["change"] == -10 and entry["share"] == pytest.approx(-1 / 6)
    assert verify_result(path, tmp_path / "out").problems == []
    entry["min"] = 70
    (tmp_path / "out" / "infeasible.json").write_text(json.dumps(written))
    assert any("way_out" in line for line in verify_result(path, tmp_path / "out").problems)


# ---- one measure: what is shown is what is made small


def way_out(limits: list[Limit], **columns: list[float]) -> list[dict[str, Any]]:
    """What would do for three customers who may have one of two offers each."""
    offers = {"offer": [1, 2], "brand": ["A", "B"]}
    candidates = {
        "customer": [1, 1, 2, 2, 3, 3],
        "offer": [1, 2] * 3,
        "value": [1.0] * 6,
        **columns,
    }
    rules = [CustomerRule("one", max=1, min=1)]
    result = Campaign(offers, candidates, rules=rules, limits=limits).solve(threads=1)
    assert result.infeasible is not None
    shares = sum(abs(entry["share"]) for entry in result.infeasible["way_out"])
    assert result.infeasible["way_out_share"] == pytest.approx(shares, rel=1e-9)
    assert result.infeasible["way_out_share_at_least"] <= shares
    entries: list[dict[str, Any]] = result.infeasible["way_out"]
    return entries


def test_a_bound_that_is_no_whole_number_is_measured_as_it_was_asked() -> None:
    """At most 1.5 of one brand and 1.2 of the other, for three customers: 1.5 gives way to 2, not 1 to 2."""
    limits = [
        Limit("A", where={"brand": "A"}, max=1.5),
        Limit("B", where={"brand": "B"}, max=1.2),
    ]
    (entry,) = way_out(limits)
    assert (entry["limit"], entry["would_do"]) == ("A", 2.0)
    assert entry["share"] == pytest.approx(0.5 / 1.5)


def test_a_ratio_is_measured_by_the_ratio() -> None:
    """Return asks for 3, at most 2 is there: a third less. Whatever else would do is more than that."""
    limits = [
        Limit("return", ratio=("value", "cost"), min=3.0),
        Limit("budget", sum="cost", min=3.0),
    ]
    entries = way_out(limits, value=[2.0, 1.0] * 3, cost=[1.0, 1.0] * 3)
    assert [entry["limit"] for entry in entries] == ["return"]
    assert entries[0]["share"] == pytest.approx(-1 / 3, rel=1e-6)


def test_a_bound_of_nothing_is_measured_by_a_typical_coupon() -> None:
    (entry,) = way_out([Limit("cost", sum="cost", max=0.0)], cost=[4.0, 4.0] * 3)
    assert entry["change"] == pytest.approx(12.0)
    assert entry["share"] == pytest.approx(3.0)


def test_no_change_of_a_ratio_to_nothing_is_proposed() -> None:
    """Cost per point of coupons without points: no maximum of it would do, so the others have to give way."""
    limits = [
        Limit("per point", ratio=("cost", "points"), max=1.0),
        Limit("some", where={"brand": "A"}, min=1),
    ]
    columns = {"cost": [1.0, 0.0] * 3, "points": [0.0, 0.0] * 3}
    (entry,) = way_out(limits, **columns)
    assert (entry["limit"], entry["would_do"]) == ("some", 0.0)


# ---- ratios: what would do is no linear cost, and is told apart by the ratios' denominators


def returns(customers: int, limits: list[Limit]) -> dict[str, Any]:
    """The conflict of a return that is asked for beside promises, with four of twelve offers a customer."""
    rng = np.random.default_rng(13)
    pairs = {
        "customer": np.repeat(np.arange(customers), 4),
        "offer": np.argsort(rng.random((customers, 12)), axis=1)[:, :4].ravel(),
        "value": rng.gamma(2.0, 1.0, 4 * customers),
        "cost": rng.uniform(0.2, 1.5, 4 * customers),
    }
    offers = {"offer": np.arange(12), "brand": np.arange(12) % 3}
    rules = [CustomerRule("slot", max=1)]
    work = replace(DEFAULT_OPTIONS.work, solves=20.0)  # what small campaigns may have anyhow
    options = replace(DEFAULT_OPTIONS, work=work)
    stated = Campaign(offers, pairs, rules=rules, limits=limits)
    result = stated.solve(threads=1, solver_options=options)
    assert result.infeasible is not None
    return result.infeasible


@pytest.mark.parametrize(("customers", "known"), [(80, 0.19381), (6_000, 0.11549)])
def test_ways_out_with_ratios_are_proved_smallest(customers: int, known: float) -> None:
    """Of some hundred candidates, and of more than HiGHS is given: less return, or fewer coupons, or some of both."""
    limits = [
        Limit("return", ratio=("value", "cost"), min=6.5),
        Limit("cost each", ratio=("cost", "count"), where={"brand": 2}, max=0.35),
        Limit("volume", min=int(0.9 * customers)),
        Limit("promise", where={"brand": 0}, min=int(0.4 * customers)),
    ]
    found = returns(customers, limits)
    assert found["way_out_share"] <= known * 1.002
    assert found["way_out_share_at_least"] >= 0.99 * found["way_out_share"]


def test_highs_finds_no_smaller_changes_of_ratios() -> None:
    judged = infeasible_ratios.judge(60.0, 1)
    assert judged is not None and judged.changes.is_decided and judged.changes.wrong == []
    assert judged.changes.times[0] <= 1.001


def test_where_highs_ends_with_an_exception_it_gave_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def end(*_: Any) -> None:
        raise ValueError("vector::reserve")  # as has been seen

    monkeypatch.setattr(Oracle, "best", end)
    judged = infeasible_ratios.judge(0.0, 1)
    assert judged is not None and not judged.changes.is_decided
    figures = infeasible_ratios.report([judged])["up_to_300_candidates"]
    assert figures["highs_gave_nothing"] == 1 and figures["smallest_by_highs"] == 0


def test_a_minimum_and_a_maximum_of_one_sum_are_not_merged_by_highs() -> None:
    """With its presolve HiGHS ends with 0.452 as the smallest changes of this campaign."""
    drawn = draw(94, 300)
    _, limits = Contradiction(drawn).limits()
    result = drawn.campaign(limits=limits).solve(threads=1)
    assert result.infeasible is not None
    assert result.infeasible["way_out_share"] == pytest.approx(0.43837, rel=2e-3)


def test_a_share_is_not_proposed_beyond_all() -> None:
    """Everybody must get the one offer that there is a share of, which is all of it; a bit more would be refused."""
    every = CustomerRule("one", min=1, max=1, where={"offer": 0})
    campaign = Campaign(
        {"offer": [0, 1]},
        {
            "customer": [0, 0, 1],
            "offer": [0, 1, 0],
            "value": [1.0, -1.0, 1.0],
            "cost": [0.3, 0.1, 0.7],
        },
        rules=[every, CustomerRule("only", max=0, where={"offer": 1})],
        limits=[Limit("part", where={"offer": 0}, sum="cost", share=True, max=0.5)],
    )
    found = campaign.solve(threads=1).infeasible
    assert found is not None
    (entry,) = found["way_out"]
    assert entry["would_do"] == 1.0 and entry["change"] == 0.5
    assert campaign.changed(limits={"part": {"max": 1.0}}).solve(threads=1).status == "optimal"
