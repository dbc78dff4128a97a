"""The native kernels for callers that know what their arrays hold: offsets, items and values are not looked at again.

Shapes and dtypes are checked all the same. Code of this package checks what users give once, where it comes in.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from . import _native, reference

__all__ = list(reference.__all__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kernel = globals()[name] = partial(getattr(_native, name), unchecked=True)
    return kernel
