"""decide, and explain of a late customer: from files alone, within what limits have left, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Solved
from tests.conftest import Ran
from tests.support.campaigns import random_tables, replaced

import couponry

Run = Callable[..., Ran]
MORE = ("--limit", "cap.max=24", "--limit", "cost.max=3.5", "--limit", "supplies.max=18")


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Candidates of 20 customers who come later."""
    table = random_tables(7, customers=20)["candidates"]
    table = replaced(table, "customer", pc.add(table["customer"], 100_000))
    path = tmp_path_factory.mktemp("late") / "late.parquet"
    pq.write_table(table, path)
    return path


def read(folder: Path) -> dict[str, Any]:
    """What a folder of decisions holds."""
    names = ("allocation", "refused", "room")
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in names}
    return {**tables, "said": json.loads((folder / "decisions.json").read_text())}


def test_decisions_from_files(run: Run, solved: Solved, late: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept.prices"
    ran = run("decide", *solved, late, "-o", out, *MORE, "--save-prices", kept, "--json", "--quiet")
    assert ran.status == 0 and ran.err == ""
    result = couponry.read_result(solved.out, solved.folder)
    bounds: dict[str, Any] = {"cap": {"max": 24}, "cost": {"max": 3.5}, "supplies": {"max": 18}}
    prices = couponry.Prices.of(result, bounds)
    expected = prices.decide(pq.read_table(late))
    found = read(out)
    assert found["allocation"].equals(expected.to_arrow()) and len(expected) > 5
    assert found["refused"].equals(expected.refused) and len(expected.refused) > 5
    assert found["room"].equals(expected.room.to_arrow())
    assert json.loads(ran.out) == found["said"] == expected.as_dict()
    assert found["said"]["coupons"] == len(expected)
    # hard maximums hold for all customers together
    for row in found["room"].to_pylist():
        assert row["achieved"] + row["used"] + row["error"] <= row["max"] + 1e-9
    # prices in a file, and what was used, carry on without the campaign, here from CSV
    table = pq.read_table(late)
    table = replaced(table, "customer", pc.add(table["customer"], 100_000))
    csv.write_csv(table, tmp_path / "more.csv")
    again = run(
        "decide", kept, tmp_path / "more.csv", "-o", tmp_path / "again", "--room", out / "room.json"
    )
    assert again.status == 0 and again.out.startswith("given ") and "\nroom " in again.out
    second = prices.decide(table, room=prices.room(out / "room.json"))
    assert read(tmp_path / "again")["allocation"].equals(second.to_arrow())
    assert second.room.to_arrow().equals(read(tmp_path / "again")["room"])


def test_decisions_appear_whole_or_not_at_all(
    run: Run, solved: Solved, late: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert run("decide", *solved, late, "-o", out, "--quiet").status == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(before) == {
        "allocation.parquet", "refused.parquet", "room.parquet", "room.json", "decisions.json",
    }  # fmt: skip
    ran = run("decide", *solved, late, "-o", out, "--quiet")
    assert ran.status == 2 and "expected a new folder, but it exists" in ran.err

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(couponry.Room, "save", full)
        assert run("decide", *solved, late, "-o", out, "--overwrite", *MORE).status == 2
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert run("decide", *solved, late, "-o", out, "--overwrite", *MORE).status == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} != before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["{late}"], "expected FOLDER DIR CANDIDATES, or a file of prices and CANDIDATES, got 1"),
        (["{out}/limits.parquet", "{late}"], "expected a file that Prices.save wrote"),
        (["{folder}", "{out}", "{folder}/candidates.parquet"], "was in the solve"),
        (["{folder}", "{out}", "nowhere.csv"], "no file 'nowhere.csv'"),
        (["{folder}", "{out}", "{late}", "--limit", "cots.max=1"], "did you mean 'cost'"),
        (["{folder}", "{out}", "{late}", "--room", "{out}/result.json"], "Room.save wrote"),
        (["{out}", "{late}", "--limit", "cost.max=1"], "a file of prices has its bounds"),
    ],
)
def test_decide_refuses(
    options: list[str], says: str, run: Run, solved: Solved, late: Path, tmp_path: Path
) -> None:
    places = {"folder": solved.folder, "out": solved.out, "late": late}
    ran = run(
        "decide", *(each.format(**places) for each in options), "-o", tmp_path / "o", "--quiet"
    )
    assert ran.status == 2 and says in ran.err and ran.out == ""
    assert not (tmp_path / "o").exists()


