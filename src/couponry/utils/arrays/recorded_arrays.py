"""Arrays in a folder, and a record of what was written, by which a damaged file is found out.

The record says type, shape and digest of each array. A file that has not been touched since its digest was known, as
far as the system says, is taken as it is; any other is read once, at the speed of memory.

states.json     size, times of change and inode of each file, when it was known to be what was written
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .array_store import HEADER_BYTES, Arrays, ArrayWriter, FolderStore
from .digests import ArrayDigest, HashBlocks, digest_of_array
from .mapped_arrays import map_file

STATES = "states.json"

SETTLED_NANOSECONDS = 100_000_000
"""Age from which on a file's time of change tells whether it is changed again: clocks of file systems are coarse."""


class DamagedArray(ValueError):
    """A file does not hold what was written into it."""


class RecordedFolder(FolderStore):
    """Arrays as files of a folder, recorded as they are written.

    Parameters
    ----------
    folder : Path
        Must exist.
    hash_blocks : callable
        The kernel of any backend.

    Attributes
    ----------
    records : dict of str to dict
        Type, shape and digest of each array that is finished, as JSON has it.
    """

    def __init__(self, folder: Path, hash_blocks: HashBlocks):
        super().__init__(folder)
        self._hash_blocks = hash_blocks
        self.records: dict[str, dict[str, Any]] = {}

    def writer(self, name: str, dtype: DTypeLike, length: int | None = None) -> ArrayWriter:
        """Begin a new array, in the file `name`.npy.

        Parameters
        ----------
        name : str
            Name of the array.
        dtype : dtype-like
            Type of its values.
        length : int, optional
            How many values to expect.

        Returns
        -------
        ArrayWriter
            Takes its parts.
        """
        digest = ArrayDigest(self._hash_blocks)
        writer = super().writer(name, dtype, length)
        return _RecordingWriter(writer, np.dtype(dtype), digest, self, name)


class _RecordingWriter:
    """Writes an array, and computes its digest meanwhile."""

    def __init__(
        self,
        writer: ArrayWriter,
        dtype: np.dtype[Any],
        digest: ArrayDigest,
        folder: RecordedFolder,
        name: str,
    ):
        self._writer, self._dtype, self._digest = writer, dtype, digest
        self._folder, self._name = folder, name

    def append(self, values: NDArray[Any]) -> None:
        self.claim(values)()

    def claim(self, values: NDArray[Any]) -> Callable[[], None]:
        values = np.ascontiguousarray(values, self._dtype)
        self._digest.update(values)
        return self._writer.claim(values)

    def room(self, start: int, stop: int) -> NDArray[Any]:
        return self._writer.room(start, stop)

    def finish(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        array = self._writer.finish(shape)
        self._folder.records[self._name] = {
            "dtype": self._dtype.str,
            "shape": [int(length) for length in array.shape],
            "digest": self._digest.finish(self._dtype, array.shape).hex(),
        }
        if self._folder.files[self._name] != f"{self._name}.npy":
            self._folder.records[self._name]["file"] = self._folder.files[self._name]
        return array


def map_recorded(
    folder: Path, records: Mapping[str, Any], hash_blocks: HashBlocks, threads: int
) -> Arrays:
    """Map the arrays of a folder into memory, read only, if they are what was written.

    Parameters
    ----------
    folder : Path
    records : mapping of str to dict
        Of a `RecordedFolder`.
    hash_blocks : callable
        The kernel of any backend.
    threads : int
        How many to read with what has to be read.

    Returns
    -------
    dict of str to ndarray
        By name.

    Raises
    ------
    DamagedArray
        If one of them is not.
    """
    known, found, is_known = _known_states(folder), {}, True
    for name, record in records.items():
        path = _file_of(folder, name, record)
        dtype, shape = np.dtype(record["dtype"]), tuple(record["shape"])
        size = HEADER_BYTES + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != size:
                raise DamagedArray(f"{path.name} is not as it was written")
            state = file_state(file.fileno())
            array = map_file(file, HEADER_BYTES, dtype, shape)
        if known.get(name) != state:
            is_known = False
            if digest_of_array(array, hash_blocks, threads).hex() != record["digest"]:
                raise DamagedArray(f"{path.name} is not as it was written")
        found[name] = array
    if not is_known:
        remember_states(folder, records)
    return found


def remember_states(folder: Path, records: Mapping[str, Any]) -> None:
    """Write down how files look that are known to be what was written, where that can be written.

    Parameters
    ----------
    folder : Path
    records : mapping of str to dict
        By the names of the arrays.
    """
    states, now = {}, time.time_ns()
    for name, record in records.items():
        state = file_state(_file_of(folder, name, record))
        if max(state[1:3]) < now - SETTLED_NANOSECONDS:
            states[name] = state
    text = seal({"states": states})
    with suppress(OSError):
        handle, draft = tempfile.mkstemp(prefix=f".{STATES}.", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(draft, folder / STATES)
        except BaseException:
            os.unlink(draft)
            raise


def seal(content: Mapping[str, Any]) -> str:
    """Write JSON that tells whether it is whole.

    Parameters
    ----------
    content : mapping
        As JSON has it.

    Returns
    -------
    str
    """
    return json.dumps({**content, "check": _check(content)}, indent=1)


def unseal(text: str, what: str) -> dict[str, Any]:
    """Read JSON that was written by `seal`.

    Parameters
    ----------
    text : str
    what : str
        Name of the file, for messages.

    Returns
    -------
    dict
        As JSON has it.

    Raises
    ------
    ValueError
        If it is not what was written.
    """
    content = json.loads(text)
    if not isinstance(content, dict) or content.pop("check", None) != _check(content):
        raise ValueError(f"{what} is not as it was written")
    return content


def _file_of(folder: Path, name: str, record: Mapping[str, Any]) -> Path:
    """The file of an array that was recorded."""
    return folder / Path(record.get("file", f"{name}.npy")).name


def _check(content: Mapping[str, Any]) -> str:
    """The SHA-256 of JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _known_states(folder: Path) -> dict[str, list[int]]:
    """How files looked when they were known to be what was written; nothing where that cannot be read."""
    try:
        states = unseal((folder / STATES).read_text(encoding="utf-8"), STATES)["states"]
    except (OSError, ValueError, KeyError, RecursionError):
        return {}
    return dict(states)


def file_state(file: int | Path) -> list[int]:
    """Tell what changes whenever a file is written, renamed or copied.

    Parameters
    ----------
    file : int or Path
        A descriptor, or a path.

    Returns
    -------
    list of int
        Size, times of change and inode.
    """
    found = os.stat(file)
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
