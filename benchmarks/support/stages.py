"""Where a solve spends its time: wall and processor seconds by stage, and how much of it one thread does alone."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from couponry.engines import workers
from couponry.engines.local import LocalEngine
from couponry.solver.dual.newton.curvature import Curvature
from couponry.solver.dual.newton.quadratic_model import QuadraticModel
from couponry.solver.dual.scaling import Scales
from couponry.solver.primal.free_customers import RegretCounts
from couponry.solver.primal.repair import Repair

STAGES: list[tuple[type, str, str]] = [  # whose calls are timed, without what is listed below them
    (LocalEngine, "_pass", "passes"),
    (LocalEngine, "alternatives", "alternatives"),
    (LocalEngine, "fix", "fixing"),
    (LocalEngine, "sample", "samples"),
    (LocalEngine, "improve", "moves"),
    (Curvature, "at", "curvature"),
    (QuadraticModel, "minimum", "quadratic models"),
    (RegretCounts, "__init__", "regrets"),
    (Repair, "repair_and_fill", "repair"),
    (Scales, "measure", "sizes"),
]
OTHER = "everything else"


class StageTimes:
    """Seconds by stage of what runs on the calling thread; stages within others are taken off these.

    Attributes
    ----------
    spent : dict of str to list
        Wall seconds, processor seconds of the process, those of the calling thread outside of what is shared out,
        processor seconds of the system, faults of pages, and calls, by stage.
    shared : float
        Processor seconds of the calling thread within what is shared out among threads.
    """

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}
        self.shared = 0.0
        self._open = [OTHER]
        self._last = self._now()

    def charge(self) -> None:
        """Add what has gone by since the last call to the innermost stage."""
        now = self._now()
        spent = self.spent.setdefault(self._open[-1], [0.0, 0.0, 0.0, 0.0, 0, 0])
        for at, (seconds, last) in enumerate(zip(now, self._last, strict=True)):
            spent[at] += seconds - last
        self._last = now

    def _now(self) -> tuple[float, float, float, float, int]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        alone = time.thread_time() - self.shared
        return time.perf_counter(), time.process_time(), alone, used.ru_stime, used.ru_minflt

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.charge()
        self._open.append(name)
        try:
            yield
        finally:
            self.charge()
            self._open.pop()
            self.spent[name][-1] += 1

    def table(self, threads: int, pass_seconds: float) -> dict[str, dict[str, float]]:
        """By stage, the longest first: seconds, calls, time in passes, and the share in which one thread works alone.

        With so many threads either all are busy or one is, as far as processor seconds tell. Those of the calling
        thread outside of what is shared out are a share of it that other processes do not change.
        """
        return {
            name: {
                "calls": calls,
                "wall_seconds": wall,
                "processor_seconds": processor,
                "passes": wall / pass_seconds,
                "alone": alone(wall, processor, threads),
                "unshared_seconds": unshared,
                "system_seconds": system,
                "page_faults": faults,
            }
            for name, (wall, processor, unshared, system, faults, calls) in sorted(
                self.spent.items(), key=lambda entry: -entry[1][0]
            )
        }


def alone(wall: float, processor: float, threads: int) -> float:
    """Share of some wall seconds in which one thread works alone, where all work in the others."""
    if threads == 1 or wall == 0.0:
        return 1.0
    return min(1.0, max(0.0, (threads * wall - processor) / ((threads - 1) * wall)))


@contextmanager
def timed_stages() -> Iterator[StageTimes]:
    """Time the stages of what is solved inside."""
    times = StageTimes()
    originals: list[tuple[Any, str, Any]] = [
        (owner, name, owner.__dict__[name]) for owner, name, _ in STAGES
    ]
    originals.append((workers, "run_together", workers.run_together))
    for owner, name, stage in STAGES:
        setattr(owner, name, _timed(owner.__dict__[name], stage, times))
    setattr(workers, "run_together", _shared(workers.run_together, times))  # noqa: B010
    try:
        yield times
    finally:
        times.charge()
        for owner, name, original in originals:
            setattr(owner, name, original)


def _shared(original: Any, times: StageTimes) -> Any:
    """What runs work on all threads, and counts what the calling one does of it."""

    def counted(job: Callable[[int], None], threads: int) -> None:
        before = time.thread_time()
        try:
            original(job, threads)
        finally:
            times.shared += time.thread_time() - before

    return counted


def _timed(original: Any, stage: str, times: StageTimes) -> Any:
    """A method, or a class method, whose calls are timed."""
    function: Callable[..., Any] = getattr(original, "__func__", original)

    def timed(*arguments: Any, **named: Any) -> Any:
        with times.stage(stage):
            return function(*arguments, **named)

    return classmethod(timed) if isinstance(original, classmethod) else timed
