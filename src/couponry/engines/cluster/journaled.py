"""A runner that writes down what tasks answer, so that a solve whose driver was killed goes on where it was.

A task's answer depends on nothing but the task and its shards. The solver is deterministic: started again with the same
file it has the same tasks done, and whatever the file knows is not asked of the workers again.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..checkpoint_file import CheckpointFile
from .runner import Runner, Task

MOST_RECORDED_BYTES = 1 << 26
"""Bytes of an answer that is written down at most: so much is sent again as quickly as it is read and checked."""


@runtime_checkable
class WritingTask(Task, Protocol):
    """A task that writes files, and answers with their names."""

    def still_there(self, found: list[Any]) -> bool:
        """Tell whether the files that an earlier answer names are there."""
        ...


class JournaledRunner(Runner):
    """Has tasks done by another runner, unless a file knows what they answered before.

    Parameters
    ----------
    runner : Runner
    file : CheckpointFile
        Once it is closed, everything is asked of the other runner.
    """

    def __init__(self, runner: Runner, file: CheckpointFile):
        self.name, self.tasks, self.threads = runner.name, runner.tasks, runner.threads
        self._runner, self._file = runner, file

    def sum(self, task: Task, shards: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
        """See `Runner.sum`."""
        found: tuple[NDArray[np.int64], ...] = self._answered(self._runner.sum, task, shards)
        return found

    def map(self, task: Task, shards: Sequence[int]) -> list[Any]:
        """See `Runner.map`."""
        found: list[Any] = self._answered(self._runner.map, task, shards)
        return found

    def takes(self, table: Any) -> bool:
        """See `Runner.takes`."""
        return self._runner.takes(table)

    def schema(self, table: Any) -> pa.Schema:
        """See `Runner.schema`."""
        return self._runner.schema(table)

    def on_rows(
        self, task: Any, tables: Mapping[str, Any], customers: int, unit: str | None = None
    ) -> list[Any]:
        """See `Runner.on_rows`."""
        return self._runner.on_rows(task, tables, customers, unit)

    def _answered(
        self, ask: Callable[[Task, Sequence[int]], Any], task: Task, shards: Sequence[int]
    ) -> Any:
        if not self._file.is_open:
            return ask(task, shards)
        key = key_of(task, shards)
        known = self._file.look_up(key)
        if known is not None:
            found = _Answer(io.BytesIO(known)).load()
            if not isinstance(task, WritingTask) or task.still_there(found):
                return found
        found = ask(task, shards)
        written = pickle.dumps(found, 5)
        if len(written) <= MOST_RECORDED_BYTES:
            self._file.write_down(key, written)
        return found


def key_of(task: Task, shards: Sequence[int]) -> bytes:
    """A digest of a task and the shards that it is for, the same in every process.

    Parameters
    ----------
    task : Task
    shards : sequence of int

    Returns
    -------
    bytes
        32 bytes.
    """
    digest = hashlib.sha256()
    _tell(digest.update, (task, tuple(shards)))
    return digest.digest()


def _tell(update: Callable[[bytes], None], value: Any) -> None:
    """Feed a digest with a value: how a pickle comes out depends on what else the process has seen."""
    kind = type(value).__qualname__
    if isinstance(value, np.ndarray):
        update(f"{kind} {value.dtype.str} {value.shape} ".encode())
        update(value.tobytes())
    elif is_dataclass(value):
        update(f"{kind} ".encode())
        _tell(update, {field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, Mapping):
        _tell(update, sorted(value.items(), key=lambda item: repr(item[0])))
    elif isinstance(value, frozenset):
        _tell(update, sorted(value, key=repr))
    elif isinstance(value, (tuple, list)):
        update(f"{kind} {len(value)} ".encode())
        for part in value:
            _tell(update, part)
    elif isinstance(value, (str, bytes, int, float, type(None))):
        update(f"{kind} {value!r} ".encode())
    else:  # such as tables of Arrow; where one comes out otherwise it is asked once more
        update(pickle.dumps(value, 5))


class _Answer(pickle.Unpickler):
    """Reads an answer: arrays, and tuples and dataclasses of this package, and nothing else that a file may name."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in (
            "_frombuffer",
            "dtype",
            "ndarray",
            "scalar",
        ):
            return getattr(import_module(module), name)
        found = getattr(import_module(module), name) if module.startswith("couponry.") else None
        if isinstance(found, type) and (issubclass(found, tuple) or is_dataclass(found)):
            return found
        raise pickle.UnpicklingError(
            f"checkpoint: expected an answer of tasks, got {module}.{name}"
        )
