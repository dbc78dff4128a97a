"""Arrays that end where memory ends: whoever reads or writes one byte beyond takes the process with it."""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

AVAILABLE = sys.platform.startswith("linux")
_NOBODY = 0  # PROT_NONE


def at_the_end(array: NDArray[Any]) -> NDArray[Any]:
    """Copy an array to where its last byte lies just before a page that nobody may touch.

    What is not contiguous or has no bytes comes back as it is.
    """
    if not AVAILABLE or array.nbytes == 0:
        return array
    pages = -(-array.nbytes // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    guard = ctypes.c_void_p(begin + pages * mmap.PAGESIZE)
    if libc.mprotect(guard, ctypes.c_size_t(mmap.PAGESIZE), _NOBODY):
        raise OSError(ctypes.get_errno(), "mprotect")
    offset = pages * mmap.PAGESIZE - array.nbytes
    made = (
        np.frombuffer(memory, np.uint8, array.nbytes, offset).view(array.dtype).reshape(array.shape)
    )
    made[...] = array
    return made


def all_at_the_end(value: Any) -> Any:
    """The same for all arrays of a tuple of them, and of tuples within."""
    if isinstance(value, np.ndarray):
        return at_the_end(value)
    if hasattr(value, "_asdict"):
        return type(value)(*(all_at_the_end(field) for field in value))
    return value
