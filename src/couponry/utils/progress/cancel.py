"""`CancelToken`: ends what is at work, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import OutOfTime


class Cancelled(OutOfTime):
    """The work was cancelled before there was anything to return.

    Parameters
    ----------
    message : str
        What was cancelled.
    """

    def __init__(self, message: str = "cancelled"):
        super().__init__(message)


class CancelToken:
    """Ends a solve, or other work that is given it, as soon as somebody says so: any thread, or a progress callable.

    A solve that is cancelled returns the best allocation so far, within about a second. Other work raises `Cancelled`.

    Examples
    --------
    >>> import couponry, threading
    >>> token = couponry.CancelToken()
    >>> timer = threading.Timer(60.0, token.cancel)  # from another thread, in a minute
    >>> timer.start()
    >>> campaign = couponry.Campaign({"offer": [1]}, {"customer": [1], "offer": [1], "value": [2.0]})
    >>> campaign.solve(cancel=token).status
    'optimal'
    >>> timer.cancel()
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._calls: list[Callable[[], object]] = []

    def __reduce__(self) -> tuple[type[CancelToken], tuple[()]]:
        """Another process, or a copy, has a token of its own."""
        return CancelToken, ()

    def cancel(self) -> None:
        """End whatever has this token; it stays cancelled."""
        self._event.set()
        for call in list(self._calls):
            call()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has cancelled."""
        return self._event.is_set()

    def check(self) -> None:
        """Do nothing, unless somebody has cancelled.

        Raises
        ------
        Cancelled
            If somebody has.
        """
        if self._event.is_set():
            raise Cancelled

    @contextmanager
    def calling(self, end: Callable[[], object]) -> Iterator[None]:
        """Have a function called as soon as somebody cancels, while the context lasts.

        Parameters
        ----------
        end : callable
            Ends what does not ask by itself, from whichever thread cancels.

        Raises
        ------
        Cancelled
            If somebody has cancelled before.
        """
        self._calls.append(end)
        try:
            self.check()
            yield
        finally:
            self._calls.remove(end)

    def __repr__(self) -> str:
        return f"CancelToken({'cancelled' if self.is_cancelled else 'not cancelled'})"
