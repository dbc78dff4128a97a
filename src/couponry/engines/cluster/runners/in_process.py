"""Runners of this machine: in this process, where the same shards are read as on a cluster, and a pool of processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from ....utils.errors import InvalidInput
from ....utils.progress.watch import check_cancelled
from ..runner import POLL_SECONDS, Runner
from ..work import work

ATTEMPTS = 4
"""Times that a question is asked, at most, whose processes are killed: so often a task of Spark is tried."""


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
    """Runs tasks in processes of this machine, which share nothing with this one, and end with it, however it ends.

    A process that is killed is replaced, and what it was asked is asked again. A script that makes one keeps what it
    does under ``if __name__ == "__main__":``, since Python's multiprocessing begins a process by importing it.

    Parameters
    ----------
    processes : int
    threads : int, default 1
        Threads of each task.
    """

    name = "processes"

    def __init__(self, processes: int, threads: int = 1):
        self.tasks, self.threads = processes, threads
        self._has_answered, self._changing = False, threading.Lock()
        self._pool = self._new_pool()

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """See `Runner.run`."""
        call = partial(_work, task, self.threads)
        for attempt in range(ATTEMPTS):
            pool = self._pool
            try:
                found = _answers(self._begun(pool, call, shares))
                self._has_answered = True
                return found
            except BrokenProcessPool as error:
                self._replace(pool)
                if not self._has_answered or attempt == ATTEMPTS - 1:
                    raise InvalidInput(
                        "processes: expected answers, but the processes ended; a script that starts any keeps what it"
                        """ does under 'if __name__ == "__main__":', and there must be memory for all of them"""
                    ) from error
        raise AssertionError

    def close(self) -> None:
        """See `Runner.close`."""
        self._pool.shutdown(cancel_futures=True)

    def _begun(
        self,
        pool: ProcessPoolExecutor,
        call: Callable[[tuple[int, ...]], bytes],
        shares: Sequence[tuple[int, ...]],
    ) -> list[Future[bytes]]:
        """Hand a question to a pool; one that another thread has just replaced is as good as broken."""
        with self._changing:
            try:
                return [pool.submit(call, share) for share in shares]
            except (OSError, RuntimeError) as error:  # it ends while it is asked
                raise BrokenProcessPool(str(error)) from error

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        """Have a new pool in the place of one that lost a process, unless another thread has done that already."""
        with self._changing:
            if self._pool is broken:
                broken.shutdown(cancel_futures=True)
                self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.tasks, context, initializer=_follow_driver)


def _answers(futures: list[Future[bytes]]) -> list[bytes]:
    """What comes back, in order; whoever cancels, or Ctrl-C, has what did not begin left out."""
    try:
        while wait(futures, POLL_SECONDS, FIRST_EXCEPTION).not_done:
            check_cancelled()
            if any(future.done() and future.exception() for future in futures):
                break
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()


def _follow_driver() -> None:
    """Have a process end with the one that started it, which alone answers to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
    os._exit(1)  # nobody is left who would tell it to


def _work(task: bytes, threads: int, share: tuple[int, ...]) -> bytes:
    return work(task, share, threads)
