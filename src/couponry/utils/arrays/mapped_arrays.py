"""Arrays that are memory-mapped files: opened, read at the speed of a file, and let go of page by page."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..files.places import read_at
from ..memory import total_memory

PAGE_CACHE_SHARE = 0.8
"""Share of the machine's memory that mapped files may fill before some of them are better kept out of it."""

READ_AHEAD_BYTES = 1 << 17
"""Bytes that every system takes at a time when it is asked to read ahead."""

MAPPED_AROUND_BYTES = 1 << 16
"""Bytes around a page that is touched which Linux maps with it, where they are cached."""


class _MappedFile(mmap.mmap):
    """A mapped file that can be read without its mapping, too, even when it has lost its name since."""

    descriptor = -1

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


class UncachedReads:
    """Reads of a mapped array past the system's page cache, which cost next to no processor time; close it in the end.

    Parameters
    ----------
    array : ndarray
        There are no such reads where it is not mapped, or the system or its file system does not know them.
    """

    def __init__(self, array: NDArray[Any]):
        self._descriptor = -1
        mapped, direct = _mapped_file(array), getattr(os, "O_DIRECT", 0)
        if mapped is not None and direct:
            with suppress(OSError):
                # the file may have lost its name
                self._descriptor = os.open(
                    f"/proc/self/fd/{mapped.descriptor}", os.O_RDONLY | direct
                )

    def read(self, part: NDArray[Any], room: NDArray[np.uint8]) -> NDArray[Any] | None:
        """Read a part of the array.

        Parameters
        ----------
        part : ndarray, one-dimensional
            Contiguous.
        room : ndarray of uint8
            Memory from the beginning of a page on, of two pages more than the part.

        Returns
        -------
        ndarray or None
            The part, somewhere in `room`; None where it cannot be read so.
        """
        mapped = _mapped_file(part)
        if self._descriptor < 0 or mapped is None or part.size == 0:
            return None
        start = _offset(part, mapped)
        before = start % mmap.PAGESIZE
        size = before + part.nbytes
        whole = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        done = 0
        try:
            while (
                done < size
            ):  # not up to whole: what is behind the file's last page is no place to read from
                read = os.preadv(self._descriptor, [room[done:whole].data], start - before + done)
                if read == 0:
                    return None
                done += read
        except OSError:
            self.close()
            return None
        return room[before:size].view(part.dtype)

    def close(self) -> None:
        """Close the file; nothing can be read any more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def map_array(path: Path) -> NDArray[Any]:
    """Map the array of an .npy file into memory, read only.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray
        Read only.
    """
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return map_file(file, file.tell(), dtype, shape)


def map_file(
    file: IO[bytes], start: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Map an array that begins `start` bytes from the beginning of an open file, read only.

    Parameters
    ----------
    file : file object
        Opened for reading in binary mode.
    start : int
        Where the array begins, in bytes.
    dtype : numpy.dtype
        Type of its values.
    shape : tuple of int
        Its shape.

    Returns
    -------
    ndarray
        Read only.
    """
    mapped = _MappedFile(file.fileno(), 0, access=mmap.ACCESS_READ)
    mapped.descriptor = os.dup(file.fileno())
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(mapped, dtype, count, start).reshape(shape)


def release_pages(*arrays: NDArray[Any] | None) -> None:
    """Give back the memory that parts of mapped files take up in this process.

    What is read again comes back from the file. Pages before them go, too, as far as these may have come with theirs.

    Parameters
    ----------
    *arrays : ndarray or None
        Contiguous. Those that are not mapped are left alone.
    """
    for array in arrays:
        mapped = _mapped_file(array)
        if mapped is not None and array is not None and array.size and hasattr(mapped, "madvise"):
            start = _offset(array, mapped)
            around = max(start - MAPPED_AROUND_BYTES, 0)
            first = around // mmap.PAGESIZE * mmap.PAGESIZE
            mapped.madvise(mmap.MADV_DONTNEED, first, start + array.nbytes - first)


def copy_to_memory(array: NDArray[Any], *, once: bool) -> NDArray[Any]:
    """Read a part of a mapped file into memory of its own.

    Reading a file is several times faster than touching pages of its mapping for the first time.

    Parameters
    ----------
    array : ndarray
        Contiguous.
    once : bool
        It is not needed again soon: the system need not keep it in its page cache.

    Returns
    -------
    ndarray
        A copy, or `array` itself where that is not mapped.
    """
    if _mapped_file(array) is None or array.size == 0:
        return array
    values = np.empty_like(array)
    read_into(array, values, once=once)
    return values


def read_into(array: NDArray[Any], out: NDArray[Any], *, once: bool) -> None:
    """Read a part of a mapped file into memory that is there; an array that is not mapped is copied.

    Parameters
    ----------
    array : ndarray
        Contiguous.
    out : ndarray
        OUT: contiguous, of the same size and type.
    once : bool
        As `copy_to_memory` has it.
    """
    mapped = _mapped_file(array)
    if mapped is None or array.size == 0:
        out[...] = array
        return
    room = out.view(np.uint8).data
    if read_at(mapped.descriptor, room, _offset(array, mapped)) < len(room):
        raise OSError("a mapped file is shorter than it was")
    if once:
        drop_from_page_cache(array)


def drop_from_page_cache(*arrays: NDArray[Any]) -> None:
    """Let the system know that parts of mapped files are not needed again soon; others are left alone.

    Parameters
    ----------
    *arrays : ndarray
        Contiguous.
    """
    for array in arrays:
        mapped = _mapped_file(array)
        if mapped is not None and array.size and hasattr(os, "posix_fadvise"):
            start = _offset(array, mapped)
            os.posix_fadvise(mapped.descriptor, start, array.nbytes, os.POSIX_FADV_DONTNEED)


def read_ahead(*arrays: NDArray[Any]) -> None:
    """Have the system begin to read parts of mapped files that are touched soon; others are left alone.

    Parameters
    ----------
    *arrays : ndarray
        Contiguous.
    """
    for array in arrays:
        mapped = _mapped_file(array)
        if mapped is not None and array.size and hasattr(os, "posix_fadvise"):
            start = _offset(array, mapped)
            for at in range(start, start + array.nbytes, READ_AHEAD_BYTES):
                os.posix_fadvise(mapped.descriptor, at, READ_AHEAD_BYTES, os.POSIX_FADV_WILLNEED)


def mapped_bytes(*arrays: NDArray[Any]) -> int:
    """Count the bytes of arrays that are parts of mapped files.

    Parameters
    ----------
    *arrays : ndarray
        Those that are not mapped count as nothing.

    Returns
    -------
    int
    """
    return sum(array.nbytes for array in arrays if _mapped_file(array) is not None)


def is_in_memory(array: NDArray[Any]) -> bool:
    """Tell whether an array is no part of a mapped file.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    bool
    """
    return _mapped_file(array) is None


def exceeds_page_cache(*arrays: NDArray[Any]) -> bool:
    """Tell whether mapped files are together more than the system can well keep in memory.

    Parameters
    ----------
    *arrays : ndarray
        Those that are not mapped count as nothing.

    Returns
    -------
    bool
        False where the system does not say how much memory there is.
    """
    total = total_memory()
    return total is not None and mapped_bytes(*arrays) > PAGE_CACHE_SHARE * total


def _mapped_file(array: NDArray[Any] | None) -> _MappedFile | None:
    """The mapped file that an array is part of, or None."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, _MappedFile) else None


def _offset(array: NDArray[Any], mapped: _MappedFile) -> int:
    """Where in the file an array begins, in bytes."""
    return int(array.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data)
