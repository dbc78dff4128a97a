"""Working memory that a thread uses again, and memory that is new: large arrays are slow to get at the first time."""

from __future__ import annotations

import math
import mmap
import sys
import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LARGE_BYTES = 1 << 22
"""Bytes from which on NumPy asks for huge pages."""


def new_array(
    shape: int | tuple[int, ...], dtype: DTypeLike, *, at_once: bool = False
) -> NDArray[Any]:
    """Make an array that holds anything, in pages of the usual size, for what is written once from end to end.

    NumPy asks for huge pages. Where none are at hand, the system makes room for each: of 128 MB that took a third of a
    second on a virtual machine, and a tenth in usual pages.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype
    at_once : bool, default False
        Whether all pages are taken at once: that takes two fifths of the time that one after the other takes, but is
        not shared out among threads.

    Returns
    -------
    ndarray of dtype, shape `shape`

    Examples
    --------
    >>> new_array((2, 3), "uint16").shape
    (2, 3)
    """
    size = math.prod(np.atleast_1d(shape).tolist()) * np.dtype(dtype).itemsize
    if size < LARGE_BYTES or sys.platform != "linux":
        return np.empty(shape, dtype)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (mmap.MAP_POPULATE if at_once else 0)
    pages = mmap.mmap(-1, size, flags=flags)
    return np.frombuffer(pages, dtype).reshape(shape)


class WorkingMemory(threading.local):
    """Arrays by name, for each thread its own, as large as they were ever asked for.

    Examples
    --------
    >>> memory = WorkingMemory()
    >>> memory.array("sums", (2, 3), "float64").shape
    (2, 3)
    """

    def __init__(self) -> None:
        self._bytes: dict[str, NDArray[np.uint8]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array that holds anything, until this thread asks for the same name again.

        Parameters
        ----------
        name : str
        shape : tuple of int
        dtype : dtype

        Returns
        -------
        ndarray of dtype, shape `shape`
            Contiguous.
        """
        size = math.prod(shape) * np.dtype(dtype).itemsize
        held = self._bytes.get(name)
        if held is None or len(held) < size:
            held = self._bytes[name] = new_array(size, np.uint8)
        return held[:size].view(dtype).reshape(shape)

    def arrays(self) -> list[NDArray[np.uint8]]:
        """List what this thread's arrays are parts of.

        Returns
        -------
        list of ndarray of uint8
        """
        return list(self._bytes.values())
