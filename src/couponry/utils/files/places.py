"""Reads and writes at places of an open file, by several threads at a time, on systems that have no such calls, too."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from functools import cache

from ..process.c_library import c_library

BEGIN_TO_WRITE = 2
"""SYNC_FILE_RANGE_WRITE of Linux."""

_moving = (
    threading.Lock()
)  # of the place at which an open file is read and written, where there is only that


def write_at(descriptor: int, data: memoryview, place: int) -> None:
    """Write all of it from a place of a file on.

    Parameters
    ----------
    descriptor : int
        Of a file that is open for writing, without a buffer.
    data : memoryview of bytes
    place : int
        In bytes.
    """
    while len(data):  # one write takes 2 GiB at most
        if hasattr(os, "pwrite"):
            written = os.pwrite(descriptor, data, place)
        else:
            with _moving:
                os.lseek(descriptor, place, os.SEEK_SET)
                written = os.write(descriptor, data)
        data, place = data[written:], place + written


def begin_to_write_out(descriptor: int, start: int, size: int) -> None:
    """Have Linux begin to write bytes of a file to the disk, so that little is left when all of it is waited for.

    Parameters
    ----------
    descriptor : int
    start, size : int
        Which bytes.
    """
    call = _sync_file_range()
    if call is not None:
        call(
            ctypes.c_int(descriptor),
            ctypes.c_int64(start),
            ctypes.c_int64(size),
            ctypes.c_uint(BEGIN_TO_WRITE),
        )


@cache
def _sync_file_range() -> Callable[..., int] | None:
    """Return the system's call; None where it has no such."""
    if sys.platform != "linux":
        return None
    found: Callable[..., int] | None = getattr(c_library(), "sync_file_range", None)
    return found


def read_at(descriptor: int, out: memoryview, place: int) -> int:
    """Read from a place of a file on.

    Parameters
    ----------
    descriptor : int
        Of a file that is open for reading, without a buffer.
    out : memoryview of bytes
        OUT: what is there.
    place : int
        In bytes.

    Returns
    -------
    int
        Bytes that were read: fewer than asked for at the end of the file alone.
    """
    done = 0
    while done < len(out):  # one read takes 2 GiB at most
        if hasattr(os, "preadv"):
            read = os.preadv(descriptor, [out[done:]], place + done)
        else:
            with _moving:
                os.lseek(descriptor, place + done, os.SEEK_SET)
                some = os.read(descriptor, len(out) - done)
            read = len(some)
            out[done : done + read] = some
        if read == 0:
            break
        done += read
    return done
