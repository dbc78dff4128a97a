"""Verification finds whatever is wrong in a result, and nothing in one that is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import SLOTS, random_tables, replaced, shuffled, spec, write_folder
from tests.support.spoilt_results import (
    cell,
    change_json,
    change_number,
    change_table,
    remove,
    without_key,
)

from couponry import (
    Campaign,
    InvalidInput,
    Report,
    read_campaign,
    verify_result,
    write_campaign,
)

Folder = Callable[..., Path]

RULES = [
    {"name": "slots", "max": "slots", "min": "least"},
    {"name": "one per product", "by": "product", "max": 1},
]
LIMITS: list[dict[str, Any]] = [
    {"name": "cap", "max": 40, "where": {"brand": ["A", "B"]}},
    {"name": "gold", "sum": "cost", "max": 4.0, "customers": {"segment": "gold"}},
    {"name": "suppliers", "sum": "response", "by": "supplier", "table": "bounds.parquet"},
    {"name": "return", "by": "brand", "ratio": ["value", "cost"], "min": 5.0},
    {"name": "wish", "where": {"role": ["reward"]}, "min": 60, "mode": "soft", "penalty": 0.05},
    {"name": "weight", "by": "role", "sum": "weight", "mode": "report"},
    {"name": "tags", "by": "tags", "sum": "points", "mode": "report"},
]
BOUNDS = pa.table(
    {"supplier": [0, 1, 3], "max": pa.array([3.0, None, 2.5]), "min": pa.array([None, 0.5, 1.0])}
)


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A campaign folder and its result."""
    path = tmp_path_factory.mktemp("verify")
    content = spec(customer_rule=RULES, limit=LIMITS)
    folder = write_folder(path / "campaign", random_tables(), content, bounds=BOUNDS)
    out = read_campaign(folder).solve().write(path / "out")
    return folder, out


