"""An earlier plan: the share of it that stays, the bonus of what stays, and what is said of both."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from tests.support.spoilt_results import change_json

import couponry as cp
from couponry.analysis.explain_files import explain_written
from couponry.engines import Cluster, InProcessRunner
from couponry.report.verdict import figures
from couponry.result import Result

CUSTOMERS, OFFERS, SLOTS = 150, 10, 3


def tables(seed: int, *, text: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Candidates, of which some pairs are missing, and a plan that gave some of them and some that are missing."""
    rng = np.random.default_rng(seed)
    customer, offer = (array.ravel() for array in np.indices((CUSTOMERS, OFFERS)))
    given = np.argsort(rng.random((CUSTOMERS, OFFERS)), axis=1)[:, :SLOTS].ravel()
    there = rng.random(len(customer)) < 0.9
    ids = np.array([f"c{i:04d}" for i in range(CUSTOMERS)]) if text else np.arange(CUSTOMERS)
    candidates = {
        "customer": ids[customer[there]],
        "offer": offer[there],
        "value": rng.uniform(0, 5, there.sum()).round(2),
        "cost": rng.uniform(0, 1, there.sum()),
    }
    return candidates, {"customer": ids[np.repeat(np.arange(CUSTOMERS), SLOTS)], "offer": given}


def campaign(seed: int, previous: cp.PreviousPlan | None = None, **more: Any) -> cp.Campaign:
    text = more.pop("text", False)
    return cp.Campaign(
        {"offer": np.arange(OFFERS)},
        tables(seed, text=text)[0],
        rules=[cp.CustomerRule("slots", max=SLOTS)],
        limits=[cp.Limit("budget", sum="cost", max=210.0), cp.Limit("each", by="offer", max=70)],
        previous=previous,
        **more,
    )


def stays(seed: int, rows: pa.Table) -> tuple[int, int, int]:
    """Pairs of the earlier plan, those among the candidates, and those among these rows, by sets of pairs."""
    candidates, last = tables(seed)
    given = set(zip(last["customer"].tolist(), last["offer"].tolist(), strict=True))
    can = set(zip(candidates["customer"].tolist(), candidates["offer"].tolist(), strict=True))
    now = set(zip(rows["customer"].to_pylist(), rows["offer"].to_pylist(), strict=True))
    return len(given), len(given & can), len(given & now)


def best(seed: int, least: int, bonus: float) -> float:
    """What HiGHS makes of it: the value, less the bonus of each pair that could stay and does not."""
    candidates, last = tables(seed)
    given = set(zip(last["customer"].tolist(), last["offer"].tolist(), strict=True))
    pairs = zip(candidates["customer"].tolist(), candidates["offer"].tolist(), strict=True)
    kept = np.array([pair in given for pair in pairs], float)
    rows = [
        *(np.eye(CUSTOMERS)[:, candidates["customer"]]),
        *(np.eye(OFFERS)[:, candidates["offer"]]),
        candidates["cost"],
        kept,
    ]
    high = [SLOTS] * CUSTOMERS + [70] * OFFERS + [210.0, np.inf]
    low = [-np.inf] * (len(high) - 1) + [least]
    found = milp(
        -(candidates["value"] + bonus * kept),
        constraints=LinearConstraint(np.array(rows), low, high),
        bounds=Bounds(0, 1),
        integrality=1,
        options={"mip_rel_gap": 1e-6},
    )
    return float(-found.fun - bonus * kept.sum())


@pytest.mark.parametrize(
    ("keep", "bonus"), [(None, None), (0.95, None), (1.0, None), (None, 0.5), (0.6, 0.25)]
)
def test_as_good_as_highs(keep: float | None, bonus: float | None) -> None:
    result = campaign(3, cp.PreviousPlan(tables(3)[1], keep=keep, bonus=bonus)).solve(gap=1e-4)
    assert result.allocation is not None and result.objective is not None
    rows = result.allocation.to_arrow()
    pairs, still, stayed = stays(3, rows)
    assert pairs > still
    assert result.previous == {
        "pairs": pairs,
        "candidates": still,
        "stayed": stayed,
        "left": pairs - stayed,
        "came": len(rows) - stayed,
    }
    least = 0 if keep is None else int(np.ceil(round(keep * still, 6)))
    assert stayed >= least
    true = best(3, least, bonus or 0.0)
    assert result.bound is not None and result.bound >= true - 1e-6
    assert true * (1 - 3e-4) <= result.objective <= true + 1e-6
    if bonus is None:
        assert result.objective == pytest.approx(rows["value"].to_numpy().sum())


