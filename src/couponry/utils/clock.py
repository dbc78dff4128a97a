"""Time limits, stage times, progress and cancelling of one piece of work."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from .checks import as_float
from .errors import OutOfTime
from .progress.cancel import Cancelled
from .progress.event import ProgressEvent
from .progress.watch import Watch, current_watch


@dataclass
class CountedWork:
    """Work that was counted, in candidates passed over."""

    candidates: float = 0.0


@dataclass
class Standing:
    """How a search stands.

    Attributes
    ----------
    bound, objective, gap : float or None
        As far as they are known.
    """

    bound: float | None = None
    objective: float | None = None
    gap: float | None = None


class Step(NamedTuple):
    """How a search stood after so many passes.

    Attributes
    ----------
    passes : float
        Over all candidates.
    bound, objective : float or None
        As far as they were known.
    """

    passes: float
    bound: float | None
    objective: float | None


class Clock:
    """Seconds by stage, when to stop, and how the work stands.

    Whoever watches the thread that makes the clock is told, and may cancel: see `couponry.utils.progress.watch`.

    Parameters
    ----------
    time_limit : float, optional
        Seconds from now; default: none.
    report : callable, optional
        Called with each ProgressEvent, in place of whoever watches.
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
    standing : Standing
        What events say of a search.
    steps : list of Step
        How the search stood whenever that became better, the last of those after equally many passes.
    asked_gap : float or None
        At which the search stops.
    passes : callable
        Tells how many passes over all candidates have been made.
    """

    def __init__(
        self,
        time_limit: float | None = None,
        report: Callable[[ProgressEvent], object] | None = None,
        now: Callable[[], float] = time.perf_counter,
    ):
        self._now = now
        self.started = now()
        self.seconds: dict[str, float] = {}
        self.counted = CountedWork()
        self._is_done: Callable[[], bool] = lambda: False
        self._limit = None if time_limit is None else as_float(time_limit)
        self._watch = current_watch()
        if report is not None:
            self._watch = Watch(report, self._watch.cancel)
        self._stage = ""
        self._is_of_part = False
        self.standing = Standing()
        self.steps: list[Step] = []
        self.asked_gap: float | None = None
        self.passes: Callable[[], float] = lambda: 0.0

    @property
    def left(self) -> float:
        """Seconds until the time limit, infinite without one; below 0 as soon as the work is done or cancelled."""
        if self._is_done() or self._watch.is_cancelled:
            return -1.0
        if self._limit is None:
            return float("inf")
        return self._limit - (self._now() - self.started)

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has cancelled the work."""
        return self._watch.is_cancelled

    def check(self) -> None:
        """Raise OutOfTime past the time limit, Cancelled where the work is cancelled."""
        if self._watch.is_cancelled:
            raise Cancelled
        if self.left <= 0:
            raise OutOfTime

    def until(self, is_done: Callable[[], bool]) -> Clock:
        """Make a clock that is the same, but late as soon as some work is done.

        Parameters
        ----------
        is_done : callable
            Whether it is; no time decides it.
        """
        other, is_done_anyhow = copy.copy(self), self._is_done
        other._is_done = lambda: is_done_anyhow() or is_done()
        return other

    def of_part(self) -> Clock:
        """Make a clock that is the same, for another search than the one that events speak of."""
        other = copy.copy(self)
        other._is_of_part = True
        return other

    def say(self, line: str, share: float | None = None) -> None:
        """Report how the current stage stands.

        Parameters
        ----------
        line : str
            A few words.
        share : float, optional
            Of the work that is done.
        """
        if not self._watch.listens:
            return
        seconds = self._now() - self.started
        standing = self.standing
        self._watch.tell(
            ProgressEvent(
                self._stage,
                line,
                self.passes(),
                standing.bound,
                standing.objective,
                standing.gap,
                self.asked_gap,
                seconds,
                None if self._limit is None else max(0.0, self._limit - seconds),
                share,
            )
        )

    def stands(self, bound: float, objective: float | None, gap: float) -> None:
        """Say how a search stands, for the events to come.

        Parameters
        ----------
        bound : float
            Infinite where none is known.
        objective : float or None
            Of the best allocation.
        gap : float
            Infinite where it is not known.
        """
        if self._is_of_part:
            return
        self.standing.bound = bound if math.isfinite(bound) else None
        self.standing.objective = objective
        self.standing.gap = gap if math.isfinite(gap) else None
        passes = self.passes()
        if self.steps and self.steps[-1].passes == passes:
            self.steps.pop()
        self.steps.append(Step(passes, self.standing.bound, objective))

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
