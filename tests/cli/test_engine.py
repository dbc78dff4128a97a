"""`couponry solve --engine`: the files of a solve on this machine, and what is missing said in a line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Solved
from tests.conftest import Ran
from tests.support.dask_cluster import DaskCluster

from couponry.cli.engine import _have_this_python

Run = Callable[..., Ran]


def test_on_dask(dask: DaskCluster, run: Run, solved: Solved, tmp_path: Path) -> None:
    where = ["--engine", "dask", "--master", dask.address, "--shards", tmp_path / "shards"]
    out = tmp_path / "out"
    ran = run("solve", solved.folder, "--out", out, "--quiet", *where, "--shard-customers", "6")
    assert ran.status == 0, ran.err
    assert len(list((tmp_path / "shards").glob("*.arrays"))) == 4
    for name in ("allocation.parquet", "limits.parquet"):
        assert pq.read_table(out / name).equals(pq.read_table(solved.out / name))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--master", "x"], "--master and --shards go with --engine"),
        (["--shards", "x"], "--master and --shards go with --engine"),
        (["--engine", "spark"], "--engine spark needs --shards"),
        (["--engine", "dask", "--shards", "x"], "--engine dask needs --master, the address"),
        (["--engine", "ray", "--shards", "x"], "'ray' is not one of 'spark', 'dask'"),
    ],
)
def test_what_is_missing(
    options: list[str], says: str, run: Run, solved: Solved, tmp_path: Path
) -> None:
    ran = run("solve", solved.folder, "--out", tmp_path / "out", *options)
    assert ran.status == 2 and says in ran.err and ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("engine", ["spark", "dask"])
def test_extras_that_are_missing(
    engine: str, run: Run, solved: Solved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql" if engine == "spark" else "distributed", None)
    options = ["--engine", engine, "--master", "x", "--shards", tmp_path / "shards"]
    ran = run("solve", solved.folder, "--out", tmp_path / "out", *options)
    assert ran.status == 2 and f"pip install 'couponry[{engine}]'" in ran.err


@pytest.mark.parametrize(
    ("master", "said", "found"),
    [
        ("local[2]", None, sys.executable),
        ("local[2]", "python3.11", "python3"),
        ("spark://host:7077", None, "python3"),
    ],
)
def test_workers_of_this_machine_have_this_python(
    master: str, said: str | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    if said is not None:
        monkeypatch.setenv("PYSPARK_PYTHON", said)
    context = SimpleNamespace(master=master, pythonExec="python3")
    _have_this_python(context)
    assert context.pythonExec == found


def test_a_session_that_does_not_begin(
    run: Run, solved: Solved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = pytest.importorskip("pyspark.sql")

    def fails(builder: object) -> None:
        raise RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited\n...")

    monkeypatch.setattr(sql.SparkSession.Builder, "getOrCreate", fails)
    options = ["--engine", "spark", "--master", "foo", "--shards", tmp_path / "shards"]
    ran = run("solve", solved.folder, "--out", tmp_path / "out", *options)
    assert ran.status == 2 and ran.err.count("\n") == 1
    assert "--engine spark: no session began: [JAVA_GATEWAY_EXITED] Java" in ran.err