def test_more_stays_the_more_is_asked() -> None:
    last = tables(1)[1]
    found = [
        campaign(1, cp.PreviousPlan(last, bonus=bonus)).solve().previous
        for bonus in (0.01, 0.5, 2, 9)
    ]
    stayed = [each["stayed"] for each in found if each is not None]
    assert stayed == sorted(stayed) and stayed[0] < stayed[-1]


def test_a_share_is_counted_as_it_is_written() -> None:
    candidates = {"customer": np.arange(100), "offer": [1] * 100, "value": np.ones(100)}
    for keep, least in (0.07, 7), (0.29, 29), (0.291, 30), (0, 0), (1, 100):
        plan = cp.PreviousPlan({"customer": np.arange(100), "offer": [1] * 100}, keep=keep)
        made = cp.Campaign({"offer": [1]}, candidates, previous=plan)
        assert {limit.name: limit.min for limit in made.limits} == {"kept": least}


def test_infeasible_by_what_is_to_stay() -> None:
    asked = campaign(2, cp.PreviousPlan(tables(2)[1], keep=0.9))
    result = asked.changed(add_limits=[cp.Limit("few", max=100)]).solve()
    assert result.status == "infeasible" and result.infeasible is not None
    named = {each["limit"] for each in result.infeasible["limits"]}
    assert named == {"few", "kept"}
    assert {each["limit"] for each in result.infeasible["way_out"]} <= named
    least = asked.limits[-1].min
    assert least is not None
    looser = asked.changed(limits={"kept": {"min": 90}}, add_limits=[cp.Limit("few", max=100)])
    assert looser.solve().status == "optimal"


def files(seed: int, place: Path, last: Path, **asked: Any) -> cp.Campaign:
    """The campaign as a folder whose previous plan is a file."""
    cp.write_campaign(campaign(seed), place)
    text = (place / "campaign.toml").read_text()
    said = "".join(f"{name} = {value}\n" for name, value in asked.items())
    text = text.replace("[objective]", f"[previous]\n{said}\n[objective]")
    (place / "campaign.toml").write_text(text.replace("[tables]", f'[tables]\nprevious = "{last}"'))
    return cp.read_campaign(place)


def test_the_same_from_files_and_for_all_who_solve(tmp_path: Path) -> None:
    last = pa.table(tables(4)[1])
    shuffled = last.take(pa.array(np.random.default_rng(0).permutation(len(last))))
    pq.write_table(shuffled, tmp_path / "last.parquet")
    first = campaign(4, cp.PreviousPlan(last, keep=0.8, bonus=0.1))
    result = first.solve(threads=1)
    read = files(4, tmp_path / "campaign", tmp_path / "last.parquet", keep=0.8, bonus=0.1)
    stored = cp.read_campaign(tmp_path / "campaign", store=tmp_path / "store")
    engine = Cluster(InProcessRunner(1, 2), tmp_path / "shards", 50)
    others: list[Result] = [
        read.solve(threads=2),
        stored.solve(),
        pickle.loads(pickle.dumps(read)).solve(),
        pickle.loads(pickle.dumps(stored)).solve(),
        first.solve(engine=engine),
        first.solve(checkpoint=tmp_path / "checkpoint"),
    ]
    assert result.allocation is not None
    for other in others:
        assert other.allocation is not None and other.previous == result.previous
        assert other.allocation.to_arrow().equals(result.allocation.to_arrow())
    # another plan before the same store: what was made of the first one is not taken for it
    emptied = last.slice(0, 30)
    pq.write_table(emptied, tmp_path / "last.parquet")
    again = cp.read_campaign(tmp_path / "campaign", store=tmp_path / "store").solve()
    plan = cp.PreviousPlan(emptied, keep=0.8, bonus=0.1)
    assert again.previous == campaign(4, plan).solve().previous
    with pytest.raises(cp.InvalidInput, match="another earlier plan by now"):
        pickle.loads(pickle.dumps(stored))


def test_written_verified_and_explained(tmp_path: Path) -> None:
    asked = campaign(5, cp.PreviousPlan(tables(5)[1], keep=0.9, bonus=0.2))
    result = asked.solve()
    folder, out = cp.write_campaign(asked, tmp_path / "campaign"), result.save(tmp_path / "out")
    again = cp.read_campaign(folder).solve()
    assert again.previous == result.previous and again.objective == result.objective
    report = cp.verify_result(folder, out)
    assert report.ok, report.problems
    for customer in 0, 7, 149:
        assert (
            explain_written(folder, out, customer).decisions == result.explain(customer).decisions
        )
    read = cp.read_result(out, folder)
    assert read.previous == result.previous and "coupons stay" in read.summary()
    said = json.loads((out / "result.json").read_text())["previous"]
    change_json(out, previous={**said, "stayed": said["stayed"] + 1})
    problems = cp.verify_result(folder, out).problems
    assert [line for line in problems if line.startswith("result.json: previous")]


