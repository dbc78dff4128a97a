"""A real Spark of three executors and a real Dask: the bits of one machine, whatever is lost or told to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from tests.support import transactions_campaign
from tests.support.cluster_campaigns import (
    AS_THE_LARGEST,
    CUSTOMERS,
    fingerprint,
    solved,
    solved_on_cluster,
)
from tests.support.cluster_driver import Mortal, killed
from tests.support.cluster_tasks import Lost, Processes, Refused, Stuck, Sums, Texts, Threads
from tests.support.clusters import Connected, Unlucky, driven, on_dask, on_spark
from tests.support.dask_cluster import DaskCluster
from tests.support.processes import LOOPBACK, command_of, listening
from tests.support.spark_cluster import SparkCluster

from couponry import Cancelled, CancelToken, InvalidInput, watch
from couponry.engines import Cluster, InProcessRunner

SHARDS = range(7)


@pytest.fixture(scope="module", params=["spark", "dask"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Connected]:
    """Three executors of Spark, or two workers of Dask."""
    if request.param == "spark":
        spark: SparkCluster = request.getfixturevalue("spark")
        with on_spark(spark, 3) as connected:
            yield connected
    else:
        dask: DaskCluster = request.getfixturevalue("dask")
        with on_dask(dask) as connected:
            yield connected


def test_answers_are_those_of_this_process(cluster: Connected) -> None:
    runner, here = cluster.runner, InProcessRunner()
    for shards in (range(1), range(2), SHARDS, range(64)):
        found, expected = runner.sum(Sums(), shards), here.sum(Sums(), shards)
        assert [table.tolist() for table in found] == [table.tolist() for table in expected]
        assert {table.dtype for table in found} == {np.dtype(np.int64)}
        assert runner.map(Texts(), shards) == here.map(Texts(), shards)


def test_tasks_are_one_for_each_executor(cluster: Connected) -> None:
    assert cluster.runner.tasks == (3 if cluster.runner.name == "spark" else 2)
    assert cluster.runner.map(Threads(), SHARDS) == [1] * len(SHARDS)


def test_workers_go_on_from_job_to_job(cluster: Connected) -> None:
    """What they have imported and mapped is at hand in the next job."""
    first, second = (set(cluster.runner.map(Processes(), range(64))) for _ in range(2))
    assert first & second


def test_answers_may_be_large(cluster: Connected) -> None:
    """Longer than a row of Spark's is allowed to be by us, and whole all the same."""
    texts = cluster.runner.map(Texts(20_000_000), range(3))
    assert [(len(text), text[:1], text[-1:]) for text in texts] == [
        (20_000_000, str(shard), str(shard)) for shard in range(3)
    ]


@pytest.mark.parametrize("executor", [False, True], ids=["python", "executor"])
def test_lost_tasks_run_again(cluster: Connected, tmp_path: Path, executor: bool) -> None:
    before = cluster.lost()
    task = Lost(Sums(), str(tmp_path), (1, 5), executor and cluster.runner.name == "spark")
    found = cluster.runner.sum(task, SHARDS)
    assert [table.tolist() for table in found] == [[7, 21], [91] * 4]
    assert len(list(tmp_path.glob("lost-*"))) == 2
    assert cluster.lost() - before >= 2


def test_what_every_worker_would_say_is_said_once(cluster: Connected) -> None:
    before = cluster.lost()
    with pytest.raises(InvalidInput, match=r"^shard 0: expected rows, got none$"):
        cluster.runner.sum(Refused(), SHARDS)
    assert cluster.lost() == before


def test_cancelling_ends_a_pass(cluster: Connected, tmp_path: Path) -> None:
    token, ended = CancelToken(), threading.Event()

    def cancel_once_stuck() -> None:
        while not (tmp_path / "process").exists():
            if ended.wait(0.05):
                return
        token.cancel()

    canceller = threading.Thread(target=cancel_once_stuck)
    canceller.start()
    try:
        with watch(cancel=token), pytest.raises(Cancelled):
            cluster.runner.sum(Stuck(Sums(), str(tmp_path), 2), SHARDS)
        if cluster.runner.name == "spark":  # Dask lets tasks that run come to their end
            stuck = int((tmp_path / "process").read_text())
            while "pyspark" in command_of(stuck):
                time.sleep(0.1)
    finally:
        ended.set()
        (tmp_path / "let-go").touch()
        canceller.join()
    assert cluster.runner.sum(Sums(), SHARDS)[0].tolist() == [7, 21]


