"""Work on the parts of something by several threads, taken in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .threads import thread_count

Part = TypeVar("Part")
Done = TypeVar("Done")
MOST = 4  # blocks that are worked on wait in memory


def workers() -> int:
    """Threads that blocks of candidates are worked on with."""
    return min(MOST, thread_count())


def in_order(
    function: Callable[[Part], Done], parts: Iterable[Part], threads: int
) -> Iterator[Done]:
    """function(part) of each part, in their order; threads run no further ahead than one part each."""
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Done]] = deque()
    try:
        for part in parts:
            waiting.append(pool.submit(function, part))
            del part  # or it would be held while the next one is made
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
