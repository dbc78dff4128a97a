"""How benchmarks take times on a machine that is not quiet: in rounds, so that what disturbs one disturbs all.

The least time of many rounds is what the machine can do, the median what it did.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Key = TypeVar("Key", bound=Hashable)
STATISTICS: dict[str, Callable[[list[float]], Any]] = {"least": np.min, "median": np.median}


def seconds_of(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    work()
    return clock() - started


def interleaved(
    works: Mapping[Key, Callable[[], Any]],
    rounds: int = 31,
    at_most: float = 30.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Key, list[float]]:
    """Seconds of each piece of work in each of the rounds, in which all run once; the first is not counted.

    at_most: seconds after which there are no more rounds, but for the three that there are at least.
    clock: what tells the seconds of the work, such as time.process_time.
    """
    times: dict[Key, list[float]] = {key: [] for key in works}
    started = time.perf_counter()
    for made in range(1 + rounds):
        if made > 3 and time.perf_counter() - started > at_most:
            break
        for key, work in works.items():
            times[key].append(seconds_of(work, clock))
    return {key: all_times[1:] for key, all_times in times.items()}


def compared(
    read: list[float], passes: list[float], candidates: int, alone: list[float] | None = None
) -> dict[str, Any]:
    """Passes beside bare reads of the same bytes, both from the same rounds; alone: passes by one thread."""
    said: dict[str, Any] = {"rounds": len(passes)}
    for name, of in STATISTICS.items():
        one, bare = float(of(passes)), float(of(read))
        said[name] = {
            "bare_read_seconds": bare,
            "pass_seconds": one,
            "pass_per_bare_read": one / bare,
            "pass_ns_per_candidate": 1e9 * one / candidates,
        }
        if alone is not None:
            said[name]["pass_speed_up"] = float(of(alone)) / one
    return said


class Disturbance:
    """The shares of this machine's processor time that others had since this was made."""

    def __init__(self) -> None:
        self._before = _spent()

    def shares(self) -> dict[str, float] | None:
        """By the machine's host and by other processes; None where the system does not tell."""
        now = _spent()
        if now is None or self._before is None:
            return None
        host, others, everybody = (b - a for a, b in zip(self._before, now, strict=True))
        return {
            "host": round(host / max(everybody, 0.01), 4),
            "other_processes": round(max(0.0, others) / max(everybody, 0.01), 4),
        }


def _spent() -> tuple[float, float, float] | None:
    """Seconds of all processors so far that the host took, that other processes took, and in all."""
    try:  # in ticks: user, nice, system, idle, iowait, irq, softirq, steal, and parts of the first two
        line = Path("/proc/stat").read_text().split("\n", 1)[0]
        ticks = [int(n) / os.sysconf("SC_CLK_TCK") for n in line.split()[1:9]]
    except (OSError, ValueError):
        return None
    if len(ticks) < 8:
        return None
    return ticks[7], sum(ticks) - ticks[3] - ticks[4] - ticks[7] - time.process_time(), sum(ticks)
