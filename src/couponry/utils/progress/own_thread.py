"""Work of libraries that cannot be interrupted, on a thread of its own: whoever cancels does not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from .watch import check_cancelled

Found = TypeVar("Found")

SECONDS = 0.2
"""Between two questions whether anybody has cancelled."""


def on_own_thread(work: Callable[[], Found]) -> Found:
    """Return what `work` returns, called on a fresh thread; raise what it raises.

    Parameters
    ----------
    work : callable
        Must leave the interpreter to other threads while it takes its time, and go on to an end of its own: cancelled
        work is left behind.

    Returns
    -------
    object

    Raises
    ------
    Cancelled
        If the caller's work was cancelled before.
    """
    results: list[Found] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(SECONDS)  # so that an interrupt gets through
        check_cancelled()
    if errors:
        raise errors[0]
    return results[0]
