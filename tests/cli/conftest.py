"""A campaign that is solved once for all tests of commands."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.campaigns import random_tables, spec, write_folder

from couponry import cli

LIMITS = [
    {"name": "cap", "max": 16, "where": {"brand": ["A", "B"]}},
    {"name": "cost", "sum": "cost", "max": 2.4},
    {"name": "supplies", "by": "supplier", "max": 12},
]


class Solved(NamedTuple):
    folder: Path
    out: Path


@pytest.fixture(scope="session")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Solved:
    """A campaign folder and its result."""
    path = tmp_path_factory.mktemp("commands")
    folder = write_folder(path / "campaign", random_tables(customers=24), spec(limit=LIMITS))
    assert (
        cli.run(["solve", str(folder), "--out", str(path / "out"), "--quiet", "--threads", "1"])
        == 0
    )
    return Solved(folder, path / "out")
