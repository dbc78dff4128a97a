"""A campaign that is solved once for all tests of commands, and the command line in this process."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
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


class Ran(NamedTuple):
    status: int
    out: str
    err: str


class Solved(NamedTuple):
    folder: Path
    out: Path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ran]]:
    """Runs the command line in this process."""

    def command(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments])
        return Ran(status, *capsys.readouterr())

    before = signal.getsignal(signal.SIGTERM)
    yield command
    signal.signal(signal.SIGTERM, before)


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