@pytest.fixture
def out(solved: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the result, to be spoilt."""
    copy = tmp_path / "out"
    copy.mkdir()
    for file in solved[1].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def test_a_right_result(solved: tuple[Path, Path]) -> None:
    report = verify_result(*solved)
    assert report.problems == [] and report.ok
    claims = json.loads((solved[1] / "result.json").read_text())
    assert report.objective == pytest.approx(claims["objective"], rel=1e-12)
    assert (report.customers, report.candidates) == (60, 360)
    assert report.allocated == claims["allocated"] > 40
    assert report.penalties is not None and report.penalties > 0
    assert report.limits == 1 + 1 + 3 + 3 + 1 + 3 + 2
    assert json.loads(json.dumps(report.as_dict()))["ok"] is True
    assert "all holds" in report.summary()


# ---- one thing spoilt at a time


def foreign_offer(table: pa.Table) -> pa.Table:
    """The first customer's first coupon becomes one of an offer that it is no candidate for."""
    candidates = random_tables()["candidates"].to_pydict()
    customer = table["customer"][0].as_py()
    own = {
        o for c, o in zip(candidates["customer"], candidates["offer"], strict=True) if c == customer
    }
    other = next(offer for offer in range(50, 86, 3) if offer not in own)
    offers = [other, *table["offer"].to_pylist()[1:]]
    return replaced(table, "offer", offers)


SPOILT: dict[str, tuple[Callable[[Path], None], str]] = {
    "a coupon missing": (
        change_table("allocation", lambda t: t.slice(1)),
        "result.json: allocated: expected",
    ),
    "a coupon twice": (
        change_table("allocation", lambda t: pa.concat_tables([t.slice(0, 1), t])),
        "given twice",
    ),
    "no candidate": (change_table("allocation", foreign_offer), "1 pairs are not candidates, first row 0"),
    "an unknown customer": (cell("allocation", "customer", 0, 3), "1 pairs are not candidates"),
    "an unknown offer": (cell("allocation", "offer", 2, 4711), "4711"),
    "ids of another type": (
        change_table("allocation", lambda t: replaced(t, "offer", t["offer"].cast(pa.string()))),
        "expected int64, got string",
    ),
    "out of order": (change_table("allocation", shuffled), "not in order of customer"),
    "value": (cell("allocation", "value", 5, lambda v: v + 1e-6), "column 'value' is wrong in 1 rows, first row 5"),
    "value null": (cell("allocation", "value", 5, None), "column 'value' is wrong in 1 rows"),
    "value text": (
        change_table("allocation", lambda t: replaced(t, "value", t["value"].cast(pa.string()))),
        "column 'value': expected numbers",
    ),
    "response": (cell("allocation", "response", 0, 0.5), "column 'response' is wrong"),
    "cost": (cell("allocation", "cost", 1, lambda v: v * (1 + 1e-6)), "column 'cost' is wrong"),
    "no cost": (change_table("allocation", lambda t: t.drop(["cost"])), "expected a column 'cost'"),
    "no allocation": (remove("allocation.parquet"), "allocation.parquet: missing"),
    "no limits": (remove("limits.parquet"), "limits.parquet: missing"),
    "achieved": (cell("limits", "achieved", 1, lambda v: v + 1e-6), "limit 'gold': achieved"),
    "achieved null": (cell("limits", "achieved", 0, None), "limit 'cap': achieved"),
    "min": (cell("limits", "min", 3, 0.4), "limit 'suppliers' [1]: min: expected 0.5"),
    "max": (cell("limits", "max", 0, None), "limit 'cap': max: expected 40"),
    "mode": (cell("limits", "mode", 0, "soft"), "limit 'cap': mode"),
    "binding": (cell("limits", "binding", 0, lambda v: not v), "limit 'cap': binding"),
    "price": (cell("limits", "price", 0, float("nan")), "limit 'cap': price"),
    "a limit missing": (change_table("limits", lambda t: t.slice(1)), "limit 'cap': no row for it"),
    "another limit": (cell("limits", "group", 2, "7"), "group '7': there is no such limit"),
    "a limit twice": (
        change_table("limits", lambda t: pa.concat_tables([t, t.slice(3, 1)])),
        "limit 'suppliers', group '1': there is no such limit",
    ),
    "objective": (change_number("objective", 1e-5), "result.json: objective"),
    "objective above what it may be off": (
        lambda out: (change_number("objective", 1e-6)(out), change_json(out, objective_error=1e-6)),
        "result.json: objective",
    ),
    "objective_error": (
        lambda out: change_json(out, objective_error=0.01), "result.json: objective_error: expected at most"
    ),
    "objective_error below 0": (
        lambda out: change_json(out, objective_error=-1e-9), "result.json: objective_error: expected at most"
    ),
    "error": (cell("limits", "error", 1, 0.01), "error: expected at most"),
    "objective null": (lambda out: change_json(out, objective=None), "result.json: objective"),
    "bound below": (change_number("bound", -5.0), "is below the objective"),
    "bound text": (lambda out: change_json(out, bound="high"), "result.json: bound"),
    "gap": (change_number("gap", 1e-6), "result.json: gap"),
    "optimal without bound": (lambda out: change_json(out, bound=None, gap=None), "there is no bound"),
    "gap without bound": (lambda out: change_json(out, bound=None), "result.json: gap: expected null"),
    "max_violation": (change_number("max_violation", 1e-3), "result.json: max_violation"),
    "allocated": (change_number("allocated", 1), "result.json: allocated"),
    "customers": (change_number("customers", 1), "result.json: customers"),
    "candidates": (change_number("candidates", -1), "result.json: candidates"),
    "customers_below_min": (change_number("customers_below_min", 1), "customers_below_min"),
    "status": (lambda out: change_json(out, status="perfect"), "result.json: status"),
    "a key missing": (without_key("full_passes"), "'full_passes' is missing"),
    "said to be infeasible": (
        lambda out: change_json(out, status="infeasible"),
        "allocation.parquet: there is one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILT)
def test_spoilt(case: str, solved: tuple[Path, Path], out: Path) -> None:
    spoil, expected = SPOILT[case]
    spoil(out)
    report = verify_result(solved[0], out)
    assert not report.ok
    assert any(expected in problem for problem in report.problems), report.problems
    assert expected in report.summary()


# ---- results that are consistent in themselves, but of a campaign that asks for less

Sections = dict[str, Any]


def rule(**keys: Any) -> Sections:
    return {"customer_rule": [SLOTS, {"name": "R", **keys}]}


def conflict(**keys: Any) -> Sections:
    """Each offer in conflict with the next, which is sent three days later."""
    near = pa.table({"offer_a": range(50, 83, 3), "offer_b": range(53, 86, 3)})
    return {**rule(conflicts="conflicts.parquet", **keys), "more": {"conflicts": near}}


def requiring(**keys: Any) -> Sections:
    """Each offer requires the one before, which is sent three days earlier."""
    before = pa.table({"offer": range(53, 86, 3), "requires": range(50, 83, 3)})
    return {**rule(requires="requires.parquet", **keys), "more": {"requires": before}}


def limit(**keys: Any) -> Sections:
    return {"limit": [{"name": "L", **keys}]}


def ratio(least: float) -> Sections:
    return limit(ratio=["value", "cost"], min=least)


def soft(penalty: float) -> Sections:
    return limit(max=100, mode="soft", penalty=penalty)


GOLD = {"segment": "gold"}
OTHERS: dict[str, tuple[Sections, Sections, str]] = {
    "slots": ({}, rule(max=2), "60 customers have more than max 2"),
    "slots of a column": ({}, rule(max="slots"), "30 customers have more than max slots"),
    "by": ({}, rule(by="product", max=1), "more than max 1 for one product"),
    "by role": ({}, rule(by="role", max=1), "more than max 1 for one role"),
    "where": ({}, rule(where={"channel": "mail"}, max=0), "customers have more than max 0"),
    "where role": ({}, rule(where={"role": "reward"}, max=1), "customers have more than max 1"),
    "window": ({}, rule(window=4, max=1), "more than max 1 in 4 days"),
    "window by": (
        {},
        rule(by="brand", window=10, max=1),
        "more than max 1 for one brand in 10 days",
    ),
    "customers of a rule": ({}, rule(customers=GOLD, max=2), "20 customers have more than max 2"),
    "within": (conflict(within=2), conflict(within=3), "customers have two offers in conflict"),
    "order of conflicts": (
        conflict(ordered=True, within=1),
        conflict(ordered=True),
        "two offers in conflict",
    ),
    "customers of conflicts": (
        conflict(customers={"segment": "silver"}),
        conflict(customers=GOLD),
        "customers have two offers in conflict",
    ),
    "sum": ({}, rule(sum="cost", max=0.1), "customers are outside max 0.1 of sum 'cost'"),
    "min of a sum": (
        {},
        rule(sum="cost", min=50.0),
        "customers are outside min 50.0 of sum 'cost'",
    ),
    "different values": (
        {},
        rule(distinct="brand", max=1),
        "customers are outside max 1 of different 'brand'",
    ),
    "fewest different values": (
        rule(max=1),
        rule(distinct="brand", min=2),
        "customers are outside min 2 of different 'brand'",
    ),
    "requires": ({}, requiring(), "customers lack what an offer of theirs requires"),
    "customers of requires": (
        requiring(customers=GOLD),
        requiring(),
        "customers lack what an offer of theirs requires",
    ),
    "min": (limit(max=100), {**limit(max=100), **rule(min=2)}, "fewer coupons than min"),
    "max of a limit": (limit(max=100), limit(max=99), "limit 'L': 100.0 is outside […, 99]"),
    "min of a limit": ({}, limit(min=181), "limit 'L': 180.0 is outside [181, …]"),
    "where of a limit": (
        limit(max=20, where={"brand": ["A"]}),
        limit(max=20, where={"brand": ["A", "B"]}),
        "is outside […, 20]",
    ),
    "customers of a limit": (limit(max=20, customers=GOLD), limit(max=20), "is outside […, 20]"),
    "ratio": (ratio(10), ratio(1000), "is outside [1000, …]"),
    "penalty": (soft(0.01), soft(0.02), "result.json: objective: expected"),
    "objective": ({}, {"objective": {"value": "weight"}}, "result.json: objective: expected"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_result_of_a_looser_campaign(case: str, folder: Folder, tmp_path: Path) -> None:
    loose, tight, expected = OTHERS[case]
    path = folder(**{"limit": [{"name": "all", "mode": "report"}], **loose})
    out = read_campaign(path).solve().write(tmp_path / "out")
    assert verify_result(path, out).problems == []
    report = verify_result(folder(**{"limit": [{"name": "all", "mode": "report"}], **tight}), out)
    assert not report.ok
    assert any(expected in problem for problem in report.problems), report.problems


def test_another_objective_is_in_the_allocation(folder: Folder, tmp_path: Path) -> None:
    path = folder(objective={"value": "weight"}, customer_rule=[SLOTS])
    out = read_campaign(path).solve().write(tmp_path / "out")
    table = pq.read_table(out / "allocation.parquet")
    assert table.column_names == ["customer", "offer", "value", "response", "cost", "weight"]
    objective = json.loads((out / "result.json").read_text())["objective"]
    assert sum(table["weight"].to_pylist()) == pytest.approx(objective, rel=1e-12)
    assert verify_result(path, out).problems == []
    cell("allocation", "weight", 3, lambda v: v + 1e-6)(out)
    assert any("column 'weight' is wrong" in p for p in verify_result(path, out).problems)


def test_a_violated_limit_is_reported_with_its_size(folder: Folder, tmp_path: Path) -> None:
    """max_violation is recomputed, in the limit's own unit."""
    path = folder(limit=[{"name": "n", "max": 100}])
    out = read_campaign(path).solve().write(tmp_path / "out")
    report = verify_result(folder(limit=[{"name": "n", "max": 93}]), out)
    assert report.max_violation == 7
    assert any("max_violation: expected 7.0, got 0" in problem for problem in report.problems)


def test_sums_may_admit_what_packing_takes(solved: tuple[Path, Path], out: Path) -> None:
    true = json.loads((out / "result.json").read_text())
    change_number("objective", -1e-6)(out)
    change_json(out, gap=true["gap"] + 1e-6 / true["bound"])
    assert len(verify_result(solved[0], out).problems) == 2
    change_json(out, objective_error=1.5e-6)
    cell("limits", "error", 1, 1e-7)(out)
    limits = pq.read_table(out / "limits.parquet")
    cell("limits", "achieved", 1, limits["achieved"][1].as_py() + 9e-8)(out)
    assert verify_result(solved[0], out).problems == []
    cell("limits", "achieved", 1, limits["achieved"][1].as_py() + 2e-7)(out)
    assert len(verify_result(solved[0], out).problems) == 1


def test_a_group_without_candidates_in_a_role_is_a_group(folder: Folder, tmp_path: Path) -> None:
    """What is said of a brand's rewards is said of it, whether anybody is a candidate for one or not."""
    tables = random_tables()
    brands = dict(
        zip(
            tables["offers"]["offer"].to_pylist(),
            tables["offers"]["brand"].to_pylist(),
            strict=True,
        )
    )
    roles = [
        "activation" if brands[offer] == "A" else "reward"
        for offer in tables["candidates"]["offer"].to_pylist()
    ]
    tables["candidates"] = replaced(tables["candidates"], "role", roles)
    limit = {"name": "rewards", "by": "brand", "where": {"role": ["reward"]}, "max": 9}
    path = folder(tables, limit=[limit])
    result = read_campaign(path).solve()
    assert "A" in result.limits["group"].to_pylist()
    assert verify_result(path, result.write(tmp_path / "out")).problems == []


def test_history_of_a_group_that_is_not_asked_for_stands_for_no_other(
    folder: Folder, tmp_path: Path
) -> None:
    """A coupon once had in a role that nobody is a candidate in keeps no minimum of the roles that there are."""
    tables = random_tables(customers=4, each=2)
    roles = ["reward", None, *["innovation"] * 6]
    tables["candidates"] = replaced(tables["candidates"], "role", roles)
    had = {"customer": [1021], "offer": tables["offers"]["offer"][:1], "role": ["activation"]}
    rules = [{"name": "one", "max": 1, "by": "role"}, {"name": "every", "min": 1, "by": "role"}]
    names = {name: f"{name}.parquet" for name in ("offers", "candidates", "history")}
    path = folder(tables, {"history": pa.table(had)}, customer_rule=rules, tables=names)
    result = read_campaign(path).solve()
    assert result.customers_below_min == 4
    assert verify_result(path, result.write(tmp_path / "out")).problems == []


def test_rounding_is_no_problem(folder: Folder, tmp_path: Path) -> None:
    """Sums that differ in the last digits, as another order of summation gives them."""
    limit = {"name": "w", "sum": "value", "max": 200.0}
    path = folder(random_tables(customers=400), limit=[limit])
    out = read_campaign(path).solve().write(tmp_path / "out")
    change_number("objective", 1e-9)(out)
    cell("limits", "achieved", 0, lambda v: v * (1 + 1e-13))(out)
    assert verify_result(path, out).problems == []


@pytest.mark.parametrize("seed", range(6))
def test_min_under_overlapping_rules_is_kept(seed: int, folder: Folder, tmp_path: Path) -> None:
    """Each product comes by mail and by e-mail: which one is taken decides how many products fit."""
    rules = [
        {"name": "slots", "max": 4, "min": 4},
        {"name": "products", "by": "product", "max": 1},
        {"name": "e-mails", "where": {"channel": "email"}, "max": 1},
    ]
    tables = random_tables(seed, customers=40, offers=10, each=6)
    path = folder(tables, customer_rule=rules, limit=[{"name": "L", "sum": "cost", "max": 11.0}])
    out = read_campaign(path).solve().write(tmp_path / "out")
    assert verify_result(path, out).problems == []


def test_what_cannot_be_read(solved: tuple[Path, Path], out: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no file result\.json"):
        verify_result(solved[0], tmp_path)
    with pytest.raises(InvalidInput, match=r"no file campaign\.toml"):
        verify_result(tmp_path, out)
    (out / "allocation.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(InvalidInput, match=r"table allocation: cannot read"):
        verify_result(solved[0], out)
    (out / "result.json").write_text("{")
    with pytest.raises(InvalidInput, match=r"result\.json"):
        verify_result(solved[0], out)


def test_allocation_in_part_files(solved: tuple[Path, Path], out: Path) -> None:
    table = pq.read_table(out / "allocation.parquet")
    (out / "allocation.parquet").unlink()
    (out / "allocation.parquet").mkdir()
    for part in range(3):
        rows = slice(part * 20, (part + 1) * 20 if part < 2 else None)
        pq.write_table(table[rows], out / "allocation.parquet" / f"part-{part:03d}.parquet")
    assert verify_result(solved[0], out).problems == []


def test_rows_of_the_campaign_in_any_order(solved: tuple[Path, Path], folder: Folder) -> None:
    mixed = {name: shuffled(table, 3) for name, table in random_tables().items()}
    other = folder(mixed, {"bounds": BOUNDS}, customer_rule=RULES, limit=LIMITS)
    assert verify_result(other, solved[1]).problems == []


def test_summary_of_many_problems() -> None:
    problems = [f"problem {n}" for n in range(30)]
    report = Report(False, problems, "optimal", 1.0, 0.0, 2.0, 0.5, 0.0, 3, 4, 5, 0, 6)
    lines = report.summary().splitlines()
    assert "30 problems" in report.summary() and lines[-1].strip() == "and 10 more"
    assert lines[-2].strip() == "problem 19"


def test_amounts_that_follow_may_be_larger_than_any_that_is_given(tmp_path: Path) -> None:
    offers = {"offer": [1, 2], "margin": [1e30, 1.0], "issue_cost": [-1e30, 0.0]}
    candidates = {
        "customer": [1, 1],
        "offer": [1, 2],
        "response": pa.array([1.0, 0.5], pa.float32()),
    }
    campaign = Campaign(offers, candidates)
    out = campaign.solve().write(tmp_path / "out")
    assert verify_result(write_campaign(campaign, tmp_path / "campaign"), out).ok
    single = pa.array([1e30, 1.0], pa.float32())  # a little more than 1e30
    campaign = Campaign({"offer": [1, 2]}, {"customer": [1, 1], "offer": [1, 2], "value": single})
    out = campaign.solve().write(tmp_path / "out of float32")
    assert verify_result(write_campaign(campaign, tmp_path / "float32"), out).ok
