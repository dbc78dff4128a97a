"""Results that were saved and read again, in this process and in others, answer with the same bits."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.random_campaigns import RandomCampaign, draw

import couponry
from couponry import Campaign, InvalidInput, Limit, Result, read_result, write_campaign

SEEDS = (0, 3, 5, 9)


def small() -> Campaign:
    offers = {"offer": ["tea", "jam", "ham"], "supplier": ["A", "B", None]}
    customers = {"customer": list(range(30)), "town": ["X", "Y", "Z"] * 10}
    pairs = [(c, o) for c in range(30) for o in offers["offer"]]
    candidates = {
        "customer": [c for c, _ in pairs],
        "offer": [o for _, o in pairs],
        "value": [1.0 + (7 * c + 3 * len(o)) % 11 / 7 for c, o in pairs],
    }
    limits = [Limit("tea", where={"offer": "tea"}, max=9), Limit("all", max=40)]
    return Campaign(offers, candidates, customers, limits=limits, name="small")


def answers(result: Result, campaign: Campaign) -> dict[str, Any]:
    """What a result says, as bits."""
    said: dict[str, Any] = {"numbers": result.as_dict(), "prices": result.prices.tobytes()}
    if result.allocation is None:
        return said | {"conflict": result.infeasible}
    assert result.limits is not None and result.plan is not None
    ids = result.campaign.candidates.customers
    said |= {
        "limits": result.limits.to_pylist(),
        "coupons": result.allocation.to_arrow().to_pylist(),
        "choice": result.plan.whole_choice().tobytes(),
        "each": result.per_customer().to_pylist(),
        "explained": [result.explain(ids[n].as_py()) for n in (0, len(ids) // 2, len(ids) - 1)],
        "by": result.by("offer").to_pylist(),
        "again": campaign.solve(start=result, gap=1e-2).prices.tobytes(),
    }
    return said


@pytest.fixture(scope="module", params=SEEDS)
def solved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A random campaign, its result, and the folders of both."""
    drawn: RandomCampaign = draw(request.param, 300)
    campaign = drawn.campaign()
    path = tmp_path_factory.mktemp("saved")
    write_campaign(campaign, path / "campaign")
    result = campaign.solve(gap=1e-2, seed=7)
    result.save(path / "out")
    return campaign, result, path


def test_a_saved_result_answers_with_the_same_bits(solved: Any) -> None:
    campaign, result, path = solved
    expected = answers(result, campaign)
    read = read_result(path / "out", path / "campaign")
    ways: dict[str, tuple[Result, Campaign]] = {
        "with the campaign": (read_result(path / "out", campaign), campaign),
        "with its folder": (read, Campaign.from_data(read.campaign)),
        "pickled": (pickle.loads(pickle.dumps(result)), campaign),
        "pickled after it was read": (pickle.loads(pickle.dumps(read)), campaign),
    }
    for way, (again, same) in ways.items():
        got = answers(again, same)
        assert [name for name in expected if got[name] != expected[name]] == [], way


IN_ANOTHER_PROCESS = """
import sys, hashlib, couponry
out, folder = sys.argv[1:]
result = couponry.read_result(out, folder)
ids = result.campaign.candidates.customers
said = [result.allocation.to_arrow().to_pylist(), result.explain(ids[5].as_py()), result.prices.tobytes()]
print(hashlib.sha256(repr(said).encode()).hexdigest(), result.plan.engine.threads)
"""


def test_another_process_and_other_threads_say_the_same(tmp_path: Path) -> None:
    campaign = small()
    write_campaign(campaign, tmp_path / "campaign")
    campaign.solve().save(tmp_path / "out")
    said = [
        subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS, tmp_path / "out", tmp_path / "campaign"],
            env={"PYTHONPATH": str(Path(couponry.__file__).parents[1]), "COUPONRY_THREADS": threads},
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for threads in ("1", "3")
    ]  # fmt: skip
    assert said[0][0] == said[1][0] and [threads for _, threads in said] == ["1", "3"]


