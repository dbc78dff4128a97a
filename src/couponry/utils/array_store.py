"""Where large arrays live: in memory, or as memory-mapped files in a folder; written front to back, then read only.

In a folder each array is one `.npy` file, which `numpy.load(file, mmap_mode="r")` reads too.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK = 1 << 20  # candidates that are worked on at a time
HEADER = 256  # bytes
Arrays = dict[str, NDArray[Any]]
SMALL = 1 << 20  # bytes, of arrays that are kept whether somebody has them or not
ROOM = 0.8  # share of all memory that mapped files may fill before some are kept out of it


class Writer(Protocol):
    """An array that is being written."""

    def append(self, values: NDArray[Any]) -> None:
        """Write more of it behind what is there; `values` must not be changed afterwards."""

    def finish(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """The whole array, read only, with this shape (default: one dimension)."""


class Space(Protocol):
    """Takes arrays by name."""

    def writer(self, name: str, dtype: DTypeLike) -> Writer:
        """A new array; one of the same name is replaced, but whoever holds it keeps it."""


class InMemory:
    """Arrays in memory."""

    def writer(self, name: str, dtype: DTypeLike) -> Writer:
        return _MemoryWriter(np.dtype(dtype))


class _MemoryWriter:
    def __init__(self, dtype: np.dtype[Any]):
        self._dtype = dtype
        self._parts: list[NDArray[Any]] = []

    def append(self, values: NDArray[Any]) -> None:
        self._parts.append(np.ascontiguousarray(values, self._dtype))

    def finish(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        if len(self._parts) == 1:
            whole = self._parts.pop().view()
        else:
            whole = np.empty(sum(len(part) for part in self._parts), self._dtype)
            start = 0
            self._parts.reverse()
            while self._parts:  # each part is freed once it is copied
                part = self._parts.pop()
                whole[start : start + len(part)] = part
                start += len(part)
        whole.flags.writeable = False
        return whole if shape is None else whole.reshape(shape)


class InFolder:
    """Arrays as files of a folder, memory-mapped."""

    def __init__(self, folder: Path):
        self.folder = folder

    def writer(self, name: str, dtype: DTypeLike) -> Writer:
        return _FileWriter(self.folder / f"{name}.npy", np.dtype(dtype))


class _FileWriter:
    def __init__(self, path: Path, dtype: np.dtype[Any]):
        self._dtype = dtype
        path.unlink(missing_ok=True)  # a new file: the old one may be mapped
        self._file = path.open("w+b", buffering=0)
        self._file.write(_header(dtype, (0,)))

    def append(self, values: NDArray[Any]) -> None:
        left = np.ascontiguousarray(values, self._dtype).reshape(-1).view(np.uint8).data
        while len(left):  # one write takes 2 GiB at most
            left = left[self._file.write(left) :]

    def finish(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        with self._file as file:
            size = (file.seek(0, os.SEEK_END) - HEADER) // self._dtype.itemsize
            shape = (size,) if shape is None else shape
            file.seek(0)
            file.write(_header(self._dtype, shape))
            return _mapped(file, HEADER, self._dtype, shape)


def save(space: Space, name: str, array: NDArray[Any]) -> NDArray[Any]:
    """The array, in a space."""
    writer = space.writer(name, array.dtype)
    writer.append(array.ravel())
    return writer.finish(array.shape)


class Derived(Protocol):
    """Where arrays go that are made of others."""

    def made(self, kind: str, key: Sequence[str], make: Callable[[Space], Arrays]) -> Arrays:
        """What `make` writes into the space that it is given: arrays by the names that it writes them under.

        kind, key: what they are, and everything that they depend on besides the arrays that they are made of; what
        was made before of the same kind and key may be used again.
        """


class Shared:
    """Arrays in memory, shared by whoever needs the same ones as long as somebody has them.

    Large ones are not kept alive for their own sake. Of each kind the last are remembered.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, ...], tuple[tuple[str, ...], Callable[[], Arrays | None]]] = {}

    def made(self, kind: str, key: Sequence[str], make: Callable[[Space], Arrays]) -> Arrays:
        # as in a folder: what is known of each column stays, of everything else the last
        slot = (kind, *key) if kind == "span" else (kind,)
        last, remembered = self._last.get(slot, ((), lambda: None))
        found = remembered() if last == tuple(key) else None
        if found is None:
            found = make(InMemory())
            self._last[slot] = tuple(key), _remember(found)
        return found


