"""Why a customer got its coupons: the numbers are those of the tables, and the reasons hold when they are tried."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import random_tables

from couponry import (
    Campaign,
    CustomerRule,
    InvalidInput,
    Limit,
    Result,
    read_campaign,
    write_campaign,
)
from couponry.analysis.decisions import Decision, Explanation
from couponry.analysis.explain_files import explain_written
from couponry.cli import run as command
from couponry.utils.toml_writer import dumps

RULES = [
    {"name": "slots", "max": 3, "min": 1},
    {"name": "one per product", "by": "product", "max": 1},
    {"name": "mail", "where": {"channel": "mail"}, "max": 2},
]
LIMITS = [
    {"name": "in all", "max": 110},
    {"name": "brands", "by": "brand", "min": 30, "max": 45},
    {"name": "gold", "sum": "weight", "customers": {"segment": "gold"}, "max": 25.0},
    {"name": "yield", "ratio": ["value", "weight"], "min": 5.0},
    {"name": "wish", "where": {"supplier": 1}, "min": 60, "mode": "soft", "penalty": 0.2},
    {"name": "seen", "sum": "response", "mode": "report"},
]
Solved = tuple[Campaign, Result, dict[str, pa.Table], Path]


@pytest.fixture(scope="module", params=[False, True], ids=["integers", "strings"])
def solved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Solved:
    from tests.support.campaigns import spec, write_folder

    data = random_tables(seed=5, customers=60, offers=12, each=7, strings=request.param)
    path = tmp_path_factory.mktemp("explain")
    content = spec(customer_rule=RULES, limit=LIMITS)
    campaign = read_campaign(write_folder(path / "campaign", data, content))
    result = campaign.solve(gap=1e-3, threads=2)
    result.write(path / "out")
    return campaign, result, data, path


def everybody(solved: Solved) -> list[Explanation]:
    _, result, data, _ = solved
    return [result.explain(customer) for customer in data["customers"]["customer"].to_pylist()]


def rows(table: pa.Table, key: str) -> dict[Any, dict[str, Any]]:
    return {row[key]: row for row in table.to_pylist()}


def test_every_candidate_is_there_once_with_its_value(solved: Solved) -> None:
    _, result, data, _ = solved
    assert result.allocation is not None
    value = {(r["customer"], r["offer"]): r for r in data["candidates"].to_pylist()}
    given = {(r["customer"], r["offer"]) for r in result.allocation.to_arrow().to_pylist()}
    for found in everybody(solved):
        pairs = [(found.customer, d.offer) for d in found.decisions]
        assert sorted(pairs) == sorted(p for p in value if p[0] == found.customer)
        for pair, decision in zip(pairs, found.decisions, strict=True):
            assert decision.value == value[pair]["value"] and decision.given == (pair in given)
        assert found.value == pytest.approx(sum(d.value for d in found.given))


def test_payments_are_prices_times_weights(solved: Solved) -> None:
    _, result, data, _ = solved
    assert result.limits is not None
    offers, customers = rows(data["offers"], "offer"), rows(data["customers"], "customer")
    limits = {(r["name"], r["group"]): r for r in result.limits.to_pylist()}
    candidates = {(r["customer"], r["offer"]): r for r in data["candidates"].to_pylist()}
    priced = set()
    for found in everybody(solved):
        for decision in found.decisions:
            pair, offer = candidates[found.customer, decision.offer], offers[decision.offer]
            weights = {("in all", None): 1.0, ("brands", offer["brand"]): 1.0}
            if customers[found.customer]["segment"] == "gold":
                weights["gold", None] = pair["weight"]
            if offer["supplier"] == 1:
                weights["wish", None] = 1.0
            ratio = limits["yield", None]
            below = ratio["second_sum"]
            weights["yield", None] = (pair["value"] - 5.0 * pair["weight"]) / below
            expected = {
                key: weight * limits[key]["price"]
                for key, weight in weights.items()
                if key in limits and limits[key]["price"] != 0
            }
            got = {(p.limit, p.group): p.amount for p in decision.paid}
            assert got == pytest.approx({k: v for k, v in expected.items() if v}, abs=1e-12)
            assert decision.reduced == pytest.approx(pair["value"] - sum(got.values()))
            priced |= set(got)
    assert len({name for name, _ in priced}) >= 4


def choices(found: Explanation, data: dict[str, pa.Table]) -> list[tuple[Decision, ...]]:
    """Every set of a customer's candidates that its rules allow."""
    offers = rows(data["offers"], "offer")
    allowed = []
    for size in range(1, 4):
        for some in itertools.combinations(found.decisions, size):
            products = [offers[d.offer]["product"] for d in some]
            mail = [d for d in some if offers[d.offer]["channel"] == "mail"]
            if len(set(products)) == size and len(mail) <= 2:
                allowed.append(some)
    return allowed


