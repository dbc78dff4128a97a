"""Large arrays in ordinary pages: whole, writable, and without huge pages where the system tells."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from couponry.utils.memory import LARGE_BYTES, empty_in_small_pages


@pytest.mark.parametrize("length", [0, 1, LARGE_BYTES // 4, LARGE_BYTES + 12_345])
def test_arrays_are_whole(length: int) -> None:
    found = empty_in_small_pages(length, np.float32)
    assert found.shape == (length,) and found.dtype == np.float32 and found.base is None
    found[:] = np.arange(length)
    assert found.sum(dtype=np.int64) == np.arange(length, dtype=np.float32).sum(dtype=np.int64)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_large_arrays_have_no_huge_pages() -> None:
    found = empty_in_small_pages(16 * LARGE_BYTES, np.uint8)  # so much is always mapped anew
    found[:] = 1
    middle, inside, huge = found.ctypes.data + 8 * LARGE_BYTES, False, None
    for line in Path("/proc/self/smaps").read_text("utf-8").splitlines():
        head = line.split()[0]
        if "-" in head and not head.endswith(":"):
            begin, end = (int(part, 16) for part in head.split("-"))
            inside = begin <= middle < end
        elif inside and head == "AnonHugePages:":
            huge = int(line.split()[1])
    assert huge in (None, 0)
