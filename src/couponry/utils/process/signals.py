"""What a command does when it is told to end: once in order, at once when somebody insists."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
"""Exit statuses, as shells give them to processes that a signal ended."""

TIMES_UNTIL_AT_ONCE = 3
"""The first signal ends in order, the second finds it at that, the third does not wait."""


@contextmanager
def end_in_order() -> Iterator[None]:
    """While the context lasts SIGINT raises KeyboardInterrupt, and SIGTERM SystemExit, so that drafts are removed.

    A second signal changes nothing; the third ends the process as it stands. Outside of the main thread, where
    signals cannot be handled, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    times = 0

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        if times >= TIMES_UNTIL_AT_ONCE:
            os._exit(128 + signum)
        if times == 1:
            if signum == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(TERMINATED)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_at_once() -> None:
    """From now on SIGINT ends the process with a word, wherever it is: there is nothing yet to leave in order."""

    def leave(signum: int, frame: FrameType | None) -> NoReturn:
        try:
            os.write(2, b"couponry: interrupted\n")
        finally:
            os._exit(INTERRUPTED)

    signal.signal(signal.SIGINT, leave)
