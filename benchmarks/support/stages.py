"""Where a solve spends its time: wall and processor seconds by stage, and how much of it one thread does alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

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
        Wall seconds, processor seconds of the process, and calls, by stage.
    """

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}
        self._open = [OTHER]
        self._last = _now()

    def charge(self) -> None:
        """Add what has gone by since the last call to the innermost stage."""
        now = _now()
        spent = self.spent.setdefault(self._open[-1], [0.0, 0.0, 0])
        spent[0] += now[0] - self._last[0]
        spent[1] += now[1] - self._last[1]
        self._last = now

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.charge()
        self._open.append(name)
        try:
            yield
        finally:
            self.charge()
            self._open.pop()
            self.spent[name][2] += 1

    def table(self, threads: int, pass_seconds: float) -> dict[str, dict[str, float]]:
        """By stage, the longest first: seconds, calls, time in passes, and the share in which one thread works alone.

        With so many threads either all are busy or one is, as far as processor seconds tell.
        """
        return {
            name: {
                "calls": calls,
                "wall_seconds": wall,
                "processor_seconds": processor,
                "passes": wall / pass_seconds,
                "alone": alone(wall, processor, threads),
            }
            for name, (wall, processor, calls) in sorted(
                self.spent.items(), key=lambda entry: -entry[1][0]
            )
        }


def alone(wall: float, processor: float, threads: int) -> float:
    """Share of some wall seconds in which one thread works alone, where all work in the others."""
    if threads == 1 or wall == 0.0:
        return 1.0
    return min(1.0, max(0.0, (threads * wall - processor) / ((threads - 1) * wall)))


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


@contextmanager
def timed_stages() -> Iterator[StageTimes]:
    """Time the stages of what is solved inside."""
    times = StageTimes()
    originals = [(owner, name, owner.__dict__[name]) for owner, name, _ in STAGES]
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
