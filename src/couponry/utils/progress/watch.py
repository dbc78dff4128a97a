"""`watch`: who is told how the work inside stands, and what cancels it; also kept for work that takes no arguments."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ..checks import shown
from ..errors import InvalidInput
from .cancel import Cancelled, CancelToken
from .event import ProgressEvent
from .reporters import reporter

Progress = bool | Callable[[ProgressEvent], object]
"""What a `progress` argument may be."""

LOGGER = logging.getLogger("couponry")
"""Carries every event, as INFO; the record has it as `progress`. No handler is ever set here."""


@dataclass(frozen=True)
class Watch:
    """Who watches.

    Attributes
    ----------
    report : callable or None
        Is told of events.
    cancel : CancelToken or None
        Ends the work.
    started : float
        When watching began, as `time.perf_counter` tells it.
    """

    report: Callable[[ProgressEvent], object] | None = None
    cancel: CancelToken | None = None
    started: float = 0.0

    @property
    def is_cancelled(self) -> bool:
        """Whether the work is to end."""
        return self.cancel is not None and self.cancel.is_cancelled

    @property
    def listens(self) -> bool:
        """Whether anybody is told of events."""
        return self.report is not None or LOGGER.isEnabledFor(logging.INFO)

    def tell(self, event: ProgressEvent) -> None:
        """Tell whoever listens of an event.

        Parameters
        ----------
        event : ProgressEvent
        """
        LOGGER.info("%s", event, extra={"progress": event})
        if self.report is not None:
            self.report(event)


NOBODY = Watch()

_CURRENT: ContextVar[Watch] = ContextVar("couponry_watch", default=NOBODY)


def current_watch() -> Watch:
    """Return who watches what this thread does.

    Returns
    -------
    Watch
    """
    return _CURRENT.get()


def check_cancelled() -> None:
    """Raise Cancelled if what this thread does was cancelled."""
    if _CURRENT.get().is_cancelled:
        raise Cancelled


def go_on(stage: str, message: str = "", share: float | None = None) -> None:
    """Say how work that has no clock of its own stands, and end it if it was cancelled.

    Parameters
    ----------
    stage, message : str
        What is done, and how it stands.
    share : float, optional
        Of the work that is done.

    Raises
    ------
    Cancelled
        If it was cancelled.
    """
    check_cancelled()
    now = _CURRENT.get()
    if now.listens:
        seconds = time.perf_counter() - now.started if now.started else 0.0
        now.tell(ProgressEvent(stage, message, seconds=seconds, share=share))


@contextmanager
def watch(progress: Progress = False, cancel: CancelToken | None = None) -> Iterator[None]:
    """Show how all work inside stands, or have it cancelled, also work that takes no such arguments.

    Parameters
    ----------
    progress : bool or callable
        True: a bar in a terminal or notebook, time-stamped lines on standard error elsewhere. A callable is called with
        each `ProgressEvent`; an exception that it raises ends the work. False: as outside.
    cancel : CancelToken, optional
        Ends the work. Default: as outside.

    Raises
    ------
    InvalidInput
        If an argument is something else.

    Examples
    --------
    >>> import couponry
    >>> campaign = couponry.Campaign({"offer": [1]}, {"customer": [1], "offer": [1], "value": [2.0]})
    >>> stages = []
    >>> with couponry.watch(progress=lambda event: stages.append(event.stage)):
    ...     comparison = campaign.what_if(add_limits=[couponry.Limit("all", max=1)])
    >>> "dual" in stages
    True
    """
    if not isinstance(progress, bool) and not callable(progress):
        raise InvalidInput(f"progress: expected True, False or a callable, got {shown(progress)}")
    if cancel is not None and not isinstance(cancel, CancelToken):
        raise InvalidInput(f"cancel: expected a CancelToken, got {shown(cancel)}")
    outside = _CURRENT.get()
    with reporter(progress is True) as shown_by:
        report = progress if callable(progress) else shown_by
        started = outside.started or time.perf_counter()
        token = _CURRENT.set(Watch(report or outside.report, cancel or outside.cancel, started))
        try:
            yield
        finally:
            _CURRENT.reset(token)


@contextmanager
def silently() -> Iterator[None]:
    """Tell nobody of what is done inside, beside other work that is told of; whoever cancels ends it all the same."""
    now = _CURRENT.get()
    token = _CURRENT.set(Watch(None, now.cancel, now.started))
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def shielded() -> Iterator[None]:
    """Let nobody cancel what is done inside: the last steps that make a result of what is known."""
    now = _CURRENT.get()
    token = _CURRENT.set(Watch(now.report, None, now.started))
    try:
        yield
    finally:
        _CURRENT.reset(token)
