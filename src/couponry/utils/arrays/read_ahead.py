"""Arrays that are read piece by piece, by a thread that is ahead of whoever works on the pieces.

The pieces come into memory that is used over and over. So files of any size are read at the disk's sequential rate, in
as much memory as a few pieces take, while what was read before is worked on.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .mapped_arrays import UncachedReads, read_into


class PiecewiseArray(NamedTuple):
    """An array to read.

    Attributes
    ----------
    values : ndarray, shape (rows, entries)
        Mapped, or in memory.
    kept : int
        Entries from the first one on that the system may well keep in its page cache; the others are read past it, or
        let go of at once.
    """

    values: NDArray[Any]
    kept: int = 0


class _Buffer(NamedTuple):
    """A piece that was read: its number, and its part of each array."""

    number: int
    parts: list[NDArray[Any]]
    memory: list[NDArray[np.uint8]]


class ReadAhead:
    """The pieces of some arrays, in order. As a context it reads from its beginning on, and stops at its end.

    Parameters
    ----------
    arrays : sequence of PiecewiseArray
    cuts : ndarray of int64, shape (n_pieces + 1,)
        Where pieces begin and end, in entries.
    ahead : int
        Pieces that are in memory at a time, those that are worked on included.
    """

    def __init__(self, arrays: Sequence[PiecewiseArray], cuts: NDArray[np.int64], ahead: int):
        self._arrays = arrays
        self._cuts = cuts.tolist()
        longest = int(np.diff(cuts).max(initial=0))
        self._free: SimpleQueue[list[NDArray[np.uint8]] | None] = SimpleQueue()
        for _ in range(ahead):
            self._free.put([_room(len(a.values) * longest * a.values.itemsize) for a in arrays])
        self._uncached = [UncachedReads(a.values) for a in arrays]
        self._ready: SimpleQueue[_Buffer | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._read, name="read ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._thread.join()
        for reads in self._uncached:
            reads.close()

    def stop(self) -> None:
        """Read no more: whoever asks for pieces gets no more of them."""
        self._stopped = True
        self._free.put(None)

    def pieces(self) -> Iterator[tuple[int, list[NDArray[Any]]]]:
        """Take pieces as they come; several threads may, and each piece goes to one of them.

        Yields
        ------
        number : int
            Of the piece.
        parts : list of ndarray, shape (rows, entries of the piece) each
            Of the arrays; they hold until the next piece is asked for.

        Raises
        ------
        OSError
            Where an array cannot be read.
        """
        while (buffer := self._ready.get()) is not None and not self._stopped:
            yield buffer.number, buffer.parts
            self._free.put(buffer.memory)
        self._ready.put(None)  # for the others
        if self._error is not None:
            raise self._error

    def _read(self) -> None:
        """What the reading thread does."""
        try:
            for number in range(len(self._cuts) - 1):
                memory = self._free.get()
                if memory is None or self._stopped:
                    return
                self._ready.put(_Buffer(number, self._read_piece(number, memory), memory))
        except BaseException as error:
            self._error = error
        finally:
            self._ready.put(None)

    def _read_piece(self, number: int, memory: list[NDArray[np.uint8]]) -> list[NDArray[Any]]:
        """One piece of all arrays."""
        begin, end = self._cuts[number : number + 2]
        parts = []
        for (values, kept), uncached, room in zip(
            self._arrays, self._uncached, memory, strict=True
        ):
            wanted, once = values[:, begin:end], end > kept
            part = None
            # several rows must follow each other in memory, wherever in a page they begin in the file
            if once and len(values) == 1:
                part = uncached.read(wanted[0], room)
            if part is None:
                part = room[: wanted.nbytes].view(values.dtype)
                for row, out in zip(wanted, part.reshape(wanted.shape), strict=True):
                    read_into(row, out, once=once)
            parts.append(part.reshape(wanted.shape))
        return parts


def _room(size: int) -> NDArray[np.uint8]:
    """Memory from the beginning of a page on, with two pages more than so many bytes."""
    return np.frombuffer(mmap.mmap(-1, size + 2 * mmap.PAGESIZE), np.uint8)
