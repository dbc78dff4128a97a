"""Fixtures that several test modules use."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from tests.support import spark_cluster
from tests.support.campaigns import random_tables, spec, write_folder
from tests.support.dask_cluster import DaskCluster
from tests.support.spark_cluster import SparkCluster

from couponry import cli


class Ran(NamedTuple):
    """What a command came to: its exit status, and what it printed."""

    status: int
    out: str
    err: str


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault(
        "COUPONRY_ASSERTIONS", "1"
    )  # of this process and of those that tests start
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # started in the background of a script: processes that tests interrupt would inherit that
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "xdist_group(name): tests that one worker runs")
    config.addinivalue_line(
        "markers", "compiles: has Numba compile kernels, though its name does not say so"
    )


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all that Numba compiles for: the other need not compile it, too; and all that needs a cluster."""
    for item in items:
        if {"spark", "dask", "cluster"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("clusters"))
            continue
        if "numba" in item.nodeid or item.get_closest_marker("compiles"):
            item.add_marker(pytest.mark.xdist_group("numba"))


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes campaign folders: tables (random ones by default), sections of campaign.toml, more tables by name."""
    made: list[Path] = []

    def make(
        data: dict[str, pa.Table] | None = None,
        more: dict[str, pa.Table] | None = None,
        **sections: Any,
    ) -> Path:
        path = tmp_path / f"campaign-{len(made)}"
        made.append(path)
        return write_folder(path, data or random_tables(), spec(**sections), **(more or {}))

    return make


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
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """A standalone Spark, started once; skips where there can be none."""
    missing = spark_cluster.why_not()
    if missing:
        pytest.skip(missing)
    cluster = SparkCluster(tmp_path_factory.mktemp("spark"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A Dask scheduler with two workers, started once."""
    if sys.platform != "linux":
        pytest.skip("no Linux, whose /proc and signals these tests use")
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.close()
