"""Passes over packed candidates that come from the disk, beside a bare read of the same files, front to back."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from benchmarks.support.timing import compared, seconds_of
from numpy.typing import NDArray

from couponry.engines.streamed import StreamedEngine
from couponry.utils.arrays.mapped_arrays import drop_from_page_cache, read_into

READ_BYTES = 4 << 20


def read_files(arrays: list[NDArray[Any]]) -> None:
    """Read mapped arrays from their files, one after the other, as `dd` would."""
    buffer = np.empty(READ_BYTES, np.uint8)
    for array in arrays:
        raw = array.reshape(-1).view(np.uint8)
        for start in range(0, len(raw), READ_BYTES):
            part = raw[start : start + READ_BYTES]
            read_into(part, buffer[: len(part)], once=False)


def disk_times(
    engine: StreamedEngine, price: NDArray[np.float32], rounds: int = 2
) -> dict[str, Any]:
    """Reads and passes that find nothing in memory, and passes that find what the one before has left there."""
    packed = [engine.shard.item, *engine.shard.quantity]
    works = {"read": partial(read_files, packed), "pass": partial(engine.evaluate, price)}
    seconds: dict[str, list[float]] = {name: [] for name in (*works, "following pass")}
    processor: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            drop_from_page_cache(*packed)
            before = time.process_time()
            seconds[name].append(seconds_of(work))
            processor[name].append(time.process_time() - before)
        seconds["following pass"].append(seconds_of(works["pass"]))
    size = sum(array.nbytes for array in packed)
    return {
        "read_from": "disk",
        "packed_bytes": size,
        "disk_bytes_per_second": size / min(seconds["read"]),
        "read_processor_seconds": processor["read"],
        "pass_processor_seconds": processor["pass"],
        "following_pass_seconds": seconds["following pass"],
        **compared(seconds["read"], seconds["pass"], engine.candidates),
    }


class OwnMemory:
    """The most memory of its own that this process has held while the context lasts, mapped files not counted."""

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    self.peak = max(self.peak, int(line.split()[1]) * 1024)
            if self._over.wait(0.2):
                return
