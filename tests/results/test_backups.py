"""Backups: which they are by definition, the same for everybody who makes them, and what is said of them."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import replaced
from tests.support.cluster_campaigns import CUSTOMERS, solved

import couponry as cp
from couponry.engines import Cluster, InProcessRunner
from couponry.report.spreadsheets import export_csv
from couponry.result import Result

OFFERS = 12
CHANNEL = ["mail", "email", "shop"]
MOST = 4


def campaign(seed: int = 0, customers: int = 60, **changes: Any) -> cp.Campaign:
    """Rules that overlap, minimums, conflicts and mandatory offers; limits with prices."""
    rng = np.random.default_rng(seed)
    n = customers * OFFERS
    offers = {
        "offer": np.arange(OFFERS),
        "product": np.arange(OFFERS) // 2,
        "channel": [CHANNEL[j % 3] for j in range(OFFERS)],
    }
    candidates = {
        "customer": np.repeat(np.arange(customers), OFFERS),
        "offer": np.tile(np.arange(OFFERS), customers),
        "value": rng.uniform(-1, 4, n).round(1),
        "cost": rng.uniform(0, 1, n),
        "mandatory": rng.random(n) < 0.03,
    }
    rules = [
        cp.CustomerRule("slots", max=4, min=3),
        cp.CustomerRule("one a product", by="product", max=1),
        cp.CustomerRule("e-mails", where={"channel": "email"}, max=1, min=1),
        cp.CustomerRule("apart", conflicts={"offer_a": [0, 3, 4], "offer_b": [5, 8, 9]}),
    ]
    limits = [
        cp.Limit("budget", sum="cost", max=customers * 1.2),
        cp.Limit("each", by="offer", max=customers // 3),
    ]
    made = {"rules": rules, "limits": limits, "backups": MOST} | changes
    return cp.Campaign(offers, candidates, **made)


def rows(result: Result) -> pa.Table:
    assert result.backups is not None
    return result.backups.to_arrow()


def keeps_most(plan: frozenset[int]) -> bool:
    """Every `max`, and every conflict."""
    products = [offer // 2 for offer in plan]
    apart = all(not {a, b} <= plan for a, b in [(0, 5), (3, 8), (4, 9)])
    emails = sum(CHANNEL[offer % 3] == "email" for offer in plan)
    return len(plan) <= 4 and len(set(products)) == len(plan) and emails <= 1 and apart


def lacks(plan: frozenset[int], mandatory: frozenset[int]) -> tuple[int, int]:
    """Mandatory offers, and coupons of minimums, that are missing."""
    emails = sum(CHANNEL[offer % 3] == "email" for offer in plan)
    return len(mandatory - plan), max(0, 3 - len(plan)) + max(0, 1 - emails)


def expected(
    given: frozenset[int], reduced: dict[int, float], mandatory: frozenset[int]
) -> dict[int, set[int]]:
    """For each backup the coupons whose place it may take, by the definition in the documentation."""
    found: dict[int, set[int]] = {}
    before = lacks(given, mandatory)
    for coupon in given:
        left = given - {coupon}
        others = [offer for offer in reduced if offer not in given]
        fits = [offer for offer in others if keeps_most(left | {offer})]
        misses = lacks(left, mandatory) > before
        whole = [
            offer
            for offer in fits
            if lacks(left | {offer}, mandatory) <= before and (reduced[offer] > 0 or misses)
        ]
        is_least = len(given) <= 3
        for offer in whole or [one for one in fits if reduced[one] > 0 or is_least]:
            found.setdefault(offer, set()).add(coupon)
    return found


@pytest.mark.parametrize("seed", range(2))
def test_backups_are_those_of_the_definition(seed: int) -> None:
    asked = campaign(seed)
    result = asked.solve()
    assert result.allocation is not None
    given: dict[int, set[int]] = {}
    for row in result.allocation.to_arrow().to_pylist():
        given.setdefault(row["customer"], set()).add(row["offer"])
    listed: dict[int, list[dict[str, Any]]] = {}
    for row in rows(result).to_pylist():
        listed.setdefault(row["customer"], []).append(row)
    flags = asked.candidates.mandatory
    assert flags is not None
    several = nothing_whole = 0
    for customer in range(60):
        own = frozenset(given.get(customer, ()))
        explained = result.explain(customer)
        reduced = {each.offer: each.reduced for each in explained.decisions}
        mandatory = frozenset(np.flatnonzero(flags[customer * OFFERS :][:OFFERS]).tolist())
        wanted = expected(own, reduced, mandatory)
        theirs = listed.get(customer, [])
        assert [row["rank"] for row in theirs] == list(range(1, 1 + min(MOST, len(wanted))))
        for row in theirs:
            assert set(row["instead_of"]) == wanted[row["offer"]]
            assert row["reduced"] == pytest.approx(reduced[row["offer"]], abs=1e-9)
        assert all(a["reduced"] >= b["reduced"] for a, b in pairwise(theirs))
        left_out = set(wanted) - {row["offer"] for row in theirs}
        if theirs and left_out:
            assert max(reduced[one] for one in left_out) <= theirs[-1]["reduced"] + 1e-9
        by_explain = {d.offer: (d.backup, d.instead_of) for d in explained.decisions if d.backup}
        assert by_explain == {
            row["offer"]: (row["rank"], tuple(row["instead_of"])) for row in theirs
        }
        several += len(wanted) > MOST
        nothing_whole += bool(mandatory & own)
    assert several and nothing_whole


def keeps_rows(plan: frozenset[int]) -> bool:
    """What sums, different values and requirements ask of `rows_campaign`."""
    total = sum(NET[offer] for offer in plan)
    products = {offer // 2 for offer in plan}
    needed = all(b in plan for a, b in ROWS_NEED if a in plan)
    return needed and (not plan or (-1.0 <= total <= 3.0 and 2 <= len(products) <= 3))


NET = [1.0, -2.0, 2.0, 0.5, -0.5, 1.5, 1.0, -1.0]
ROWS_NEED = [(5, 1), (6, 2), (7, 3)]


def rows_campaign(seed: int) -> cp.Campaign:
    """Sums that some offers take away from, different values, and requirements."""
    rng, each = np.random.default_rng(seed), len(NET)
    need = {"offer": [a for a, _ in ROWS_NEED], "requires": [b for _, b in ROWS_NEED]}
    return cp.Campaign(
        {"offer": np.arange(each), "product": np.arange(each) // 2, "net": NET},
        {
            "customer": np.repeat(np.arange(40), each),
            "offer": np.tile(np.arange(each), 40),
            "value": rng.uniform(-1, 4, 40 * each).round(1),
        },
        rules=[
            cp.CustomerRule("slots", max=4, min=3),
            cp.CustomerRule("net", sum="net", min=-1.0, max=3.0, resolution=0.5),
            cp.CustomerRule("wide", distinct="product", min=2, max=3),
            cp.CustomerRule("needs", requires=need),
        ],
        backups=MOST,
    )


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_sums_values_and_requirements_hold_in_every_place(backend: Any, tmp_path: Path) -> None:
    asked = rows_campaign(5)
    result = asked.solve(threads=1, backend=backend)
    assert result.allocation is not None
    given: dict[int, set[int]] = {}
    for row in result.allocation.to_arrow().to_pylist():
        given.setdefault(row["customer"], set()).add(row["offer"])
    without = 0
    listed = rows(result).to_pylist()
    for row in listed:
        for coupon in row["instead_of"]:
            assert keeps_rows(frozenset(given[row["customer"]] - {coupon} | {row["offer"]}))
    replaced_ones = {(row["customer"], one) for row in listed for one in row["instead_of"]}
    for customer, offers in given.items():
        assert keeps_rows(frozenset(offers))
        needed = {b for a, b in ROWS_NEED if a in offers} & offers
        without += sum((customer, one) not in replaced_ones for one in needed)
        assert not any((customer, one) in replaced_ones for one in needed)
    assert len(listed) > 20 and without > 5
    cp.write_campaign(asked, tmp_path / "campaign")
    out = result.save(tmp_path / "out")
    assert cp.verify_result(tmp_path / "campaign", out).problems == []
    table = pq.read_table(out / "backups.parquet")
    theirs = [sorted(given[who]) for who in table["customer"].to_pylist()]
    wrong = replaced(table, "instead_of", pa.array(theirs, table.schema.field("instead_of").type))
    pq.write_table(wrong, out / "backups.parquet")
    problems = cp.verify_result(tmp_path / "campaign", out).problems
    assert any("break a customer rule in the place of a coupon" in one for one in problems)


def test_the_same_for_all_who_make_them(tmp_path: Path) -> None:
    asked = campaign(5, 90)
    first = rows(asked.solve(threads=1))
    assert rows(asked.solve(threads=2)).equals(first)
    assert rows(asked.solve(backend="reference")).equals(first)
    stored = cp.Campaign(
        asked.offers,
        next(iter(asked.data.candidates_tables())),
        rules=asked.rules,
        limits=asked.limits,
        backups=MOST,
        store=tmp_path / "store",
    )
    result = stored.solve()
    assert rows(result).equals(first)
    assert rows(pickle.loads(pickle.dumps(result))).equals(first)
    assert result.allocation is not None
    plain = stored.from_data(campaign(5, 90, backups=0).data).solve()
    assert plain.allocation is not None and plain.backups is None
    assert plain.allocation.to_arrow().equals(result.allocation.to_arrow())


@pytest.mark.parametrize("kind", ["mixed", "contacts"])
def test_the_same_on_a_cluster(kind: str, tmp_path: Path) -> None:
    engine = Cluster(InProcessRunner(1, 3), tmp_path / "shards", -(-CUSTOMERS // 4))
    local, spread = solved(kind, threads=2), solved(kind, threads=1, engine=engine)
    found = [
        rows(Result.from_solution(_with_backups(result), cp.Campaign)) for result in (local, spread)
    ]
    assert found[0].equals(found[1]) and len(found[0])


def _with_backups(result: Result) -> Any:
    """The same solution of a campaign that asks for backups, which no solve depends on."""
    data = replace(result.campaign, backups=3)
    own = dict(vars(result)) | {"campaign": data}
    own["compiled"] = replace(result.compiled, campaign=data)
    made = type(result).__new__(type(result))
    vars(made).update({name: value for name, value in own.items() if name != "_backups"})
    return made


def test_a_customer_with_room_for_everything_has_none() -> None:
    one = cp.Campaign(
        {"offer": [1, 2]}, {"customer": [7, 7], "offer": [1, 2], "value": [1.0, -1.0]}, backups=2
    )
    result = one.solve()
    assert len(rows(result)) == 0 and result.as_dict()["backups"] == {"rows": 0, "customers": 0}


def test_saved_and_read_again(tmp_path: Path) -> None:
    asked = campaign(1)
    cp.write_campaign(asked, tmp_path / "campaign")
    again = cp.read_campaign(tmp_path / "campaign")
    assert again.data.backups == MOST
    result = again.solve()
    result.save(tmp_path / "out")
    read = cp.read_result(tmp_path / "out")
    assert (
        rows(read).equals(rows(result)) and read.as_dict()["backups"] == result.as_dict()["backups"]
    )
    assert f"{len(rows(read)):,} offers listed" in read.summary()
    assert rows(pickle.loads(pickle.dumps(read))).equals(rows(result))
    assert result.backups is not None
    with pytest.raises(cp.Unsupported, match="workers write those of a ClusterCampaign"):
        result.backups.write_on_workers(tmp_path / "parts")
    with pytest.raises(cp.InvalidInput, match="backups"):
        cp.read_result(tmp_path / "out", campaign(1, backups=2))
    table = pq.read_table(tmp_path / "out" / "backups.parquet")
    pq.write_table(table.slice(1), tmp_path / "out" / "backups.parquet")
    with pytest.raises(cp.InvalidInput, match=r"backups\.parquet is not as it was written"):
        cp.read_result(tmp_path / "out")


def test_in_spreadsheets(tmp_path: Path) -> None:
    result = campaign(1).solve()
    export_csv(result, tmp_path / "csv")
    said = csv.read_csv(tmp_path / "csv" / "backups.csv").to_pylist()
    wanted = rows(result).to_pylist()
    assert [row["offer"] for row in said] == [row["offer"] for row in wanted]
    lists = [" | ".join(map(str, row["instead_of"])) for row in wanted]
    assert [str(row["instead_of"]) for row in said] == lists


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A campaign and its result in folders."""
    path = tmp_path_factory.mktemp("backups")
    folder = cp.write_campaign(campaign(2), path / "campaign")
    out = campaign(2).solve().save(path / "out")
    report = cp.verify_result(folder, out)
    assert report.ok, report.problems
    return folder, out


