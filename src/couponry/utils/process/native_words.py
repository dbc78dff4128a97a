"""What native libraries print through C's own standard output, left out while they work: they were not asked."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .c_library import c_library

NAMES = {"gnu_get_libc_version": "stdout", "__stdoutp": "__stdoutp"}
"""What C libraries call the variable that holds standard output, by a name that they alone have: glibc, macOS's. Musl's
must not be written to, and Windows has none."""


class _CStandardOutput:
    """C's variable, which says where `printf` writes; Python's own streams and the descriptor know nothing of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = 0
        self._variable: ctypes.c_void_p | None = None
        self._nowhere: int | None = None  # never closed: a thread may be about to write there
        self._kept: int | None = None

    def enter(self) -> None:
        """Leave out what is printed from now on."""
        with self._lock:
            if self._working == 0 and self._find():
                assert self._variable is not None
                self._kept, self._variable.value = self._variable.value, self._nowhere
            self._working += 1

    def leave(self) -> None:
        """Print again, once nobody works any more."""
        with self._lock:
            self._working = max(0, self._working - 1)  # a child of a fork begins with none
            if self._working == 0:
                self._bring_back()

    def after_fork(self) -> None:
        """Print again in a child, where nobody of its parent's works."""
        self._lock, self._working = threading.Lock(), 0
        self._bring_back()

    def _bring_back(self) -> None:
        if self._variable is not None and self._kept is not None:
            self._variable.value, self._kept = self._kept, None

    def _find(self) -> bool:
        """Find the variable, and open what leads nowhere; False where either cannot be had."""
        if self._nowhere is None:
            library = c_library()
            names = [name for known, name in NAMES.items() if hasattr(library, known)]
            if not names:
                return False
            self._variable = ctypes.c_void_p.in_dll(library, names[0])
            library.fopen.restype = ctypes.c_void_p
            self._nowhere = library.fopen(os.devnull.encode(), b"we") or None
        return self._nowhere is not None


_OUTPUT = _CStandardOutput()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_OUTPUT.after_fork)


@contextmanager
def native_words_left_out() -> Iterator[None]:
    """Leave out what native code prints to standard output meanwhile, in all threads, and nothing that Python prints.

    Where the C library has no such variable, nothing is left out.
    """
    _OUTPUT.enter()
    try:
        yield
    finally:
        _OUTPUT.leave()
