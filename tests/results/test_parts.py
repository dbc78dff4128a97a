"""Allocations that workers write: each shard's coupons once, whatever is lost, repeated or late."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from tests.support.cluster_campaigns import CUSTOMERS, solved

from couponry import Campaign, InvalidInput, Limit, read_result
from couponry.engines import Cluster, InProcessRunner
from couponry.engines.cluster.work import work
from couponry.result import Result


class Twice(InProcessRunner):
    """Runs everything twice; every other time the first attempt counts. Keeps what it was asked last."""

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        self.asked = task, shares
        attempts = [[work(task, share, 1) for _ in range(2)] for share in shares]
        return [pair[number % 2] for number, pair in enumerate(attempts)]


def over_shards(kind: str, folder: Path, runner: Any = None, shards: int = 4) -> Result:
    runner = runner or InProcessRunner(1, 3)
    return solved(
        kind, threads=1, engine=Cluster(runner, folder / "shards", -(-CUSTOMERS // shards))
    )


def rows_of(result: Result) -> pa.Table:
    assert result.allocation is not None
    return result.allocation.to_arrow()


@pytest.mark.parametrize("kind", ["mixed", "segments", "contacts", "matching", "soft"])
def test_workers_write_the_rows_that_there_are(kind: str, tmp_path: Path) -> None:
    result = over_shards(kind, tmp_path)
    assert result.allocation is not None
    files = result.allocation.write_on_workers(tmp_path / "parts")
    assert len(files) == 4 and set(files) < set((tmp_path / "parts").iterdir())
    assert ds.dataset(files).to_table().equals(rows_of(result))
    manifest = json.loads((tmp_path / "parts" / "_manifest.json").read_text())
    assert [tmp_path / "parts" / part["file"] for part in manifest["parts"]] == files
    assert manifest["coupons"] == len(result.allocation)
    assert sum(part["customers"] for part in manifest["parts"]) == result.allocation.customers
    assert all(part["coupons"] > 0 for part in manifest["parts"])


def test_columns_that_the_solver_does_not_need(tmp_path: Path) -> None:
    """Where the value is given, nothing that is solved is made of the response, nor of what coupons cost."""
    random = np.random.default_rng(2)
    candidates = {
        "customer": np.repeat(np.arange(200), 4),
        "offer": np.tile(np.arange(4), 200),
        "value": random.random(800),
        "response": random.random(800).astype(np.float32),
    }
    offers = {"offer": np.arange(4), "face_value": [1.0, 2.5, 0.3, 4.0]}
    made = Campaign(offers, candidates, limits=[Limit("all", max=100)])
    engine = Cluster(InProcessRunner(1, 2), tmp_path / "shards", 70)
    result = made.solve(threads=1, engine=engine)
    assert result.allocation is not None
    files = result.allocation.write_on_workers(tmp_path / "parts")
    written = ds.dataset(files).to_table()
    assert written.column_names == ["customer", "offer", "value", "response", "cost"]
    assert written.equals(rows_of(made.solve(threads=1)))


def test_of_two_attempts_one_file_is_left(tmp_path: Path) -> None:
    runner = Twice(1, 2)
    result = over_shards("mixed", tmp_path, runner)
    assert result.allocation is not None
    folder = tmp_path / "parts"
    files = result.allocation.write_on_workers(folder)
    assert set(folder.iterdir()) == {*files, folder / "_manifest.json"}
    task, shares = runner.asked
    for share in shares:  # attempts that are late
        work(task, share, 1)
    assert set(folder.iterdir()) == {*files, folder / "_manifest.json"}
    assert ds.dataset(folder, exclude_invalid_files=True).to_table().num_rows == len(
        rows_of(result)
    )


def test_what_a_run_that_was_killed_has_left_is_replaced(tmp_path: Path) -> None:
    result = over_shards("mixed", tmp_path)
    assert result.allocation is not None
    folder = tmp_path / "parts"
    [first, *_] = result.allocation.write_on_workers(folder)
    with pytest.raises(InvalidInput, match=r"parts': expected a new folder, but it exists"):
        result.allocation.write_on_workers(folder)
    (folder / "_manifest.json").unlink()
    first.rename(folder / f".{first.name}")
    files = result.allocation.write_on_workers(folder)
    assert set(folder.iterdir()) == {*files, folder / "_manifest.json"} and first not in files


def test_what_no_workers_can_write(tmp_path: Path) -> None:
    local = solved("mixed", threads=1)
    assert local.allocation is not None
    with pytest.raises(InvalidInput, match="solved over shards, got one of engine local; use"):
        local.allocation.write_on_workers(tmp_path / "parts")
    local.save(tmp_path / "saved")
    saved = read_result(tmp_path / "saved")
    assert saved.allocation is not None
    with pytest.raises(InvalidInput, match="solved in this process, got one that was read"):
        saved.allocation.write_on_workers(tmp_path / "parts")
    assert not (tmp_path / "parts").exists()
