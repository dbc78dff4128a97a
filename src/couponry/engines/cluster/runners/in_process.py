"""Runners of this machine: in this process, where the same shards are read as on a cluster, and a pool of processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from ....utils.progress.watch import check_cancelled
from ..runner import Runner
from ..work import work


class InProcessRunner(Runner):
    """Runs tasks one after the other, in this process.

    Parameters
    ----------
    threads : int, default 1
        Threads of each task.
    tasks : int, default 1
        Tasks that a question is cut into.
    """

    name = "local shards"

    def __init__(self, threads: int = 1, tasks: int = 1):
        self.threads, self.tasks = threads, tasks

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """See `Runner.run`."""
        found = []
        for share in shares:
            check_cancelled()
            found.append(work(task, share, self.threads))
        return found


class ProcessPoolRunner(Runner):
    """Runs tasks in processes of this machine, which share nothing with this one.

    Parameters
    ----------
    processes : int
    threads : int, default 1
        Threads of each task.
    """

    name = "processes"

    def __init__(self, processes: int, threads: int = 1):
        self.tasks, self.threads = processes, threads
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """See `Runner.run`."""
        return list(self._pool.map(partial(_work, task, self.threads), shares))

    def close(self) -> None:
        """See `Runner.close`."""
        self._pool.shutdown(cancel_futures=True)


def _work(task: bytes, threads: int, share: tuple[int, ...]) -> bytes:
    return work(task, share, threads)