@pytest.mark.parametrize(("kind", "shards"), [("mixed", 64), ("segments", 16)])
def test_solves_have_the_bits_of_one_machine(
    cluster: Connected, kind: str, shards: int, tmp_path: Path
) -> None:
    engine = Cluster(cluster.runner, tmp_path, -(-CUSTOMERS // shards))
    result = solved(kind, threads=2, engine=engine)
    assert len(list(tmp_path.glob("*.arrays"))) == shards
    assert fingerprint(result) == fingerprint(solved(kind, threads=1))
    assert result.engine == cluster.runner.name


@pytest.mark.parametrize("kind", ["matching", "infeasible"])
def test_solves_of_many_jobs(dask: DaskCluster, kind: str, tmp_path: Path) -> None:
    """Under noise, and where nothing is feasible: fifty jobs and more, on Dask, where they cost little."""
    with on_dask(dask) as cluster:
        result = solved(kind, threads=1, engine=Cluster(cluster.runner, tmp_path, 125))
        assert fingerprint(result) == fingerprint(solved(kind, threads=1))


@pytest.mark.parametrize(("kind", "here"), [("contacts", 1), ("homes", 2)])
def test_from_tables_of_dask(kind: str, here: int, dask: DaskCluster, tmp_path: Path) -> None:
    """Rows in any order, of which each partition has some of every customer's; some tables of this process."""
    frames = pytest.importorskip("dask.dataframe")
    made = iter(range(9))

    def take(table: pa.Table) -> Any:
        return table if next(made) == here else frames.from_pandas(table.to_pandas(), npartitions=3)

    with on_dask(dask) as cluster:
        engine = Cluster(cluster.runner, tmp_path, 500)
        result = solved_on_cluster(kind, engine, take, threads=1)
        assert len(list((tmp_path / "candidates").glob("0*.arrays"))) > 1
        assert fingerprint(result) == fingerprint(solved(kind, threads=1))


@pytest.mark.parametrize("made", [transactions_campaign.some, transactions_campaign.homes])
def test_from_transactions_of_dask(
    made: Callable[[], dict[str, Any]], dask: DaskCluster, tmp_path: Path
) -> None:
    """Partitions of transactions, of which each has some of every customer's; households are brought together."""
    frames = pytest.importorskip("dask.dataframe")

    def take(table: pa.Table) -> Any:
        mixed = table.take(np.random.default_rng(3).permutation(len(table)))
        return frames.from_pandas(mixed.to_pandas(), npartitions=3, sort=False)

    options: dict[str, Any] = {"threads": 1, "gap": 4e-3, "solver_options": AS_THE_LARGEST}
    with on_dask(dask) as cluster:
        engine = Cluster(cluster.runner, tmp_path, 300)
        result = transactions_campaign.on_cluster(engine, take, **made()).solve(**options)
        assert len(list((tmp_path / "candidates").glob("0*.arrays"))) > 1
        local = transactions_campaign.on_one_machine(**made()).solve(**options)
        assert fingerprint(result) == fingerprint(local)


def test_solves_whose_tasks_are_killed(cluster: Connected, tmp_path: Path) -> None:
    """Of each question of a solve a run is lost, and of writing the allocation one that had written its files."""
    before = cluster.lost()
    wanted = {"SamplesTask": 1, "EvaluateTask": 2, "FixTask": 1, "WriteTask": 1}
    runner = Unlucky(cluster.runner, tmp_path, wanted)
    result = solved("soft", threads=1, engine=Cluster(runner, tmp_path / "shards", 100))
    assert fingerprint(result) == fingerprint(solved("soft", threads=1))
    assert result.allocation is not None
    files = result.allocation.write_on_workers(tmp_path / "parts")
    assert set((tmp_path / "parts").iterdir()) == {*files, tmp_path / "parts" / "_manifest.json"}
    assert ds.dataset(files).to_table().equals(result.allocation.to_arrow())
    assert runner.killed == sum(wanted.values())
    assert len(list(tmp_path.glob("*/lost-*"))) == runner.killed
    assert cluster.lost() - before >= runner.killed


def test_everything_listens_on_the_loopback_alone(cluster: Connected) -> None:
    cluster.runner.sum(Sums(), SHARDS)
    found = {pid: listening(pid) for pid in cluster.processes()}
    listeners = {pid for pid, addresses in found.items() if addresses}
    assert len(listeners) >= 3
    if cluster.runner.name == "spark":
        commands = " ".join(map(command_of, listeners))
        for what in ("Master", "Worker", "CoarseGrainedExecutorBackend", "SparkSubmit"):
            assert what in commands
    open_to_others = {
        (command_of(pid), address)
        for pid, addresses in found.items()
        for address in addresses
        if not LOOPBACK.fullmatch(address.split(":")[0])
    }
    assert open_to_others == set()


@pytest.mark.parametrize(("which", "after"), [("spark", 3), ("dask", 2), ("dask", 6)])
def test_drivers_that_are_killed_go_on(
    request: pytest.FixtureRequest, which: str, after: int, tmp_path: Path
) -> None:
    """What was answered is not asked again, and the bits are those of one machine."""
    cluster: SparkCluster | DaskCluster = request.getfixturevalue(which)
    here = Mortal(InProcessRunner(), 0, killed)
    engine = Cluster(here, tmp_path / "here", CUSTOMERS // 4)
    expected = solved("soft", threads=1, engine=engine, checkpoint=tmp_path / "journal")
    assert driven(cluster, "soft", tmp_path / "there", after) == (-signal.SIGKILL, [])
    status, (found, rest, _) = driven(cluster, "soft", tmp_path / "there")
    assert (status, found) == (0, fingerprint(solved("soft", threads=1)))
    assert expected.status == "optimal" and int(rest) == here.jobs - after > 0
