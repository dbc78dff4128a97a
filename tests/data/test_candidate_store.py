"""Candidates in a folder: the same campaign as in memory, in any order and any blocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from tests.support.bad_campaigns import CASES
from tests.support.campaign_draft import Draft
from tests.support.campaigns import random_tables, replaced, shuffled
from tests.support.stores import BY_ROLE, LIMITS, RULES, Sizes, batches, stamp, whole

from couponry import (
    Campaign,
    InvalidInput,
    Limit,
    read_campaign,
    write_campaign,
)
from couponry.data import external_sort
from couponry.utils.arrays import blocks


def ways(table: pa.Table, folder: Path) -> dict[str, Any]:
    """The same candidates in every order and shape that they may come in."""
    folder.mkdir()
    for part, start in enumerate(range(0, len(table), 50)):
        pq.write_table(table.slice(start, 50), folder / f"{part}.parquet", row_group_size=17)
    upside_down = table.take(pa.array(np.arange(len(table))[::-1]))
    return {
        "ordered": table,
        "shuffled": shuffled(table),
        "upside down": upside_down,
        "two runs": pa.concat_tables([table.slice(50), table.slice(0, 50)]),
        "files": str(folder),
        "dataset": pyarrow.dataset.dataset(folder),
        "reader": pa.RecordBatchReader.from_batches(table.schema, batches(table, 5)),
        "iterator": batches(shuffled(table, 1), 13),
    }


@pytest.mark.parametrize(
    ("strings", "single", "limits"),
    [
        (False, False, LIMITS),
        (False, True, LIMITS + BY_ROLE),
        (True, True, LIMITS),
        (True, False, LIMITS + BY_ROLE),
    ],
    ids=["integers", "integers, float32, roles", "text, float32", "text, roles"],
)
def test_the_same_bits_in_any_order_any_blocks_and_any_place(
    strings: bool, single: bool, limits: list[Limit], tmp_path: Path, sizes: Sizes
) -> None:
    tables: dict[str, Any] = random_tables(customers=20, strings=strings)
    if single:
        tables["candidates"] = replaced(
            tables["candidates"], "response", tables["candidates"]["response"].cast(pa.float32())
        )
    with pytest.MonkeyPatch.context() as large:  # the reference: everything in one block
        large.setattr(external_sort, "BLOCK_ROWS", 1 << 20)
        large.setattr(blocks, "BLOCK_SIZE", 1 << 20)
        expected = whole(tables, limits=limits)
    kinds = {expected[name][0] for name in expected if name.startswith("attribute")}
    assert (np.dtype(np.float32) in kinds) == single
    for store in (None, tmp_path / "store"):
        found = ways(tables["candidates"], tmp_path / f"parts-{store is None}")
        for way, candidates in found.items():
            got = whole({**tables, "candidates": candidates}, limits=limits, store=store)
            different = [name for name in expected if got[name] != expected[name]]
            assert not different, (way, store)


@pytest.mark.parametrize("column", ["margin", "issue_cost"])
def test_money_of_candidates(column: str, tmp_path: Path, sizes: Sizes) -> None:
    """Default amounts are computed per candidate then, and live in the store too."""
    tables: dict[str, Any] = random_tables()
    values = np.random.default_rng(2).uniform(0, 1, len(tables["candidates"]))
    tables["candidates"] = replaced(tables["candidates"].drop("value"), column, values)
    expected = whole(tables)
    assert (
        whole({**tables, "candidates": shuffled(tables["candidates"])}, store=tmp_path / "s")
        == expected
    )


def test_arrays_are_mapped_and_offers_serve_as_items(tmp_path: Path) -> None:
    tables: dict[str, Any] = random_tables()
    campaign = Campaign(**tables, rules=RULES, limits=LIMITS, store=tmp_path / "store")
    problem = campaign.compile().problem
    assert problem.shard.item is campaign.candidates.offer
    assert problem.shard.item.dtype == np.uint16
    assert problem.shard.indptr is campaign.candidates.indptr
    for array in (
        problem.shard.item,
        problem.shard.quantity,
        problem.shard.indptr,
        *problem.attributes,
    ):
        assert not array.flags.writeable and array.flags.c_contiguous and not array.flags.owndata
        assert np.shares_memory(array, array)
    for name in ("offer", "indptr", "column-0", "customer"):
        on_disk = np.load(tmp_path / "store" / f"{name}.npy", mmap_mode="r")
        assert len(on_disk) in (60, 61, 360)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["store"]
    files = {path.name for path in (tmp_path / "store").iterdir()}
    assert "store.json" in files and "quantity.npy" not in files


def test_solved_alike(tmp_path: Path) -> None:
    tables: dict[str, Any] = random_tables(customers=200)
    found = [
        Campaign(**tables, rules=RULES, limits=LIMITS, store=store).solve(gap=0.02)
        for store in (None, tmp_path / "store")
    ]
    assert found[0].allocation.to_arrow().equals(found[1].allocation.to_arrow())
    assert (found[0].objective, found[0].bound) == (found[1].objective, found[1].bound)


def test_ids_that_are_hard_to_sort(tmp_path: Path, sizes: Sizes) -> None:
    """The largest and smallest integers; text that is empty, of any alphabet, or the beginning of another."""
    for customers in (
        [2**63 - 1, -(2**63), 0, -1, 5, 2**62],
        ["", "a", "ab", "ß", "z", "\U0001f600", "\uffff", "a\x00"],
    ):
        rows = {
            "customer": [c for c in customers for _ in range(2)],
            "offer": [1, 2] * len(customers),
            "value": np.arange(2.0 * len(customers)),
        }
        found = [
            Campaign({"offer": [1, 2]}, rows, store=store).candidates
            for store in (None, tmp_path / "store")
        ]
        key = None if isinstance(customers[0], int) else str.encode
        assert found[0].customers.to_pylist() == sorted(customers, key=key)
        assert found[0].customers.equals(found[1].customers)
        assert np.array_equal(found[0].columns["value"], found[1].columns["value"])
        assert found[1].indptr.tolist() == list(range(0, 2 * len(customers) + 1, 2))


def test_only_empty_text(tmp_path: Path) -> None:
    rows = {"customer": [""], "offer": ["x"], "value": [1.0]}
    campaign = Campaign({"offer": ["x"]}, rows, store=tmp_path / "store")
    assert campaign.candidates.customers.to_pylist() == [""]
    for _ in range(2):  # nothing to quantise either
        assert Campaign(
            {"offer": ["x"]}, rows, store=tmp_path / "store"
        ).compile().problem.shard.quantity.shape == (0, 1)


def test_written_in_blocks(tmp_path: Path, sizes: Sizes) -> None:
    campaign = Campaign(**random_tables(strings=True), rules=RULES, store=tmp_path / "store")
    write_campaign(campaign, tmp_path / "campaign")
    again = read_campaign(tmp_path / "campaign")
    assert again.candidates.customers.equals(campaign.candidates.customers)
    for name, column in campaign.candidates.columns.items():
        assert np.array_equal(column, again.candidates.columns[name])
    assert np.array_equal(again.candidates.role, campaign.candidates.role)


SPOILT = [
    case
    for case, (_, expected) in CASES.items()
    if any("table candidates" in part for part in expected)
]


@pytest.mark.parametrize("case", SPOILT)
def test_bad_candidates_say_the_same_in_small_blocks(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, _ = CASES[case]
    spoil(Draft()).write(tmp_path / "campaign")
    said = []
    for block, store in ((1 << 20, None), (3, tmp_path / "store"), (3, None)):
        monkeypatch.setattr(external_sort, "BLOCK_ROWS", block)
        monkeypatch.setattr(external_sort, "RUN_ROWS", block)
        with pytest.raises(InvalidInput) as caught:
            read_campaign(tmp_path / "campaign", store=store).compile()
        said.append(str(caught.value))
        assert [p.name for p in tmp_path.iterdir() if p.name != "store"] == ["campaign"]
    assert len(set(said)) == 1


def test_a_pair_twice_far_apart(tmp_path: Path, sizes: Sizes) -> None:
    tables: dict[str, Any] = random_tables()
    table = shuffled(tables["candidates"])
    table = pa.concat_tables([table, table.slice(3, 1), table.slice(100, 1).slice(0, 0)])
    ids = (table["customer"][3].as_py(), table["offer"][3].as_py())
    for store in (None, tmp_path / "store"):
        with pytest.raises(
            InvalidInput, match=rf"row 360: the pair of customer {ids[0]} and offer {ids[1]} is"
        ):
            Campaign(tables["offers"], table, store=store)
        with pytest.raises(InvalidInput, match=r"table candidates: the pair of customer"):
            Campaign(tables["offers"], batches(table, 9), store=store)  # cannot be read again
    assert not (tmp_path / "store").exists()


def test_batches_that_do_not_fit() -> None:
    offers = {"offer": [1, 2]}
    good = pa.record_batch({"customer": [1], "offer": [1], "value": [1.0]})
    for bad, expected in (
        (pa.record_batch({"customer": ["x"], "offer": [1], "value": [1.0]}), "do not fit"),
        (pa.record_batch({"customer": [2], "offer": [1]}), "no column 'value'"),
    ):
        with pytest.raises(InvalidInput, match=expected):
            Campaign(offers, iter([good, bad]))
    with pytest.raises(InvalidInput, match="record batches"):
        Campaign(offers, iter([1]))
    with pytest.raises(InvalidInput, match="at least one row"):
        Campaign(offers, iter([]))


def test_command_line(
    campaign_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from couponry.cli import run

    assert run(["estimate", str(campaign_folder)]) == 0
    assert "360" in capfd.readouterr().out
    assert run(["estimate", str(campaign_folder), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["candidates"] == 360
    store = tmp_path / "store"
    options = ["--store", str(store), "--memory-limit", "8GiB", "--quiet"]
    found = []
    for out in ("a", "b"):
        assert run(["solve", str(campaign_folder), "--out", str(tmp_path / out), *options]) == 0
        found.append((stamp(store), pq.read_table(tmp_path / out / "allocation.parquet")))
    assert found[0][0] == found[1][0] and found[0][1].equals(found[1][1])
    capfd.readouterr()
    assert (
        run(["solve", str(campaign_folder), "--out", str(tmp_path / "c"), "--memory-limit", "much"])
        == 2
    )
    assert "expected a size" in capfd.readouterr().err
