"""Processes of this machine: what happens where one is killed, where the driver is, and what a script must say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.cluster_tasks import Lost, Processes, Refused, Stuck, Texts

from couponry import Cancelled, CancelToken, InvalidInput, watch
from couponry.engines import ProcessPoolRunner

DRIVER = """
import sys, time
from tests.support.cluster_tasks import Processes
from couponry.engines import ProcessPoolRunner
if __name__ == "__main__":
    runner = ProcessPoolRunner(2)
    print(*set(runner.map(Processes(), range(8))), flush=True)
    time.sleep(60)
"""

UNGUARDED = """
from tests.support.cluster_tasks import Processes
from couponry.engines import ProcessPoolRunner
ProcessPoolRunner(1).map(Processes(), [0])
"""

SHARDS = range(6)


@pytest.fixture
def runner() -> Iterator[ProcessPoolRunner]:
    runner = ProcessPoolRunner(2)
    yield runner
    runner.close()


def script(text: str, folder: Path) -> subprocess.Popen[str]:
    path = folder / "script.py"
    path.write_text(text)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    return subprocess.Popen(
        [sys.executable, path], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def is_there(process: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which processes there are")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_driver(how: signal.Signals, tmp_path: Path) -> None:
    driver = script(DRIVER, tmp_path)
    assert driver.stdout is not None
    workers = [int(pid) for pid in driver.stdout.readline().split()]
    assert workers and all(map(is_there, workers))
    driver.send_signal(how)
    driver.wait()
    left = 30.0
    while any(map(is_there, workers)) and left > 0:
        time.sleep(0.05)
        left -= 0.05
    still = [worker for worker in workers if is_there(worker)]
    for worker in still:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    assert still == []


def test_a_process_that_is_killed_is_replaced(tmp_path: Path, runner: ProcessPoolRunner) -> None:
    before = set(runner.map(Processes(), SHARDS))
    lost = Lost(Texts(3), str(tmp_path), (1, 4))
    assert runner.map(lost, SHARDS) == [str(shard) * 3 for shard in SHARDS]
    assert not before & set(runner.map(Processes(), SHARDS))


def test_threads_that_share_a_pool_replace_it_once(
    tmp_path: Path, runner: ProcessPoolRunner
) -> None:
    """Each asks again of the pool that the first of them made."""
    runner.map(Processes(), SHARDS)
    found: list[list[str]] = []

    def ask(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        lost = Lost(Texts(number), str(folder), (number,))
        found.append(runner.map(lost, SHARDS))

    threads = [threading.Thread(target=ask, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [[str(shard) * number for shard in SHARDS] for number in (1, 2, 3)]
    assert sorted(found) == sorted(expected)


def test_a_script_that_is_not_guarded_is_told(tmp_path: Path) -> None:
    driver = script(UNGUARDED, tmp_path)
    said, _ = driver.communicate(timeout=120)
    assert "InvalidInput: processes: " in said and '__name__ == "__main__"' in said


def test_whoever_cancels_does_not_wait_for_tasks(tmp_path: Path, runner: ProcessPoolRunner) -> None:
    token, stuck = CancelToken(), Stuck(Texts(), str(tmp_path), 0)

    def cancel() -> None:
        while not (tmp_path / "process").exists():
            time.sleep(0.01)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled), watch(cancel=token):
        runner.map(stuck, SHARDS)
    thread.join()
    (tmp_path / "let-go").touch()
    assert runner.map(Texts(), SHARDS) == [str(shard) for shard in SHARDS]


def test_ctrl_c_is_for_the_driver(runner: ProcessPoolRunner) -> None:
    """A terminal tells all processes of it; those of the pool go on until the driver ends them."""
    workers = set(runner.map(Processes(), SHARDS))
    for worker in workers:
        os.kill(worker, signal.SIGINT)
    assert set(runner.map(Processes(), SHARDS)) <= workers


def test_errors_of_tasks_are_errors(runner: ProcessPoolRunner) -> None:
    with pytest.raises(InvalidInput, match="shard 0: expected rows"):
        runner.map(Refused(), SHARDS)
