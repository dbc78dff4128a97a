"""Spark alone: attempts that run at the same time, spark-submit, and sessions of other sizes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from tests.support import transactions_campaign
from tests.support.cluster_campaigns import (
    AS_THE_LARGEST,
    KINDS,
    fingerprint,
    solved,
    solved_on_cluster,
)
from tests.support.cluster_driver import ended_after_each_job
from tests.support.cluster_tasks import Stuck, Sums, Texts
from tests.support.clusters import ConnectedSpark, on_spark
from tests.support.processes import command_of
from tests.support.spark_cluster import REPOSITORY, SparkCluster

from couponry import InvalidInput, cli, write_campaign
from couponry.engines import Cluster, Dask, Runner, Spark
from couponry.engines.cluster.runner import Task
from couponry.engines.cluster.runners.spark import SparkRunner
from couponry.engines.cluster.runners.spark import _told as told
from couponry.results.cluster.parts import WriteTask


@pytest.fixture(scope="module")
def hasty(spark: SparkCluster) -> Iterator[ConnectedSpark]:
    """Two executors, and a second attempt at whatever takes longer than half of the tasks."""
    settings = {"": "true", "_interval": "100ms", "_multiplier": "1", "_minTaskRuntime": "100ms"}
    asked = {f"speculation{name}": value for name, value in settings.items()}
    with on_spark(spark, 2, speculation_quantile="0.5", **asked) as connected:
        yield connected


def test_of_two_attempts_one_answer_counts(hasty: ConnectedSpark, tmp_path: Path) -> None:
    task = Stuck(Sums(), str(tmp_path), 5)
    found = hasty.runner.sum(task, range(7))
    (tmp_path / "let-go").touch()
    assert [table.tolist() for table in found] == [[7, 21], [91] * 4]
    ends = hasty.cluster.task_ends(hasty.session)
    assert any(end["Task Info"]["Speculative"] for end in ends)


class Hanging(Runner):
    """Has the first attempt at writing one shard hang until it is let go."""

    def __init__(self, runner: Runner, folder: Path):
        self.name, self.tasks, self.threads = runner.name, runner.tasks, runner.threads
        self._runner, self._folder = runner, folder

    def sum(self, task: Task, shards: Sequence[int]) -> Any:
        return self._runner.sum(task, shards)

    def map(self, task: Task, shards: Sequence[int]) -> Any:
        stuck = Stuck(task, str(self._folder), 9) if isinstance(task, WriteTask) else task
        return self._runner.map(stuck, shards)


def test_of_two_attempts_one_writes_what_counts(hasty: ConnectedSpark, tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    runner, parts = Hanging(hasty.runner, tmp_path / "marks"), tmp_path / "parts"
    result = solved("contacts", threads=1, engine=Cluster(runner, tmp_path / "shards", 125))
    local = solved("contacts", threads=1)
    assert result.allocation is not None and local.allocation is not None
    assert (runner.tasks, runner.threads) == (2, 1)
    files = result.allocation.write_on_workers(parts)
    first = int((tmp_path / "marks" / "process").read_text())
    while "pyspark" in command_of(first):  # the attempt that hangs: Spark ends it
        time.sleep(0.1)
    assert len(files) == 16 and fingerprint(result) == fingerprint(local)
    assert ds.dataset(files).to_table().equals(local.allocation.to_arrow())
    assert set(parts.iterdir()) == {*files, parts / "_manifest.json"}


@pytest.mark.parametrize("kind", ["contacts", "homes"])  # which have all three tables
def test_from_tables_of_spark_to_another(kind: str, hasty: ConnectedSpark, tmp_path: Path) -> None:
    """Rows in any order, in batches that cut customers; shards by Spark, and coupons read by it again."""
    session, local = hasty.session, solved(kind, threads=1)
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "100")
    try:
        engine = Spark(session, tmp_path / "shards", 500)
        result = solved_on_cluster(kind, engine, session.createDataFrame, threads=1)
    finally:
        session.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert len(list((tmp_path / "shards" / "shards").glob("0*.arrays"))) in (2, 3, 4, 5)
    assert result.allocation is not None and local.allocation is not None
    result.allocation.write_on_workers(tmp_path / "parts")
    read = session.read.parquet(str(tmp_path / "parts")).toArrow()
    by = [("customer", "ascending"), ("offer", "ascending")]
    assert read.sort_by(by).equals(local.allocation.to_arrow().sort_by(by))
    assert fingerprint(result) == fingerprint(local)


@pytest.mark.parametrize("made", [transactions_campaign.some, transactions_campaign.homes])
def test_from_transactions_of_spark(
    made: Callable[[], dict[str, Any]], hasty: ConnectedSpark, tmp_path: Path
) -> None:
    """One call from transactions in Spark, and coupons in Spark: those of one machine."""
    engine = Spark(hasty.session, tmp_path / "shards", 400)
    campaign = transactions_campaign.on_cluster(engine, hasty.session.createDataFrame, **made())
    options: dict[str, Any] = {"threads": 1, "gap": 4e-3, "solver_options": AS_THE_LARGEST}
    result = campaign.solve(**options)
    local = transactions_campaign.on_one_machine(**made())
    assert fingerprint(result) == fingerprint(local.solve(**options))
    assert result.allocation is not None
    result.allocation.write_on_workers(tmp_path / "parts")
    assert hasty.session.read.parquet(str(tmp_path / "parts")).count() == result.allocated > 400


def test_a_driver_that_ends_after_each_job_goes_on(hasty: ConnectedSpark, tmp_path: Path) -> None:
    """Spark is asked one thing more each time, until the solve is done: the bits of one machine."""
    jobs, result = ended_after_each_job("soft", hasty.runner, tmp_path)
    assert jobs > 5 and fingerprint(result) == fingerprint(solved("soft", threads=1))


def test_frames_answer_as_rdds_do(hasty: ConnectedSpark) -> None:
    """Sessions of Connect have no RDDs."""
    by_frames = SparkRunner(hasty.session, 2)
    by_frames._by_rdd = False
    task, shards = Texts(9_000_000), range(5)  # more than a row has
    assert by_frames.map(task, shards) == hasty.runner.map(task, shards)
    sums = [runner.sum(Sums(), shards) for runner in (by_frames, hasty.runner)]
    assert [table.tolist() for table in sums[0]] == [table.tolist() for table in sums[1]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ModuleNotFoundError: No module named 'couponry'", "there is no couponry; install"),
        ("ModuleNotFoundError: No module named 'pyarrow'", "there is no pyarrow; install"),
        ("ModuleNotFoundError: No module named 'couponry.engines.cluster'", "another version"),
        ("couponry.utils.errors.InvalidInput: shard '0': it is missing", "^shard '0': it is miss"),
        ("2.0 GiB is bigger than spark.driver.maxResultSize", "^engine spark: .* set it higher$"),
        ("OSError: [Errno 28] No space left on device", "^worker: OSError: .* No space left"),
    ],
)
def test_what_goes_wrong_in_workers_is_told_in_a_line(text: str, said: str) -> None:
    failed: Future[list[Any]] = Future()
    failed.set_exception(RuntimeError(f"Traceback\n...\n{text}\n SQLSTATE: 38000"))
    with pytest.raises(InvalidInput, match=said):
        told(failed)


def test_other_errors_are_raised() -> None:
    failed: Future[list[Any]] = Future()
    failed.set_exception(RuntimeError("ModuleNotFoundError: No module named 'their_own'"))
    with pytest.raises(RuntimeError, match="their_own"):
        told(failed)


def test_spark_submit(spark: SparkCluster, tmp_path: Path) -> None:
    """The command line under spark-submit, on one executor: what it writes is what it writes here."""
    write_campaign(KINDS["contacts"](), tmp_path / "campaign")
    solve = ["solve", str(tmp_path / "campaign"), "--quiet", "--threads", "1", "--out"]
    assert cli.run([*solve, str(tmp_path / "here")]) == 0
    shards = ["--shards", str(tmp_path / "shards"), "--shard-customers", "500"]
    there = [str(tmp_path / "there"), "--engine", "spark", *shards]
    example = REPOSITORY / "examples" / "on_spark.py"
    submitted = subprocess.run(
        [*spark.submit(tmp_path, executors=1), example, *solve, *there],
        env=spark.environment,
        capture_output=True,
        check=False,
        text=True,
    )
    assert submitted.returncode == 0, submitted.stderr[-2000:]
    assert len(list((tmp_path / "shards").glob("*.arrays"))) == 4
    for name in ("allocation.parquet", "limits.parquet"):
        here, there = (pq.read_table(tmp_path / place / name) for place in ("here", "there"))
        assert here.equals(there)
    said = json.loads((tmp_path / "there" / "result.json").read_text())
    assert said["engine"] == "spark"


def test_what_is_no_session() -> None:
    with pytest.raises(InvalidInput, match=r"^session: expected a SparkSession, got 'local'$"):
        Spark("local", "shards")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"^client: expected a distributed.Client, got 3$"):
        Dask(3, "shards")  # type: ignore[arg-type]
