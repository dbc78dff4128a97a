"""What a benchmark ran on, and the bare read that its times are held against."""

from __future__ import annotations

import platform
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from couponry.show_versions import versions


def describe(threads: int) -> dict[str, Any]:
    """Processor, memory, threads and versions."""
    return {
        "hardware": _processor(),
        "memory_gib": _memory_gib(),
        "threads": threads,
        "versions": versions(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        first = Path("/proc/meminfo").read_text().splitlines()[0]
        return round(int(first.split()[1]) / 2**20, 1)
    except (OSError, ValueError, IndexError):
        return None


def read_once(arrays: list[NDArray[Any]], threads: int) -> int:
    """Read every byte of the arrays once, each thread its own part; the checksum keeps the reads from being dropped."""
    from couponry.kernels import _native

    total = [0] * threads

    def read(worker: int) -> None:
        for array in arrays:
            raw = array.reshape(-1).view(np.uint8)
            start, stop = (len(raw) * w // threads for w in (worker, worker + 1))
            total[worker] += _native.read_bytes(raw, start, stop)

    helpers = [threading.Thread(target=read, args=(w,)) for w in range(1, threads)]
    for helper in helpers:
        helper.start()
    read(0)
    for helper in helpers:
        helper.join()
    return sum(total)
