"""Clocks for tests of time limits: time goes on as passes are made or stages entered, whatever the machine does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from couponry.engines.local import LocalEngine
from couponry.engines.protocol import Engine
from couponry.utils.clock import Clock
from couponry.utils.progress.event import ProgressEvent

# what engines do for many customers at once
PASSES = [
    name
    for name, member in vars(Engine).items()
    if inspect.isfunction(member)
    and not name.startswith(("_", "with_"))
    and name not in ("sample", "blocks")
]


class PassClock:
    """A time that stands still, but for passes over candidates; solves take it for theirs.

    Attributes
    ----------
    seconds : float
        The time.
    a_pass : float
        Seconds that each pass takes.
    passes : list of float
        When each pass over anybody was begun.
    stages : list of (str, float)
        The stages that were entered, and when.
    entered : callable
        Called with each stage that is entered.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, a_pass: float = 0.0):
        self.seconds = 0.0
        self.a_pass = a_pass
        self.passes: list[float] = []
        self.stages: list[tuple[str, float]] = []
        self.entered: Callable[[str], None] = lambda stage: None
        for name in PASSES:
            monkeypatch.setattr(LocalEngine, name, self._counted(getattr(LocalEngine, name)))

        def clock(time_limit: float | None, report: Any = None) -> Clock:
            return Clock(time_limit, self._report, lambda: self.seconds)

        for user in ("results.solve", "analysis.price_ranges"):
            monkeypatch.setattr(f"couponry.{user}.Clock", clock)

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.passes.append(self.seconds)
            self.seconds += self.a_pass
            return method(*arguments, **options)

        return counted

    def _report(self, event: ProgressEvent) -> None:
        if event.message == "":
            self.stages.append((event.stage, self.seconds))
            self.entered(event.stage)
