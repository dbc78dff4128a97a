"""Time limits, stage times and progress of one solve."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .checks import as_float
from .errors import OutOfTime


@dataclass
class CountedWork:
    """Work that was counted, in candidates passed over."""

    candidates: float = 0.0


class Clock:
    """Seconds by stage, and when to stop.

    Parameters
    ----------
    time_limit : float, optional
        Seconds from now; default: none.
    report : callable, optional
        Called with a stage's name and one line on how it stands.
    now : callable, default time.perf_counter
        Tells the time, in seconds. Tests give one of their own.

    Attributes
    ----------
    started : float
        The time when the clock was made.
    seconds : dict of str to float
        Time spent in each stage so far.
    counted : CountedWork
        Work that is no pass of an engine, counted by whoever does it.
    """

    def __init__(
        self,
        time_limit: float | None = None,
        report: Callable[[str, str], None] | None = None,
        now: Callable[[], float] = time.perf_counter,
    ):
        self._now = now
        self.started = now()
        self.seconds: dict[str, float] = {}
        self.counted = CountedWork()
        self._is_done: Callable[[], bool] = lambda: False
        self._limit = None if time_limit is None else as_float(time_limit)
        self._report = report
        self._stage = ""

    @property
    def left(self) -> float:
        """Seconds until the time limit, infinite without one."""
        if self._is_done():
            return -1.0
        if self._limit is None:
            return float("inf")
        return self._limit - (self._now() - self.started)

    def check(self) -> None:
        """Raise OutOfTime past the time limit."""
        if self.left <= 0:
            raise OutOfTime

    def until(self, is_done: Callable[[], bool]) -> Clock:
        """Make a clock that is the same, but late as soon as some work is done.

        Parameters
        ----------
        is_done : callable
            Whether it is; no time decides it.
        """
        other = copy.copy(self)
        other._is_done = is_done
        return other

    def say(self, line: str) -> None:
        """Report how the current stage stands.

        Parameters
        ----------
        line : str
            A few words.
        """
        if self._report is not None:
            self._report(self._stage, line)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a stage; stages do not nest.

        Parameters
        ----------
        name : str
            Name of the stage.
        """
        before = self._now()
        self._stage = name
        self.say("")
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._now() - before