def test_best_choice_margins_and_runners_up_by_enumeration(solved: Solved) -> None:
    data = solved[2]
    for found in everybody(solved)[:30]:
        sets = choices(found, data)
        worth = [sum(d.reduced for d in some) for some in sets]
        top = max(worth)
        best = [d for d in found.decisions if d.best]
        assert sum(d.reduced for d in best) == pytest.approx(top, abs=1e-5)
        assert found.reduced + found.lost == pytest.approx(top, abs=1e-5)
        for decision in found.decisions:
            other = [
                w for w, s in zip(worth, sets, strict=True) if (decision in s) != decision.best
            ]
            assert (decision.margin is None) == (not other)
            if decision.margin is not None:
                assert decision.margin == pytest.approx(top - max(other), abs=1e-5)
                changed = {d.offer for d in best} ^ {decision.offer} ^ set(decision.instead)
                after = [d for d in found.decisions if d.offer in changed]
                assert sum(d.reduced for d in after) == pytest.approx(max(other), abs=1e-5)


def test_reasons_hold(solved: Solved) -> None:
    _, result, data, _ = solved
    assert result.limits is not None
    offers = rows(data["offers"], "offer")
    kinds = set()
    for found in everybody(solved):
        best = [d for d in found.decisions if d.best]
        for d in found.decisions:
            kinds.add(d.reason.split(":")[1].split(",")[0].split(";")[0].strip()[:12])
            if d.given != d.best:
                assert "moved by repair" in d.reason
            elif d.given:
                assert d.reason.startswith("given: among its best")
            elif "no room left under '" in d.reason:
                product = offers[d.offer]["product"]
                mail = [b for b in best if offers[b.offer]["channel"] == "mail"]
                full = {
                    "slots": len(best) >= 3,
                    "one per product": product in [offers[b.offer]["product"] for b in best],
                    "mail": offers[d.offer]["channel"] == "mail" and len(mail) >= 2,
                }
                assert set(d.decided_by) == {name for name, is_full in full.items() if is_full}
                assert d.reduced > 0
            elif "after prices" in d.reason:
                assert d.value > 0 >= d.reduced
                assert d.decided_by == (max(d.paid, key=lambda p: p.amount).limit,)
    assert {"among its be", "no room left", "worth less t"} <= kinds


def test_moved_coupons_name_the_limit_that_asked_for_it() -> None:
    """One print run of exactly half: with identical customers prices cannot decide, repair does."""
    customers = 40
    campaign = Campaign(
        {"offer": ["a", "b"]},
        {
            "customer": np.repeat(np.arange(customers), 2),
            "offer": ["a", "b"] * customers,
            "value": np.tile([2.0, 1.0], customers),
        },
        rules=[CustomerRule("slot", max=1)],
        limits=[Limit("run of a", where={"offer": "a"}, max=20)],
    )
    result = campaign.solve(threads=1)
    assert result.allocated == customers and result.limits is not None
    found = [result.explain(customer) for customer in range(customers)]
    assert sum(d.offer == "a" for e in found for d in e.given) == 20
    price = result.limits["price"][0].as_py()
    assert price == pytest.approx(1.0)
    moved = [d for e in found for d in e.decisions if "moved by repair" in d.reason]
    named = [d for d in moved if d.offer == "a" and not d.given]
    assert moved and all(d.decided_by == ("run of a",) for d in named)
    assert all("would be 21, above its max 20" in d.reason for d in named)


def test_files_say_the_same(solved: Solved) -> None:
    _, result, data, path = solved
    for customer in data["customers"]["customer"].to_pylist()[:20]:
        own = result.explain(customer)
        written = explain_written(path / "campaign", path / "out", str(customer))
        assert written.customer == own.customer and written.given and len(own.decisions) == 7
        theirs = {d.offer: d for d in written.decisions}
        for decision in own.decisions:
            other = theirs[decision.offer]
            assert decision.given == other.given and decision.role == other.role
            assert decision.value == pytest.approx(other.value)
            assert decision.reduced == pytest.approx(other.reduced, abs=1e-9)
            assert [p.label for p in decision.paid] == [p.label for p in other.paid]


def test_history_counts_in_files_too(tmp_path: Path) -> None:
    """What a customer has had takes up room under a rule."""
    offers = {"offer": ["tea", "jam", "oats"]}
    candidates = {"customer": [1, 1, 1], "offer": ["tea", "jam", "oats"], "value": [3.0, 2.0, 1.0]}
    history = {"customer": [1, 2], "offer": ["tea", "jam"]}
    campaign = Campaign(
        offers,
        candidates,
        history=history,
        rules=[CustomerRule("slots", max=2, history=True)],
        limits=[Limit("all", max=9)],
    )
    result = campaign.solve(threads=1)
    write_campaign(campaign, tmp_path / "campaign")
    result.write(tmp_path / "out")
    written = explain_written(tmp_path / "campaign", tmp_path / "out", 1)
    assert written == result.explain(1)
    assert [d.offer for d in written.given] == ["tea"] and written.lost == 0.0


