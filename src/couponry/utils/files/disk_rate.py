"""How fast a disk reads, found by reading a part of some files that are on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

SAMPLE_BYTES = 256 << 20
"""Bytes that are read, at most: some tenths of a second."""

LEAST_BYTES = 32 << 20
"""Bytes that say something of a rate, at least."""

READ_BYTES = 4 << 20
"""Bytes of one read."""


def measured_rate(paths: Iterable[str | Path]) -> float | None:
    """Measure how fast the disk reads files front to back that the system does not hold in memory.

    Parameters
    ----------
    paths : iterable of str or Path
        Files on the disk.

    Returns
    -------
    float or None
        Bytes a second; None where they have too few bytes to tell, or the system keeps what it holds of them.
    """
    if not hasattr(os, "posix_fadvise"):
        return None
    buffer, read, seconds = bytearray(READ_BYTES), 0, 0.0
    for path in paths:
        with Path(path).open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, SAMPLE_BYTES, os.POSIX_FADV_DONTNEED)
            started = time.perf_counter()
            while read < SAMPLE_BYTES and (size := file.readinto(buffer)):
                read += size
            seconds += time.perf_counter() - started
        if read >= SAMPLE_BYTES:
            break
    return read / seconds if read >= LEAST_BYTES and seconds > 0 else None
