"""Allocations that somebody else made: feasible or not, what they are worth, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import random_tables, replaced, shuffled, spec, write_folder
from tests.support.spoilt_results import change_table

from couponry import InvalidInput, Report, read_campaign, verify_allocation, verify_result
from couponry.verify import allocation, block
from couponry.verify.limit_sums import cell_sums

LIMITS: list[dict[str, Any]] = [
    {"name": "cap", "max": 40, "where": {"brand": ["A", "B"]}},
    {"name": "budget", "sum": "cost", "max": 12.0},
]
RULES = [
    {"name": "slots", "max": 3, "min": 2},
    {"name": "one per product", "by": "product", "max": 1},
]


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pa.Table, float]:
    """A campaign folder, the allocation that couponry makes, and its worth."""
    path = tmp_path_factory.mktemp("allocations")
    folder = write_folder(
        path / "campaign", random_tables(), spec(customer_rule=RULES, limit=LIMITS)
    )
    result = read_campaign(folder).solve()
    assert result.allocation is not None and result.objective is not None
    return folder, result.allocation.to_arrow(), result.objective


def test_a_feasible_one(solved: tuple[Path, pa.Table, float], tmp_path: Path) -> None:
    """In any order, with no more than the pairs."""
    folder, table, worth = solved
    for name, one in {
        "as it came": table,
        "pairs": shuffled(table.select(["offer", "customer"])),
    }.items():
        pq.write_table(one, tmp_path / f"{name}.parquet")
        report = verify_allocation(folder, tmp_path / f"{name}.parquet")
        assert report.problems == [] and report.ok and report.status == "feasible"
        assert report.objective == pytest.approx(worth, rel=1e-12)
        assert report.allocated == len(table) and report.bound is None and report.gap is None
        assert report.max_violation == 0 and report.limits == 2


def test_csv(solved: tuple[Path, pa.Table, float], tmp_path: Path) -> None:
    folder, table, worth = solved
    lines = [
        f"{c.as_py()},{o.as_py()}" for c, o in zip(table["customer"], table["offer"], strict=True)
    ]
    (tmp_path / "mine.csv").write_text("\n".join(["customer,offer", *lines]) + "\n")
    report = verify_allocation(folder, tmp_path / "mine.csv")
    assert report.ok and report.objective == pytest.approx(worth, rel=1e-12)


WRONG: dict[str, tuple[Callable[[pa.Table, pa.Table], pa.Table], list[str]]] = {
    "nothing at all": (lambda _, given: given.slice(0, 0), ["60 customers have fewer coupons than min"]),
    "everything": (
        lambda every, _: every,
        ["60 customers have more than max 3", "for one product", "limit 'cap'", "limit 'budget'"],
    ),
    "a stranger": (
        lambda _, given: replaced(given, "customer", [-5, *given["customer"].to_pylist()[1:]]),
        ["1 pairs are not candidates, first row 0: customer -5", "1 customers have fewer"],
    ),
    "twice": (lambda _, given: pa.concat_tables([given, given.slice(4, 1)]), ["1 coupons are given twice"]),
    "a wrong value": (
        lambda _, given: replaced(given, "value", [9.0, *given["value"].to_pylist()[1:]]),
        ["column 'value' is wrong in 1 rows, first row 0"],
    ),
    "texts": (
        lambda _, given: replaced(given, "offer", given["offer"].cast(pa.string())),
        ["column 'offer': expected int64, got string"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong(case: str, solved: tuple[Path, pa.Table, float], tmp_path: Path) -> None:
    folder, table, _ = solved
    change, expected = WRONG[case]
    every = random_tables()["candidates"].select(["customer", "offer"])
    pq.write_table(change(every, table), tmp_path / "mine.parquet")
    report = verify_allocation(folder, tmp_path / "mine.parquet")
    assert not report.ok and report.status == "violated"
    assert report.objective is not None
    for text in expected:
        assert any(text in problem for problem in report.problems), report.problems


def test_what_cannot_be_read(solved: tuple[Path, pa.Table, float], tmp_path: Path) -> None:
    folder, table, _ = solved
    with pytest.raises(InvalidInput, match=r"table allocation: .*nowhere"):
        verify_allocation(folder, tmp_path / "nowhere.parquet")
    pq.write_table(table.drop(["offer"]), tmp_path / "mine.parquet")
    with pytest.raises(InvalidInput, match=r"table allocation.*'offer'"):
        verify_allocation(folder, tmp_path / "mine.parquet")


def test_blocks_threads_and_stores_change_nothing(
    solved: tuple[Path, pa.Table, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports of right and of wrong allocations are the same to the bit, from a customer at a time to all at once."""
    folder = solved[0]
    every = shuffled(random_tables()["candidates"])
    odd = pa.table({"customer": [3, 1000], "offer": [50, 4711], "value": [1.0, None]})
    wrong = pa.concat_tables([every.slice(0, 100), odd, every, odd], promote_options="default")
    wrong = replaced(wrong, "value", [v and v * 1.1 for v in wrong["value"].to_pylist()])
    pq.write_table(wrong, tmp_path / "wrong.parquet")
    out = read_campaign(folder).solve().write(tmp_path / "out")
    monkeypatch.setattr(cell_sums, "PIECE_CUSTOMERS", 7)
    monkeypatch.setattr(allocation, "SAMPLE_STEP", 5)

    def reports(store: Path | None) -> list[Report]:
        return [
            verify_allocation(folder, tmp_path / "wrong.parquet", store),
            verify_result(folder, out, store),
            verify_result(folder, tmp_path / "bad", store),
        ]

    (tmp_path / "bad").mkdir()
    for file in out.iterdir():
        (tmp_path / "bad" / file.name).write_bytes(file.read_bytes())
    change_table("allocation", lambda t: pa.concat_tables([t.slice(40), t]))(tmp_path / "bad")
    whole = reports(None)
    assert [report.ok for report in whole] == [False, True, False]
    assert len(whole[0].problems) >= 6 and whole[1].bound_from_prices is not None
    assert any("not in order of customer" in problem for problem in whole[2].problems)
    for threads, candidates, store in ((1, 1, None), (3, 11, tmp_path / "store"), (4, 100, None)):
        monkeypatch.setenv("COUPONRY_THREADS", str(threads))
        monkeypatch.setattr(block, "BLOCK_CANDIDATES", candidates)
        for name in ("BATCH_COUPONS", "SORTED_COUPONS"):
            monkeypatch.setattr(allocation, name, candidates)
        assert reports(store) == whole
    assert {path.name for path in tmp_path.iterdir()} == {"out", "bad", "store", "wrong.parquet"}
