"""score makes a campaign folder with candidates of one with transactions, which solves as that one does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.cli.conftest import Solved
from tests.conftest import Ran
from tests.support.campaigns import write_folder

import couponry

Run = Callable[..., Ran]


def shop(folder: Path) -> Path:
    """A campaign folder with the purchases of a small shop."""
    rng = np.random.default_rng(2)
    rows = 1500
    tables = {
        "offers": pa.table(
            {"offer": list("abcd"), "product": [0, 1, 2, 3], "margin": [1.0, 2.0, 1.5, 0.5]}
        ),
        "transactions": pa.table(
            {
                "customer": rng.integers(0, 40, rows),
                "product": rng.integers(0, 6, rows),
                "week": rng.integers(1, 30, rows),
            }
        ),
    }
    content = {
        "schema": 1,
        "tables": {name: f"{name}.parquet" for name in tables},
        "candidates": {"reward": 2, "activation": 0, "innovation": 1},
        "customer_rule": [{"name": "slots", "max": 1}],
    }
    return write_folder(folder, tables, content)


def test_score(run: Run, tmp_path: Path) -> None:
    folder = shop(tmp_path / "shop")
    ran = run("score", folder, "--out", tmp_path / "scored", "--quiet")
    assert ran.status == 0 and ran.out.startswith(f"{tmp_path / 'scored'}\n") and ran.err == ""
    scored, made = couponry.read_campaign(tmp_path / "scored"), couponry.read_campaign(folder)
    assert len(scored.candidates) == len(made.candidates) > 0
    assert scored.solve(threads=1).objective == made.solve(threads=1).objective
    assert run("score", folder, "--out", tmp_path / "scored").status == 2  # it exists


def test_score_refuses_candidates(run: Run, solved: Solved, tmp_path: Path) -> None:
    ran = run("score", solved.folder, "--out", tmp_path / "scored")
    assert ran.status == 2 and "expected transactions, got candidates" in ran.err