def _other_coupon(table: pa.Table) -> pa.Table:
    lists = [[(offer + 1) % OFFERS for offer in each] for each in table["instead_of"].to_pylist()]
    return replaced(table, "instead_of", pa.array(lists, table["instead_of"].type))


def _all_coupons(table: pa.Table) -> pa.Table:
    lists = [list(range(OFFERS))] * len(table)
    return replaced(table, "instead_of", pa.array(lists, table["instead_of"].type))


def _moved(name: str) -> Callable[[pa.Table], pa.Table]:
    def move(table: pa.Table) -> pa.Table:
        values = table[name].to_numpy() + np.array(1e-3 if name != "rank" else 1)
        return replaced(table, name, pa.array(values.astype(table[name].to_numpy().dtype)))

    return move


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda table: table.slice(0, len(table) - 1), "result.json: backups"),
        (_moved("rank"), "another rank"),
        (_moved("value"), "a wrong value"),
        (_moved("cost"), "a wrong cost"),
        (_moved("reduced"), "does not follow from prices"),
        (_other_coupon, "what is not given"),
        (_all_coupons, "break a customer rule"),
        (lambda table: pa.concat_tables([table.slice(0, 1), table.slice(0, len(table) - 1)]), "twice"),
        (lambda table: table.take(pa.array(np.arange(len(table))[::-1])), "order of customers"),
        (
            lambda table: replaced(table, "offer", pa.array([99] * len(table))),
            "are no candidates",
        ),
    ],
)  # fmt: skip
def test_verify_notices(
    spoil: Callable[[pa.Table], pa.Table], said: str, written: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, out = written[0], tmp_path / "out"
    shutil.copytree(written[1], out)
    file = out / "backups.parquet"
    pq.write_table(spoil(pq.read_table(file)), file)
    report = cp.verify_result(folder, out)
    assert any(said in problem for problem in report.problems), report.problems
    file.unlink()
    report = cp.verify_result(folder, out)
    assert report.problems == ["backups.parquet: missing"]


@pytest.mark.parametrize(
    ("backups", "value", "said"),
    [
        (-1, "value", "backups: expected a whole number from 0 to 255, got -1"),
        (256, "value", "backups: expected a whole number from 0 to 255, got 256"),
        (True, "value", "backups: expected a whole number from 0 to 255, got True"),
        (3, "rank", "backups: their table has a column 'rank' of its own"),
    ],
)
def test_refused(backups: Any, value: str, said: str) -> None:
    candidates = {"customer": [1], "offer": [1], "value": [1.0], "rank": [2.0]}
    with pytest.raises(cp.InvalidInput) as error:
        cp.Campaign({"offer": [1]}, candidates, value=value, backups=backups)
    assert said in str(error.value)
