"""Where a solve spends its time: wall and processor seconds by stage, and how much of it one thread does alone."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.support.shared_pieces import SharedPieces

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
        what it would take if each thread had a core to itself, processor seconds of the system, faults of pages, works
        that were shared out, and calls, by stage.
    shared : SharedPieces
        What is shared out among threads.
    """

    def __init__(self, shared: SharedPieces) -> None:
        self.spent: dict[str, list[float]] = {}
        self.shared = shared
        self._open = [OTHER]
        self._last = self._now()

    @property
    def critical_seconds(self) -> float:
        """What all stages together would take if each thread had a core to itself."""
        return sum(spent[3] for spent in self.spent.values())

    def charge(self) -> None:
        """Add what has gone by since the last call to the innermost stage."""
        now = self._now()
        spent = self.spent.setdefault(self._open[-1], [0.0] * 5 + [0] * 3)
        for at, (seconds, last) in enumerate(zip(now, self._last, strict=True)):
            spent[at] += seconds - last
        self._last = now

    def _now(self) -> tuple[float, ...]:
        used, shared = resource.getrusage(resource.RUSAGE_SELF), self.shared
        alone = time.thread_time() - shared.by_caller
        return (
            time.perf_counter(), time.process_time(), alone, alone + shared.longest, used.ru_stime,
            used.ru_minflt, shared.regions,
        )  # fmt: skip

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
                "critical_seconds": critical,
                "system_seconds": system,
                "page_faults": faults,
                "shared_out": regions,
            }
            for name, (
                wall,
                processor,
                unshared,
                critical,
                system,
                faults,
                regions,
                calls,
            ) in sorted(self.spent.items(), key=lambda entry: -entry[1][0])
        }


def alone(wall: float, processor: float, threads: int) -> float:
    """Share of some wall seconds in which one thread works alone, where all work in the others."""
    if threads == 1 or wall == 0.0:
        return 1.0
    return min(1.0, max(0.0, (threads * wall - processor) / ((threads - 1) * wall)))


@contextmanager
def timed_stages() -> Iterator[StageTimes]:
    """Time the stages of what is solved inside."""
    shared = SharedPieces(workers.run_together, workers._runs_of_blocks)
    times = StageTimes(shared)
    originals: list[tuple[Any, str, Any]] = [
        (owner, name, owner.__dict__[name]) for owner, name, _ in STAGES
    ]
    for name in ("run_together", "_runs_of_blocks"):
        originals.append((workers, name, getattr(workers, name)))
        setattr(workers, name, getattr(shared, name.lstrip("_")))
    for owner, name, stage in STAGES:
        setattr(owner, name, _timed(owner.__dict__[name], stage, times))
    try:
        yield times
    finally:
        times.charge()
        for owner, name, original in originals:
            setattr(owner, name, original)


def _timed(original: Any, stage: str, times: StageTimes) -> Any:
    """A method, or a class method, whose calls are timed."""
    function: Callable[..., Any] = getattr(original, "__func__", original)

    def timed(*arguments: Any, **named: Any) -> Any:
        with times.stage(stage):
            return function(*arguments, **named)

    return classmethod(timed) if isinstance(original, classmethod) else timed