def test_command(solved: Solved, capfd: pytest.CaptureFixture[str]) -> None:
    _, result, data, path = solved
    customer = data["customers"]["customer"][3].as_py()
    arguments = ["explain", str(path / "campaign"), str(path / "out"), "--customer", str(customer)]
    assert command(arguments) == 0
    assert "given: among its best" in capfd.readouterr().out
    assert command([*arguments, "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    offers = [d["offer"] for d in said["decisions"] if d["given"]]
    assert sorted(offers) == sorted(d.offer for d in result.explain(customer).given)
    assert command([*arguments[:-1], "999999"]) == 2
    assert "999999" in capfd.readouterr().err


def test_forms(solved: Solved) -> None:
    campaign, result, data, _ = solved
    found = result.explain(data["customers"]["customer"][0].as_py())
    table = found.to_arrow()
    assert table.num_rows == len(found.decisions) == 7
    assert table["given"].to_pylist() == [d.given for d in found.decisions]
    assert json.loads(json.dumps(found.as_dict()))["campaign"] == campaign.name
    assert found._repr_html_().count("<tr>") == 7 + 1 + len(found._facts())
    assert len(found.summary().splitlines()) == 7 + 1 + len(found._facts())


@pytest.mark.parametrize("customer", [-1, "nobody", 1.5, None, True, 10**30, "\udcff"])
def test_unknown_customer(solved: Solved, customer: Any) -> None:
    with pytest.raises(InvalidInput, match="explain: customer"):
        solved[1].explain(customer)
    path = solved[3]
    with pytest.raises(InvalidInput, match="explain: customer"):
        explain_written(path / "campaign", path / "out", customer)


def test_columns_that_a_solve_does_not_read_are_not_read(solved: Solved, tmp_path: Path) -> None:
    _, _, data, path = solved
    rows = data["candidates"]
    no_text = pa.array([b"\xff"] * len(rows), pa.binary()).view(pa.string())
    shutil.copytree(path / "campaign", tmp_path / "campaign")
    pq.write_table(rows.append_column("note", no_text), tmp_path / "campaign/candidates.parquet")
    read_campaign(tmp_path / "campaign")  # it is not refused
    customer = data["customers"]["customer"][0].as_py()
    without = explain_written(path / "campaign", path / "out", customer)
    assert explain_written(tmp_path / "campaign", path / "out", customer) == without


def test_ids_of_csv_files_are_text_in_all_where_they_are_in_one(tmp_path: Path) -> None:
    for part, customer in enumerate(["007", "12"]):
        rows = pa.table({"customer": [customer], "offer": ["tea"], "value": [1.0]})
        pa.csv.write_csv(
            rows, tmp_path / f"part-{part}.csv", pa.csv.WriteOptions(quoting_style="none")
        )
    pa.csv.write_csv(pa.table({"offer": ["tea"]}), tmp_path / "offers.csv")
    names = {"offers": "offers.csv", "candidates": "part-*.csv"}
    (tmp_path / "campaign.toml").write_text(dumps({"schema": 1, "tables": names}))
    read_campaign(tmp_path).solve().write(tmp_path / "out")
    found = [explain_written(tmp_path, tmp_path / "out", customer) for customer in ("007", "12")]
    assert [len(explained.given) for explained in found] == [1, 1]


def test_no_allocation(folder: Callable[..., Path], tmp_path: Path) -> None:
    path = folder(limit=[{"name": "much", "min": 10_000}])
    result = read_campaign(path).solve()
    with pytest.raises(InvalidInput, match="expected a result with an allocation"):
        result.explain(1000)
    result.write(tmp_path / "out")
    with pytest.raises(InvalidInput, match="expected a result with an allocation"):
        explain_written(path, tmp_path / "out", 1000)


@pytest.mark.compiles
def test_threads_and_backends_explain_alike(solved: Solved) -> None:
    campaign, _, data, _ = solved
    customer = data["customers"]["customer"][7].as_py()
    runs = [(1, "native"), (2, "native"), (2, "numba")]
    found = [campaign.solve(threads=t, backend=b, gap=1e-3).explain(customer) for t, b in runs]
    assert found[0] == found[1] == found[2]


def test_names_of_several_lines_stay_in_theirs() -> None:
    candidates = {"customer": ["a\nb"], "offer": ["x\ny"], "value": [1.0]}
    limits = [Limit("one\x1b[2J\nlimit", max=0)]
    campaign = Campaign({"offer": ["x\ny"]}, candidates, limits=limits, name="two\nlines")
    summaries = [campaign.summary(), campaign.solve().explain("a\nb").summary()]
    assert [len(summary.splitlines()) for summary in summaries] == [7, 6]
    assert "\x1b" not in "".join(summaries)
