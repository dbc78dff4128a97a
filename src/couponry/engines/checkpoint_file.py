"""A file that keeps answers by their keys, so that whoever was interrupted need not compute them again."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..utils.atomic_folder import sync_folder
from ..utils.errors import InvalidInput
from ..utils.files.locks import BINARY, busy, try_lock
from ..utils.version import __version__

FORMAT = 2
MAGIC = b"couponry journal "  # every version begins so
KEY_BYTES, LENGTH_BYTES, CHECKSUM_BYTES = 32, 8, 4


class CheckpointFile:
    """Answers by key, in an append-only file.

    After the header the file is a sequence of records: key (32 bytes), length of the body (8 bytes, little-endian),
    body (deflated), CRC-32 of all that (4 bytes). A record that was being written when the process died,
    or that is damaged, is dropped when the file is opened again, and all behind it. One solve at a time has the file.

    Parameters
    ----------
    path : str or Path
        Created where it does not exist.
    subject : bytes
        Digest of everything that the answers depend on besides the questions.

    Raises
    ------
    InvalidInput
        Where the file is of another subject, or another solve is at work with it.
    """

    def __init__(self, path: str | Path, subject: bytes):
        self.path = Path(path)
        self._bodies: dict[bytes, tuple[int, int]] = {}  # where each begins, and how long it is
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not self.path.is_file():
            raise InvalidInput(f"checkpoint {str(path)!r}: expected a file, got something else")
        self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | BINARY, 0o666), "r+b")
        try:
            if not try_lock(self._file.fileno()):
                raise InvalidInput(busy("checkpoint", self.path))
            self._open(MAGIC + f"{FORMAT}, {__version__}\n".encode() + subject)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> CheckpointFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, header: bytes) -> None:
        """Read what is there, and make the file end behind it."""
        begins = self._file.read(len(header))
        if not header.startswith(begins):
            own = begins.startswith(MAGIC) and not header.startswith(begins.split(b"\n")[0] + b"\n")
            what = (
                "another version of couponry" if own else "another campaign, or of other arguments"
            )
            raise InvalidInput(
                f"checkpoint {str(self.path)!r}: it is of {what}; remove it or name another file"
            )
        self._end = self._read(len(header)) if begins == header else 0
        self._file.truncate(self._end)
        self._file.seek(self._end)
        if self._end == 0:
            self._append(header)
            sync_folder(self.path.absolute().parent)

    @property
    def is_open(self) -> bool:
        """Whether answers can be looked up and written down."""
        return not self._file.closed

    def answer(self, key: bytes, compute: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """Look up an answer, or compute it and write it down.

        Parameters
        ----------
        key : bytes
            32 bytes.
        compute : callable
            Called without arguments where the file has no answer; returns an array of int64.

        Returns
        -------
        ndarray of int64, one-dimensional
        """
        known = self.look_up(key)
        if known is not None:
            return np.frombuffer(known, np.int64).copy()
        computed = compute().ravel()
        self.write_down(key, computed.tobytes())
        return computed

    def look_up(self, key: bytes) -> bytes | None:
        """Look up an answer.

        Parameters
        ----------
        key : bytes
            32 bytes.

        Returns
        -------
        bytes or None
            None where the file has none.
        """
        if key not in self._bodies:
            return None
        start, length = self._bodies[key]
        self._file.seek(start)
        return zlib.decompress(self._file.read(length))

    def write_down(self, key: bytes, answer: bytes) -> None:
        """Write an answer down.

        Parameters
        ----------
        key : bytes
            32 bytes.
        answer : bytes
        """
        body = zlib.compress(answer, 1)
        record = key + len(body).to_bytes(LENGTH_BYTES, "little") + body
        self._bodies[key] = self._end + KEY_BYTES + LENGTH_BYTES, len(body)
        self._append(record + zlib.crc32(record).to_bytes(CHECKSUM_BYTES, "little"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, start: int) -> int:
        """Find all whole records from `start` on, where the file stands; returns where the last one ends."""
        size = os.fstat(self._file.fileno()).st_size
        while True:
            head = self._file.read(KEY_BYTES + LENGTH_BYTES)
            length = int.from_bytes(head[KEY_BYTES:], "little")
            begin = start + KEY_BYTES + LENGTH_BYTES
            if begin + length + CHECKSUM_BYTES > size:
                return start
            found = zlib.crc32(self._file.read(length), zlib.crc32(head))
            if found != int.from_bytes(self._file.read(CHECKSUM_BYTES), "little"):
                return start
            self._bodies[head[:KEY_BYTES]] = begin, length
            start = begin + length + CHECKSUM_BYTES

    def _append(self, content: bytes) -> None:
        self._file.seek(self._end)
        self._file.write(content)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._end += len(content)