def test_a_late_customer_explained(run: Run, solved: Solved, late: Path, tmp_path: Path) -> None:
    customer = pq.read_table(late)["customer"][0].as_py()
    asked = ("explain", *solved, "--customer", str(customer), "--late", late)
    said = json.loads(run(*asked, "--json").out)
    result = couponry.read_result(solved.out, solved.folder)
    own = pq.read_table(late, filters=[("customer", "==", customer)])
    alone = result.decide(own)
    given = [d["offer"] for d in said["decisions"] if d["given"]]
    assert sorted(given) == sorted(alone.to_arrow()["offer"].to_pylist())
    assert said == json.loads(json.dumps(alone.explain(customer).as_dict()))
    # with nothing left, what was given before is not any more, and the limit is named
    used = tmp_path / "used"
    assert run("decide", *solved, late, "-o", used, "--quiet").status == 0
    left = json.loads(run(*asked, "--room", used / "room.json", "--json").out)["decisions"]
    moved = [d for d in left if "moved by what limits have left" in d["reason"]]
    assert moved and all(d["decided_by"] and not d["given"] for d in moved)
    assert run("explain", *solved, "--customer", "5", "--late", late).status == 2
    ran = run("explain", *solved, "--customer", "1000", "--room", used / "room.json")
    assert ran.status == 2 and "expected --late" in ran.err


def test_ids_that_are_text(tmp_path: Path) -> None:
    campaign = couponry.Campaign(
        {"offer": ["a", "b"]},
        {"customer": ["x", "y"], "offer": ["a", "b"], "value": [1.0, 2.0]},
        limits=[couponry.Limit("all", max=3)],
    )
    late = pa.table(
        {"customer": ["u", "u", "v"], "offer": ["a", "b", "b"], "value": [5.0, 1.0, 2.0]}
    )
    decisions = campaign.solve().decide(late)
    assert decisions.to_arrow()["customer"].to_pylist() == ["u"]
    (first, second) = decisions.explain("u").decisions
    assert first.given and not second.given and second.decided_by == ("all",)
    assert "worth less than nothing after prices" in second.reason
    with pytest.raises(couponry.InvalidInput, match="explain: customer 'w' has no candidates"):
        decisions.explain("w")


def test_households_from_files(run: Run, tmp_path: Path) -> None:
    """What others of a household have counts: by the result, and by a table of what they were given since."""
    rows = {"customer": [1, 2, 3], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    homes = {"customer": [1, 2, 3], "home": ["a", "a", "b"]}
    rules = [couponry.CustomerRule("two", max=2)]
    offers = {"offer": ["tea", "jam"]}
    campaign = couponry.Campaign(offers, rows, homes, rules=rules, unit="home")
    folder = couponry.write_campaign(campaign, tmp_path / "campaign")
    out = campaign.solve().save(tmp_path / "result")
    late = {"customer": [8, 9, 9], "offer": ["tea", "tea", "jam"], "value": [1.0, 2.0, 1.5]}
    tables = {
        "late": late,
        "people": {"customer": [8, 9], "home": ["a", "b"]},
        "given": {"customer": [3], "offer": ["jam"]},
    }
    for name, table in tables.items():
        pq.write_table(pa.table(table), tmp_path / f"{name}.parquet")
    asked = ("decide", folder, out, tmp_path / "late.parquet", "--quiet")
    people = ("--customers", tmp_path / "people.parquet")
    assert run(*asked, *people, "-o", tmp_path / "one").status == 0
    given = read(tmp_path / "one")["allocation"]
    assert given.select(["customer", "offer"]).to_pylist() == [{"customer": 9, "offer": "tea"}]
    why = run(
        "explain", folder, out, "--customer", "9", "--late", tmp_path / "late.parquet", *people
    )
    assert why.status == 0 and "9 of home 'b'" in why.out
    since = ("--given", tmp_path / "given.parquet")
    assert run(*asked, *people, *since, "-o", tmp_path / "two").status == 0
    assert read(tmp_path / "two")["allocation"].num_rows == 0
