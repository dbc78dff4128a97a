"""A function mapped over the parts of something by several threads; results come in the parts' order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from threading import Condition
from typing import TypeVar

from .progress.watch import check_cancelled
from .threads import thread_count

Part = TypeVar("Part")
Done = TypeVar("Done")

MAX_WORKERS = 4
"""Most threads that blocks are worked on with: each has a block in memory, and one more waits."""

MAX_READERS = 16
"""The same for small blocks that are read, checked and packed."""


def reader_count() -> int:
    """Tell how many threads rows are read and packed with.

    Returns
    -------
    int
        At most MAX_READERS.
    """
    return min(MAX_READERS, thread_count())


def worker_count() -> int:
    """Tell how many threads blocks are worked on with.

    Returns
    -------
    int
        At most MAX_WORKERS.
    """
    return min(MAX_WORKERS, thread_count())


def parallel_map(
    function: Callable[[Part], Done], parts: Iterable[Part], threads: int
) -> Iterator[Done]:
    """Apply a function to each part, in a pool of threads; to a single part at once, without starting any.

    Parameters
    ----------
    function : callable
    parts : iterable
        Asked for its next part only as threads get free, so that few parts are in memory at a time.
    threads : int

    Yields
    ------
    object
        ``function(part)``, in the order of the parts; threads run no further ahead than one part each.
    """
    left = iter(_until_cancelled(parts))
    first = deque(islice(left, 2))
    if len(first) < 2:
        yield from map(function, first)
        return
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Done]] = deque()
    try:
        for part in chain((first.popleft() for _ in range(2)), left):
            waiting.append(pool.submit(function, part))
            del part  # or it would be held while the next one is made
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _until_cancelled(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts; whoever cancels what the asking thread does ends them."""
    for part in parts:
        check_cancelled()
        yield part


def work_in_turns(
    work: Callable[[Part], Done],
    take: Callable[[Done], Callable[[], object]],
    parts: Iterable[Part],
    threads: int,
) -> None:
    """Work on parts in a pool of threads, each of which takes its results itself, when those before are taken.

    Parameters
    ----------
    work : callable
        Several threads call it at a time.
    take : callable
        Given ``work(part)``, in the order of the parts, one at a time: short. What it returns is called afterwards,
        when other threads may do so, too.
    parts : iterable
        Asked for its next part only as threads get free.
    threads : int

    Raises
    ------
    BaseException
        Of the first part that fails, whichever thread is the first to find out.
    """
    turn, failed, changed = 0, math.inf, Condition()  # the first part that failed

    def work_on(given: tuple[int, Part]) -> None:
        nonlocal turn, failed
        number, part = given
        try:
            done = work(part)
            with changed:
                changed.wait_for(lambda: turn == number or failed < number)
                if failed < number:  # its error is raised
                    return
                finish = take(done)
                del done
                turn += 1
                changed.notify_all()
            finish()
        except BaseException:
            with changed:
                failed = min(failed, number)
                changed.notify_all()
            raise

    for _ in parallel_map(work_on, enumerate(parts), threads):
        pass
