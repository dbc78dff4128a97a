"""The C library that this process runs on."""

from __future__ import annotations

import ctypes


def c_library() -> ctypes.CDLL:
    """Return the C library that Python and native modules call.

    Returns
    -------
    ctypes.CDLL
    """
    try:
        return ctypes.CDLL(None)  # whatever is loaded
    except TypeError:  # Windows asks for a name: that of its universal C runtime
        return ctypes.CDLL("ucrtbase")
