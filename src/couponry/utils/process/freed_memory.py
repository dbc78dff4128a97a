"""Memory that is freed and taken again, kept by the process while many arrays of a few megabytes come and go.

The C library gives large arrays back to the system as soon as they are freed, and the system clears every page that is
taken, a huge one whole. With 600,000 limits, arrays of a number for each come and go by the hundred: clearing their
pages took a fifth of a solve.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .c_library import c_library

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Names of options of `mallopt`."""

LARGEST_BYTES = 1 << 25
"""Bytes up to which arrays are of memory that is kept: the most that glibc takes, and comes to by itself in time."""

KEPT_BYTES, USUAL_BYTES = 1 << 28, 1 << 26
"""Bytes behind the last array in use that are kept, and what glibc keeps where it came to the most by itself."""


class _Keeping:
    """What is set for as long as anybody asks for it."""

    def __init__(self) -> None:
        self._lock, self._asked, self._had_huge_pages = threading.Lock(), 0, False

    def ask(self) -> None:
        with self._lock:
            self._asked += 1
            if self._asked == 1:
                self._had_huge_pages = _set_huge_pages(False)
                _keep(KEPT_BYTES)

    def end(self) -> None:
        with self._lock:
            self._asked -= 1
            if self._asked == 0:
                _set_huge_pages(self._had_huge_pages)
                _keep(USUAL_BYTES)


_KEEPING = _Keeping()


@contextmanager
def freed_memory_is_kept(is_worth_it: bool) -> Iterator[None]:
    """For its length, keep memory that is freed for what is asked for next, in pages of the usual size.

    Where the C library is another one than glibc, nothing is kept. Afterwards glibc keeps as much as it would have come
    to by itself, once an array of `LARGEST_BYTES` had been freed.

    Parameters
    ----------
    is_worth_it : bool
        False: nothing changes.

    Yields
    ------
    None
    """
    if not is_worth_it or sys.platform != "linux":
        yield
        return
    _KEEPING.ask()
    try:
        yield
    finally:
        _KEEPING.end()


def _keep(size: int) -> None:
    """Have the C library keep so many bytes, if it is one that can be told."""
    tell = getattr(c_library(), "mallopt", None)
    if tell is not None:
        tell(MMAP_THRESHOLD, LARGEST_BYTES)
        tell(TRIM_THRESHOLD, size)


def _set_huge_pages(wanted: bool) -> bool:
    """Say whether NumPy asks for huge pages for large arrays; whether it did, where that can be said."""
    for name in ("numpy._core.multiarray", "numpy.core.multiarray"):
        try:
            module: Any = importlib.import_module(name)
        except ImportError:
            continue
        change: Callable[[bool], bool] | None = getattr(module, "_set_madvise_hugepage", None)
        return bool(change(wanted)) if change is not None else wanted
    return wanted
