"""Where large arrays go: into memory, or into memory-mapped files of a folder; written front to back, then read only.

In a folder each array is one `.npy` file, which `numpy.load(file, mmap_mode="r")` reads too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..files.places import begin_to_write_out, write_at
from .mapped_arrays import map_file

HEADER_BYTES = 256
"""Size of the header of every file, whatever the array's shape, so that it can be written again at the end."""

WRITTEN_OUT_BYTES = 1 << 27
"""Of each file that the system is to begin to write to the disk at a time, while more is made."""

Arrays = dict[str, NDArray[Any]]
"""Arrays by name."""


class ArrayWriter(Protocol):
    """An array that is being written."""

    def append(self, values: NDArray[Any]) -> None:
        """Write the next part of the array; `values` must not be changed afterwards.

        Parameters
        ----------
        values : ndarray
            The next part, flattened.
        """

    def claim(self, values: NDArray[Any]) -> Callable[[], None]:
        """Take the next part of the array, which is written later.

        Parameters
        ----------
        values : ndarray
            The next part, flattened; it must not be changed before it is written.

        Returns
        -------
        callable
            Writes it, in any thread.
        """

    def room(self, start: int, stop: int) -> NDArray[Any]:
        """Return memory for values from one place to another; where it is theirs, appending them copies nothing.

        Parameters
        ----------
        start, stop : int
            Places start <= i < stop of the array, flattened.

        Returns
        -------
        ndarray, shape (stop - start,)
            Of any values.
        """

    def finish(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Return the whole array, read only, in this shape (default: one dimension).

        Parameters
        ----------
        shape : tuple of int, optional
            Default: one dimension.

        Returns
        -------
        ndarray
            Read only.
        """


class ArrayStore(Protocol):
    """Takes arrays by name."""

    def writer(self, name: str, dtype: DTypeLike, length: int | None = None) -> ArrayWriter:
        """Begin a new array; one of the same name is replaced, but whoever holds it keeps it.

        Parameters
        ----------
        name : str
            Name of the array.
        dtype : dtype-like
            Type of its values.
        length : int, optional
            How many values to expect, where that is known: in memory there is room for them at once then.

        Returns
        -------
        ArrayWriter
            Takes its parts.
        """


class MemoryStore:
    """Arrays in memory."""

    def writer(self, name: str, dtype: DTypeLike, length: int | None = None) -> ArrayWriter:
        """Begin a new array.

        Parameters
        ----------
        name : str
            Name of the array.
        dtype : dtype-like
            Type of its values.
        length : int, optional
            How many values to expect, where that is known: in memory there is room for them at once then.

        Returns
        -------
        ArrayWriter
            Takes its parts.
        """
        return _MemoryWriter(np.dtype(dtype), length)


class FolderStore:
    """Arrays as files of a folder, memory-mapped. As a context it closes, at its end, files that were not finished.

    Parameters
    ----------
    folder : Path
        Must exist.

    Attributes
    ----------
    files : dict of str to str
        Name of the file of each array.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._writers: list[_FileWriter] = []
        self._replaced: list[Path] = []
        self.files: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self._writers:
            writer.close()
        for path in self._replaced:
            with suppress(OSError):
                path.unlink()

    def writer(self, name: str, dtype: DTypeLike, length: int | None = None) -> ArrayWriter:
        """Begin a new array, in the file `name`.npy, or in one that has a number besides where that cannot be replaced.

        Parameters
        ----------
        name : str
            Name of the array.
        dtype : dtype-like
            Type of its values.
        length : int, optional
            How many values to expect, where that is known: in memory there is room for them at once then.

        Returns
        -------
        ArrayWriter
            Takes its parts.
        """
        writer = _FileWriter(self._new_file(name), np.dtype(dtype))
        self._writers.append(writer)
        return writer

    def _new_file(self, name: str) -> Path:
        """Where an array goes: no file that is there is written into, for it may be mapped."""
        path = self.folder / f"{name}.npy"
        try:
            path.unlink(missing_ok=True)
        except PermissionError:  # Windows keeps what is mapped, until later
            self._replaced.append(path)
            path = path.with_name(f"{name}.{len(self._replaced)}.npy")
        self.files[name] = path.name
        return path


def save(store: ArrayStore, name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Write an array that is complete into a store, and return it as it is there.

    Parameters
    ----------
    store : ArrayStore
        Where it goes.
    name : str
        Name of the array.
    array : ndarray
        The whole array.

    Returns
    -------
    ndarray
        The same values, read only, as the store has them.
    """
    writer = store.writer(name, array.dtype)
    writer.append(array.ravel())
    return writer.finish(array.shape)


class _MemoryWriter:
    """Copies parts to where they belong; those for which there is no room are kept, and joined at the end."""

    def __init__(self, dtype: np.dtype[Any], length: int | None):
        self._dtype = dtype
        self._room = np.empty(0, dtype)
        if length is not None:
            with suppress(MemoryError, ValueError):  # a damaged file may promise anything
                self._room = np.empty(length, dtype)
        self._filled = 0
        self._parts: list[NDArray[Any]] = []

    def append(self, values: NDArray[Any]) -> None:
        end = self._filled + len(values)
        if end <= len(self._room) and not self._parts:
            _copy(values, self._room[self._filled : end])
            self._filled = end
            return
        part = np.ascontiguousarray(values, self._dtype)
        # a view would keep all of the array that it is of
        self._parts.append(part if part.base is None else part.copy())

    def claim(self, values: NDArray[Any]) -> Callable[[], None]:
        end = self._filled + len(values)
        if end <= len(self._room) and not self._parts:
            place = self._room[self._filled : end]
            self._filled = end
        else:
            place = np.empty(len(values), self._dtype)
            self._parts.append(place)
        return partial(_copy, values, place)

    def room(self, start: int, stop: int) -> NDArray[Any]:
        whole = self._room[start:stop]
        return whole if len(whole) == stop - start else np.empty(stop - start, self._dtype)

    def finish(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        if self._filled > 0 and not self._parts and self._is_cut():
            whole = self._room.view()
        elif self._filled == 0 and len(self._parts) == 1:
            whole = self._parts.pop().view()
        else:
            self._parts.insert(0, self._room[: self._filled])
            whole = self._joined()
        whole.flags.writeable = False
        return whole if shape is None else whole.reshape(shape)

    def _is_cut(self) -> bool:
        """Give back room that was not used, without a copy; not where somebody still has some of it."""
        with suppress(ValueError):
            if self._filled < len(self._room):
                self._room.resize(self._filled)
        return self._filled == len(self._room)

    def _joined(self) -> NDArray[Any]:
        """All parts, each of which is freed once it is copied."""
        whole = np.empty(sum(len(part) for part in self._parts), self._dtype)
        start = 0
        self._room = self._room[:0]
        self._parts.reverse()
        while self._parts:
            part = self._parts.pop()
            whole[start : start + len(part)] = part
            start += len(part)
        return whole


def _copy(values: NDArray[Any], place: NDArray[Any]) -> None:
    """Copy values to their place, unless it is where they are."""
    if values.ctypes.data != place.ctypes.data or values.dtype != place.dtype:
        place[:] = values


class _FileWriter:
    """Writes the parts into a new file, and its header again at the end, when the shape is known."""

    def __init__(self, path: Path, dtype: np.dtype[Any]):
        self._dtype = dtype
        self._file = path.open("w+b", buffering=0)
        self._file.write(_header(dtype, (0,)))
        self._end = HEADER_BYTES

    def append(self, values: NDArray[Any]) -> None:
        self.claim(values)()

    def claim(self, values: NDArray[Any]) -> Callable[[], None]:
        values = np.ascontiguousarray(values, self._dtype)
        start, self._end = self._end, self._end + values.nbytes
        return partial(self._write, values, start)

    def _write(self, values: NDArray[Any], at: int) -> None:
        descriptor, end = self._file.fileno(), at + values.nbytes
        write_at(descriptor, values.reshape(-1).view(np.uint8).data, at)
        if at // WRITTEN_OUT_BYTES < end // WRITTEN_OUT_BYTES:
            last = end // WRITTEN_OUT_BYTES * WRITTEN_OUT_BYTES
            begin_to_write_out(descriptor, max(last - WRITTEN_OUT_BYTES, 0), WRITTEN_OUT_BYTES)

    def room(self, start: int, stop: int) -> NDArray[Any]:
        return np.empty(stop - start, self._dtype)

    def finish(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        with self._file as file:
            size = (self._end - HEADER_BYTES) // self._dtype.itemsize
            shape = (size,) if shape is None else shape
            file.seek(0)
            file.write(_header(self._dtype, shape))
            return map_file(file, HEADER_BYTES, self._dtype, shape)

    def close(self) -> None:
        """Close the file, finished or not."""
        self._file.close()


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """What an .npy file begins with, padded to HEADER_BYTES."""
    fields = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    text = repr(fields).encode().ljust(HEADER_BYTES - 11) + b"\n"
    return np.lib.format.magic(1, 0) + len(text).to_bytes(2, "little") + text
