"""How many threads to use."""

from __future__ import annotations

import math
import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from .checks import is_whole, shown
from .errors import InvalidInput

MAX_THREADS = 1024
"""Threads of the largest machines; more are a slip, and the system would refuse them in the middle of a solve."""

_share = threading.local()


def thread_count(threads: int | None = None) -> int:
    """Resolve how many threads to use.

    Parameters
    ----------
    threads : int, optional
        Default: this thread's share where it works beside others (`share_of_threads`), else the environment variable
        COUPONRY_THREADS, else the cores that this process may use, by its CPU affinity and, in a container, the CPU
        quota of its control group.

    Returns
    -------
    int
        From 1 to `MAX_THREADS`.

    Raises
    ------
    InvalidInput
    """
    source = "threads"
    if threads is None:
        threads = getattr(_share, "threads", None)
    if threads is None and os.environ.get("COUPONRY_THREADS"):
        source, text = "COUPONRY_THREADS", os.environ["COUPONRY_THREADS"]
        if not re.fullmatch(r"[0-9]{1,9}", text):
            _refuse(source, text)
        threads = int(text)
    if threads is None:
        return _usable_cores()
    if not is_whole(threads) or not 1 <= threads <= MAX_THREADS:
        _refuse(source, threads)
    return int(threads)


@contextmanager
def share_of_threads(
    threads: int, turns: AbstractContextManager[Any] | None = None
) -> Iterator[None]:
    """Let whatever this thread calls use so many threads, while others have the rest of the cores.

    Parameters
    ----------
    threads : int
        At least 1.
    turns : threading.Semaphore, optional
        That threads take besides this one, as long as they work; see `turns_of_share`.
    """
    before = getattr(_share, "threads", None), turns_of_share()
    _share.threads, _share.turns = threads, turns
    try:
        yield
    finally:
        _share.threads, _share.turns = before


def turns_of_share() -> AbstractContextManager[Any] | None:
    """Return what this thread's share has other threads take turns by; None: they need not.

    Returns
    -------
    threading.Semaphore or None
    """
    return getattr(_share, "turns", None)


def _refuse(source: str, got: object) -> NoReturn:
    raise InvalidInput(
        f"{source}: expected a whole number from 1 up to {MAX_THREADS:,}, got {shown(got)}"
    )


def _usable_cores() -> int:
    """The cores that the CPU affinity and the CPU quota allow."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    try:
        limit, period = quota.read_text().split()
        if limit != "max":
            cores = min(cores, math.ceil(int(limit) / int(period)))
    except (OSError, ValueError):
        pass
    return max(1, cores)