def _remember(arrays: Arrays) -> Callable[[], Arrays | None]:
    """The same arrays again, or None where a large one has been given up by everybody."""
    refs: dict[str, Callable[[], NDArray[Any] | None]] = {
        name: weakref.ref(array) if array.nbytes > SMALL else partial(_same, array)
        for name, array in arrays.items()
    }

    def again() -> Arrays | None:
        found = {name: ref() for name, ref in refs.items()}
        alive = {name: array for name, array in found.items() if array is not None}
        return alive if len(alive) == len(refs) else None

    return again


def _same(array: NDArray[Any]) -> NDArray[Any]:
    return array


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """What an .npy file begins with, 256 bytes for every shape, so that it can be written again at the end."""
    fields = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    text = repr(fields).encode().ljust(HEADER - 11) + b"\n"
    return np.lib.format.magic(1, 0) + len(text).to_bytes(2, "little") + text


def mapped(path: Path) -> NDArray[Any]:
    """The array of an .npy file, memory-mapped, read only."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return _mapped(file, file.tell(), dtype, shape)


def _mapped(file: Any, start: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    pages = _Pages(file.fileno(), 0, access=mmap.ACCESS_READ)
    pages.descriptor = os.dup(file.fileno())
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(pages, dtype, count, start).reshape(shape)


class _Pages(mmap.mmap):
    """A mapped file that can be read without its mapping, too, even when it has lost its name since."""

    descriptor = -1

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


def forget(*arrays: NDArray[Any] | None) -> None:
    """Let go of the memory that parts of mapped files take up here; what is read again comes back from the file.

    arrays: contiguous; those that are not mapped are left alone.
    """
    for array in arrays:
        pages = _pages(array)
        if pages is not None and array is not None and array.size:
            start = _offset(array, pages)
            first = start // mmap.PAGESIZE * mmap.PAGESIZE
            pages.madvise(mmap.MADV_DONTNEED, first, start + array.nbytes - first)


def copied(array: NDArray[Any], *, once: bool) -> NDArray[Any]:
    """A contiguous part of a mapped file in memory of its own; an array that is not mapped, as it is.

    Reading a file is several times faster than touching pages of its mapping for the first time. once: it is not
    needed again soon, and the system need not keep it.
    """
    pages = _pages(array)
    if pages is None or array.size == 0:
        return array
    start, values = _offset(array, pages), np.empty_like(array)
    left = values.view(np.uint8).data
    while len(left):
        size = os.preadv(pages.descriptor, [left], start + values.nbytes - len(left))
        if size == 0:
            raise OSError("a mapped file is shorter than it was")
        left = left[size:]
    if once and hasattr(os, "posix_fadvise"):
        os.posix_fadvise(pages.descriptor, start, values.nbytes, os.POSIX_FADV_DONTNEED)
    return values


def crowded(*arrays: NDArray[Any]) -> bool:
    """Whether mapped files are more than the system can well keep in its memory together."""
    mapped_bytes = sum(array.nbytes for array in arrays if _pages(array) is not None)
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return False
    return mapped_bytes > ROOM * total


def _pages(array: NDArray[Any] | None) -> _Pages | None:
    """What maps the file that an array is part of; None: nothing does."""
    pages: Any = array
    while isinstance(pages, np.ndarray):
        pages = pages.base
    if isinstance(pages, memoryview):
        pages = pages.obj
    return pages if isinstance(pages, _Pages) else None


def _offset(array: NDArray[Any], pages: _Pages) -> int:
    """Where in the file an array begins."""
    return int(array.ctypes.data - np.frombuffer(pages, np.uint8).ctypes.data)


def blocks(length: int, size: int | None = None) -> Iterator[slice]:
    """Consecutive slices of an array."""
    size = size or BLOCK
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))


def blocks_of_customers(
    indptr: NDArray[np.int64], size: int | None = None
) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of customers, of about so many candidates each."""
    size, start, customers = size or BLOCK, 0, len(indptr) - 1
    while start < customers:
        stop = int(np.searchsorted(indptr, indptr[start] + size, side="right")) - 1
        stop = min(max(stop, start + 1), customers)
        yield start, stop
        start = stop
