"""Threads that wait for work, so that sharing out a short pass costs microseconds instead of new threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext, suppress

from .threads import share_of_threads, turns_of_share

IDLE_SECONDS = 10.0
"""A thread that was not needed for so long ends."""

_idle: deque[_Helper] = (
    deque()
)  # those that were at work last come first, and the others end in time


def run_together(job: Callable[[int], None], workers: int) -> None:
    """Call a function in several threads at once, and wait until all calls are done.

    The calling thread is worker 0, so that Ctrl-C reaches it. Any number of Python threads may call this at once:
    each has helpers of its own. A forked child starts with none.

    Parameters
    ----------
    job : callable
        Called as job(worker), for 0 <= worker < workers. It raises nothing but in worker 0.
    workers : int
    """
    if workers < 2:
        job(0)
        return
    shared = _SharedJob(job, _helpers(workers - 1))
    try:
        shared.wake_first()
        job(0)
    except BaseException:
        shared.wake_first()  # Ctrl-C may have come before they were awake
        raise
    finally:
        shared.done.acquire()


def call_together(one: Callable[[], None], other: Callable[[], None], threads: int) -> None:
    """Call two functions at once where two threads may work, else one after the other.

    The first is called by this thread, so that Ctrl-C reaches it. Both have ended when this returns or raises. Each may
    use half of the threads: more than there are cores would wait for each other. Where this thread's share has turns,
    the other is called when it has one (`share_of_threads`).

    Parameters
    ----------
    one, other : callable
    threads : int

    Raises
    ------
    BaseException
        What the first raises; else what the second does.
    """
    if threads < 2:
        one()
        other()
        return
    raised: list[BaseException] = []
    turns = turns_of_share()

    def job(worker: int) -> None:
        if worker == 0:
            with share_of_threads(threads - threads // 2, turns):
                one()
            return
        try:
            with share_of_threads(threads // 2, turns), nullcontext() if turns is None else turns:
                other()
        except BaseException as error:
            raised.append(error)

    run_together(job, 2)
    if raised:
        raise raised[0]


class _SharedJob:
    """A job that several helpers do, each of whom wakes two more: so that the first need not wake them all.

    Parameters
    ----------
    job : callable
    helpers : list of _Helper
        Who does it as worker 1, 2, ...

    Attributes
    ----------
    done : Lock
        Released when all helpers are done.
    """

    def __init__(self, job: Callable[[int], None], helpers: list[_Helper]) -> None:
        self.job = job
        self.done = threading.Lock()
        self.done.acquire()
        self._helpers = helpers
        self._left = len(helpers)
        self._counting = threading.Lock()
        for worker in range(len(helpers), 0, -1):  # whoever is awake may wake those after it
            helpers[worker - 1].work = self, worker

    def wake_first(self) -> None:
        """Wake the two helpers that wake all others."""
        self.wake(1)
        self.wake(2)

    def wake(self, worker: int) -> None:
        """Wake a helper, if there is one of that number; twice does no harm."""
        if worker <= len(self._helpers):
            self._helpers[worker - 1].wake()

    def finish(self) -> None:
        """Say that one more helper is done."""
        with self._counting:
            self._left -= 1
            is_done = self._left == 0
        if is_done:
            del self.job  # nothing that it holds outlives the call
            self.done.release()


class _Helper(threading.Thread):
    """A thread that does one thing after another, and waits in `_idle` between them.

    Attributes
    ----------
    work : tuple of _SharedJob and int, or None
        What it does next, and as which worker.
    """

    def __init__(self) -> None:
        super().__init__(name="couponry", daemon=True)
        self._wake = threading.Lock()
        self._wake.acquire()
        self.work: tuple[_SharedJob, int] | None = None

    def wake(self) -> None:
        """Have it begin, unless it has been woken already."""
        with suppress(RuntimeError):
            self._wake.release()

    def run(self) -> None:
        while self._wait():
            if self.work is None:  # woken twice for what is done already
                continue
            shared, worker = self.work
            self.work = None
            try:
                shared.wake(2 * worker + 1)
                shared.wake(2 * worker + 2)
                shared.job(worker)
                _idle.append(self)
            finally:
                shared.finish()
                del shared

    def _wait(self) -> bool:
        """Wait for work; false when none came for long."""
        if self._wake.acquire(timeout=IDLE_SECONDS):
            return True
        try:
            _idle.remove(self)
        except ValueError:  # somebody took it just now
            return self._wake.acquire()
        return False


def _helpers(count: int) -> list[_Helper]:
    """So many threads, of those that are idle first."""
    found: list[_Helper] = []
    try:
        while len(found) < count:
            found.append(_helper())
    except BaseException:
        _idle.extend(found)
        raise
    return found


def _helper() -> _Helper:
    try:
        return _idle.pop()
    except IndexError:
        helper = _Helper()
        helper.start()
        return helper


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