def test_in_the_report() -> None:
    result = campaign(1, cp.PreviousPlan(tables(1)[1], keep=0.8), backups=2).solve()
    assert result.previous is not None and result.backups is not None
    said = {each.name: (each.number.value, each.small) for each in figures(result, None)}
    pairs = result.previous["pairs"]
    assert said["coupons that stay"] == (
        result.previous["stayed"],
        f"of {pairs:,} coupons of the plan before",
    )
    assert said["backups"][0] == len(result.backups) > 0
    assert "coupons that stay" not in {each.name for each in figures(campaign(1).solve(), None)}


def test_late_customers_had_nothing() -> None:
    result = campaign(6, cp.PreviousPlan(tables(6)[1], keep=0.5)).solve()
    late = {"customer": [9999] * 2, "offer": [1, 2], "value": [50.0, 40.0], "cost": [0.0, 0.0]}
    prices = cp.Prices.of(result)
    given = prices.decide(late).to_arrow()
    assert given.equals(result.decide(late).to_arrow())
    decider = prices.decider()
    assert "previous" not in decider.columns
    one = decider(9999, [1, 2], {"value": [50.0, 40.0], "cost": [0.0, 0.0]})
    assert sorted(one.offers) == given["offer"].to_pylist()


def test_text_ids() -> None:
    kept = campaign(3, cp.PreviousPlan(tables(3, text=True)[1], keep=0.9), text=True).solve()
    assert kept.previous == campaign(3, cp.PreviousPlan(tables(3)[1], keep=0.9)).solve().previous


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (cp.PreviousPlan({}, keep=1.5), "previous: keep: expected a share from 0 to 1, got 1.5"),
        (cp.PreviousPlan({}, bonus=-1), "previous: bonus: expected a number from 0 up, got -1"),
        (cp.PreviousPlan({}, gone=-1), "previous: gone: expected a whole number from 0 up, got -1"),
        (cp.PreviousPlan({"customer": [1]}), "table previous: expected a column 'offer'"),
        (
            cp.PreviousPlan({"customer": ["1"], "offer": [1]}),
            "table previous: expected integers as in table candidates, got strings",
        ),
        (
            cp.PreviousPlan({"customer": [3, 2, 3], "offer": [1, 1, 1]}),
            "table previous: the pair of customer 3 and offer 1 is there twice",
        ),
        ({"customer": [1], "offer": [1]}, "previous: expected a PreviousPlan, got "),
    ],
)
def test_refused(plan: Any, said: str) -> None:
    candidates = {"customer": [1, 2, 3], "offer": [1, 1, 1], "value": [1.0] * 3}
    with pytest.raises(cp.InvalidInput) as error:
        cp.Campaign({"offer": [1]}, candidates, previous=plan)
    assert said in str(error.value)


def test_names_that_are_taken() -> None:
    plan = cp.PreviousPlan({"customer": [1], "offer": [1]}, keep=0.5)
    candidates = {"customer": [1], "offer": [1], "value": [1.0]}
    with pytest.raises(cp.InvalidInput, match="limit 1 is called 'kept'"):
        cp.Campaign({"offer": [1]}, candidates, limits=[cp.Limit("kept", max=1)], previous=plan)
    with pytest.raises(cp.InvalidInput, match="there is one of that name already"):
        cp.Campaign({"offer": [1]}, {**candidates, "previous": [1.0]}, previous=plan)
    with pytest.raises(cp.InvalidInput, match="column 'previous'"):
        summed = cp.Limit("stays", sum="previous", min=1)
        cp.Campaign({"offer": [1]}, candidates, limits=[summed]).solve()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[previous]\nkeep = 0.5", "expected a table previous in [tables]"),
        ("[previous]\nkep = 0.5", "kep"),
        ("previous = 3", "[previous]: expected a table"),
    ],
)
def test_refused_in_files(text: str, said: str, tmp_path: Path) -> None:
    folder = cp.write_campaign(campaign(1), tmp_path / "campaign")
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text().replace("schema = 1", f"schema = 1\n{text}", 1) if "\n" not in text
                    else toml.read_text() + "\n" + text)  # fmt: skip
    with pytest.raises(cp.InvalidInput) as error:
        cp.read_campaign(folder)
    assert said in str(error.value)
