"""Working memory that a thread uses again: large arrays that are new each time are slow to get at."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


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
            held = self._bytes[name] = np.empty(size, np.uint8)
        return held[:size].view(dtype).reshape(shape)