def test_questions_that_solve_again_are_answered_alike(tmp_path: Path) -> None:
    campaign = small()
    result = campaign.solve()
    read = read_result(result.save(tmp_path / "out"), campaign)
    for again in (read, pickle.loads(pickle.dumps(result))):
        first = result.what_if(limits={"tea": {"max": 5}})
        second = again.what_if(limits={"tea": {"max": 5}})
        assert second.after.prices.tobytes() == first.after.prices.tobytes()
        assert second.moved == first.moved and second.gain == first.gain
        assert again.price_ranges().to_arrow().equals(result.price_ranges().to_arrow())
        tried = {"factors": [0.5, 1.0, 1.5]}
        table = result.frontier("tea", **tried).to_arrow()  # type: ignore[arg-type]
        assert again.frontier("tea", **tried).to_arrow().equals(table)  # type: ignore[arg-type]
    assert campaign.what_if(read, drop_limits=["tea"]).gain is not None
    late = {"customer": [99, 99], "offer": ["tea", "ham"], "value": [3.0, 1.0]}
    assert read.decide(late).to_arrow().equals(result.decide(late).to_arrow())


def test_the_folder_says_where_its_campaign_is(tmp_path: Path) -> None:
    write_campaign(small(), tmp_path / "campaign")
    campaign = couponry.read_campaign(tmp_path / "campaign")
    result = campaign.solve()
    result.save(tmp_path / "out")
    again = read_result(tmp_path / "out")
    assert again.explain(3) == result.explain(3)
    changed = campaign.changed(limits={"tea": {"max": 5}}).solve()
    changed.save(tmp_path / "changed")  # which no folder holds
    with pytest.raises(InvalidInput, match="its campaign was not read from a folder"):
        read_result(tmp_path / "changed").explain(3)


def test_numbers_and_coupons_need_no_campaign(tmp_path: Path) -> None:
    result = small().solve()
    read = read_result(result.save(tmp_path / "out"))
    assert read.summary() == result.summary() and read.findings == result.findings
    assert read.allocation is not None and result.allocation is not None
    assert read.allocation.to_arrow().equals(result.allocation.to_arrow())
    with pytest.raises(InvalidInput, match=r"read_result\(folder, campaign=…\)"):
        read.explain(3)


def test_an_infeasible_result_is_read_again(tmp_path: Path) -> None:
    campaign = small().changed(add_limits=[Limit("much", where={"offer": "tea"}, min=20)])
    result = campaign.solve()
    read = read_result(result.save(tmp_path / "out"), campaign)
    assert read.status == "infeasible" and read.infeasible == result.infeasible
    assert read.allocation is None and read.limits is None and read.plan is None


CHANGES: dict[str, Callable[[Campaign], Campaign]] = {
    "limit 'tea'": lambda c: c.changed(limits={"tea": {"max": 8}}),
    "limit 'all' (gone)": lambda c: c.changed(drop_limits=["all"]),
    "limit 'new' (new)": lambda c: c.changed(add_limits=[Limit("new", max=50)]),
    "customer_rule 'one' (new)": lambda c: c.changed(
        add_rules=[couponry.CustomerRule("one", max=1)]
    ),
    "column 'supplier' of offers": lambda c: c.changed(offers={"tea": {"supplier": "B"}}),
    "column 'town' of customers (gone)": lambda c: Campaign(
        c.offers, next(c.data.candidates_tables()), limits=c.limits
    ),
    "column 'value' of candidates": lambda c: Campaign(
        c.offers,
        next(c.data.candidates_tables()).to_pandas().assign(value=lambda t: t.value + 1e-12),
        c.customers,
        limits=c.limits,
    ),
    "order of rules and limits": lambda c: c.with_limits(c.limits[::-1]),
}


