"""Tasks that tests send to workers: what they compute is easily told, and some meet with accidents."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from couponry.engines.cluster.runner import Task
from couponry.utils.errors import InvalidInput

from .processes import command_of, parent_of

EXECUTOR = "CoarseGrainedExecutorBackend"


@dataclass(frozen=True)
class Sums:
    """Counts shards, and adds up their numbers and squares, in tables of some size."""

    size: int = 4

    def __call__(self, shards: tuple[int, ...], threads: int) -> Any:
        numbers = np.array(shards, np.int64)
        table = np.full(self.size, (numbers**2).sum())
        return np.array([len(numbers), numbers.sum()]), table


@dataclass(frozen=True)
class Texts:
    """Makes a text of each shard, of some length."""

    length: int = 1

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[str]:
        return [str(shard) * self.length for shard in shards]


@dataclass(frozen=True)
class Threads:
    """Tells how many threads a task may use."""

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[int]:
        return [threads for _ in shards]


@dataclass(frozen=True)
class Processes:
    """Tells which process works on each shard."""

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[int]:
        return [os.getpid() for _ in shards]


@dataclass(frozen=True)
class Refused:
    """Fails wherever it runs."""

    def __call__(self, shards: tuple[int, ...], threads: int) -> Any:
        raise InvalidInput(f"shard {shards[0]}: expected rows, got none")


@dataclass(frozen=True)
class Lost:
    """A task whose process, or whose executor, is killed where a shard is met for the first time.

    Attributes
    ----------
    task : Task
    folder : str
        Where it is noted that a shard was met.
    shards : tuple of int
    executor : bool
        Kill the executor's Java instead of the process that runs Python.
    """

    task: Task
    folder: str
    shards: tuple[int, ...]
    executor: bool = False

    def __call__(self, shards: tuple[int, ...], threads: int) -> Any:
        found = self.task(shards, threads)  # the work is done, and lost
        for shard in shards:
            if shard in self.shards and _first_time(Path(self.folder, f"lost-{shard}")):
                _kill(self.executor)
        return found


@dataclass(frozen=True)
class Stuck:
    """A task that hangs where a shard is met for the first time, until it is killed or let go."""

    task: Task
    folder: str
    shard: int

    def __call__(self, shards: tuple[int, ...], threads: int) -> Any:
        if self.shard in shards and _first_time(Path(self.folder, "stuck")):
            Path(self.folder, "process").write_text(str(os.getpid()))
            while not Path(self.folder, "let-go").exists():
                time.sleep(0.05)
        return self.task(shards, threads)


def _first_time(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _kill(executor: bool) -> None:
    """Kill the process that does this, or the executor that it belongs to, without notice."""
    pid = os.getpid()
    while executor and EXECUTOR not in command_of(pid):
        pid = parent_of(pid)
        if pid < 2:
            raise RuntimeError("a task that no executor has started")
    os.kill(pid, signal.SIGKILL)
    os._exit(1)
