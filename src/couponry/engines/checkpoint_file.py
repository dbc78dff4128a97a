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
    body (deflated int64 values), CRC-32 of all that (4 bytes). A record that was being written when the process died,
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
        self._answers: dict[bytes, bytes] = {}
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
        content = self._file.read()
        begins = content[: len(header)]
        if not header.startswith(begins):
            own = begins.startswith(MAGIC) and not header.startswith(begins.split(b"\n")[0] + b"\n")
            what = (
                "another version of couponry" if own else "another campaign, or of other arguments"
            )
            raise InvalidInput(
                f"checkpoint {str(self.path)!r}: it is of {what}; remove it or name another file"
            )
        end = self._read(content, len(header)) if len(content) >= len(header) else 0
        self._file.truncate(end)
        self._file.seek(end)
        if end == 0:
            self._file.write(header)
            self._sync()
            sync_folder(self.path.absolute().parent)

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
        if key in self._answers:
            return np.frombuffer(self._answers[key], np.int64).copy()
        computed = compute().ravel()
        body = zlib.compress(computed.tobytes(), 1)
        record = key + len(body).to_bytes(LENGTH_BYTES, "little") + body
        self._file.write(record + zlib.crc32(record).to_bytes(CHECKSUM_BYTES, "little"))
        self._sync()
        return computed

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, content: bytes, start: int) -> int:
        """Read all whole records from `start` on; returns where the last one ends."""
        head = KEY_BYTES + LENGTH_BYTES
        while start + head <= len(content):
            length = int.from_bytes(content[start + KEY_BYTES : start + head], "little")
            end = start + head + length
            record, checksum = content[start:end], content[end : end + CHECKSUM_BYTES]
            whole = len(checksum) == CHECKSUM_BYTES
            if not whole or zlib.crc32(record) != int.from_bytes(checksum, "little"):
                break
            try:
                self._answers[record[:KEY_BYTES]] = zlib.decompress(record[head:])
            except zlib.error:
                break
            start = end + CHECKSUM_BYTES
        return start

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