@pytest.mark.parametrize("differs", CHANGES)
def test_a_changed_campaign_is_refused(differs: str, tmp_path: Path) -> None:
    campaign = small()
    out = campaign.solve().save(tmp_path / "out")
    with pytest.raises(InvalidInput) as refused:
        read_result(out, CHANGES[differs](campaign))
    assert str(refused.value).startswith(f"result folder {str(out)!r}: it is of another campaign")
    assert differs in str(refused.value)


@pytest.mark.parametrize("name", ["solution.json", "solution.npz", "limits.parquet", "result.json"])
@pytest.mark.parametrize("fault", ["cut", "gone", "flipped", "empty"])
def test_a_damaged_folder_is_refused(name: str, fault: str, tmp_path: Path) -> None:
    campaign = small()
    out = campaign.solve().save(tmp_path / "out")
    file = out / name
    content = bytearray(file.read_bytes())
    if fault == "gone":
        file.unlink()
    else:
        content[len(content) // 2] ^= 1
        cut = {"cut": content[:-7], "empty": b"", "flipped": content}[fault]
        file.write_bytes(cut)
    with pytest.raises(InvalidInput, match="result folder") as refused:
        read_result(out, campaign)
    assert name in str(refused.value)


def test_an_allocation_that_was_replaced_or_cut_is_refused(tmp_path: Path) -> None:
    campaign = small()
    result = campaign.solve()
    out = result.save(tmp_path / "out")
    read = read_result(out, campaign)
    result.save(out, overwrite=True)
    assert read.allocation is not None
    with pytest.raises(InvalidInput, match="it was replaced since the result was read"):
        read.allocation.to_arrow()
    campaign.changed(limits={"tea": {"max": 5}}).solve().allocation.write(tmp_path / "other")  # type: ignore[union-attr]
    (tmp_path / "other").replace(out / "allocation.parquet")
    with pytest.raises(InvalidInput, match=r"allocation\.parquet is not as it was written"):
        read_result(out, campaign)


def test_a_folder_of_earlier_versions_says_what_to_do(tmp_path: Path) -> None:
    campaign = small()
    out = campaign.solve().save(tmp_path / "out")
    (out / "solution.json").unlink()
    with pytest.raises(InvalidInput, match="earlier versions did not write; solve again"):
        read_result(out, campaign)
    with pytest.raises(InvalidInput, match="expected a folder that a result was saved to"):
        read_result(tmp_path, campaign)
    assert campaign.solve(start=out).status == "optimal"


def test_another_version_of_the_files_is_refused(tmp_path: Path) -> None:
    from couponry.utils.arrays.recorded_arrays import seal

    campaign = small()
    out = campaign.solve().save(tmp_path / "out")
    head = json.loads((out / "solution.json").read_text())
    del head["check"]
    (out / "solution.json").write_text(seal(head | {"version": 99}))
    with pytest.raises(InvalidInput, match=r"of version 1, got .* of version 99"):
        read_result(out, campaign)


def test_a_result_read_in_a_store_pickles_by_reference(tmp_path: Path) -> None:
    write_campaign(small(), tmp_path / "campaign")
    campaign = couponry.read_campaign(tmp_path / "campaign", store=tmp_path / "store")
    result = campaign.solve()
    out = result.save(tmp_path / "out")
    read = read_result(out, tmp_path / "campaign", store=tmp_path / "store")
    assert len(pickle.dumps(campaign)) < 20_000
    for pickled in (read, result):
        again = pickle.loads(pickle.dumps(pickled))
        assert again.explain(3) == result.explain(3)
        assert not again.campaign.candidates.offer.flags.owndata  # mapped
    kept = pickle.dumps(campaign)
    couponry.Campaign(campaign.offers, small().data.candidates_tables(), store=tmp_path / "store")
    with pytest.raises(InvalidInput, match="it was built anew since"):
        pickle.loads(kept)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
            exec(block, names)
    said = re.findall(r"print\(.*\)  # (.*)", page)
    assert printed.getvalue().splitlines()[: len(said)] == said
