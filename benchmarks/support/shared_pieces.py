"""What shared work would take if each of its threads had a core to itself, from the processor seconds of its pieces."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any


class SharedPieces:
    """Sums up what pieces of shared work take; `engines.workers` is to call its two methods in place of its own.

    Parameters
    ----------
    run_together, runs_of_blocks : callable
        Those of `engines.workers`.

    Attributes
    ----------
    regions : int
        Works that were shared out among two threads or more.
    by_caller : float
        Processor seconds of the calling thread within shared work.
    longest : float
        Seconds of shared work if each thread had a core: pieces are taken in their order by whichever thread is free,
        and the calling thread hands them out.
    """

    def __init__(self, run_together: Callable[..., None], runs_of_blocks: Callable[..., Any]):
        self._run_together, self._runs_of_blocks = run_together, runs_of_blocks
        self._caller = threading.get_ident()
        self._is_inside = False
        self._taken = _Taken(iter(()))
        self.regions = 0
        self.by_caller = self.longest = 0.0

    def runs_of_blocks(self, *arguments: Any) -> Iterator[Any]:
        """The pieces of the work that is shared out next."""
        if self._is_part:
            return iter(self._runs_of_blocks(*arguments))
        self._taken = _Taken(iter(self._runs_of_blocks(*arguments)))
        return self._taken

    def run_together(self, job: Callable[[int], None], workers: int) -> None:
        """Work on all threads, and count what that takes."""
        if self._is_part:
            self._run_together(job, workers)
            return
        taken, self._is_inside = self._taken, True
        before = time.thread_time()
        try:
            self._run_together(job, workers)
        finally:
            self._is_inside = False
            own = time.thread_time() - before
            handing_out = own - taken.of_thread(threading.get_ident())
            self.by_caller += own
            self.longest += handing_out + makespan(taken.seconds(), workers)
            self.regions += workers > 1

    @property
    def _is_part(self) -> bool:
        """Whether the work is part of a piece of other work."""
        return self._is_inside or threading.get_ident() != self._caller


class _Taken:
    """Pieces that threads take in turn; each asks for its next one when it is done, one thread at a time."""

    def __init__(self, pieces: Iterator[Any]):
        self._pieces = pieces
        self._began: dict[int, float] = {}
        self._seconds: list[tuple[int, float]] = []  # of each piece that is done: by whom
        self._order: dict[int, int] = {}
        self._done: dict[int, float] = {}

    def __iter__(self) -> _Taken:
        return self

    def __next__(self) -> Any:
        thread, now = threading.get_ident(), time.thread_time()
        if thread in self._began:
            self._done[self._order[thread]] = now - self._began.pop(thread)
            self._seconds.append((thread, self._done[self._order[thread]]))
        piece = next(self._pieces)
        self._order[thread], self._began[thread] = len(self._done) + len(self._began), now
        return piece

    def of_thread(self, thread: int) -> float:
        """Seconds of the pieces that a thread did."""
        return sum(seconds for who, seconds in self._seconds if who == thread)

    def seconds(self) -> list[float]:
        """Seconds of each piece, in the order in which they were taken."""
        return [self._done[at] for at in sorted(self._done)]


def makespan(seconds: Sequence[float], workers: int) -> float:
    """When all pieces are done, each of which is taken in turn by the first worker that is free."""
    free = [0.0] * workers
    for each in seconds:
        heapq.heapreplace(free, free[0] + each)
    return max(free, default=0.0)
