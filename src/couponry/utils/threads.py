"""How many threads to use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from .checks import is_whole
from .errors import InvalidInput


def thread_count(threads: int | None = None) -> int:
    """Resolve how many threads to use.

    Parameters
    ----------
    threads : int, optional
        Default: the environment variable COUPONRY_THREADS, else the cores that this process may use, by its CPU
        affinity and, in a container, the CPU quota of its control group.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    InvalidInput
    """
    source = "threads"
    if threads is None and os.environ.get("COUPONRY_THREADS"):
        source, text = "COUPONRY_THREADS", os.environ["COUPONRY_THREADS"]
        if not text.isdigit():
            raise InvalidInput(f"{source}: expected a whole number from 1 up, got {text!r}")
        threads = int(text)
    if threads is None:
        return _usable_cores()
    if not is_whole(threads) or threads < 1:
        raise InvalidInput(f"{source}: expected a whole number from 1 up, got {threads!r}")
    return int(threads)


def _usable_cores() -> int:
    """The cores that the CPU affinity and the CPU quota allow."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    try:
        limit, period = quota.read_text().split()
        if limit != "max":
            cores = min(cores, math.ceil(int(limit) / int(period)))
    except (OSError, ValueError):
        pass
    return max(1, cores)
