"""Two folders change names in one step, where the system can do that."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..process.c_library import c_library

AT_FDCWD = -100
RENAME_EXCHANGE = 2  # of Linux's renameat2
RENAME_SWAP = 2  # of macOS's renamex_np


def exchange(a: Path, b: Path) -> bool:
    """Exchange two folders, so that at any moment both names have one of them.

    Parameters
    ----------
    a, b : Path
        On one file system.

    Returns
    -------
    bool
        False where the system or the file system cannot do it, or did not; nothing has changed then.
    """
    first, second = os.fsencode(a), os.fsencode(b)
    libc = c_library()
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        return bool(libc.renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) == 0)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(first, second, RENAME_SWAP) == 0)
    return False
